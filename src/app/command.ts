import { existsSync } from 'node:fs';
import { type Config, readConfig } from '../config.ts';

/**
 * The settings of a program that somebody has started: from the environment and the file `.env`.
 * Wrong ones end the process, with everything that is wrong in one list.
 *
 * @param failure what cannot be done with them, e.g. `Postrider cannot start`
 */
export function readSettings(failure: string): Config {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const read = readConfig(process.env);
  if ('config' in read) return read.config;
  const faults = read.faults.map((fault) => `  - ${fault}`).join('\n');
  process.stderr.write(`${failure} with these settings:\n${faults}\n`);
  process.exit(1);
}

/** Aborted by Ctrl-C or SIGTERM, for work that leaves nothing behind then; a second one ends it at once. */
export function abortOnSignals(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked.signal.aborted) process.exit(1);
      asked.abort();
    });
  }
  return asked.signal;
}

/** Ends the process with one sentence. */
export function endWith(failure: string, error: unknown): never {
  const isCancelled = error instanceof Error && error.name === 'AbortError';
  const message = error instanceof Error ? error.message : String(error);
  const sentence = isCancelled ? 'cancelled, and all is as before.' : message;
  process.stderr.write(`${failure}: ${sentence}\n`);
  process.exit(1);
}
