import type { IncomingHttpHeaders } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** A call that a receiver got. */
interface Call {
  method: string;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required: boolean;
  schema: object;
}

export interface WebhookDocument {
  webhooks: Record<string, { post: { parameters: Parameter[] } }>;
  components: { parameters: Record<string, Parameter> };
}

/** HTTP's own, which no document tells. */
const UNTOLD = new Set(['connection', 'content-length', 'host']);

/**
 * Holds calls that really came against the `webhooks` of a served document.
 *
 * @returns what is wrong with a call of that name: headers that the document does not tell, those that it promises
 *   and that did not come, values of another form, and a body that is not as the schema says
 */
export function createCallChecker(document: WebhookDocument) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');

  /** @param shape the one component that the body has to be; absent: any that the document offers */
  return (name: string, { method, headers, body }: Call, shape?: string): string[] => {
    const told = new Map(
      (document.webhooks[name]?.post.parameters ?? []).map((each) => {
        const { $ref } = each;
        const parameter = $ref ? document.components.parameters[nameOf($ref)] : each;
        return [parameter?.name ?? '', parameter];
      }),
    );
    const faults = method === 'POST' ? [] : [`it is a ${method}`];
    for (const [header, value] of Object.entries(headers)) {
      if (UNTOLD.has(header)) continue;
      if (header === 'content-type') {
        if (value !== 'application/json') faults.push(`the content type is ${value}`);
        continue;
      }
      const parameter = told.get(header);
      if (parameter === undefined) faults.push(`the header ${header} is not in the document`);
      else if (!ajv.validate(parameter.schema, value)) faults.push(`${header} is not ${value}`);
    }
    for (const [header, parameter] of told) {
      if (parameter?.required && headers[header] === undefined) faults.push(`${header} is missing`);
    }
    const schemas = [
      `webhooks/${name}/post/requestBody/content/application~1json/schema`,
      ...(shape === undefined ? [] : [`components/schemas/${shape}`]),
    ];
    for (const schema of schemas) {
      const validate = ajv.getSchema(`document#/${schema}`);
      if (validate === undefined) faults.push(`there is no ${schema}`);
      else if (!validate(JSON.parse(body))) faults.push(`body: ${ajv.errorsText(validate.errors)}`);
    }
    return faults;
  };
}

function nameOf(reference: string): string {
  return reference.split('/').at(-1) ?? '';
}
