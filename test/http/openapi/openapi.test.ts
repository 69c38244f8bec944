import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { oneOrMore, pageOf, pageQuery } from '../../../src/api/pagination.ts';
import { route } from '../../../src/api/route.ts';
import { openApiDocument } from '../../../src/http/openapi/document.ts';
import { get, post } from '../harness.ts';

const line = z.object({ sku: z.string(), count: z.int().default(1) }).meta({ id: 'Line' });
const lineList = z.array(line).meta({ id: 'LineList' });
const order = z.object({ id: z.string(), lines: lineList }).meta({ id: 'Order' });
interface Tree {
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ children: z.array(tree) }));

const none = async () => ({ status: 204 });
const routes = [
  route({
    method: 'post',
    path: '/v1/orders',
    roles: ['operator', 'producer'],
    tag: 'Notifications',
    summary: 'Place an order',
    body: z.strictObject({ lines: z.array(line), like: lineList.optional() }),
    responses: { 201: order, 200: order },
    handle: none,
  }),
  route({
    method: 'get',
    path: '/v1/orders',
    roles: ['operator'],
    tag: 'Notifications',
    summary: 'List orders',
    query: pageQuery.extend({
      status: oneOrMore(z.enum(['open', 'shut'])).optional(),
      merchantId: z.string(),
    }),
    responses: { 200: pageOf(order) },
    handle: none,
  }),
  get('/v1/orders/{id}/lines/{number}', none, {
    params: z.object({ id: z.string(), number: z.coerce.number().int() }),
    requestHeaders: z.object({ 'If-None-Match': z.string().optional().describe('What is known.') }),
    responses: { 200: line, 304: null },
    responseHeaders: {
      200: z.object({
        ETag: z.string().describe('Of its bytes.'),
        'Line-Count': z.int().optional().describe('How many.'),
        'Cache-Control': z.string().describe('`private`'),
      }),
    },
  }),
  post('/v1/orders/{id}/ack', none, {
    body: z.strictObject({ consumer: z.string().optional() }),
    responses: { 204: null },
  }),
  get('/v1/tree', none, { responses: { 200: tree } }),
];

// biome-ignore lint/suspicious/noExplicitAny: the tests look into the document freely
const document: any = JSON.parse(JSON.stringify(openApiDocument(routes, '1.2.3')));

describe('the document', () => {
  test('is OpenAPI 3.1 and names its version', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: 'Postrider', version: '1.2.3' });
    expect(document.components.securitySchemes.bearer).toMatchObject({
      type: 'http',
      scheme: 'bearer',
    });
    expect(document.security).toEqual([{ bearer: [] }]);
  });

  test('has every route, with the roles that may call it, and no other', () => {
    for (const { method, path, roles, tag } of routes) {
      expect(document.paths[path][method]).toMatchObject({ 'x-roles': roles, tags: [tag] });
    }
    const open = Object.entries<Record<string, { security?: unknown }>>(document.paths)
      .filter(([, items]) => Object.values(items).every(({ security }) => security !== undefined))
      .map(([path]) => path);
    expect(open).toEqual(['/healthz', '/readyz', '/openapi.json', '/docs']);
  });

  test('every reference leads somewhere, and no operation shares its id', () => {
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g);
    for (const [, pointer = ''] of references) {
      const target = pointer.split('/').reduce((node, name) => node?.[name], document);
      expect(target, pointer).toBeTypeOf('object');
    }
    const ids = JSON.stringify(document).match(/"operationId":"[^"]+"/g) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  test('every tag and path parameter is declared', () => {
    const tags = new Set(document.tags.map(({ name }: { name: string }) => name));
    for (const [path, items] of Object.entries(document.paths)) {
      for (const operation of Object.values(items as object)) {
        expect(tags).toContain(operation.tags[0]);
        for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
          const declared = operation.parameters.find((one: { name: string }) => one.name === name);
          expect(declared).toMatchObject({ in: 'path', required: true });
        }
      }
    }
  });
});

describe('schemas', () => {
  test('callers may leave out what has a default; answers always have it', () => {
    expect(document.components.schemas.LineInput.required).toEqual(['sku']);
    expect(document.components.schemas.Line.required).toEqual(['sku', 'count']);
    const { LineList, LineListInput } = document.components.schemas;
    expect(LineList.items).toEqual({ $ref: '#/components/schemas/Line' });
    expect(LineListInput.items).toEqual({ $ref: '#/components/schemas/LineInput' });
  });

  test('a schema that contains itself has a name', () => {
    const { $ref } =
      document.paths['/v1/tree'].get.responses[200].content['application/json'].schema;
    const name = $ref.split('/').pop();
    expect(document.components.schemas[name].properties.children.items).toEqual({ $ref });
  });

  test('a query is a list of parameters', () => {
    const parameters = document.paths['/v1/orders'].get.parameters;
    expect(parameters).toMatchObject([
      { name: 'limit', in: 'query', required: false, schema: { default: 20, maximum: 100 } },
      { name: 'cursor', required: false },
      { name: 'status', required: false },
      { name: 'merchantId', required: true },
      { $ref: '#/components/parameters/RequestId' },
    ]);
  });

  test('a body is required where it cannot be left out', () => {
    expect(document.paths['/v1/orders'].post.requestBody.required).toBe(true);
    expect(document.paths['/v1/orders/{id}/ack'].post.requestBody.required).toBe(false);
  });
});

describe('headers', () => {
  const lineOf = () => document.paths['/v1/orders/{id}/lines/{number}'].get;
  const requestId = { $ref: '#/components/headers/X-Request-Id' };

  test('that a route reads are parameters', () => {
    expect(lineOf().parameters).toContainEqual({
      name: 'If-None-Match',
      in: 'header',
      required: false,
      schema: { type: 'string', description: 'What is known.' },
    });
  });

  test('that it gives stand at their answer, before those of all answers', () => {
    const { 200: found, 304: known } = lineOf().responses;
    expect(found.headers).toMatchObject({
      'X-Request-Id': requestId,
      ETag: { description: 'Of its bytes.', required: true, schema: { type: 'string' } },
      'Line-Count': { description: 'How many.', required: false, schema: { type: 'integer' } },
      'Cache-Control': { description: '`private`' },
    });
    expect(known.headers.ETag).toBeUndefined();
    expect(known.headers['Cache-Control']).toEqual({ $ref: '#/components/headers/Cache-Control' });
  });

  test('of the HTTP layer stand where they may come', () => {
    const { components, paths } = document;
    const retryAfter = { $ref: '#/components/headers/Retry-After' };
    expect(components.responses.TooManyRequests.headers['Retry-After']).toEqual(retryAfter);
    expect(components.responses.ServiceUnavailable.headers['Retry-After']).toEqual(retryAfter);
    expect(components.responses.Conflict.headers['Retry-After'].required).toBe(false);
    expect(components.responses.Unauthorized.headers).toHaveProperty('WWW-Authenticate');
    expect(components.responses.UnsupportedMediaType.headers).toHaveProperty('Accept-Post');
    const replayed = (method: string) =>
      'Idempotent-Replayed' in paths['/v1/orders'][method].responses[200].headers;
    expect([replayed('post'), replayed('get')]).toEqual([true, false]);
    expect(paths['/readyz'].get.responses[503].headers['X-Request-Id']).toEqual(requestId);
    expect(paths['/healthz'].get.responses[200].headers).not.toHaveProperty('RateLimit-Limit');
  });
});

describe('problems', () => {
  test('one schema, referred to by all', () => {
    expect(document.components.schemas.Problem.required).toContain('code');
    expect(
      document.components.responses.Conflict.content['application/problem+json'].schema,
    ).toEqual({ $ref: '#/components/schemas/Problem' });
  });

  test.each([
    ['/v1/orders', 'get', ['200', '401', '403', '422', '429', '500', '503']],
    [
      '/v1/orders',
      'post',
      ['200', '201', '400', '401', '403', '409', '413', '415', '422', '429', '500', '503'],
    ],
    [
      '/v1/orders/{id}/lines/{number}',
      'get',
      ['200', '304', '401', '403', '404', '422', '429', '500', '503'],
    ],
    ['/readyz', 'get', ['200', '503']],
  ])('%s %s may answer %j', (path, method, statuses) => {
    expect(Object.keys(document.paths[path][method].responses)).toEqual(statuses);
  });
});
