import type { Collection, System } from 'swagger-ui-dist/swagger-ui-es-bundle.js';

interface Schema {
  $ref?: string;
  examples?: unknown[];
  example?: unknown;
}

/** Or a reference without any of these, to a header: headers are in no address. */
interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Schema;
}

interface Operation {
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

/** The call as a command, with the document's examples, and NAMES where it has none. */
export function curlOf({ specSelectors, fn, Im }: System, path: string, method: string): string {
  const document = specSelectors.specJson();
  const {
    parameters = [],
    requestBody,
    security,
  } = read<Operation>(document, ['paths', path, method], {});
  const written = ({ name, schema }: Parameter) =>
    encodeURIComponent(String(schema.examples?.[0] ?? name.toUpperCase()));
  const inPath = new Map(
    parameters
      .filter((parameter) => parameter.in === 'path')
      .map((parameter) => [parameter.name, written(parameter)]),
  );
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map((parameter) => `${parameter.name}=${written(parameter)}`);
  const target = path.replaceAll(/\{(\w+)\}/g, (_, name) => inPath.get(name) ?? name);
  const json = requestBody?.content['application/json'];
  return fn.requestSnippetGenerator_curl_bash(
    Im.fromJS({
      url: [location.origin + target, ...query].join('?'),
      method: method.toUpperCase(),
      headers: {
        // An empty list says that none is needed.
        ...(security === undefined && { Authorization: 'Bearer KEY' }),
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(json !== undefined && {
        body: JSON.stringify(exampleOf(document, json.schema), null, 2),
      }),
    }),
  );
}

function exampleOf(document: Collection, schema: Schema): unknown {
  const name = schema.$ref?.split('/').at(-1) ?? '';
  const { examples, example } = read(document, ['components', 'schemas', name], schema);
  return examples?.[0] ?? example ?? {};
}

function read<T>(document: Collection, path: readonly string[], otherwise: T): T {
  return (document.getIn(path)?.toJS() as T | undefined) ?? otherwise;
}
