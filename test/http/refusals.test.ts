import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { AuditEntry, AuditTrail } from '../../src/http/audit.ts';
import { KEYS, post, type Running, serve } from './harness.ts';

const MINUTE = 60_000;
let server: Running;
let nowMs = 1_000_000;
afterEach(() => server?.close());

const change = (path: string, action: `${string}.${string}`) =>
  post(path, async () => ({ status: 204 }), { audit: { action }, body: z.unknown() });

/** A server that only operators may change anything at, and what its log was given. */
async function guarded(begin: AuditTrail['begin'] = async () => 'aud') {
  const kept: AuditEntry[] = [];
  const ended: string[] = [];
  server = await serve({
    routes: [change('/v1/a/{id}', 'a.change'), change('/v1/b', 'b.change')],
    monotonicMs: () => nowMs,
    audit: {
      async begin(entry) {
        kept.push(entry);
        return begin(entry);
      },
      async end(id) {
        ended.push(id);
      },
    },
  });
  const refused = async (path: string, key: string) => {
    const { status } = await server.call(path, { method: 'POST', key, body: '{}' });
    return status;
  };
  return { kept, ended, refused };
}

test('a key that is refused over and over leaves one entry a minute for each action', async () => {
  const { kept, ended, refused } = await guarded();
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, n) => refused(`/v1/a/${n}`, KEYS.merchant)),
  );
  expect(new Set(all)).toEqual(new Set([403]));
  expect(kept).toHaveLength(1);
  expect(ended).toHaveLength(1);

  await refused('/v1/b', KEYS.merchant);
  await refused('/v1/a/1', KEYS.producer);
  expect(kept.map(({ action, principal }) => `${principal.role} ${action}`)).toEqual([
    'merchant a.change',
    'merchant b.change',
    'producer a.change',
  ]);

  nowMs += MINUTE - 1;
  await refused('/v1/a/1', KEYS.merchant);
  expect(kept).toHaveLength(3);
  nowMs += 2;
  await refused('/v1/a/1', KEYS.merchant);
  await refused('/v1/a/1', KEYS.merchant);
  expect(kept).toHaveLength(4);
});

test('a refusal that could not be kept has not used up its minute', async () => {
  let isBroken = true;
  const { kept, refused } = await guarded(async () => {
    if (isBroken) throw new Error('the database is away');
    return 'aud';
  });
  expect(await refused('/v1/b', KEYS.merchant)).toBe(500);
  isBroken = false;
  expect(await refused('/v1/b', KEYS.merchant)).toBe(403);
  expect(kept).toHaveLength(2);
});
