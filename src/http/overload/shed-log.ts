import type { Logger } from 'pino';
import { SHED_REASONS, type ShedReason } from '../../api/problem.ts';

const SECOND = 1000;
const EVERY_MS = 10 * SECOND;

export interface ShedLog {
  count(reason: ShedReason): void;
  close(): void;
}

/** Says once that calls are refused, then how many every ten seconds, and when it is over. */
export function createShedLog(log: Pick<Logger, 'warn'>, everyMs = EVERY_MS): ShedLog {
  let counts = new Map<ShedReason, number>();
  let timer: NodeJS.Timeout | null = null;

  function tell(): void {
    const figures = Object.fromEntries(
      SHED_REASONS.flatMap((reason) => {
        const count = counts.get(reason);
        return count === undefined ? [] : [[reason, count]];
      }),
    );
    const isOver = counts.size === 0;
    counts = new Map();
    if (!isOver) {
      log.warn({ ...figures, withinSeconds: everyMs / SECOND }, 'calls were shed');
      return;
    }
    log.warn('no calls were shed for a while');
    stop();
  }

  function stop(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    count(reason) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      // That callers leave is no news: it comes with every one that is told to be quick.
      if (timer !== null || reason === 'abandoned') return;
      log.warn({ reason }, 'calls are shed: there is more to do than can be done now');
      timer = setInterval(tell, everyMs).unref();
    },
    close: stop,
  };
}
