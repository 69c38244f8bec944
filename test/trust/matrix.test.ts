import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../src/api/route.ts';
import { newKey } from '../../src/features/accounts/keys/key-format.ts';
import { OPERATOR_KEY, type TestGateway, testGateway } from '../support/gateway.ts';
import { type Answer, type Client, openClient } from './client.ts';
import {
  type ApiDocument,
  conforming,
  type Operation,
  readDocument,
  type Schema,
} from './document.ts';

/**
 * Who may call what, written down a second time: a route that is new, gone or opened to others has to
 * be changed here as well, on purpose. The document says the rest.
 */
const WHO_MAY: Record<string, readonly string[]> = {
  anyone: ['get /healthz', 'get /readyz', 'get /openapi.json', 'get /docs'],
  operator: [
    'get /metrics',
    'put /v1/queues/{name}',
    'delete /v1/queues/{name}',
    'post /v1/merchants',
    'get /v1/merchants',
    'get /v1/merchants/{merchantId}',
    'patch /v1/merchants/{merchantId}',
    'post /v1/merchants/{merchantId}/rotate-secret',
    'post /v1/alert-endpoints',
    'get /v1/alert-endpoints',
    'post /v1/keys',
    'get /v1/keys',
    'post /v1/keys/{id}/rotate-secret',
    'delete /v1/keys/{id}',
    'delete /v1/keys/{id}/sessions',
    'get /v1/audit-log',
    'get /v1/audit-log/verify',
    'get /v1/audit-log/archive',
    'post /v1/messages/{id}/recheck',
    'post /v1/messages/{id}/resolve',
    'post /v1/transactions/{gid}/branches/{branchId}/retry',
    'post /v1/transactions/{gid}/branches/{branchId}/resolve',
    'patch /v1/transactions/{gid}/branches/{branchId}',
  ],
  'merchant operator': [
    'get /v1/overview',
    'get /v1/events',
    'post /v1/merchants/{merchantId}/endpoints',
    'get /v1/merchants/{merchantId}/endpoints',
    'get /v1/merchants/{merchantId}/endpoints/overview',
    'get /v1/endpoints/{id}',
    'patch /v1/endpoints/{id}',
    'delete /v1/endpoints/{id}',
    'post /v1/endpoints/{id}/rotate-secret',
    'post /v1/endpoints/{id}/pause',
    'post /v1/endpoints/{id}/resume',
    'post /v1/endpoints/{id}/test',
    'post /v1/deliveries/{id}/resend',
    'post /v1/notifications/{id}/ack',
    'post /v1/notifications/ack',
    'get /v1/statements/{date}',
    'get /v1/merchants/{merchantId}/statement-notice',
    'put /v1/merchants/{merchantId}/statement-notice',
    'delete /v1/merchants/{merchantId}/statement-notice',
    'post /v1/reconciliations',
    'get /v1/reconciliations',
    'get /v1/reconciliations/{id}',
    'get /v1/reconciliations/{id}/differences',
    'get /v1/reconciliations/{id}/adjustments',
    'post /v1/reconciliations/{id}/differences/{number}/handle',
    'post /v1/reconciliations/{id}/resend-missing',
    'post /v1/messages/{id}/complete',
    'post /v1/messages/complete',
    'post /v1/resends',
    'get /v1/resends',
    'get /v1/resends/{id}',
    'post /v1/resends/{id}/pause',
    'post /v1/resends/{id}/resume',
    'post /v1/resends/{id}/cancel',
  ],
  'operator producer': [
    'post /v1/notifications',
    'post /v1/notifications/batch',
    'post /v1/notifications/{id}/cancel',
    'post /v1/messages/{id}/confirm',
    'post /v1/messages/{id}/cancel',
    'get /v1/transactions',
    'get /v1/transactions/{gid}',
    'post /v1/transactions/{gid}/confirm',
    'post /v1/transactions/{gid}/cancel',
  ],
  // Signed with the caller's own secret, which operators have none of.
  'merchant producer': ['post /v1/keys/self/rotate'],
  producer: ['post /v1/messages', 'post /v1/transactions', 'post /v1/transactions/{gid}/branches'],
  'merchant operator producer': [
    'get /v1/queues',
    'get /v1/queues/{name}',
    'get /v1/queues/{name}/preview',
    'get /v1/event-types',
    'get /v1/notifications',
    'get /v1/notifications/{id}',
    'get /v1/notifications/{id}/body',
    'get /v1/deliveries',
    'get /v1/deliveries/{id}',
    'get /v1/deliveries/{id}/attempts',
    'get /v1/deliveries/{id}/schedule',
    'get /v1/results',
    'get /v1/results/{businessKey}',
    'post /v1/results/query',
    'get /v1/messages',
    'get /v1/messages/{id}',
    'get /v1/keys/self',
  ],
};

const ROLES: readonly Role[] = ['operator', 'producer', 'merchant'];
const MINUTE = 60_000;

let gateway: TestGateway;
let client: Client;
let document: ApiDocument;
let merchantId: string;
let keys: Record<Role, string>;
/** What every protected operation has to refuse. */
let wrongKeys: Record<string, string | null>;

beforeAll(async () => {
  gateway = await testGateway({ roles: ['api'] });
  client = openClient(() => gateway.url, 4);
  document = await readDocument(gateway.url);
  const merchant = await gateway.merchant();
  merchantId = merchant.id;
  keys = {
    operator: OPERATOR_KEY,
    producer: (await gateway.producer()).key,
    merchant: merchant.key,
  };
  const make = async (more: object) =>
    (
      await gateway.operator
        .post('/v1/keys', { role: 'operator', name: 'to be refused', ...more })
        .expect(201)
    ).body;
  const revoked = await make({});
  await gateway.as(revoked.key).get('/v1/queues').expect(200);
  await gateway.operator.delete(`/v1/keys/${revoked.id}`).expect(204);
  const expired = await make({ expiresAt: new Date(Date.now() + MINUTE).toISOString() });
  await gateway.db.travel(2 * MINUTE);
  wrongKeys = {
    'no key': null,
    'a garbage key': 'letmein',
    'a key of the right shape that nobody has': newKey('operator'),
    'a key with a typing error': `${keys.merchant.slice(0, -1)}-`,
    'an expired key': expired.key,
    'a revoked key': revoked.key,
  };
});
afterAll(async () => {
  await client?.close();
  await gateway?.close();
});

const protectedOperations = () => document.operations.filter(({ isOpen }) => !isOpen);

/** Calls an operation as its description has it, with made-up values. */
function call(operation: Operation, key: string | null, change: Partial<Operation> = {}) {
  const { method, path, parameters, body } = { ...operation, ...change };
  const hint = (name: string) => (name === 'merchantId' ? fc.constant(merchantId) : undefined);
  const make = (schema: Schema) =>
    fc.sample(conforming(schema, document, 'none', hint), { numRuns: 1, seed: 7 })[0];
  const target = path.replace(/\{(\w+)\}/g, (_text, name) => {
    if (name === 'merchantId') return merchantId;
    const parameter = parameters.find((each) => each.in === 'path' && each.name === name);
    return encodeURIComponent(String(make({ ...parameter?.schema })));
  });
  const query = parameters
    .filter((each) => each.in === 'query' && each.required)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(String(make(schema)))}`);
  return client.ask({
    method,
    target: query.length === 0 ? target : `${target}?${query.join('&')}`,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== null && { 'content-type': 'application/json' }),
    },
    ...(body !== null && { body: JSON.stringify(make(body)) }),
  });
}

/** Asks all of them and says which ones answered otherwise than they should. */
async function wrongAnswers(
  operations: readonly Operation[],
  ask: (operation: Operation) => Promise<Answer>,
  isRight: (answer: Answer) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const operation of operations) {
    const answer = await ask(operation);
    if (!isRight(answer)) {
      wrong.push(`${operation.name} → ${answer.status} ${answer.text.slice(0, 200)}`);
    }
  }
  return wrong;
}

const codeOf = ({ text }: Answer) => (text === '' ? null : JSON.parse(text).code);

describe('the document', () => {
  test('says of every operation who may call it', () => {
    const unsaid = protectedOperations().filter(({ roles }) => !roles || roles.length === 0);
    expect(unsaid.map(({ name }) => name)).toEqual([]);
  });

  test('says the same as the table above', () => {
    const said: Record<string, string[]> = {};
    for (const { name, isOpen, roles } of document.operations) {
      const who = isOpen ? 'anyone' : [...(roles ?? [])].sort().join(' ');
      said[who] = [...(said[who] ?? []), name];
    }
    const sorted = (table: Record<string, readonly string[]>) =>
      Object.fromEntries(Object.entries(table).map(([who, names]) => [who, [...names].sort()]));
    expect(sorted(said)).toEqual(sorted(WHO_MAY));
  });
});

describe('every operation', () => {
  test.each([
    'no key',
    'a garbage key',
    'a key of the right shape that nobody has',
    'a key with a typing error',
    'an expired key',
    'a revoked key',
  ])('%s → 401, also to HEAD', async (name) => {
    // Whoever tries many wrong keys is stopped for a while; a new process has forgotten that.
    await gateway.stop();
    await gateway.start();
    const key = wrongKeys[name] ?? null;
    const isRefused = (answer: Answer) =>
      answer.status === 401 &&
      codeOf(answer) === 'unauthorized' &&
      answer.headers['www-authenticate'] === 'Bearer';
    const asked = (operation: Operation) => call(operation, key);
    expect(await wrongAnswers(protectedOperations(), asked, isRefused)).toEqual([]);
    const gets = protectedOperations().filter(({ method }) => method === 'GET');
    const asHead = (operation: Operation) => call(operation, key, { method: 'HEAD' });
    expect(await wrongAnswers(gets, asHead, ({ status }) => status === 401)).toEqual([]);
  });

  test.each(ROLES)('a key of another role → 403, also to HEAD: %s', async (role) => {
    const forbidden = protectedOperations().filter(({ roles }) => !roles?.includes(role));
    if (role !== 'operator') expect(forbidden.length).toBeGreaterThan(5);
    const isRefused = (answer: Answer) => answer.status === 403 && codeOf(answer) === 'forbidden';
    const asked = (operation: Operation) => call(operation, keys[role]);
    expect(await wrongAnswers(forbidden, asked, isRefused)).toEqual([]);
    const gets = forbidden.filter(({ method }) => method === 'GET');
    const asHead = (operation: Operation) => call(operation, keys[role], { method: 'HEAD' });
    expect(await wrongAnswers(gets, asHead, ({ status }) => status === 403)).toEqual([]);
  });

  test.each(ROLES)('a key of a role that may is never turned away: %s', async (role) => {
    const allowed = protectedOperations().filter(({ roles }) => roles?.includes(role));
    expect(allowed.length).toBeGreaterThan(5);
    const isTaken = ({ status }: Answer) => status < 500 && ![401, 403, 405].includes(status);
    const asked = (operation: Operation) => call(operation, keys[role]);
    expect(await wrongAnswers(allowed, asked, isTaken)).toEqual([]);
  });

  test('without a key, in disguise → never an answer', async () => {
    const disguises: ((path: string) => string)[] = [
      (path) => `${path}/`,
      (path) => `/${path}`,
      (path) => path.toUpperCase(),
      (path) => path.replace('/v1/', '/v1/./'),
      (path) => path.replace('/v1/', '/docs/../v1/'),
      (path) => path.replace('/v1', '/%76%31'),
      (path) => `${path};role=operator`,
      (path) => `${path}?authorization=Bearer%20${encodeURIComponent(OPERATOR_KEY)}`,
    ];
    for (const disguise of disguises) {
      const asked = (operation: Operation) =>
        call(operation, null, { path: disguise(operation.path) });
      const isRefused = ({ status }: Answer) => [400, 401, 404, 405].includes(status);
      expect(await wrongAnswers(protectedOperations(), asked, isRefused)).toEqual([]);
    }
  });

  test('that is open answers without a key, and does not mind a wrong one', async () => {
    const open = document.operations.filter(({ isOpen }) => isOpen);
    for (const key of [null, 'letmein']) {
      const asked = (operation: Operation) => call(operation, key);
      expect(await wrongAnswers(open, asked, ({ status }) => status === 200)).toEqual([]);
    }
  });
});
