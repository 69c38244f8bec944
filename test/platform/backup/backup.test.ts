import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkCopy } from '../../../src/platform/backup/check.ts';
import { restoreBackup } from '../../../src/platform/backup/restore.ts';
import { segmentsBetween } from '../../../src/platform/backup/segments.ts';
import { type Ledger, openBackupSession } from '../../../src/platform/backup/session.ts';
import { takeBackup } from '../../../src/platform/backup/take.ts';
import {
  findNativeDir,
  prepareBinaries,
} from '../../../src/platform/embedded-postgres/binaries.ts';
import { chooseUser, clusterDir } from '../../../src/platform/embedded-postgres/cluster.ts';
import { chooseFreePort, launch } from '../../../src/platform/embedded-postgres/server.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/start.ts';
import { copyTree, makeRoot, query } from '../../support/embedded.ts';
import { mayMount, mountSmallDisk, type SmallDisk } from '../../support/small-disk.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** With CI=true nothing may be left out. */
const MOUNTS = process.env.CI === 'true' || mayMount();
const QUIET = { begin: () => () => {} };

/** A database with a table and an index, stopped, and backups of it that no test changes. */
let master: { root: string; dataDir: string; checked: string; unchecked: string };
let root: string;
let dataDir: string;
let running: EmbeddedPostgres[];

beforeAll(async () => {
  const folder = makeRoot();
  master = {
    root: folder,
    dataDir: join(folder, 'data'),
    checked: join(folder, 'checked'),
    unchecked: join(folder, 'unchecked'),
  };
  const postgres = await startEmbeddedPostgres(master.dataDir);
  await query(
    postgres.url,
    'CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n',
  );
  await query(postgres.url, 'CREATE INDEX kept_md5 ON kept (md5)');
  await postgres.stop();
  writeFileSync(join(master.dataDir, 'encryption-key'), 'sealing\n', { mode: 0o600 });
  writeFileSync(join(master.dataDir, 'operator-key'), 'operator\n', { mode: 0o600 });
  await take({ dataDir: master.dataDir, target: master.checked });
  await take({ dataDir: master.dataDir, target: master.unchecked, check: false });
});
afterAll(() => rmSync(master.root, { recursive: true, force: true }));

beforeEach(() => {
  root = makeRoot();
  dataDir = join(root, 'data');
  running = [];
});
afterEach(async () => {
  for (const postgres of running) await postgres.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

function take(options: Partial<Parameters<typeof takeBackup>[0]>) {
  const signal = new AbortController().signal;
  const target = join(root ?? '', 'backup');
  const log = () => {};
  return takeBackup({ dataDir, target, check: true, signal, progress: QUIET, log, ...options });
}

function restore(from: string, options: Partial<Parameters<typeof restoreBackup>[0]> = {}) {
  const signal = new AbortController().signal;
  const log = () => {};
  return restoreBackup({
    from,
    dataDir,
    existing: 'refuse',
    signal,
    progress: QUIET,
    log,
    ...options,
  });
}

async function start(folder = dataDir): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(folder, { whenItEnds: 'stay-down' });
  running.push(postgres);
  return postgres;
}

/** A server that nobody holds the folder's lock for. */
function launchOn(folder: string) {
  const runAs = chooseUser(folder);
  return launch({
    cluster: { dir: clusterDir(folder), password: '', runAs },
    binaries: prepareBinaries(findNativeDir(), runAs, folder, () => {}),
    logFile: join(root, 'launched.log'),
    choosePort: chooseFreePort,
  });
}

async function sentenceOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => null,
    (thrown: Error) => thrown,
  );
  expect(error?.name).toMatch(/^(BackupError|EmbeddedPostgresError)$/);
  expect(error?.message).not.toContain('\n');
  return error?.message ?? '';
}

/** A copy of one of the backups, to be damaged. */
function copyOf(backup: string): string {
  const copy = join(root, 'copy');
  copyTree(backup, copy);
  return copy;
}

const COUNT = 'SELECT count(*)::int AS rows, count(DISTINCT md5)::int AS sums FROM kept';
const ALL = [{ rows: 5000, sums: 5000 }];

describe('a backup', () => {
  test('of a stopped database is restored elsewhere, with the secrets beside it', async () => {
    const { manifest, movedTo } = await restore(master.checked);
    expect(manifest).toMatchObject({
      isChecked: true,
      hasEncryptionKey: true,
      postgresMajor: '18',
    });
    expect(movedTo).toBeNull();
    for (const [name, text] of [
      ['encryption-key', 'sealing\n'],
      ['operator-key', 'operator\n'],
    ] as const) {
      expect(readFileSync(join(dataDir, name), 'utf8')).toBe(text);
      expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    }
    expect(await query((await start()).url, COUNT)).toEqual(ALL);
    expect(readdirSync(dataDir).filter((name) => name.includes('partial'))).toEqual([]);
  });

  test('that was checked is a database stopped in order; one that was not replays its log', async () => {
    expect(existsSync(join(clusterDir(master.checked), 'backup_label'))).toBe(false);
    expect(existsSync(join(clusterDir(master.unchecked), 'backup_label'))).toBe(true);
    const { manifest } = await restore(master.unchecked);
    expect(manifest.isChecked).toBe(false);
    expect(await query((await start()).url, COUNT)).toEqual(ALL);
    expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).toContain(
      'completed backup recovery',
    );
  });

  test('of a running database has what was committed before it, and leaves nothing behind there', async () => {
    await restore(master.checked);
    const { url } = await start();
    await query(url, 'CREATE TABLE late AS SELECT 42 AS answer');
    const { checked } = await take({});
    expect(checked?.tables).toBeGreaterThan(50);
    expect(checked?.rows).toBeGreaterThan(5000);
    expect(checked?.indexes).toBeGreaterThan(100);
    expect(await query(url, 'SELECT slot_name FROM pg_replication_slots')).toEqual([]);
    const target = join(root, 'backup');
    expect(readdirSync(target).sort()).toEqual([
      'backup.json',
      'encryption-key',
      'operator-key',
      'postgres',
    ]);
    expect(statSync(join(target, 'backup.json')).mode & 0o777).toBe(0o600);

    const elsewhere = join(root, 'elsewhere');
    await restore(target, { dataDir: elsewhere });
    expect(await query((await start(elsewhere)).url, 'SELECT answer FROM late')).toEqual([
      { answer: 42 },
    ]);
  });

  test('that is cancelled leaves nothing', async () => {
    const cancelled = new AbortController();
    const progress = { begin: () => () => cancelled.abort() };
    await expect(
      take({ dataDir: master.dataDir, signal: cancelled.signal, progress }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(root)).toEqual([]);
  });

  test('goes over what a killed one has left, and waits for one that is under way', async () => {
    const draft = join(root, 'backup.partial');
    copyTree(master.unchecked, draft);
    const dead = { pid: 1, identity: 'another start time', token: 'x', released: false };
    writeFileSync(join(draft, 'owner.1.json'), JSON.stringify(dead));
    const checking = await launchOn(draft);
    await take({ dataDir: master.dataDir });
    await checking.exited;

    const [first, second] = await Promise.allSettled([
      take({ dataDir: master.dataDir, target: join(root, 'twice') }),
      take({ dataDir: master.dataDir, target: join(root, 'twice') }),
    ]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    const { reason } = [first, second].find((each) => each.status === 'rejected') as {
      reason: Error;
    };
    expect(reason.message).toMatch(/Another backup to this folder is under way \(process \d+\)/);
  });
});

test('a database that is stopped during a backup ends it with one sentence', async () => {
  await restore(master.checked);
  const postgres = await start();
  const session = await openBackupSession(postgres.adminUrl);
  await postgres.stop();
  expect(await sentenceOf(session.end())).toMatch(
    /cannot be backed up at the moment \(.+\): try again once the gateway answers/,
  );
  await session.close();
});

describe('no backup is made', () => {
  test('to a folder that is there, or below one that is not', async () => {
    mkdirSync(join(root, 'backup'));
    expect(await sentenceOf(take({ dataDir: master.dataDir }))).toMatch(
      /backup is there already: name/,
    );
    const target = join(root, 'none', 'backup');
    expect(await sentenceOf(take({ dataDir: master.dataDir, target }))).toMatch(
      /There is no folder .*none to put backup in: make it first/,
    );
  });

  test('of a folder without a database', async () => {
    expect(await sentenceOf(take({}))).toMatch(/no embedded database in .*data: set DATA_DIR/);
    expect(existsSync(join(root, 'backup.partial'))).toBe(false);
  });

  test.skipIf(!MOUNTS)('on a disk without room, and nothing is left on it', async () => {
    const disk = mountSmallDisk(20);
    const target = join(disk.path, 'backup');
    expect(await sentenceOf(take({ dataDir: master.dataDir, target }))).toMatch(
      /There is no room in .*: \d+ MB are needed and .* are free; make room/,
    );
    expect(readdirSync(disk.path)).toEqual([]);
    disk.remove();
  });
});

describe('a check finds', () => {
  const NONE: Ledger = { systemId: '', migrations: [] };

  async function check(copy: string, ledger?: Ledger): Promise<unknown> {
    const binaries = prepareBinaries(findNativeDir(), chooseUser(copy), copy, () => {});
    const password = readFileSync(join(copy, 'postgres/password'), 'utf8');
    const signal = new AbortController().signal;
    const wanted = ledger ?? { ...NONE, systemId: await systemId() };
    return checkCopy(copy, password, binaries, { ledger: wanted, signal, progress: QUIET });
  }

  let known: string | undefined;
  async function systemId(): Promise<string> {
    if (known === undefined) {
      const postgres = await startEmbeddedPostgres(master.dataDir);
      const rows = await query(
        postgres.url,
        'SELECT system_identifier::text AS id FROM pg_control_system()',
      );
      await postgres.stop();
      known = (rows[0] as { id: string }).id;
    }
    return known;
  }

  /** The file of a table or an index, by a database that has it. */
  async function fileOf(relation: string): Promise<string> {
    const postgres = await startEmbeddedPostgres(master.dataDir);
    const rows = await query(postgres.url, `SELECT pg_relation_filepath('${relation}') AS path`);
    await postgres.stop();
    return (rows[0] as { path: string }).path;
  }

  test('nothing in a good copy', async () => {
    expect(await check(copyOf(master.unchecked))).toMatchObject({ rows: expect.any(Number) });
  });

  test('that the log is missing', async () => {
    const copy = copyOf(master.unchecked);
    for (const name of readdirSync(join(clusterDir(copy), 'pg_wal'))) {
      rmSync(join(clusterDir(copy), 'pg_wal', name), { recursive: true });
    }
    expect(await sentenceOf(check(copy))).toMatch(
      /not good \(PostgreSQL does not start on it: .*\)/,
    );
  });

  test.each(['kept', 'kept_md5'])('a page of %s that was changed', async (relation) => {
    const copy = copyOf(master.unchecked);
    const file = join(clusterDir(copy), await fileOf(relation));
    const content = readFileSync(file);
    content.fill(0x55, content.length - 100);
    writeFileSync(file, content);
    expect(await sentenceOf(check(copy))).toMatch(/not good \(.*invalid page/);
  });

  test('an index that lacks what its table has', async () => {
    const copy = copyOf(master.unchecked);
    const postgres = await startEmbeddedPostgres(copy);
    // The index as it was, beside rows that came since.
    const path = join(clusterDir(copy), await fileOf('kept_md5'));
    const before = readFileSync(path);
    await query(
      postgres.url,
      `INSERT INTO kept SELECT n, 'new ' || n FROM generate_series(1, 10) n`,
    );
    await postgres.stop();
    writeFileSync(path, before);
    expect(await sentenceOf(check(copy))).toMatch(/not good \(.*lacks matching index tuple/);
  });

  test('a migration that is missing, and another database', async () => {
    const systemIdentifier = await systemId();
    const missing = { systemId: systemIdentifier, migrations: ['0001_foundation abc'] };
    expect(await sentenceOf(check(copyOf(master.unchecked), missing))).toMatch(
      /migration 0001_foundation abc is missing/,
    );
    rmSync(join(root, 'copy'), { recursive: true });
    expect(await sentenceOf(check(copyOf(master.unchecked), NONE))).toMatch(/of another database/);
  });
});

describe('a restore is refused', () => {
  test('where there is no whole backup', async () => {
    expect(await sentenceOf(restore(join(root, 'none')))).toMatch(/no backup of Postrider/);
    expect(await sentenceOf(restore(master.dataDir))).toMatch(/no backup of Postrider/);
    const copy = copyOf(master.checked);
    writeFileSync(join(copy, 'backup.json'), '{"kind":');
    expect(await sentenceOf(restore(copy))).toMatch(/damaged or of another version/);
    expect(existsSync(dataDir)).toBe(false);
  });

  test('where a part of the log is gone, or a file was cut short or changed', async () => {
    const copy = copyOf(master.unchecked);
    const folder = join(clusterDir(copy), 'pg_wal');
    const log = join(folder, readdirSync(folder).find((name) => /^[0-9A-F]{24}$/.test(name)) ?? '');
    const content = readFileSync(log);
    const refusals: [() => void, RegExp][] = [
      [() => rmSync(log), /pg_wal\/\w+ is missing/],
      [() => writeFileSync(log, content.subarray(0, 1_000_000)), /pg_wal\/\w+ is not what it was/],
      [() => writeFileSync(log, content.fill(1, 500, 501)), /pg_wal\/\w+ is not what it was/],
    ];
    for (const [damage, words] of refusals) {
      damage();
      expect(await sentenceOf(restore(copy))).toMatch(words);
      expect(readdirSync(dataDir).filter((name) => !name.startsWith('owner'))).toEqual([]);
    }
  });

  test('where a manifest leads out of the folder', async () => {
    const copy = copyOf(master.checked);
    const manifest = JSON.parse(readFileSync(join(copy, 'backup.json'), 'utf8'));
    manifest.files[0].path = '../../elsewhere';
    writeFileSync(join(copy, 'backup.json'), JSON.stringify(manifest));
    expect(await sentenceOf(restore(copy))).toMatch(/damaged or of another version/);
  });

  test('where another PostgreSQL made it', async () => {
    const copy = copyOf(master.checked);
    const manifest = JSON.parse(readFileSync(join(copy, 'backup.json'), 'utf8'));
    writeFileSync(join(copy, 'backup.json'), JSON.stringify({ ...manifest, postgresMajor: '17' }));
    expect(await sentenceOf(restore(copy))).toMatch(
      /one of PostgreSQL 17 and the bundled one is 18/,
    );
  });

  test('where a gateway runs, and where there is a database that nobody said to replace', async () => {
    await restore(master.checked);
    const postgres = await start();
    expect(await sentenceOf(restore(master.checked, { existing: 'move aside' }))).toMatch(
      new RegExp(`already in use by process ${process.pid}: stop that process`),
    );
    await postgres.stop();
    expect(await sentenceOf(restore(master.checked))).toMatch(
      /there is a database already.*--replace/,
    );
    expect(await query((await start()).url, COUNT)).toEqual(ALL);
  });

  test.skipIf(!MOUNTS)('where there is no room', async () => {
    const disk: SmallDisk = mountSmallDisk(20);
    expect(await sentenceOf(restore(master.checked, { dataDir: disk.path }))).toMatch(
      /There is no room in .*: \d+ MB are needed/,
    );
    expect(readdirSync(disk.path).filter((name) => !name.startsWith('owner'))).toEqual([]);
    disk.remove();
  });
});

describe('a restore that replaces', () => {
  test('moves what is there aside, whole', async () => {
    await restore(master.checked);
    const old = await start();
    await query(old.url, 'CREATE TABLE newer AS SELECT 1 AS one');
    await old.stop();
    writeFileSync(join(dataDir, 'operator-key'), 'newer\n');
    const { movedTo } = await restore(master.checked, { existing: 'move aside' });

    const restored = await start();
    expect(await query(restored.url, `SELECT to_regclass('newer') AS found`)).toEqual([
      { found: null },
    ]);
    expect(readFileSync(join(dataDir, 'operator-key'), 'utf8')).toBe('operator\n');
    expect(movedTo).toMatch(/\/data\/replaced-\d{4}-/);
    expect(await query((await start(movedTo ?? '')).url, 'SELECT one FROM newer')).toEqual([
      { one: 1 },
    ]);
    expect(readFileSync(join(movedTo ?? '', 'operator-key'), 'utf8')).toBe('newer\n');
  });

  test('and was killed between its renames lets no gateway begin a new database', async () => {
    await restore(master.checked);
    // As after the old database went aside, and before the new one came.
    mkdirSync(join(dataDir, 'restore.partial'));
    mkdirSync(join(dataDir, 'replaced-then'));
    rmSync(join(dataDir, 'postgres'), { recursive: true });
    expect(await sentenceOf(startEmbeddedPostgres(dataDir))).toMatch(
      /A restore into .* was cut off: begin it again/,
    );
    const copy = copyOf(master.checked);
    truncateSync(join(copy, 'postgres/password'));
    expect(await sentenceOf(restore(copy, { existing: 'move aside' }))).toMatch(/not whole/);
    expect(await sentenceOf(startEmbeddedPostgres(dataDir))).toMatch(/was cut off/);

    await restore(master.checked, { existing: 'move aside' });
    expect(await query((await start()).url, COUNT)).toEqual(ALL);
  });
});

test('the parts of the log go from the first to the one with the last byte', () => {
  const mb16 = 16 * 1_024 * 1_024;
  expect(segmentsBetween('00000001000000000000000A', '0/A000028', mb16)).toEqual([
    '00000001000000000000000A',
  ]);
  // The border belongs to the one before it.
  expect(segmentsBetween('00000001000000000000000A', '0/B000000', mb16)).toHaveLength(1);
  expect(segmentsBetween('00000001000000000000000A', '0/B000001', mb16)).toHaveLength(2);
  expect(segmentsBetween('0000000200000001000000FE', '2/1000028', mb16)).toEqual([
    '0000000200000001000000FE',
    '0000000200000001000000FF',
    '000000020000000200000000',
    '000000020000000200000001',
  ]);
  expect(segmentsBetween('000000010000000100000003', '2/40000028', 1_024 * 1_024 * 1_024)).toEqual([
    '000000010000000100000003',
    '000000010000000200000000',
    '000000010000000200000001',
  ]);
});
