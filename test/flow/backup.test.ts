import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { apiOf } from '../support/api.ts';
import { query, urlOf } from '../support/embedded.ts';
import { type Load, startLoad } from '../support/load.ts';
import {
  type GatewayProcess,
  spawnGateway,
  spawnProgram,
  temporaryFolder,
} from '../support/process.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';

const SECOND = 1_000;
const MORE = 60;
const PATIENCE_MS = 60 * SECOND;

vi.setConfig({ testTimeout: 180 * SECOND });

let receiver: Receiver;
let folder: string;
let cleanUp: Array<() => unknown>;

beforeEach(async () => {
  receiver = await startReceiver();
  const temporary = await temporaryFolder();
  folder = temporary.path;
  cleanUp = [() => receiver.close(), temporary.remove];
});
afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
});

async function startGateway(): Promise<GatewayProcess> {
  const temporary = await temporaryFolder();
  cleanUp.push(temporary.remove);
  return startGatewayOn(temporary.path);
}

async function startGatewayOn(dataDir: string): Promise<GatewayProcess> {
  const gateway = await spawnGateway({ dataDir, env: { ALLOW_PRIVATE_TARGETS: 'true' } });
  cleanUp.push(() => gateway.kill('SIGKILL'));
  return gateway;
}

const keyOf = ({ dataDir }: GatewayProcess) =>
  readFileSync(join(dataDir, 'operator-key'), 'utf8').trim();

function run(program: 'backup' | 'restore', dataDir: string, ...args: string[]) {
  return spawnProgram(`dist/app/${program}.js`, { args, env: { DATA_DIR: dataDir }, cwd: folder });
}

function sendOpen(operator: ReturnType<typeof apiOf>, businessKey: string, path = '/open') {
  return operator.post('/v1/notifications', {
    merchantId: 'm_load',
    type: 'load.open',
    businessKey,
    queue: 'load',
    notifyUrl: receiver.url(path),
    payload: {},
  });
}

async function accepted(load: Load, more: number): Promise<void> {
  const wanted = load.told.size + more;
  await until(() => load.told.size >= wanted, { timeoutMs: PATIENCE_MS, what: `${more} accepted` });
}

test('a gateway under load is backed up, and one started on the restored backup goes on', async () => {
  const gateway = await startGateway();
  const load = await startLoad(gateway, keyOf(gateway), receiver.url('/load'));
  cleanUp.push(load.abandon);
  receiver.answer(500, '/open');
  const operator = apiOf(() => gateway.url, keyOf(gateway));
  const { body: open } = await sendOpen(operator, 'OPEN').expect(202);
  await receiver.waitFor(({ path }) => path === '/open');
  await accepted(load, MORE);

  const told = new Map(load.told);
  const target = join(folder, 'backup');
  const exit = await run('backup', gateway.dataDir, target).exited;
  expect(exit).toMatchObject({ code: 0, stderr: '' });
  expect(exit.stdout).toMatch(
    /^Backup in .*backup: [\d.]+ MB of PostgreSQL 18 up to log position [\dA-F]+\/[\dA-F]+, checked: [\d,]+ rows in \d+ tables, \d+ indexes; [\d.]+ s\n$/,
  );
  await accepted(load, MORE);
  await sendOpen(operator, 'LOST').expect(202);
  const { nextCursor } = (await operator.get('/v1/notifications?undelivered=true').expect(200))
    .body;
  await load.stop();
  expect([...load.answers.keys()]).toEqual([202]);
  expect(await gateway.kill('SIGTERM')).toMatchObject({ code: 0 });

  const dataDir = join(folder, 'restored');
  const restored = await run('restore', dataDir, target).exited;
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  expect(restored.stdout).toContain(`Next: start the gateway on it, DATA_DIR=${dataDir} npm start`);
  receiver.answer(200, '/open');
  const seen = receiver.requests.length;
  const next = await startGatewayOn(dataDir);
  const nextOperator = apiOf(() => next.url, keyOf(gateway));
  // A reader whose place is from after the backup, and so never was one of this database, misses nothing.
  receiver.answer(500, '/late');
  await sendOpen(nextOperator, 'NEW', '/late').expect(202);
  const page = await nextOperator
    .get(`/v1/notifications?undelivered=true&cursor=${nextCursor}`)
    .expect(200);
  expect(page.body.data).toMatchObject([{ businessKey: 'NEW' }]);
  receiver.answer(200, '/late');
  const url = urlOf(dataDir);
  const rows = (await query(url, 'SELECT id FROM notification')) as { id: string }[];
  const stored = new Set(rows.map(({ id }) => id));
  expect([...told.values()].filter((id) => !stored.has(id))).toEqual([]);
  expect(await query(url, 'SELECT indexrelid FROM pg_index WHERE NOT indisvalid')).toEqual([]);

  // The open one is still repeated; what was delivered after the backup may come again, as itself.
  const again = await receiver.waitFor(
    ({ path }, all) => path === '/open' && all.length > seen,
    PATIENCE_MS,
  );
  expect(again.headers['webhook-id']).toBe(open.id);
  const openOnes = `SELECT FROM delivery WHERE status IN ('pending', 'sending')`;
  await until(async () => (await query(url, openOnes)).length === 0, { timeoutMs: PATIENCE_MS });
  const ids = receiver.requests.map(({ headers }) => headers['webhook-id']);
  expect([...stored].filter((id) => !ids.includes(id))).toEqual([]);
  await next.kill('SIGTERM');
});

/**
 * Makes the next backup stand still in its middle: it waits for a file that is a pipe.
 * @returns resolves once it does; `letGo` ends the wait
 */
async function holdBackup(dataDir: string): Promise<{ letGo(): void }> {
  const file = join(dataDir, 'operator-key');
  renameSync(file, `${file}.kept`);
  execFileSync('mkfifo', [file]);
  const held = await until(() => openWithReader(file), { timeoutMs: PATIENCE_MS });
  return {
    letGo() {
      closeSync(held);
      renameSync(`${file}.kept`, file);
    },
  };
}

/** A pipe cannot be opened so before somebody reads from it. */
function openWithReader(pipe: string): number | null {
  try {
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

test('kill -9 of a backup leaves nothing that a restore takes, and nothing in the database', async () => {
  const gateway = await startGateway();
  const slots = async () => (await query(urlOf(gateway.dataDir), SLOTS)).length;
  const target = join(folder, 'backup');
  const backup = run('backup', gateway.dataDir, target);
  const held = await holdBackup(gateway.dataDir);
  expect(await slots()).toBe(1);
  expect(await backup.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
  held.letGo();
  expect(existsSync(target)).toBe(false);
  await until(async () => (await slots()) === 0);

  const dataDir = join(folder, 'restored');
  const refused = await run('restore', dataDir, `${target}.partial`).exited;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^Postrider has restored nothing: In .* is no backup of Postrider, or one that was never finished: .*\n$/,
  );
  expect(existsSync(dataDir)).toBe(false);

  // The next one to the same folder is a whole one.
  expect(await run('backup', gateway.dataDir, target).exited).toMatchObject({ code: 0 });
  expect(existsSync(`${target}.partial`)).toBe(false);
  expect(await run('restore', dataDir, target).exited).toMatchObject({ code: 0 });
  await gateway.kill('SIGTERM');
});

const SLOTS = 'SELECT slot_name FROM pg_replication_slots';

test('Ctrl-C during a backup leaves nothing, and the gateway goes on', async () => {
  const gateway = await startGateway();
  const target = join(folder, 'backup');
  const backup = run('backup', gateway.dataDir, target);
  const held = await holdBackup(gateway.dataDir);
  const exiting = backup.kill('SIGINT');
  held.letGo();
  const exit = await exiting;
  expect(exit.code).toBe(1);
  expect(exit.stderr).toBe('Postrider has made no backup: cancelled, and all is as before.\n');
  expect(existsSync(target) || existsSync(`${target}.partial`)).toBe(false);
  expect((await apiOf(() => gateway.url, '').get('/readyz')).status).toBe(200);
  await gateway.kill('SIGTERM');
});

test('a gateway that runs bars a restore, and another database bars both', async () => {
  const gateway = await startGateway();
  const target = join(folder, 'backup');
  await run('backup', gateway.dataDir, '--no-verify', target).exited;
  const barred = await run('restore', gateway.dataDir, target, '--replace').exited;
  expect(barred.stderr).toBe(
    `Postrider has restored nothing: The data folder ${gateway.dataDir} is already in use by process ` +
      `${gateway.pid}: stop that process, or set DATA_DIR to another folder.\n`,
  );
  await gateway.kill('SIGTERM');
  for (const program of ['backup', 'restore'] as const) {
    const env = {
      DATABASE_URL: 'postgres://127.0.0.1/x',
      ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
    };
    const args = [join(folder, 'other')];
    const exit = await spawnProgram(`dist/app/${program}.js`, { args, env, cwd: folder }).exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/^Postrider has .*: DATABASE_URL is set, and .*\n$/);
  }
});

test.each(['backup', 'restore'] as const)(
  '%s without a folder says how it is called',
  async (program) => {
    const exit = await run(program, folder).exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toContain(`npm run ${program} -- [--`);
  },
);
