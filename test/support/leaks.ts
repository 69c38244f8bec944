import { setTimeout as pause } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { killEveryRedis } from './redis.ts';

/** What must not outlive a test file: open servers, connections, child processes. */
const WATCHED = ['TCPServerWrap', 'TCPSocketWrap', 'TLSWrap', 'ProcessWrap', 'FSEventWrap'];
const GRACE_MS = 3000;

const before = count();

// Vitest ends a process that doesn't end by itself with SIGTERM, which runs no exit hook.
process.once('SIGTERM', () => {
  killEveryRedis();
  process.kill(process.pid, 'SIGKILL');
});

// Registered before any hook of the file itself, and therefore run after all of them.
afterAll(async () => {
  const endsAt = performance.now() + GRACE_MS;
  let left = leaked();
  while (left.length > 0 && performance.now() < endsAt) {
    await pause(20);
    left = leaked();
  }
  if (left.length > 0) {
    throw new Error(`The file left open: ${left.join(', ')}. Close it in afterEach or afterAll.`);
  }
}, 2 * GRACE_MS);

function leaked(): string[] {
  const now = count();
  return WATCHED.flatMap((kind) => {
    const extra = (now.get(kind) ?? 0) - (before.get(kind) ?? 0);
    return extra > 0 ? [`${extra} × ${kind}`] : [];
  });
}

function count(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
