import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start.ts';
import { readOrMake, writeSecret } from '../../src/platform/secrets/kept-secret.ts';
import { apiOf } from '../support/api.ts';
import { makeUsed, openLogFiller } from '../support/embedded.ts';
import { runGateway, spawnGateway, temporaryFolder } from '../support/process.ts';
import { mayMount, mountSmallDisk } from '../support/small-disk.ts';

const IS_ROOT = process.getuid?.() === 0;
const NOBODY = 65_534;
/** With CI=true nothing may be left out. */
const MOUNTS = process.env.CI === 'true' || mayMount();

vi.setConfig({ testTimeout: 60_000 });

/** What was thrown, in one line. */
async function sentenceOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => null,
    (thrown: Error) => thrown,
  );
  expect(error?.message).not.toContain('\n');
  return error?.message ?? '';
}

/** Root may read and write everything; for a moment it isn't root. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (!IS_ROOT) return work();
  process.seteuid?.(NOBODY);
  return work().finally(() => process.seteuid?.(0));
}

describe('keys beside the database', () => {
  test('that were emptied: the operator’s is made anew, the one that sealed is asked for', async () => {
    const folder = await temporaryFolder();
    const dataDir = folder.path;
    await (await spawnGateway({ dataDir })).kill('SIGTERM');
    const encryptionKey = readFileSync(join(dataDir, 'encryption-key'));
    truncateSync(join(dataDir, 'encryption-key'));
    truncateSync(join(dataDir, 'operator-key'));
    const refused = await runGateway({ dataDir });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^Postrider cannot start: The key file .*encryption-key is missing or empty.*restore.*\n$/,
    );

    writeFileSync(join(dataDir, 'encryption-key'), encryptionKey);
    const gateway = await spawnGateway({ dataDir });
    const operatorKey = readFileSync(join(dataDir, 'operator-key'), 'utf8').trim();
    expect(gateway.stdout()).toContain('made now');
    expect(gateway.stdout()).not.toContain(operatorKey);
    await apiOf(() => gateway.url, operatorKey)
      .get('/v1/queues')
      .expect(200);
    await gateway.kill('SIGTERM');
    await folder.remove();
  });

  test('are written whole, for their owner alone, and read again', async () => {
    const folder = await temporaryFolder();
    const file = join(folder.path, 'key');
    expect(await readOrMake(file, () => 'first')).toEqual({ text: 'first', isNew: true });
    expect(await readOrMake(file, () => 'second')).toEqual({ text: 'first', isNew: false });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await folder.remove();
  });

  test('that this user may not read or write are named, with what to do', async () => {
    const folder = await temporaryFolder();
    const file = join(folder.path, 'key');
    await writeSecret(file, 'secret');
    chmodSync(folder.path, 0o555);
    chmodSync(file, 0o000);
    const make = () => 'another';
    expect(await asNobody(() => sentenceOf(readOrMake(file, make)))).toMatch(
      /key cannot be read \(EACCES.*\): start as the user it belongs to/,
    );
    expect(await asNobody(() => sentenceOf(readOrMake(`${file}2`, make)))).toMatch(
      /key2 cannot be written \(EACCES.*\): see that its disk has room, and that this user may/,
    );
    chmodSync(folder.path, 0o755);
    await folder.remove();
  });
});

describe('a data folder', () => {
  test('whose files this user may not read is told from one that has no room', async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'owner.1.json'), '{}', { mode: 0o000 });
    chmodSync(folder.path, 0o777);
    expect(await asNobody(() => sentenceOf(startEmbeddedPostgres(folder.path)))).toMatch(
      /could not be started in .*EACCES.*: start as the user whom its files belong to/,
    );
    await folder.remove();
  });

  test.skipIf(!IS_ROOT)('stays its user’s own when root has used it', async () => {
    const folder = await temporaryFolder();
    chownSync(folder.path, NOBODY, NOBODY);
    const umask = process.umask(0o077);
    await (await startEmbeddedPostgres(folder.path)).stop();
    process.umask(umask);
    const { uid, mode } = statSync(join(folder.path, 'owner.1.json'));
    expect([uid, mode & 0o777]).toEqual([NOBODY, 0o644]);
    await folder.remove();
  });

  test.skipIf(!MOUNTS)('on a disk without any room is refused, with the cure', async () => {
    const disk = mountSmallDisk(1);
    disk.fill();
    expect(await sentenceOf(startEmbeddedPostgres(join(disk.path, 'data')))).toMatch(
      /could not be started in .*no space left.*: make room on its disk/,
    );
    disk.remove();
  });

  test.skipIf(!MOUNTS)('on a disk without room for a new database, too', async () => {
    const disk = mountSmallDisk(20);
    expect(await sentenceOf(startEmbeddedPostgres(disk.path))).toMatch(
      /No database could be made in .*No space left on device.*: see that the disk has room/,
    );
    disk.remove();
  });

  test.skipIf(!MOUNTS)('that has a database and no room for its log, too', async () => {
    const disk = mountSmallDisk(100);
    const dataDir = join(disk.path, 'data');
    const used = await makeUsed();
    used.copyTo(dataDir);
    used.remove();
    const first = await startEmbeddedPostgres(dataDir, { whenItEnds: 'stay-down' });
    const filler = await openLogFiller(first.url);
    const spare = join(disk.path, 'spare');
    writeFileSync(spare, Buffer.alloc(100_000));
    disk.fill();
    await filler.writeUntilItEnds();
    await first.exited;
    truncateSync(spare);
    expect(await sentenceOf(startEmbeddedPostgres(dataDir))).toMatch(
      /did not start on .*(No space left|disk is full).*: make room on its disk/,
    );
    disk.free();
    await (await startEmbeddedPostgres(dataDir)).stop();
    disk.remove();
  });

  test.skipIf(!MOUNTS)('that can only be read is refused, with the cure', async () => {
    const disk = mountSmallDisk(1);
    mkdirSync(join(disk.path, 'data'));
    disk.makeReadOnly();
    expect(await sentenceOf(startEmbeddedPostgres(join(disk.path, 'data')))).toMatch(
      /cannot be used \(EROFS.*\): set DATA_DIR to a folder that this user may write/,
    );
    disk.remove();
  });
});
