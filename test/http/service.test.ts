import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { servicePaths } from '../../src/http/openapi/service-paths.ts';
import type { Readiness } from '../../src/http/service.ts';
import { echo, type Running, serve } from './harness.ts';

describe('what needs no key', () => {
  let running: Running;
  let consoleFolder: string;
  beforeAll(async () => {
    consoleFolder = mkdtempSync(join(tmpdir(), 'postrider-docs-'));
    writeFileSync(join(consoleFolder, 'docs.html'), '<title>The reference</title>');
    running = await serve({ routes: [echo], consoleFolder });
  });
  afterAll(async () => {
    await running.close();
    rmSync(consoleFolder, { recursive: true });
  });

  const open = servicePaths.filter(({ roles }) => roles === undefined);
  test.each(open)('$path answers what the document says', async ({ path, type }) => {
    const answer = await running.call(path, { key: null });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect(answer.text).not.toBe('');
  });

  test('healthz tells the version', async () => {
    expect((await running.call('/healthz', { key: null })).json).toEqual({
      status: 'ok',
      version: '1.2.3',
    });
  });
});

describe('readyz', () => {
  let running: Running;
  afterEach(() => running.close());

  test.each([
    [{ database: false, queue: true }, 'Cannot be reached: database.'],
    [{ database: true, queue: false }, 'Cannot be reached: queue.'],
    [{ database: false, queue: false }, 'Cannot be reached: database, queue.'],
  ])('%j → 503', async (ready, detail) => {
    running = await serve({ readiness: async () => ({ ...ready, process: true, notes: [] }) });
    const answer = await running.call('/readyz', { key: null });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.json).toMatchObject({ code: 'unavailable', detail, ...ready });
  });

  test('many who ask at once share one look', async () => {
    let looks = 0;
    let answer = (_ready: Readiness): void => {};
    const looked = new Promise<Readiness>((resolve) => {
      answer = resolve;
    });
    running = await serve({
      readiness: () => {
        looks += 1;
        return looked;
      },
    });
    const asked = Array.from({ length: 5 }, () => running.call('/readyz'));
    await running.call('/healthz');
    answer({ database: true, queue: true, process: true, notes: [] });
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(looks).toBeLessThan(5);
  });
});
