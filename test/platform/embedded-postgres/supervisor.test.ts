import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { findNativeDir } from '../../../src/platform/embedded-postgres/binaries.ts';
import { tellingEnd } from '../../../src/platform/embedded-postgres/error.ts';
import { identityOf, listWorkersOn } from '../../../src/platform/embedded-postgres/process.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../../src/platform/embedded-postgres/start.ts';
import { createFailureTeller } from '../../../src/platform/embedded-postgres/supervisor.ts';
import { makeRoot, makeUsed, postmasterPid, query } from '../../support/embedded.ts';
import { until } from '../../support/until.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let used: Awaited<ReturnType<typeof makeUsed>>;
let root: string;
let dataDir: string;
let postgres: EmbeddedPostgres | null;
let said: string[];

beforeAll(async () => {
  used = await makeUsed();
});
afterAll(() => used?.remove());
beforeEach(() => {
  root = makeRoot();
  dataDir = join(root, 'data');
  used.copyTo(dataDir);
  postgres = null;
  said = [];
});
afterEach(async () => {
  await postgres?.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

async function start(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  postgres = await startEmbeddedPostgres(dataDir, { log: (line) => said.push(line), ...options });
  return postgres;
}

const config = () => join(dataDir, 'postgres/cluster/postgresql.conf');
const hideConfig = () => renameSync(config(), `${config()}.hidden`);
const showConfig = () => renameSync(`${config()}.hidden`, config());
const saying = (words: RegExp) => until(() => said.find((line) => words.test(line)));

describe('a server that ends by itself', () => {
  test('is started again on its port with what was committed, each time', async () => {
    const { url } = await start();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    for (const time of [1, 2]) {
      const killed = postmasterPid(dataDir);
      process.kill(killed, 'SIGKILL');
      await until(() => said.filter((line) => line.includes('is back on port')).length === time);
      expect(await query(url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      expect(postmasterPid(dataDir)).not.toBe(killed);
    }
    expect(said[0]).toMatch(/ended by itself \(ended with SIGKILL.*\): starting it again/);
    expect(said[1]).toContain(`is back on port ${new URL(url).port} after`);
  });

  test('is tried until it starts, and the reason is said once', async () => {
    const { url } = await start();
    hideConfig();
    process.kill(postmasterPid(dataDir), 'SIGKILL');
    await saying(/does not start again \(.*configuration file.*\): trying until it does/);
    showConfig();
    await saying(/is back on port \d+ after [\d.]+ s \(try \d+\)/);
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(said.filter((line) => line.includes('does not start again'))).toHaveLength(1);
  });
});

describe('a stop', () => {
  test('while the next start is waited for is obeyed, and frees the folder', async () => {
    const first = await start();
    hideConfig();
    process.kill(postmasterPid(dataDir), 'SIGKILL');
    await saying(/does not start again/);
    await first.stop();
    await first.exited;
    expect(listWorkersOn(join(dataDir, 'postgres/cluster'))).toEqual([]);
    showConfig();
    expect(await query((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('while a start is under way ends that start and its process', async () => {
    const nativeDir = join(root, 'native');
    cpSync(findNativeDir(), nativeDir, { recursive: true, verbatimSymlinks: true });
    const first = await start({ nativeDir });
    const pidFile = join(root, 'open', 'slow.pid');
    mkdirSync(join(root, 'open'));
    chmodSync(join(root, 'open'), 0o777);
    // A start that takes for ever, as the replay of a long log seems to.
    const slowStart = [
      `echo $$ > ${pidFile}.new`,
      `mv ${pidFile}.new ${pidFile}`,
      'exec sleep 600',
    ];
    const program = join(nativeDir, 'bin/postgres');
    rmSync(program);
    writeFileSync(program, ['#!/bin/sh', ...slowStart, ''].join('\n'), { mode: 0o755 });
    process.kill(postmasterPid(dataDir), 'SIGKILL');
    const slow = await until(() => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')));
    expect(identityOf(slow)).toBeDefined();
    await first.stop();
    expect(identityOf(slow)).toBeUndefined();
  });
});

describe('what is said', () => {
  test('the same failure is counted, whatever process numbers it names', () => {
    const lines: string[] = [];
    const tell = createFailureTeller((line) => lines.push(line));
    for (let pid = 1; pid <= 100; pid += 1) tell(`could not write xlogtemp.${pid}`);
    tell('something else');
    expect(lines).toEqual([
      'PostgreSQL does not start again (could not write xlogtemp.1): trying until it does',
      'PostgreSQL does not start again (could not write xlogtemp.10): 10 times the same by now',
      'PostgreSQL does not start again (could not write xlogtemp.100): 100 times the same by now',
      'PostgreSQL does not start again (something else): trying until it does',
    ]);
  });

  test('the reason of an end is the last grave line, if it is recent and not a consequence', () => {
    const panic = '2026-01-01 10:00:00.000 UTC [7] PANIC:  could not write to file "pg_wal/x"';
    const log = [
      '2026-01-01 09:59:59.000 UTC [6] FATAL:  database "x" does not exist',
      panic,
      '2026-01-01 10:00:01.000 UTC [8] ERROR:  duplicate key',
      '2026-01-01 10:00:02.000 UTC [9] FATAL:  the database system is shutting down',
    ].join('\n');
    const atMs = Date.parse('2026-01-01T10:00:30Z');
    expect(tellingEnd(log, atMs)).toBe('PANIC: could not write to file "pg_wal/x"');
    expect(tellingEnd(log, atMs + 3_600_000)).toBeUndefined();
    expect(tellingEnd('', atMs)).toBeUndefined();
  });
});
