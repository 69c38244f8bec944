import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CODES, TAG_WORDS } from '../../../src/http/openapi/words.ts';
import { documentOf } from '../../support/conformance.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests look into the document freely
type Node = any;

let gateway: TestGateway;
let document: Node;
beforeAll(async () => {
  gateway = await testGateway();
  document = await documentOf(gateway.url);
});
afterAll(() => gateway?.close());

/** Every node of the document with examples of its own, by its JSON pointer. */
function* withExamples(node: Node, pointer = ''): Generator<[pointer: string, examples: Node[]]> {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node.examples)) yield [pointer, node.examples];
  if ('example' in node) yield [pointer + ('schema' in node ? '/schema' : ''), [node.example]];
  for (const [name, child] of Object.entries(node)) {
    const escaped = name.replaceAll('~', '~0').replaceAll('/', '~1');
    yield* withExamples(child, `${pointer}/${encodeURIComponent(escaped)}`);
  }
}

test('every example is as its own schema says', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const found = [...withExamples(document)];
  const wrong = found.flatMap(([pointer, examples]) => {
    const validate = ajv.getSchema(`document#${pointer}`);
    if (validate === undefined) return [`${pointer} is no schema`];
    return examples
      .filter((example) => !validate(example))
      .map((example) => `${pointer} ${JSON.stringify(example)} ${ajv.errorsText(validate.errors)}`);
  });
  expect(wrong).toEqual([]);
  expect(found.length).toBeGreaterThan(40);
});

test.each([
  ['post', '/v1/notifications', 202],
  ['post', '/v1/merchants', 201],
  ['post', '/v1/merchants/{merchantId}/endpoints', 201],
  ['post', '/v1/keys', 201],
  ['put', '/v1/queues/{name}', 200],
  ['post', '/v1/results/query', 200],
  ['post', '/v1/messages', 201],
  ['post', '/v1/transactions', 201],
  ['post', '/v1/resends', 202],
])('%s %s has an example of what goes in and what comes out', (method, path, status) => {
  const { requestBody, responses } = document.paths[path][method];
  for (const { content } of [requestBody, responses[status]]) {
    const { schema } = content['application/json'];
    const name = schema.$ref?.split('/').at(-1);
    const { examples, example = examples?.[0] } = document.components.schemas[name] ?? schema;
    expect(example).toBeTypeOf('object');
  }
});

test('examples of what goes in are taken as they are', async () => {
  const { operator } = gateway;
  const exampleOf = (name: string) => {
    const { examples, example = examples[0] } = document.components.schemas[name];
    return example;
  };
  await operator.post('/v1/merchants', exampleOf('MerchantInput')).expect(201);
  await operator.put('/v1/queues/payments', exampleOf('QueueInput')).expect(200);
  await operator.post('/v1/keys', exampleOf('KeyInput')).expect(201);
  await operator.post('/v1/notifications', exampleOf('NotificationInput')).expect(202);
  const result = exampleOf('Result').businessKey;
  await operator.get(`/v1/results/${result}?merchantId=m_1001`).expect(200);
  await operator.post('/v1/resends', { ...exampleOf('ResendInput'), dryRun: true }).expect(200);
});

test('every group has its words, and none is named twice', () => {
  const names = document.tags.map(({ name }: Node) => name);
  expect(names).toEqual(Object.keys(TAG_WORDS));
});

test('every code that is thrown is explained, and no other', () => {
  const folder = 'src';
  const thrown = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || /^(console|db|demo|fence)\b/.test(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, status, code] of text.matchAll(/(?:Problem\(|: \[)\s*(\d{3}),\s*'(\w+)'/g)) {
      thrown.add(`${status} ${code}`);
    }
    for (const [, code] of text.matchAll(/\binvalid\((?:[^()]|\([^()]*\))*?'(\w+)',?\s*\)/g)) {
      if (/^[a-z]+_[a-z_]+$/.test(code ?? '')) thrown.add(`422 ${code}`);
    }
  }
  // Whatever status the HTTP parser gave.
  thrown.add('400 bad_request');
  const explained = Object.entries(CODES).flatMap(([status, codes]) =>
    Object.keys(codes).map((code) => `${status} ${code}`),
  );
  expect([...thrown].sort()).toEqual(explained.sort());
});
