import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_TYPE_NAMES } from '../../../src/features/event-types/catalogue.ts';
import { branch } from '../../protocols/tcc/participants.ts';
import { createCallChecker } from '../../support/called.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

/**
 * Every call that the gateway makes is made, and held against what the served document says of it: no header and no
 * member that it does not tell, and none missing that it promises. A new kind of call has to be made here as well.
 */

// biome-ignore lint/suspicious/noExplicitAny: the tests look into the document freely
let document: any;
let gateway: TestGateway;
let receiver: Receiver;
let producer: Awaited<ReturnType<TestGateway['producer']>>;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let faultsOf: ReturnType<typeof createCallChecker>;
const seen = new Set<string>();

beforeAll(async () => {
  gateway = await testGateway({ sweepEveryMs: 50 });
  document = await (await fetch(`${gateway.url}/openapi.json`)).json();
  faultsOf = createCallChecker(document);
  receiver = await startReceiver();
  producer = await gateway.producer();
  merchant = await gateway.merchant();
  await gateway.operator.put('/v1/queues/once', { ladderSeconds: [0] }).expect(200);
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

const endpoint = async (path: string, fields: object) =>
  (
    await merchant.api
      .post(`/v1/merchants/${merchant.id}/endpoints`, { url: receiver.url(path), ...fields })
      .expect(201)
  ).body;
const event = (fields: object = {}) => ({
  merchantId: merchant.id,
  type: 'order.paid',
  businessKey: 'ORDER-1',
  payload: { points: 10 },
  queue: 'once',
  ...fields,
});
/** The first call there is as the document says, and signed with the secret. */
async function mustBe(name: string, path: string, secret: string, shape?: string) {
  const call = await receiver.waitFor((each) => each.path === path);
  expect(faultsOf(name, call, shape)).toEqual([]);
  new Webhook(secret).verify(call.body, call.headers as Record<string, string>);
  seen.add(name);
  return call;
}

test('a notification, in an envelope, raw, and to an address of its own', async () => {
  const types = ['order.paid'];
  const { secret } = await endpoint('/envelope', { types });
  const raw = await endpoint('/raw', { types, body: 'raw' });
  const result = { status: 'SUCCESS', version: 1, amount: '1.00', currency: 'CNY' };
  await producer.api.post('/v1/notifications', event({ result })).expect(202);
  await mustBe('notification', '/envelope', secret, 'NotificationEnvelope');
  await mustBe('notification', '/raw', raw.secret, 'NotificationPayload');
  const notifyUrl = receiver.url('/own');
  await producer.api.post('/v1/notifications', event({ notifyUrl })).expect(202);
  await mustBe('notification', '/own', merchant.secret, 'NotificationEnvelope');
});

test.each([
  ['delivered', 200],
  ['failed', 500],
] as const)('its end, told to the producer: %s', async (end, status) => {
  receiver.answer(status, `/${end}`);
  const fields = {
    notifyUrl: receiver.url(`/${end}`),
    notifyProducer: { url: receiver.url(`/told/${end}`) },
  };
  await producer.api.post('/v1/notifications', event(fields)).expect(202);
  const { body } = await mustBe('producerCallback', `/told/${end}`, producer.callbackSecret);
  expect(JSON.parse(body).type).toBe(`notification.${end}`);
});

test('ends without an attempt, told to the producer: acknowledged, cancelled and to nobody', async () => {
  await gateway.operator.put('/v1/queues/late', { ladderSeconds: [3600] }).expect(200);
  const send = async (name: string, fields: object) => {
    const notifyProducer = { url: receiver.url(`/told/${name}`) };
    const sent = event({ queue: 'late', notifyProducer, ...fields });
    return (await producer.api.post('/v1/notifications', sent).expect(202)).body.id;
  };
  const notifyUrl = receiver.url('/late');
  const fetched = await send('fetched', { notifyUrl });
  await merchant.api.post(`/v1/notifications/${fetched}/ack`, {}).expect(200);
  const called = await send('called-off', { notifyUrl });
  await producer.api.post(`/v1/notifications/${called}/cancel`).expect(200);
  await send('nobody', { type: 'nobody.listens' });
  for (const name of ['fetched', 'called-off', 'nobody']) {
    const { body } = await mustBe('producerCallback', `/told/${name}`, producer.callbackSecret);
    expect(JSON.parse(body).data).toMatchObject({ attempts: 0, lastOutcome: null });
  }
});

test.each([
  ['envelope', 'EndpointTestEnvelope'],
  ['raw', 'EndpointTestData'],
])('a test of an endpoint with the body %s', async (body, shape) => {
  const { id, secret } = await endpoint(`/test/${body}`, { types: ['none'], body });
  await merchant.api.post(`/v1/endpoints/${id}/test`).expect(200);
  await mustBe('endpointTest', `/test/${body}`, secret, shape);
});

describe('an operational event', () => {
  test.each([
    ['standard', 'NotificationFailedEvent', null],
    ['slack', 'SlackMessage', null],
    ['feishu', 'FeishuMessage', 'a secret'],
    ['dingtalk', 'DingtalkMessage', null],
    ['email', 'MailMessage', null],
  ])('in the format %s', async (format, shape, formatSecret) => {
    const path = `/events/${format}`;
    const events = ['notification.failed'];
    const { secret, id } = await endpoint(path, { events, format, formatSecret });
    receiver.answer({ body: '{"code":0,"errcode":0}' }, path);
    receiver.answer(500, '/broken');
    const notifyUrl = receiver.url('/broken');
    // A second event of a kind comes a minute later; the test has no minute.
    await gateway.db.database.prisma.$executeRaw`DELETE FROM operational_told`;
    await producer.api.post('/v1/notifications', event({ notifyUrl })).expect(202);
    await mustBe('operationalEvent', path, secret, shape);
    await merchant.api.delete(`/v1/endpoints/${id}`).expect(204);
  });

  test('every type of the catalogue has a schema of its own', () => {
    const { anyOf } =
      document.webhooks.operationalEvent.post.requestBody.content['application/json'].schema;
    const schemas = anyOf.map(
      ({ $ref }: { $ref: string }) => document.components.schemas[$ref.split('/').at(-1) ?? ''],
    );
    const types = schemas.flatMap(
      (schema: { properties: { type?: { const: string } } }) => schema.properties.type?.const ?? [],
    );
    expect(types).toEqual(EVENT_TYPE_NAMES);
  });
});

test('the check-back of a message, and the message', async () => {
  receiver.answer({ body: '{"status":"committed"}' }, '/check');
  const { secret } = await endpoint('/message', { types: ['stock.taken'] });
  const asked = {
    notification: event({ type: 'stock.taken' }),
    checkUrl: receiver.url('/check'),
    checkAfterSeconds: 0,
    completion: 'http',
  };
  await producer.api.post('/v1/messages', asked).expect(201);
  const { body } = await mustBe('checkBack', '/check', producer.callbackSecret, 'CheckBack');
  expect(JSON.parse(body).checkNumber).toBe(1);
  await mustBe('message', '/message', secret, 'NotificationEnvelope');
});

test('try and confirm of one transaction, try and cancel of another', async () => {
  const begin = (name: string) =>
    producer.api
      .post('/v1/transactions', {
        businessKey: 'ORDER-1',
        mode: 'managed',
        branches: [branch(receiver, name)],
      })
      .expect(201);
  receiver.answer(409, '/refusing/try');
  await begin('willing');
  await begin('refusing');
  const { callbackSecret } = producer;
  await mustBe('tccTry', '/willing/try', callbackSecret, 'BranchPayload');
  await mustBe('tccConfirm', '/willing/confirm', callbackSecret, 'BranchPayload');
  await mustBe('tccCancel', '/refusing/cancel', callbackSecret, 'BranchPayload');
});

test('an alert to operators is a notification, too', async () => {
  const pager = { url: receiver.url('/pager'), types: ['alert.*'] };
  const { body } = await gateway.operator.post('/v1/alert-endpoints', pager).expect(201);
  receiver.answer([409, 200], '/stubborn/confirm');
  await producer.api
    .post('/v1/transactions', {
      businessKey: 'ORDER-1',
      mode: 'managed',
      branches: [branch(receiver, 'stubborn')],
    })
    .expect(201);
  await mustBe('notification', '/pager', body.secret, 'NotificationEnvelope');
});

test('a header or a member that the document does not tell is found', async () => {
  const call = await receiver.waitFor(({ path }) => path === '/check');
  const more = { ...call, headers: { ...call.headers, 'postrider-new': '1' } };
  expect(faultsOf('checkBack', more)).toEqual(['the header postrider-new is not in the document']);
  const { 'webhook-id': _, ...headers } = call.headers;
  expect(faultsOf('checkBack', { ...call, headers })).toEqual(['webhook-id is missing']);
  expect(faultsOf('checkBack', { ...call, body: '{"messageId":"m"}' })).toHaveLength(1);
  expect(faultsOf('tccTry', call)).toContain('postrider-op is missing');
});

test('every call of the document was made, and says what each answer means', () => {
  expect([...seen].sort()).toEqual(Object.keys(document.webhooks).sort());
  for (const [name, { post }] of Object.entries<{
    post: {
      operationId: string;
      security: object[];
      tags: string[];
      summary: string;
      description: string;
      responses: Record<string, { description: string }>;
    };
  }>(document.webhooks)) {
    expect(post).toMatchObject({ operationId: name, security: [] });
    expect(document.tags.map((tag: { name: string }) => tag.name)).toContain(post.tags[0]);
    expect(post.summary.length * post.description.length).toBeGreaterThan(0);
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['2XX', 'default']));
  }
});

test('409 and 425 stand where they have a meaning', () => {
  const with409And425 = Object.entries<{ post: { responses: object } }>(document.webhooks)
    .filter(([, { post }]) => '409' in post.responses && '425' in post.responses)
    .map(([name]) => name);
  expect(with409And425).toEqual(['checkBack', 'tccTry', 'tccConfirm', 'tccCancel']);
});
