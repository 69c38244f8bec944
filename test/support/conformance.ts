import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { type HeadersByName, headerFaults } from './conformance-headers.ts';

interface Answered {
  method: string;
  /** Path and query. */
  target: string;
  status: number;
  headers: Headers;
  text: string;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Response>; headers: HeadersByName };
}
interface Operation {
  responses: Record<string, Response>;
}
interface Response {
  $ref?: string;
  headers?: HeadersByName;
  content?: Record<string, unknown>;
}

/** Checks answers against one served document. */
interface Checker {
  document: Document;
  /** @throws with what is wrong; says nothing of paths that no operation has */
  check(answered: Answered): void;
}

const byText = new Map<string, Checker>();
const byOrigin = new Map<string, Promise<Checker | null>>();
/** `get /v1/queues 200` and so on: what this test file has seen. */
export const exercised = new Set<string>();

/**
 * Checks an answer against the document that the same gateway serves: its status is declared, its
 * content type too, its headers are those that it tells, and its body has what the schema says and not a
 * field more.
 */
export async function mustConform(origin: string, answered: Answered): Promise<void> {
  const checker = await (byOrigin.get(origin) ?? load(origin));
  checker?.check(answered);
}

export async function documentOf(origin: string): Promise<Document> {
  const checker = await (byOrigin.get(origin) ?? load(origin));
  if (checker === null) throw new Error(`${origin} serves no document.`);
  return checker.document;
}

/** null: it was stopped in between; the next answer from there tries again. */
function load(origin: string): Promise<Checker | null> {
  const loading = (async () => {
    const response = await fetch(`${origin}/openapi.json`, { headers: { connection: 'close' } });
    const text = await response.text();
    const checker = byText.get(text) ?? createChecker(JSON.parse(text));
    byText.set(text, checker);
    return checker;
  })().catch(() => {
    byOrigin.delete(origin);
    return null;
  });
  byOrigin.set(origin, loading);
  return loading;
}

function createChecker(document: Document): Checker {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');
  // Fixed paths before those with parameters, as the gateway matches them.
  const operations = Object.entries(document.paths)
    .flatMap(([path, items]) =>
      Object.entries(items).map(([method, operation]) => ({ method, path, operation })),
    )
    .map((each) => ({ ...each, pattern: patternOf(each.path) }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length);

  return {
    document,
    check(answered) {
      const method = answered.method.toLowerCase();
      const [path = ''] = answered.target.split('?');
      const found = operations.find((each) => each.method === method && each.pattern.test(path));
      if (found === undefined) return;
      const name = `${method} ${found.path} ${answered.status}`;
      const declared = found.operation.responses[answered.status];
      if (declared === undefined) throw new Error(`${name} is not in the document`);
      exercised.add(name);
      const pointer =
        declared.$ref?.slice(2) ??
        ['paths', found.path, method, 'responses', `${answered.status}`].map(escaped).join('/');
      const response =
        declared.$ref === undefined
          ? declared
          : document.components.responses[declared.$ref.split('/').at(-1) ?? ''];
      const faults = headerFaults(
        answered.headers,
        response?.headers ?? {},
        document.components.headers,
        ajv,
      );
      if (faults.length > 0) throw new Error(`${name}: ${faults.join('; ')}`);
      checkBody(name, answered, response ?? {}, (type) => validator(pointer, type));
    },
  };

  function validator(pointer: string, type: string): ValidateFunction | undefined {
    return ajv.getSchema(
      `document#/${pointer}/content/${encodeURIComponent(escaped(type))}/schema`,
    );
  }
}

function checkBody(
  name: string,
  { headers, text }: Answered,
  { content }: Response,
  validatorOf: (type: string) => ValidateFunction | undefined,
): void {
  if (content === undefined) {
    if (text !== '')
      throw new Error(`${name} has a body, and the document says it has none: ${text}`);
    return;
  }
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  if (content[type] === undefined) throw new Error(`${name}: ${type} is not in the document`);
  // Lines of JSON are no JSON.
  if (!/[/+]json$/.test(type) || text === '') return;
  const validate = validatorOf(type);
  if (validate === undefined || validate(JSON.parse(text))) return;
  const faults = (validate.errors ?? [])
    .map((fault) => `${fault.instancePath} ${fault.message} ${JSON.stringify(fault.params)}`)
    .slice(0, 5);
  throw new Error(
    `${name} is not as the document says:\n${faults.join('\n')}\n${text.slice(0, 600)}`,
  );
}

/** As a JSON pointer has it. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
