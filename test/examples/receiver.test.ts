import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { catchUp } from '../../examples/receiver/catch-up.ts';
import { gatewayClient } from '../../examples/receiver/gateway.ts';
import { openLedger } from '../../examples/receiver/ledger.ts';
import { reconcile } from '../../examples/receiver/reconcile.ts';
import { receiverServer } from '../../examples/receiver/server.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;

let gateway: TestGateway;
let merchant: Awaited<ReturnType<TestGateway['merchant']>>;
let folder: string;
let server: Server;

beforeEach(async () => {
  gateway = await testGateway();
  merchant = await gateway.merchant();
  folder = await mkdtemp(join(tmpdir(), 'postrider-receiver-'));
});
afterEach(async () => {
  await gateway.close();
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const pay = async (businessKey: string, version: number, status: string) =>
  gateway.operator
    .post('/v1/notifications', {
      merchantId: merchant.id,
      type: `payment.${status.toLowerCase()}`,
      businessKey,
      result: { status, version, amount: '10.50', currency: 'CNY' },
      payload: {},
    })
    .expect(202);

test('the example receiver: takes, repeats nothing, catches up after an outage, and reconciles', async () => {
  const file = join(folder, 'ledger.json');
  let ledger = await openLedger(file);
  // Registered before it listens: whatever comes now is missed.
  const { body: endpoint } = await merchant.api
    .post(`/v1/merchants/${merchant.id}/endpoints`, { url: 'http://127.0.0.1:9/' })
    .expect(201);
  await pay('A', 2, 'SUCCESS');
  await pay('A', 1, 'PENDING');
  await pay('B', 1, 'FAILED');

  const api = gatewayClient(gateway.url, merchant.key);
  await until(async () => (await catchUp(api, ledger)) > 0 || ledger.payments().size === 2);
  expect(ledger.payments().get('A')).toMatchObject({ status: 'SUCCESS', version: 2 });
  expect(ledger.payments().get('B')).toMatchObject({ status: 'FAILED' });
  expect(await catchUp(api, ledger)).toBe(0);

  const lines: string[] = [];
  server = receiverServer(endpoint.secret, ledger, (line) => lines.push(line)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await merchant.api.patch(`/v1/endpoints/${endpoint.id}`, { url }).expect(200);
  const { body: sent } = await pay('C', 1, 'SUCCESS');
  await until(() => ledger.payments().has('C'));
  await until(async () => (await api.get(`/v1/notifications/${sent.id}`)).status === 'delivered');
  await gateway.operator
    .post(`/v1/deliveries/${sent.deliveries[0].id}/resend`, { reason: 'once more', force: true })
    .expect(202);
  await until(() => lines.some((line) => line.includes('C SUCCESS: repeated')));
  const forged = await fetch(url, { method: 'POST', body: '{}', headers: { connection: 'close' } });
  expect(forged.status).toBe(400);

  // It forgets one payment, a day goes by, and the comparison of the lists brings it back.
  await gateway.db.travel(DAY_MS);
  const today = new Date().toISOString().slice(0, 10);
  const payments = [...ledger.payments()].filter(([key]) => key !== 'C');
  const forgetful = { ...ledger, payments: () => new Map(payments) };
  const { matched, differences } = await reconcile(api, forgetful, today);
  // At a day's edge rows may wait for the next day's run instead.
  const waiting = differences.pending_cutoff ?? 0;
  expect(matched + waiting + (differences.gateway_only ?? 0)).toBeGreaterThanOrEqual(3);

  // What it knows outlives it.
  ledger = await openLedger(file);
  expect([...ledger.payments().keys()].toSorted()).toEqual(['A', 'B', 'C']);
});
