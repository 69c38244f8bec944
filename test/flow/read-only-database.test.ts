import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterDir } from '../../src/platform/embedded-postgres/cluster.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/platform/embedded-postgres/start.ts';
import { type Api, apiOf } from '../support/api.ts';
import { query } from '../support/embedded.ts';
import { OPERATOR_KEY } from '../support/gateway.ts';
import { spawnGatewayOn } from '../support/gateway-process.ts';
import { type GatewayProcess, temporaryFolder } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 120_000 });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: EmbeddedPostgres;
let gateway: GatewayProcess;
let receiver: Receiver;
let operator: Api;

beforeEach(async () => {
  folder = await temporaryFolder();
  server = await startEmbeddedPostgres(folder.path, { whenItEnds: 'stay-down' });
  gateway = await spawnGatewayOn(server);
  receiver = await startReceiver();
  operator = apiOf(() => gateway.url, OPERATOR_KEY);
});
afterEach(async () => {
  await gateway.kill('SIGKILL');
  await receiver.close();
  await server.stop();
  await folder.remove();
});

/** The same server comes back as one that only follows, and will take no writes. */
async function demote(): Promise<void> {
  const { port } = new URL(server.url);
  await server.stop();
  const cluster = clusterDir(folder.path);
  const signal = join(cluster, 'standby.signal');
  writeFileSync(signal, '');
  const { uid, gid } = statSync(cluster);
  chownSync(signal, uid, gid);
  server = await startEmbeddedPostgres(folder.path, {
    whenItEnds: 'stay-down',
    choosePort: async () => Number(port),
  });
}

test('a database that has become a standby: calls are told so, and its promotion ends it', async () => {
  const { body: merchant } = await operator.post('/v1/merchants', { name: 'Shop' }).expect(201);
  const send = (businessKey: string) =>
    operator.post('/v1/notifications', {
      merchantId: merchant.id,
      type: 'a.b',
      businessKey,
      notifyUrl: receiver.url(),
      payload: {},
    });
  receiver.answer(500);
  await send('before').expect(202);
  await receiver.waitFor(1);
  await demote();
  receiver.answer(200);

  const refused = await until(async () => {
    const answer = await send('meanwhile');
    return answer.headers.get('retry-after') !== null && answer;
  });
  expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  const ready = await until(async () => {
    const answer = await operator.get('/readyz');
    return answer.body.notes?.length > 0 && answer;
  });
  expect(ready).toMatchObject({ status: 503, body: { notes: ['The database takes no writes.'] } });
  // What only reads goes on.
  await operator.get('/v1/notifications').expect(200);

  await query(server.adminUrl, 'SELECT pg_promote()');
  await until(async () => (await send('after')).status === 202, { timeoutMs: 30_000 });
  await receiver.waitFor(({ body }) => JSON.parse(body).businessKey === 'after', 30_000);
  const attempts = () =>
    receiver.requests.filter(({ body }) => JSON.parse(body).businessKey === 'before');
  await until(() => attempts().length === 2, { timeoutMs: 60_000 });
  expect((await operator.get('/readyz')).status).toBe(200);
});
