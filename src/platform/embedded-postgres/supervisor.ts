import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresError, messageOf } from './error.ts';
import type { Server } from './server.ts';

const SECOND = 1_000;
const FIRST_DELAY_MS = 500;
/** A start that fails costs little, and whoever has made room on a disk wants to see it work. */
const LONGEST_DELAY_MS = 5 * SECOND;
/** A server that ran for so long was well: its end is the first of a new row. */
const STABLE_MS = 60 * SECOND;

/** How to bring the server back, and whom to tell. */
export interface SuperviseOptions {
  /** Ends at once, and leaves no process behind, when `signal` is aborted. */
  relaunch: (signal: AbortSignal) => Promise<Server>;
  log: (line: string) => void;
  /** Gets what an operator has to know. */
  warn: (line: string) => void;
}

export interface Supervised {
  /** Resolves when the server is down for good, which only `stop` brings about. */
  stopped: Promise<void>;
  /** Stops the server that runs or is being started, or the wait for the next start. */
  stop(): Promise<void>;
}

/**
 * Starts the server again whenever it ends by itself: killed for want of memory, panicked on a
 * full disk, or hit by somebody's kill -9. It never gives up: whatever is in the way, a gateway
 * that came back by itself is better than one that waits for a restart by hand. The first try
 * is made at once; the pauses between the next ones double from 0.5 s to 5 s.
 */
export function supervise(first: Server, options: SuperviseOptions): Supervised {
  const stopping = new AbortController();
  let running: Server | null = first;
  const stopped = watch();

  async function watch(): Promise<void> {
    let pauseMs = 0;
    while (running !== null) {
      // Asked to stop just when it had become ready.
      if (stopping.signal.aborted) return running.stop();
      const startedAt = performance.now();
      await running.exited;
      if (stopping.signal.aborted) return;
      options.warn(`PostgreSQL has ended by itself (${await wordsOf(running)}): starting it again`);
      if (performance.now() - startedAt > STABLE_MS) pauseMs = 0;
      running = null;
      ({ running, pauseMs } = await bringBack(options, stopping.signal, pauseMs));
    }
  }

  return {
    stopped,
    async stop() {
      stopping.abort();
      await running?.stop();
      await stopped;
    },
  };
}

/** @returns the server, or null when it is no longer wanted; and what the next pause would be */
async function bringBack(
  { relaunch, log, warn }: SuperviseOptions,
  signal: AbortSignal,
  firstPauseMs: number,
): Promise<{ running: Server | null; pauseMs: number }> {
  const downSince = performance.now();
  const tellFailure = createFailureTeller(warn);
  for (let tries = 1, pauseMs = firstPauseMs; ; tries++, pauseMs = longer(pauseMs)) {
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return { running: null, pauseMs };
    try {
      const running = await relaunch(signal);
      const downForS = ((performance.now() - downSince) / SECOND).toFixed(1);
      log(`PostgreSQL is back on port ${running.port} after ${downForS} s (try ${tries})`);
      return { running, pauseMs: longer(pauseMs) };
    } catch (error) {
      if (signal.aborted) return { running: null, pauseMs };
      const isOurs = error instanceof EmbeddedPostgresError && error.reason !== '';
      tellFailure(isOurs ? error.reason : messageOf(error));
    }
  }
}

function longer(pauseMs: number): number {
  return Math.min(LONGEST_DELAY_MS, Math.max(FIRST_DELAY_MS, 2 * pauseMs));
}

/** Reading the log for its words may fail for the reason that the server ended for. */
async function wordsOf(server: Server): Promise<string> {
  return server.reasonOfEnd().catch(() => server.exited);
}

/**
 * Tells failures once each, and of one that comes again how often, the tenth, hundredth, … time:
 * a disk that is full overnight would else fill the log, too.
 */
export function createFailureTeller(warn: (line: string) => void): (reason: string) => void {
  let kind = '';
  let times = 0;
  let tellAt = 1;
  return (reason) => {
    // Process numbers and the like differ from one try to the next.
    const found = reason.replace(/\d+/g, '#');
    if (found !== kind) [kind, times, tellAt] = [found, 0, 1];
    times += 1;
    if (times < tellAt) return;
    tellAt = 10 * times;
    const again = times === 1 ? 'trying until it does' : `${times} times the same by now`;
    warn(`PostgreSQL does not start again (${reason}): ${again}`);
  };
}
