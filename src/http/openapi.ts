import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { Route } from '../route.ts';
import { createSchemaShelf, type SchemaShelf } from './openapi-schema.ts';
import { servicePaths } from './service-paths.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable and machine-readable.'),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'What went wrong (RFC 9457).' });

/** Why each of these may be the answer. */
const PROBLEMS: Record<number, string> = {
  400: 'The body is not valid JSON.',
  401: 'The key is missing or wrong.',
  403: 'The key has another role.',
  404: 'Absent, or somebody else’s.',
  406: 'Accept names none of the content types that are offered.',
  409: 'The present state does not allow it, or the first request of this Idempotency-Key runs.',
  413: 'The body is too large.',
  415: 'The body is not JSON in UTF-8, or compressed.',
  422: 'Well formed, but not valid.',
  429: 'Too many requests.',
  500: 'Our fault.',
  503: 'Try again shortly.',
};

/**
 * The OpenAPI 3.1 document of all routes. `x-roles` lists who may call an operation; those without
 * it need no key.
 */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const shelf = createSchemaShelf();
  const paths: Record<string, Record<string, object>> = {};
  const add = (method: string, path: string, operation: object) => {
    const entry = paths[path] ?? {};
    entry[method] = operation;
    paths[path] = entry;
  };
  for (const route of routes) add(route.method, route.path, operationOf(route, shelf));
  for (const service of servicePaths) {
    const content =
      service.schema === undefined ? {} : { schema: shelf.of(service.schema, 'output') };
    add(service.method, service.path, {
      operationId: operationId(service.method, service.path),
      summary: service.summary,
      tags: ['service'],
      security: [],
      responses: {
        200: { description: 'OK', content: { [service.type]: content } },
        ...('mayBeUnready' in service ? problemsOf([503]) : {}),
      },
    });
  }
  shelf.of(problem, 'output');
  return {
    openapi: '3.1.0',
    info: { title: 'Postrider', version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [...new Set(routes.map((route) => route.tag)), 'service'].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      responses: Object.fromEntries(
        Object.entries(PROBLEMS).map(([status, description]) => [
          problemName(Number(status)),
          {
            description,
            content: {
              'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
            },
          },
        ]),
      ),
      schemas: shelf.components,
    },
  };
}

const DESCRIPTION =
  'Notifications that arrive: accepted once, delivered down a ladder of repeats, there to be asked for.';

function operationOf(route: Route, shelf: SchemaShelf): object {
  const responses: Record<string, object> = problemsOf(problemStatuses(route));
  for (const [status, schema] of Object.entries(route.responses)) {
    const description = STATUS_CODES[status] ?? status;
    responses[status] =
      schema === null
        ? { description }
        : { description, content: contentOf(route, shelf.of(schema, 'output')) };
  }
  return {
    operationId: operationId(route.method, route.path),
    summary: route.summary,
    tags: [route.tag],
    'x-roles': route.roles,
    parameters: [
      ...pathParameters(route, shelf),
      ...queryParameters(route, shelf),
      ...keyOf(route),
    ],
    ...(route.body === undefined ? {} : { requestBody: requestBody(route, route.body, shelf) }),
    responses,
  };
}

function requestBody({ textTypes }: Route, body: z.ZodType, shelf: SchemaShelf): object {
  const mayBeLeftOut = [undefined, {}].some((stand) => body.safeParse(stand).success);
  const content = { ...jsonContent(shelf.of(body, 'input')), ...textContent(textTypes) };
  return { required: textTypes !== undefined || !mayBeLeftOut, content };
}

/** A stream has no schema of its own in OpenAPI 3.1: it is text, made of events. */
function contentOf({ streamType, alsoAnswers }: Route, schema: object): object {
  if (streamType === undefined) return { ...jsonContent(schema), ...textContent(alsoAnswers) };
  return { [streamType]: { schema: { type: 'string' }, 'x-event-data': schema } };
}

function textContent(types: readonly string[] = []): object {
  return Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }]));
}

function jsonContent(schema: object): object {
  return { 'application/json': { schema } };
}

function pathParameters(route: Route, shelf: SchemaShelf): object[] {
  const schemas = fieldsOf(route.params, shelf);
  return [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: schemas.properties[name] ?? { type: 'string' },
  }));
}

function queryParameters(route: Route, shelf: SchemaShelf): object[] {
  const { properties, required } = fieldsOf(route.query, shelf);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function fieldsOf(schema: z.ZodType | undefined, shelf: SchemaShelf) {
  const { properties = {}, required = [] } = (
    schema === undefined ? {} : shelf.of(schema, 'input')
  ) as { properties?: Record<string, object>; required?: string[] };
  return { properties, required };
}

function keyOf(route: Route): object[] {
  if (route.method !== 'post') return [];
  return [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Repeats with the same key and body get the first answer.',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    },
  ];
}

/** What the HTTP layer itself may answer, beyond what the route says. */
function problemStatuses(route: Route): number[] {
  const takesBody = route.method === 'get' ? [] : [400, 413, 415];
  const names = route.path.includes('{') ? [404] : [];
  const conflicts = route.method === 'get' ? [] : [409];
  const formats = route.alsoAnswers === undefined ? [] : [406];
  return [...takesBody, 401, 403, ...names, ...formats, ...conflicts, 422, 429, 500, 503];
}

function problemsOf(statuses: readonly number[]): Record<string, object> {
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${problemName(status)}` }]),
  );
}

/** 409 → `Conflict` */
function problemName(status: number): string {
  return (STATUS_CODES[status] ?? String(status)).replaceAll(/\W/g, '');
}

/** `post /v1/queues/{name}` → `postQueuesName` */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1\//, '').match(/[A-Za-z0-9]+/g) ?? [];
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
