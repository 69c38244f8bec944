import fc from 'fast-check';
import type { Role } from '../../src/api/route.ts';

export type Schema = Record<string, unknown> & {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  pattern?: string;
};

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: Schema;
}

/** One operation of the served OpenAPI document. */
export interface Operation {
  /** `post /v1/notifications` */
  name: string;
  method: string;
  path: string;
  /** null: the document says nothing of it. */
  roles: Role[] | null;
  /** It says that no key is needed. */
  isOpen: boolean;
  parameters: Parameter[];
  /** null: it takes none. */
  body: Schema | null;
  /** Content types and schemas by status. */
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

export interface ApiDocument {
  operations: Operation[];
  schemas: Record<string, Schema>;
}

/** Reads `/openapi.json` as any client could. */
export async function readDocument(url: string): Promise<ApiDocument> {
  const response = await fetch(`${url}/openapi.json`, { headers: { connection: 'close' } });
  // biome-ignore lint/suspicious/noExplicitAny: a foreign document
  const document = (await response.json()) as any;
  const operations: Operation[] = [];
  for (const [path, entry] of Object.entries(document.paths)) {
    // biome-ignore lint/suspicious/noExplicitAny: a foreign document
    for (const [method, operation] of Object.entries(entry as Record<string, any>)) {
      operations.push({
        name: `${method} ${path}`,
        method: method.toUpperCase(),
        path,
        roles: operation['x-roles'] ?? null,
        isOpen: Array.isArray(operation.security) && operation.security.length === 0,
        parameters: operation.parameters ?? [],
        body: operation.requestBody?.content?.['application/json']?.schema ?? null,
        responses: operation.responses,
      });
    }
  }
  return { operations, schemas: document.components?.schemas ?? {} };
}

/** Which optional properties a made value has. */
type Optional = 'none' | 'some';

/** A value for a property or parameter of this name, where the schema alone can't say a useful one. */
export type Hint = (name: string) => fc.Arbitrary<unknown> | undefined;

const MOST_LEVELS = 8;
const TIMES = ['2026-11-22T08:00:00.000Z', '2026-02-28T23:59:59+08:00'];

/** Values that conform to a JSON schema of the document. */
export function conforming(
  schema: Schema,
  { schemas }: Pick<ApiDocument, 'schemas'>,
  optional: Optional,
  hint: Hint,
): fc.Arbitrary<unknown> {
  const make = (node: Schema, levels: number): fc.Arbitrary<unknown> => {
    if (levels > MOST_LEVELS) return fc.constant(null);
    const deeper = (child: Schema) => make(child, levels + 1);
    if (node.$ref !== undefined) {
      const name = node.$ref.split('/').at(-1) ?? '';
      return deeper(schemas[name] ?? {});
    }
    if ('const' in node) return fc.constant(node.const);
    if (node.enum !== undefined) return fc.constantFrom(...node.enum);
    const choices = node.anyOf ?? node.oneOf;
    if (choices !== undefined) return fc.oneof(...choices.map(deeper));
    const [type] = [node.type].flat();
    switch (type) {
      case 'object':
        return objectOf(node, optional, (name, child) => hint(name) ?? deeper(child));
      case 'array': {
        const minLength = numberOf(node.minItems, 0);
        const most = Math.max(minLength, 3);
        return fc.array(deeper(node.items ?? {}), { minLength, maxLength: most });
      }
      case 'string':
        return stringOf(node);
      case 'integer':
        return integerOf(node);
      case 'number':
        return numbersOf(node);
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      default:
        return fc.constant({});
    }
  };
  return make(schema, 0);
}

function objectOf(
  node: Schema,
  optional: Optional,
  make: (name: string, schema: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const required = node.required ?? [];
  const names = Object.keys(node.properties ?? {}).filter(
    (name) => optional === 'some' || required.includes(name),
  );
  const properties = Object.fromEntries(
    names.map((name) => [name, make(name, node.properties?.[name] ?? {})]),
  );
  return fc.record(properties, {
    requiredKeys: names.filter((name) => required.includes(name)),
    noNullPrototype: true,
  });
}

function stringOf(node: Schema): fc.Arbitrary<string> {
  const patterns = [node, ...(node.allOf ?? [])].flatMap(({ pattern }) => pattern ?? []);
  if (node.format === 'date-time' || patterns.some((pattern) => pattern.includes('T(?:'))) {
    return fc.constantFrom(...TIMES);
  }
  if (node.format === 'date') return fc.constantFrom('2026-11-21', '2026-02-28');
  const minLength = numberOf(node.minLength, 0);
  const maxLength = numberOf(node.maxLength, 64);
  const [pattern] = patterns;
  // The flags of a pattern are not in the document.
  if (pattern === undefined || pattern.includes('\\P{')) {
    return fc.string({ minLength: Math.max(1, minLength), maxLength: Math.min(40, maxLength) });
  }
  return matching(new RegExp(pattern), Math.min(64, maxLength)).filter(
    (text) => text.length >= minLength,
  );
}

/** For patterns that fast-check cannot read: with a look ahead, for instance. */
const SAMPLES = [
  '1.00',
  '100',
  'SUCCESS',
  'CNY',
  'a.b',
  'a',
  'UTC',
  '2026-11-21',
  'https://a.example/',
];

function matching(pattern: RegExp, maxLength: number): fc.Arbitrary<string> {
  try {
    return fc.stringMatching(pattern, { size: '-1', maxLength });
  } catch {
    const samples = SAMPLES.filter((text) => pattern.test(text));
    if (samples.length === 0) throw new Error(`Put a text that matches ${pattern} into SAMPLES.`);
    return fc.constantFrom(...samples);
  }
}

function integerOf(node: Schema): fc.Arbitrary<number> {
  const min = Math.ceil(numberOf(node.minimum, numberOf(node.exclusiveMinimum, -1000) + 1));
  return fc.integer({ min, max: Math.min(numberOf(node.maximum, 1000), 2 ** 31 - 1) });
}

function numbersOf(node: Schema): fc.Arbitrary<number> {
  return fc.double({
    min: numberOf(node.minimum, numberOf(node.exclusiveMinimum, -1000)),
    minExcluded: node.exclusiveMinimum !== undefined,
    max: numberOf(node.maximum, 1000),
    noNaN: true,
  });
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
