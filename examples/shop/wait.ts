import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;
/** A machine under load may be a hundred times slower than usual. */
const LIMIT_MS = 120_000;

/**
 * Looks until it is so.
 *
 * @param what for the error: what is waited for
 * @throws Error with what there was instead, after two minutes; and when `signal` aborts
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T>,
  isSo: (found: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const endsAt = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (isSo(found)) return found;
    if (performance.now() > endsAt) {
      const instead = JSON.stringify(found).slice(0, 500);
      throw new Error(`waited ${LIMIT_MS} ms for ${what}, and there is ${instead}`);
    }
    await pause(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** A signal that one side waits for and the other gives. */
export function signalled() {
  let now = () => {};
  const promise = new Promise<void>((resolve) => {
    now = resolve;
  });
  return { promise, now };
}
