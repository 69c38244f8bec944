import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits for what gives no signal, such as a row's state: looks every 20 ms until `look` answers
 * something other than undefined, null or false.
 *
 * @throws when `timeoutMs` (10 s) has passed, with the last error of `look` as its cause
 */
export async function until<T>(
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const seen = await look();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > endsAt) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${options.what ?? look.toString()}`, {
        cause: failure,
      });
    }
    await pause(20);
  }
}
