import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALERT_INBOX } from '../../../src/features/accounts/endpoints/alert-inbox.ts';
import { announce } from '../../../src/protocols/notification/operator-alerts.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { type Receiver, startReceiver } from '../../support/receiver.ts';

let gateway: TestGateway;
let stranger: Receiver;
let pager: Receiver;
beforeAll(async () => {
  [gateway, stranger, pager] = await Promise.all([
    testGateway({ sweepEveryMs: 200 }),
    startReceiver(),
    startReceiver(),
  ]);
});
afterAll(() => Promise.all([gateway.close(), stranger.close(), pager.close()]));

const raise = (key: string) =>
  announce(gateway.db.database.prisma, [
    { type: 'tcc.suspended', key, businessKey: key, detail: { of: 'another merchant' } },
  ]);

test('nobody becomes the merchant `operators`, in whatever spelling', async () => {
  for (const id of ['operators', 'Operators', 'OPERATORS']) {
    const { body } = await gateway.operator.post('/v1/merchants', { id, name: 'Us' }).expect(409);
    expect(body.code).toBe('merchant_reserved');
  }
  const { body } = await gateway.operator.get('/v1/merchants').expect(200);
  expect(body.data).toEqual([]);
});

test('a merchant `operators` of an older version hears nothing; operators’ own endpoints do', async () => {
  const { api, id } = await gateway.merchant('m_before');
  await api.post(`/v1/merchants/${id}/endpoints`, { url: stranger.url() }).expect(201);
  const { pool } = gateway.db.database;
  await pool.query(
    `INSERT INTO merchant (id, name, secret) SELECT 'operators', name, secret FROM merchant WHERE id = $1`,
    [id],
  );
  await pool.query(`UPDATE endpoint SET merchant_id = 'operators' WHERE merchant_id = $1`, [id]);
  await raise('before-anybody-listens');
  await gateway.operator.post('/v1/alert-endpoints', { url: pager.url() }).expect(201);
  await raise('with-a-listener');
  const [alert] = await pager.waitFor(1);
  expect(JSON.parse(alert?.body ?? '{}')).toMatchObject({
    type: 'alert.tcc.suspended',
    businessKey: 'with-a-listener',
  });
  const { rows } = await pool.query('SELECT DISTINCT merchant_id FROM notification');
  expect(rows).toEqual([{ merchant_id: ALERT_INBOX }]);
  expect(stranger.requests).toEqual([]);
});

test('nobody but an operator comes near the endpoints of the alerts', async () => {
  const { api } = await gateway.merchant();
  const producer = await gateway.producer();
  const { body } = await gateway.operator.get('/v1/alert-endpoints').expect(200);
  const [{ id }] = body.data;
  for (const caller of [api, producer.api]) {
    await caller.get('/v1/alert-endpoints').expect(403);
    await caller.post('/v1/alert-endpoints', { url: stranger.url() }).expect(403);
  }
  await api.get(`/v1/endpoints/${id}`).expect(404);
  await api.patch(`/v1/endpoints/${id}`, { url: stranger.url() }).expect(404);
  const inbox = encodeURIComponent(ALERT_INBOX);
  await gateway.operator.post(`/v1/merchants/${inbox}/endpoints`, { url: pager.url() }).expect(422);
  await gateway.operator
    .post('/v1/keys', { role: 'merchant', merchantId: ALERT_INBOX, name: 'mine' })
    .expect(422);
  const notification = { type: 'alert.all.well', businessKey: 'X', payload: {} };
  await producer.api
    .post('/v1/notifications', { ...notification, merchantId: ALERT_INBOX })
    .expect(422);
  await gateway.operator.patch(`/v1/endpoints/${id}`, { description: 'night' }).expect(200);
});
