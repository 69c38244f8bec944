import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';

/** What one process has said of itself. */
export interface Readiness {
  /** How many seconds after `from` (`performance.now()`) a look first found it so; infinity: none has. */
  secondsUntil(state: 'ready' | 'unready', from: number): number;
  stop(): Promise<void>;
}

const EVERY_MS = 250;
/** A probe of an orchestrator waits no longer. */
const PROBE_MS = 5000;

/** Asks `/readyz` again and again, as an orchestrator does; no answer is as good as a no. */
export function watchReadiness(url: string): Readiness {
  const looks: { at: number; state: 'ready' | 'unready' }[] = [];
  const stopping = new AbortController();

  async function look(): Promise<void> {
    const timeout = AbortSignal.timeout(PROBE_MS);
    const status = await request(`${url}/readyz`, { signal: timeout }).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode;
      },
      () => null,
    );
    looks.push({ at: performance.now(), state: status === 200 ? 'ready' : 'unready' });
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await pause(EVERY_MS);
    }
  })();
  return {
    secondsUntil(state, from) {
      const seen = looks.find((each) => each.state === state && each.at >= from);
      return seen === undefined ? Number.POSITIVE_INFINITY : (seen.at - from) / 1000;
    },
    stop() {
      stopping.abort();
      return running;
    },
  };
}
