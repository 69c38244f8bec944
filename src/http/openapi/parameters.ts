import type { z } from 'zod';
import type { Route } from '../../api/route.ts';
import { keepsAnswers } from '../route-kinds.ts';
import type { SchemaShelf } from './schema.ts';

const REQUEST_ID = 'RequestId';

/** What every operation takes, told once, under `components.parameters`. */
export const SHARED_PARAMETERS = {
  [REQUEST_ID]: {
    name: 'X-Request-Id',
    in: 'header',
    required: false,
    description: 'The caller’s own name for the request: the answer and our log lines have it.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
  },
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'Repeats with the same key and body get the first answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** All that a caller may say beside the body. `Authorization` and `Accept` OpenAPI tells in other places. */
export function parametersOf(route: Route, shelf: SchemaShelf): object[] {
  return [
    ...pathParameters(route, shelf),
    ...namedParameters('query', route.query, shelf),
    ...namedParameters('header', route.requestHeaders, shelf),
    ...(keepsAnswers(route) ? [IDEMPOTENCY_KEY] : []),
    ...sharedParameters(),
  ];
}

export function sharedParameters(): object[] {
  return [{ $ref: `#/components/parameters/${REQUEST_ID}` }];
}

function pathParameters(route: Route, shelf: SchemaShelf): object[] {
  const { fields } = fieldsOf(route.params, shelf);
  return [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: fields[name] ?? { type: 'string' },
  }));
}

interface Parameter {
  name: string;
  in: 'query' | 'header';
  required: boolean;
  /** With its description. */
  schema: Record<string, unknown>;
}

/** The members of an object, as parameters by their names. */
export function namedParameters(
  place: Parameter['in'],
  schema: z.ZodType | undefined,
  shelf: SchemaShelf,
): Parameter[] {
  const { fields, required } = fieldsOf(schema, shelf);
  return Object.entries(fields).map(([name, field]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: field,
  }));
}

interface Fields {
  /** JSON Schemas by name. */
  fields: Record<string, Record<string, unknown>>;
  required: readonly string[];
}

/** The members of an object, each by itself. */
export function fieldsOf(schema: z.ZodType | undefined, shelf: SchemaShelf): Fields {
  const { properties = {}, required = [] } = (
    schema === undefined ? {} : shelf.of(schema, 'input')
  ) as { properties?: Fields['fields']; required?: string[] };
  return { fields: properties, required };
}
