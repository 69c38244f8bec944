import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScreen } from '../src/demo/screen.ts';
import { identityOf } from '../src/platform/embedded-postgres/process.ts';
import { spawnProgram, temporaryFolder } from './support/process.ts';

const LIMIT_MS = 20_000;
const PAGE_COLUMNS = 100;

describe('npm run demo', { timeout: 2 * LIMIT_MS }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  /** In a temporary folder of its own, so that whatever it leaves behind is seen. */
  const start = (env: Record<string, string> = {}) =>
    spawnProgram('dist/demo/main.js', { cwd: folder.path, env: { TMPDIR: folder.path, ...env } });

  test('two failures, a delivery down the ladder, and what the API says of them', async () => {
    const startedAt = performance.now();
    // What is set for the real thing must not reach it, nor colours where nobody looks.
    const demo = start({ DATABASE_URL: 'postgres://nowhere.invalid/none', FORCE_COLOR: '1' });
    const exit = await demo.exited;
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
    expect(exit).toMatchObject({ code: 0, stderr: '' });

    const attempts = [
      ...exit.stdout.matchAll(/^ +([\d.]+) s {2}attempt (\d) {2}[✓✗] (\d+) {2}(.*)$/gm),
    ];
    expect(attempts.map(([, , ...seen]) => seen)).toEqual([
      ['1', '500', 'our database is down'],
      ['2', '500', 'our database is down'],
      ['3', '200', 'signature verified, thank you'],
    ]);
    const [first = 0, second = 0, third = 0] = attempts.map(([, seconds]) => Number(seconds));
    expect(second - first).toBeGreaterThanOrEqual(1.95);
    expect(third - second).toBeGreaterThanOrEqual(2.95);
    expect(exit.stdout.match(/next in \d s$/gm)).toEqual(['next in 2 s', 'next in 3 s']);

    const id = /ntf_\w+/.exec(exit.stdout)?.[0];
    expect(exit.stdout).toContain(`GET /v1/notifications/${id}`);
    expect(exit.stdout).toContain('"status": "delivered"');
    expect(exit.stdout).toContain('"attemptCount": 3');
    expect(exit.stdout).toMatch(/^ {2}3 .* success +200 signature verified/m);
    const lines = exit.stdout.trim().split('\n');
    expect(lines.at(-1)).toContain('npm start');
    expect(exit.stdout).not.toContain('\u001B');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(PAGE_COLUMNS);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s in the middle of it leaves nothing behind', async (signal, code) => {
    const demo = start();
    await demo.says((stdout) => (stdout.includes('attempt 1') ? true : null));
    const data = readdirSync(folder.path);
    expect(data).toHaveLength(1);
    const exit = await demo.kill(signal);
    expect(exit).toMatchObject({ code, stderr: '' });
    expect(exit.stdout).not.toContain('attempt 2');
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('so does a Ctrl-C while it is still starting', async () => {
    const demo = start();
    await demo.says((stdout) => (stdout.includes('Postrider') ? true : null));
    const exit = await demo.kill('SIGINT');
    expect(exit).toMatchObject({ code: 130, stderr: '' });
    expect(identityOf(demo.pid)).toBeUndefined();
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('its screen', () => {
  function screenOn(terminal: { isTTY?: boolean; hasColors?: () => boolean }) {
    let written = '';
    const screen = createScreen({
      ...terminal,
      write(text) {
        written += text;
      },
    });
    return { screen, written: () => written };
  }

  test('rewrites its live line on a terminal, and the next line takes its place', () => {
    const { screen, written } = screenOn({ isTTY: true, hasColors: () => true });
    screen.live('in 2 s');
    screen.live('in 1 s');
    screen.line(screen.paint('green', 'done'));
    screen.line('end');
    expect(written()).toBe('in 2 s\r\u001B[2Kin 1 s\r\u001B[2K\u001B[32mdone\u001B[39m\nend\n');
  });

  test('has no colours on a terminal without them', () => {
    const { screen } = screenOn({ isTTY: true, hasColors: () => false });
    expect(screen.paint('green', 'done')).toBe('done');
  });

  test('writes neither colours nor live lines elsewhere', () => {
    const { screen, written } = screenOn({ hasColors: () => true });
    screen.live('in 2 s');
    screen.line(screen.paint('green', 'done'));
    expect(written()).toBe('done\n');
  });
});
