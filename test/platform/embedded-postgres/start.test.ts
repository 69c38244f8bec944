import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findNativeDir } from '../../../src/platform/embedded-postgres/binaries.ts';
import { identityOf } from '../../../src/platform/embedded-postgres/process.ts';
import { chooseFreePort } from '../../../src/platform/embedded-postgres/server.ts';
import {
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/start.ts';
import { makeRoot, makeUsed, postmasterPid, query } from '../../support/embedded.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const EMBEDDED = fileURLToPath(
  new URL('../../../src/platform/embedded-postgres/start.ts', import.meta.url),
);
const IS_ROOT = process.getuid?.() === 0;

/** A process that starts PostgreSQL, prints the URL or the error, and stops when stdin ends. */
const STARTER = `
import { startEmbeddedPostgres } from ${JSON.stringify(EMBEDDED)};
try {
  const { url, stop } = await startEmbeddedPostgres(process.argv[2]);
  console.log(url);
  process.stdin.resume().once('end', () => void stop());
} catch (error) {
  console.log(error.message);
  process.stdin.destroy();
}
`;

let used: Awaited<ReturnType<typeof makeUsed>>;
let root: string;
let dataDir: string;
let running: EmbeddedPostgres[];
let children: ChildProcess[];

beforeAll(async () => {
  used = await makeUsed();
});
afterAll(() => used?.remove());
beforeEach(() => {
  root = makeRoot();
  dataDir = join(root, 'data');
  running = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) await endOf(child, () => child.stdin?.end());
  for (const postgres of running) await postgres.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

describe('one process', () => {
  it('starts in an empty folder, and finds its data again at the next start', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await first.stop();

    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is durable, private and speaks Unicode', async () => {
    const { url } = await start();
    const rows = await query(
      url,
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages,
        current_setting('synchronous_commit') AS commit, current_setting('data_checksums') AS sums,
        current_setting('listen_addresses') AS address, upper('ä') AS upper`,
    );
    const on = { fsync: 'on', pages: 'on', commit: 'on', sums: 'on' };
    expect(rows).toEqual([{ ...on, address: '127.0.0.1', upper: 'Ä' }]);
    expect(statSync(join(dataDir, 'postgres/password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'postgres.log')).mode & 0o777).toBe(0o600);
    await expect(query(url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
  });

  it('tells when PostgreSQL dies, and starts again after it was killed', async () => {
    used.copyTo(dataDir);
    const first = await start({ whenItEnds: 'stay-down' });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    // A backend that computes does not notice its server's death, and would bar the next one.
    await keepBusy(first.url);
    process.kill(postmasterPid(dataDir), 'SIGKILL');
    await first.exited;

    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is not misled by a stranger that has the pid of a killed PostgreSQL', async () => {
    used.copyTo(dataDir);
    const first = await start({ whenItEnds: 'stay-down' });
    const killed = postmasterPid(dataDir);
    process.kill(killed, 'SIGKILL');
    await first.exited;
    const { uid, gid } = statSync(join(dataDir, 'postgres/cluster'));
    const stranger = spawn('sleep', ['60'], { uid, gid, cwd: '/' });
    const pidFile = join(dataDir, 'postgres/cluster/postmaster.pid');
    const content = readFileSync(pidFile, 'utf8');
    writeFileSync(pidFile, content.replace(`${killed}`, `${stranger.pid}`));

    await start();
    expect(stranger.kill()).toBe(true);
  });

  it('takes another port when the chosen one was taken meanwhile', async () => {
    used.copyTo(dataDir);
    const rival = createServer();
    await new Promise<void>((resolve) => rival.listen(0, '127.0.0.1', resolve));
    const { port } = rival.address() as { port: number };
    const ports = [port, await chooseFreePort()];
    const { url } = await start({ choosePort: async () => ports.shift() ?? 0 });
    expect(new URL(url).port).not.toBe(String(port));
    rival.close();
  });

  it('cuts a log that has grown too large', async () => {
    used.copyTo(dataDir);
    writeFileSync(join(dataDir, 'postgres.log'), Buffer.alloc(11 * 1_024 * 1_024, 'x'));
    await start();
    expect(statSync(join(dataDir, 'postgres.log')).size).toBeLessThan(10_000);
  });
});

describe('several processes', () => {
  it('stops the PostgreSQL that a killed process left behind, and takes over', async () => {
    used.copyTo(dataDir);
    const parent = spawnStarter();
    const url = await parent.line;
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const orphan = postmasterPid(dataDir);
    await endOf(parent.child, () => parent.child.kill('SIGKILL'));
    expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);

    const lines: string[] = [];
    const postgres = await start({ log: (line) => lines.push(line) });
    expect(await query(postgres.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(lines).toEqual([expect.stringContaining(`process ${orphan}`)]);
    expect(identityOf(orphan)).toBeUndefined();
  });

  it('refuses a folder in use, naming the owner', async () => {
    used.copyTo(dataDir);
    await start();
    await expect(start()).rejects.toThrow(
      new RegExp(`already in use by process ${process.pid}: .*DATA_DIR`),
    );
    const other = spawnStarter();
    expect(await other.line).toContain(`already in use by process ${process.pid}`);
  });

  it('lets exactly one of two racing processes win, also over a dead owner', async () => {
    used.copyTo(dataDir);
    const killed = spawnStarter();
    await killed.line;
    await endOf(killed.child, () => killed.child.kill('SIGKILL'));

    const lines = await Promise.all([spawnStarter().line, spawnStarter().line]);
    lines.sort();
    expect(lines[0]).toMatch(/already in use by process \d+/);
    expect(lines[1]).toMatch(/^postgres:/);
  });

  it('does not take a stranger with the owner’s pid for the owner', async () => {
    const stranger = { pid: process.pid, identity: 'another start time', token: 'x' };
    used.copyTo(dataDir);
    writeFileSync(join(dataDir, 'owner.7.json'), JSON.stringify({ ...stranger, released: false }));
    await start();
    expect(readdirSync(dataDir).filter((name) => name.startsWith('owner'))).toEqual([
      'owner.8.json',
    ]);
  });

  it('throws away what an interrupted initialisation left', async () => {
    mkdirSync(dataDir);
    const appeared = new Promise<void>((resolve) => {
      const watcher = watch(dataDir, (_, name) => {
        if (!name?.startsWith('postgres.init-')) return;
        watcher.close();
        resolve();
      });
    });
    const { child } = spawnStarter();
    await appeared;
    await endOf(child, () => child.kill('SIGKILL'));
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);

    const { url } = await start();
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readdirSync(dataDir).filter((name) => name.includes('init'))).toEqual([]);
  });
});

describe('the programs', () => {
  it('get their libraries’ links and executable bits back', async () => {
    const nativeDir = copyPrograms(join(root, 'native'));
    const link = join(nativeDir, firstLink(nativeDir));
    const target = readlinkSync(link);
    breakPrograms(nativeDir);

    await start({ nativeDir });
    expect(readlinkSync(link)).toBe(target);
  });

  it.skipIf(!IS_ROOT)('and data are used where only root can walk', async () => {
    const locked = join(root, 'locked');
    mkdirSync(locked, { mode: 0o700 });
    dataDir = join(locked, 'data');
    const nativeDir = copyPrograms(join(locked, 'native'));
    const lines: string[] = [];
    const first = await start({ nativeDir, log: (line) => lines.push(line) });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const copy = /using a copy in (.*)$/.exec(lines.join('\n'))?.[1];
    const second = await start({ nativeDir });
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(statSync(join(dataDir, 'postgres/cluster')).uid).not.toBe(0);

    await second.stop();
    expect(copy).toBeDefined();
    rmSync(copy ?? '', { recursive: true });
    if (readdirSync(dirname(copy ?? '')).length === 0)
      rmSync(dirname(copy ?? ''), { recursive: true });
  });

  it('that the system cannot load are reported with a way out', async () => {
    const nativeDir = join(root, 'musl');
    mkdirSync(join(nativeDir, 'bin'), { recursive: true });
    for (const name of ['initdb', 'postgres']) {
      writeFileSync(join(nativeDir, 'bin', name), '#!/lib/ld-of-another-libc\n', { mode: 0o755 });
    }
    await expectSentence(/does not run on this system \(.*ENOENT\): set DATABASE_URL/, nativeDir);
  });
});

describe('a folder that cannot be used', () => {
  it('because it is a file', async () => {
    writeFileSync(dataDir, '');
    await expectSentence(/a file is in its place.*DATA_DIR/);
    dataDir = join(dataDir, 'below');
    await expectSentence(/a file is in its place.*DATA_DIR/);
  });

  it('because another PostgreSQL version made it', async () => {
    used.copyTo(dataDir);
    writeFileSync(join(dataDir, 'postgres/cluster/PG_VERSION'), '14\n');
    await expectSentence(/made by PostgreSQL 14 and the bundled one is 18: .*DATABASE_URL/);
  });

  it('because the database or its password is gone', async () => {
    used.copyTo(dataDir);
    const home = join(dataDir, 'postgres');
    renameSync(join(home, 'password'), join(home, 'mislaid'));
    await expectSentence(/password file .* is missing: restore it/);
    rmSync(join(home, 'cluster'), { recursive: true });
    await expectSentence(/is incomplete \(no PG_VERSION\): restore it/);
  });

  it('because PostgreSQL itself refuses, in its own words', async () => {
    used.copyTo(dataDir);
    writeFileSync(join(dataDir, 'postgres/cluster/postgresql.conf'), 'no_such_setting = 1\n');
    await expectSentence(/did not start on .*configuration file.*contains errors.*postgres\.log/);
  });
});

async function start(options?: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(dataDir, options);
  running.push(postgres);
  return postgres;
}

async function expectSentence(sentence: RegExp, nativeDir = findNativeDir()): Promise<void> {
  const error = await start({ nativeDir }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EmbeddedPostgresError);
  expect(String(error)).toMatch(sentence);
  expect(String(error)).not.toContain('\n');
}

/** Resolves once a backend runs a query that never ends. */
async function keepBusy(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  const running = new Promise((resolve) => client.once('notice', resolve));
  const endless = `DO $$ BEGIN RAISE NOTICE 'running'; LOOP END LOOP; END $$`;
  client.query(endless).catch(() => undefined);
  await running;
}

function spawnStarter(): { child: ChildProcess; line: Promise<string> } {
  const script = join(root, 'starter.mts');
  writeFileSync(script, STARTER);
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    cwd: REPOSITORY,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => reject(new Error('the starter ended without a word')));
  });
  // Unheard by a test that kills the starter.
  line.catch(() => undefined);
  return { child, line };
}

async function endOf(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  end();
  await exited;
}

function copyPrograms(to: string): string {
  cpSync(findNativeDir(), to, { recursive: true, verbatimSymlinks: true });
  return to;
}

/** As an npm that runs no install scripts leaves them, and an archive without modes. */
function breakPrograms(nativeDir: string): void {
  for (const { target } of listLinks(nativeDir)) {
    unlinkSync(join(nativeDir, target.replace('native/', '')));
  }
  for (const name of ['initdb', 'postgres']) chmodSync(join(nativeDir, 'bin', name), 0o644);
}

function firstLink(nativeDir: string): string {
  return listLinks(nativeDir)[0]?.target.replace('native/', '') ?? '';
}

function listLinks(nativeDir: string): { target: string }[] {
  const list = readFileSync(join(nativeDir, 'pg-symlinks.json'), 'utf8');
  return JSON.parse(list) as { target: string }[];
}
