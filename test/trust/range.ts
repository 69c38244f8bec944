import { newId } from '../../src/platform/ids.ts';
import { OPERATOR_KEY, type TestGateway } from '../support/gateway.ts';
import type { Receiver } from '../support/receiver.ts';
import { readDocument } from './document.ts';
import type { Aim } from './shots.ts';

/** Receives what is sent; has one endpoint. */
const INTAKE = 'm_intake';
/** Has the endpoints that are shot at; kept apart, as each of them would get every notification. */
export const ENDPOINTS = 'm_endpoints';
const THINGS = 20;

/** Puts things to shoot at into a gateway. @returns also the notifications that are there now */
export async function layOut(gateway: TestGateway, receiver: Receiver) {
  const url = receiver.url('/hook');
  const sender = await gateway.merchant(INTAKE);
  const other = await gateway.merchant(ENDPOINTS);
  const narrow = await gateway.producer(INTAKE);
  await sender.api.post(`/v1/merchants/${INTAKE}/endpoints`, { url }).expect(201);
  // One of each kind is of nobody.
  const endpoints: string[] = [newId('ep')];
  const notifications: string[] = [newId('ntf')];
  const deliveries: string[] = [newId('dlv')];
  const accepted: string[] = [];
  for (let n = 0; n < THINGS; n += 1) {
    const path = `/v1/merchants/${ENDPOINTS}/endpoints`;
    endpoints.push((await other.api.post(path, { url }).expect(201)).body.id);
    const event = {
      merchantId: INTAKE,
      type: 'payment.made',
      businessKey: 'ORDER-1',
      payload: { n },
    };
    const { body } = await narrow.api.post('/v1/notifications', event).expect(202);
    notifications.push(body.id);
    deliveries.push(body.deliveries[0].id);
    accepted.push(body.id);
  }
  const spare = { role: 'producer', name: 'to be revoked' };
  const { body: spareKey } = await gateway.operator.post('/v1/keys', spare).expect(201);
  const known = namesOf({ url, endpoints, notifications, deliveries, keyId: spareKey.id });
  const aim: Aim = {
    document: await readDocument(gateway.url),
    known: new Map(Object.entries(known)),
    keys: {
      operator: OPERATOR_KEY,
      merchant: other.key,
      producer: narrow.key,
      wrong: `${narrow.key}x`,
    },
  };
  return { aim, accepted };
}

interface Things {
  url: string;
  endpoints: string[];
  notifications: string[];
  deliveries: string[];
  keyId: string;
}

function namesOf({ url, endpoints, notifications, deliveries, keyId }: Things) {
  const numbered = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const keys = [...notifications, ...endpoints, '1.1', '20261122080000000x'];
  return {
    merchantId: [ENDPOINTS, ENDPOINTS, 'm_absent'],
    'endpoints/id': endpoints,
    'notifications/id': notifications,
    'deliveries/id': deliveries,
    'keys/id': [keyId, `key_${newId('ntf').slice(4)}`],
    'messages/id': numbered(50, 'message-'),
    messageId: numbered(50, 'message-'),
    gid: numbered(50, 'gid-'),
    branchId: ['stock', 'points', 'order'],
    name: ['default', 'fuzz-1', 'fuzz-2', 'absent'],
    queue: ['default'],
    businessKey: ['ORDER-1', 'ORDER-2'],
    eventId: numbered(1000, 'evt-'),
    endpointId: endpoints,
    date: ['2026-11-22', new Date().toISOString().slice(0, 10)],
    timezone: ['UTC', 'Asia/Shanghai'],
    status: ['pending', 'failed,skipped'],
    limit: ['1', '100'],
    waitMs: ['0', '10'],
    undelivered: ['true'],
    cursor: keys.map((text) => Buffer.from(text).toString('base64url')),
    url: [url, `${url}?q=1`],
    notifyUrl: [url],
    checkUrl: [url],
    tryUrl: [url],
    confirmUrl: [url],
    cancelUrl: [url],
    expiresAt: ['2126-01-01T00:00:00Z'],
  };
}
