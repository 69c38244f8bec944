import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import { TAGS } from '../../api/key-scope.ts';
import { problemView } from '../../api/problem.ts';
import { neededCall, type Route } from '../../api/route.ts';
import type { Webhook } from '../../api/webhook.ts';
import { answerHeaders, problemHeaders, serviceHeaders, sharedHeaders } from './headers.ts';
import { fieldsOf, parametersOf, SHARED_PARAMETERS, sharedParameters } from './parameters.ts';
import { createSchemaShelf, type SchemaShelf } from './schema.ts';
import { readiness, servicePaths } from './service-paths.ts';
import { WEBHOOK_PARAMETERS, webhooksOf } from './webhooks.ts';
import { CODES, DESCRIPTION, SECURITY, TAG_WORDS } from './words.ts';

/** Why each of these may be the answer. */
const PROBLEMS: Record<number, string> = {
  400: 'The body is not valid JSON.',
  401: 'The key is missing or wrong.',
  403: 'The key has another role, or a scope without this.',
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
 * The OpenAPI 3.1 document of all routes, and of all calls that the gateway makes by itself. `x-roles` lists who may call an operation; those without
 * it need no key. `x-call` is what a scoped key must have for it.
 */
export function openApiDocument(
  routes: readonly Route[],
  version: string,
  webhooks: readonly Webhook[] = [],
): object {
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
      tags: [SERVICE],
      parameters: sharedParameters(),
      ...(service.roles === undefined ? { security: [] } : { 'x-roles': service.roles }),
      ...(service.call && { 'x-call': service.call }),
      responses: {
        200: {
          description: 'OK',
          headers: serviceHeaders(service.isLimited === true),
          content: { [service.type]: content },
        },
        ...problemsOf([
          ...(service.roles === undefined ? [] : [401, 403]),
          ...(service.isLimited ? [429] : []),
        ]),
        ...(service.mayBeUnready && { 503: unready(shelf) }),
      },
    });
  }
  shelf.of(problemView, 'output');
  return {
    openapi: '3.1.0',
    info: { title: 'Postrider', version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: tagsOf(routes),
    paths,
    webhooks: webhooksOf(webhooks, shelf),
    components: {
      securitySchemes: { bearer: SECURITY },
      parameters: { ...SHARED_PARAMETERS, ...WEBHOOK_PARAMETERS },
      headers: sharedHeaders(shelf),
      responses: Object.fromEntries(
        Object.entries(PROBLEMS).map(([status, description]) => [
          problemName(Number(status)),
          {
            description,
            headers: problemHeaders(Number(status), shelf),
            content: {
              'application/problem+json': {
                schema: { $ref: '#/components/schemas/Problem' },
                example: problemExample(Number(status)),
              },
            },
          },
        ]),
      ),
      schemas: shelf.components,
    },
  };
}

const SERVICE = 'Service' as const;

/** In their reading order. */
function tagsOf(routes: readonly Route[]): object[] {
  const used = new Set<string>([...routes.map((route) => route.tag), SERVICE]);
  return [...TAGS, SERVICE]
    .filter((name) => used.has(name))
    .map((name) => ({ name, description: TAG_WORDS[name] }));
}

/** The first code of the status. */
function problemExample(status: number): object {
  const [[code, detail] = ['', '']] = Object.entries(CODES[status] ?? {});
  return {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail,
    code,
    instance: '/v1/notifications',
    requestId: '7f1c9c1e-6f0c-4a3e-9b57-0c1f7b0f6f52',
    ...(status === 422 && { errors: [{ path: 'body.businessKey', message: 'Required.' }] }),
  };
}

/** A problem that says besides which of the two is there. */
function unready(shelf: SchemaShelf): object {
  const schema = shelf.of(problemView.extend(readiness), 'output');
  return {
    description: PROBLEMS[503],
    headers: problemHeaders(503, shelf),
    content: { 'application/problem+json': { schema } },
  };
}

function operationOf(route: Route, shelf: SchemaShelf): object {
  const responses: Record<string, object> = problemsOf(problemStatuses(route, shelf));
  for (const [status, schema] of Object.entries(route.responses)) {
    responses[status] = {
      description: STATUS_CODES[status] ?? status,
      headers: answerHeaders(route, Number(status), shelf),
      ...(schema !== null && { content: contentOf(route, shelf.of(schema, 'output')) }),
    };
  }
  const call = neededCall(route);
  return {
    operationId: operationId(route.method, route.path),
    summary: route.summary,
    description: `Takes a key of role ${route.roles.join(' or ')}${call === null ? '' : `; a scoped one needs \`${call}\``}.`,
    tags: [route.tag],
    'x-roles': route.roles,
    ...(call !== null && { 'x-call': call }),
    parameters: parametersOf(route, shelf),
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

/** What the HTTP layer itself may answer, beyond what the route says. */
function problemStatuses(route: Route, shelf: SchemaShelf): number[] {
  const takesBody = route.method === 'get' ? [] : [400, 413, 415];
  // Lists of nobody's are empty; to do something in the name of nobody is not possible.
  const actsFor = route.method !== 'get' && 'merchantId' in fieldsOf(route.query, shelf).fields;
  const names = route.path.includes('{') || route.asksForOne || actsFor ? [404] : [];
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
