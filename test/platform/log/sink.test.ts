import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { mayMount, mountSmallDisk } from '../../support/small-disk.ts';
import { until } from '../../support/until.ts';

/** Logs a line of 1 kB every ms, and says on standard error how it fares. */
const PROGRAM = `
  import { openLog } from './src/platform/log/open.ts';
  const { log, sink } = openLog('info');
  const line = 'x'.repeat(1000);
  const writing = setInterval(() => { for (let i = 0; i < 20; i += 1) log.info(line); }, 20);
  setInterval(() => process.stderr.write(sink.lostLines() + '\\n'), 50);
  process.on('SIGTERM', async () => { clearInterval(writing); await sink.close(); process.exit(0); });
`;

const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});

function start(stdout: number | 'pipe') {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', stdout, 'pipe'],
  });
  running.push(child);
  const lost: number[] = [];
  child.stderr?.on('data', (chunk) => {
    for (const word of String(chunk).split('\n')) if (word !== '') lost.push(Number(word));
  });
  return { child, lost, lostLines: () => lost.at(-1) ?? 0 };
}

describe('a log that nobody takes any more', () => {
  test('because its reader sleeps: lines are lost and counted, and SIGTERM still ends the program', async () => {
    const { child, lostLines } = start('pipe');
    await until(() => lostLines() > 100, { timeoutMs: 30_000 });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('because its reader is gone: the program goes on', async () => {
    const { child, lostLines } = start('pipe');
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    await until(() => lostLines() > 100, { timeoutMs: 30_000 });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test.skipIf(!mayMount() && process.env.CI !== 'true')(
    'because the disk is full: lines are lost, it says how many once there is room, and SIGTERM ends it',
    async () => {
      const disk = mountSmallDisk(16);
      disk.fill();
      try {
        const file = `${disk.path}/log`;
        const descriptor = openSync(file, 'a');
        const { child, lostLines } = start(descriptor);
        closeSync(descriptor);
        await until(() => lostLines() > 100, { timeoutMs: 30_000 });
        disk.free();
        await until(
          () => existsSync(file) && /lines of this log were lost/.test(readFileSync(file, 'utf8')),
        );
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
      } finally {
        disk.remove();
      }
    },
  );
});
