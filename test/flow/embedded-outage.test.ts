import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterDir } from '../../src/platform/embedded-postgres/cluster.ts';
import { readPidFile, stopOrphan } from '../../src/platform/embedded-postgres/orphan.ts';
import { listWorkersOn } from '../../src/platform/embedded-postgres/process.ts';
import { apiOf } from '../support/api.ts';
import { openLogFiller, postmasterPid, query, urlOf } from '../support/embedded.ts';
import { type Load, startLoad } from '../support/load.ts';
import { type GatewayProcess, spawnGateway, temporaryFolder } from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { mayMount, mountSmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';

const SECOND = 1_000;
const MORE = 60;
const OUTAGE_MS = 30 * SECOND;

vi.setConfig({ testTimeout: 120 * SECOND });

let receiver: Receiver;
let cleanUp: Array<() => unknown>;

beforeEach(async () => {
  receiver = await startReceiver();
  cleanUp = [() => receiver.close()];
});
afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
});

async function startGateway(dataDir: string): Promise<GatewayProcess> {
  const gateway = await spawnGateway({ dataDir, env: { ALLOW_PRIVATE_TARGETS: 'true' } });
  cleanUp.push(() => gateway.kill('SIGKILL'));
  return gateway;
}

async function startLoaded(dataDir: string): Promise<{ gateway: GatewayProcess; load: Load }> {
  const gateway = await startGateway(dataDir);
  const load = await startLoad(gateway, operatorKey(dataDir), receiver.url('/load'));
  cleanUp.push(load.abandon);
  await accepted(load, MORE);
  return { gateway, load };
}

const operatorKey = (dataDir: string) => readFileSync(join(dataDir, 'operator-key'), 'utf8').trim();
const portOf = (dataDir: string) => readPidFile(clusterDir(dataDir))[3];
const readiness = ({ url }: GatewayProcess) => apiOf(() => url, '').get('/readyz');

/** Resolves when so many more have been accepted. */
async function accepted(load: Load, more: number): Promise<void> {
  const wanted = load.told.size + more;
  await until(() => load.told.size >= wanted, { timeoutMs: OUTAGE_MS, what: `${more} accepted` });
}

/** Everything that producers were told is in is stored, and arrives. */
async function nothingIsLost(dataDir: string, load: Load): Promise<void> {
  const rows = (await query(urlOf(dataDir), 'SELECT id FROM notification')) as { id: string }[];
  const stored = new Set(rows.map(({ id }) => id));
  expect([...load.told.values()].filter((id) => !stored.has(id))).toEqual([]);
  const arrived = () => new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
  await until(() => arrived().size >= stored.size, { timeoutMs: OUTAGE_MS, what: 'all arrived' });
  expect([...load.told.values()].filter((id) => !arrived().has(id))).toEqual([]);
}

test('kill -9 of PostgreSQL under load: it comes back on its port, and nothing is lost', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const { gateway, load } = await startLoaded(folder.path);
  const port = portOf(folder.path);
  for (const time of [1, 2, 3]) {
    process.kill(postmasterPid(folder.path), 'SIGKILL');
    await gateway.says((out) => (out.match(/PostgreSQL is back/g)?.length === time ? true : null));
    await accepted(load, MORE);
    expect(portOf(folder.path)).toBe(port);
  }
  await load.stop();
  await nothingIsLost(folder.path, load);
  expect((await readiness(gateway)).status).toBe(200);
  expect(await gateway.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
});

test('SIGTERM while PostgreSQL cannot be started again ends the gateway in order', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const { gateway, load } = await startLoaded(folder.path);
  const config = join(clusterDir(folder.path), 'postgresql.conf');
  renameSync(config, `${config}.hidden`);
  process.kill(postmasterPid(folder.path), 'SIGKILL');
  await gateway.says((out) => /does not start again/.exec(out));
  expect(await readiness(gateway)).toMatchObject({ status: 503, body: { database: false } });
  const refused = load.refused;
  await until(() => load.refused > refused);
  const exit = gateway.kill('SIGTERM');
  // What cuts off an end that takes too long makes it a 1.
  expect(await exit).toMatchObject({ code: 0, stderr: '' });
  expect(listWorkersOn(clusterDir(folder.path))).toEqual([]);

  renameSync(`${config}.hidden`, config);
  const next = await startGateway(folder.path);
  const { told } = load;
  const rows = (await query(urlOf(folder.path), 'SELECT id FROM notification')) as { id: string }[];
  const stored = new Set(rows.map(({ id }) => id));
  expect([...told.values()].filter((id) => !stored.has(id))).toEqual([]);
  await next.kill('SIGTERM');
});

// With CI=true nothing may be left out.
test.skipIf(process.env.CI !== 'true' && !mayMount())(
  'a full disk: no intake until there is room, then all goes on by itself, and nothing is lost',
  async () => {
    const disk = mountSmallDisk(160);
    const dataDir = join(disk.path, 'data');
    cleanUp.push(async () => {
      await stopOrphan(clusterDir(dataDir), () => undefined);
      disk.remove();
    });
    mkdirSync(dataDir);
    const { gateway, load } = await startLoaded(dataDir);
    const filler = await openLogFiller(urlOf(dataDir));
    disk.fill();
    await until(() => load.refused > 0, { timeoutMs: OUTAGE_MS, what: 'a refusal' });
    await filler.writeUntilItEnds();
    await gateway.says((out) => /has ended by itself \(.*(No space left|disk is full)/.exec(out));
    await gateway.says((out) => /does not start again \(.*(No space left|disk is full)/.exec(out));
    expect(await readiness(gateway)).toMatchObject({ status: 503, body: { database: false } });

    disk.free();
    await gateway.says((out) => /PostgreSQL is back on port/.exec(out));
    await accepted(load, MORE);
    await load.stop();
    expect(
      [...load.answers.keys()].filter((status) => status !== 0 && status < 500 && status > 299),
    ).toEqual([]);
    await nothingIsLost(dataDir, load);

    disk.fill();
    expect(await gateway.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
    expect(listWorkersOn(clusterDir(dataDir))).toEqual([]);
    disk.free();
    const next = await startGateway(dataDir);
    await nothingIsLost(dataDir, load);
    await next.kill('SIGTERM');
  },
);
