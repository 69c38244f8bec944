import { callerLeft, Problem } from '../../api/problem.ts';

interface TurnsOptions {
  /** What is worked on at once; of one merchant one. */
  atOnce: number;
  /** And what may wait for it. */
  mostWaiting: number;
  longestWaitMs: number;
}

interface Waiting {
  begin(): void;
}

export interface Turns {
  /**
   * Runs the work when it is the merchant's turn.
   *
   * @param signal whoever wants it may leave: then it loses its place in the line
   * @throws Problem 503 that says how many stand before it, after too long a wait or where too many wait
   */
  take<T>(merchantId: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/**
 * Statements are made a few at a time. Merchants take turns: one who asks for a hundred days waits behind itself, and
 * another's one day comes next.
 */
export function createTurns({ atOnce, mostWaiting, longestWaitMs }: TurnsOptions): Turns {
  /** In the order in which they came, of each merchant. */
  const lines = new Map<string, Waiting[]>();
  const running = new Set<string>();
  let waiting = 0;

  /** The merchants whose line may move, the one that waits the longest first. */
  const movable = () => [...lines.keys()].filter((merchantId) => !running.has(merchantId));

  function moveOn(): void {
    for (const merchantId of movable()) {
      if (running.size >= atOnce) return;
      const line = lines.get(merchantId) ?? [];
      const next = line.shift();
      lines.delete(merchantId);
      // Behind the others.
      if (line.length > 0) lines.set(merchantId, line);
      if (next === undefined) continue;
      running.add(merchantId);
      waiting -= 1;
      next.begin();
    }
  }

  function end(merchantId: string): void {
    running.delete(merchantId);
    moveOn();
  }

  /** How many would be begun before the last of this merchant's line. */
  function placeOf(merchantId: string): number {
    const own = lines.get(merchantId)?.length ?? 0;
    const others = [...lines].filter(([each]) => each !== merchantId);
    return own + others.reduce((sum, [, line]) => sum + Math.min(line.length, own + 1), 0);
  }

  function standInLine(merchantId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error: unknown) => {
        const line = lines.get(merchantId) ?? [];
        line.splice(line.indexOf(entry), 1);
        if (line.length === 0) lines.delete(merchantId);
        waiting -= 1;
        settle();
        reject(error);
      };
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', left);
      };
      const left = () => leave(callerLeft());
      const timer = setTimeout(() => leave(busy(placeOf(merchantId))), longestWaitMs);
      const entry: Waiting = {
        begin() {
          settle();
          resolve();
        },
      };
      signal.addEventListener('abort', left, { once: true });
      lines.set(merchantId, [...(lines.get(merchantId) ?? []), entry]);
      waiting += 1;
    });
  }

  return {
    async take(merchantId, signal, work) {
      if (signal.aborted) throw callerLeft();
      if (running.size < atOnce && !running.has(merchantId) && !lines.has(merchantId)) {
        running.add(merchantId);
      } else {
        if (waiting >= mostWaiting) throw busy(placeOf(merchantId) + 1);
        await standInLine(merchantId, signal);
      }
      try {
        return await work();
      } finally {
        end(merchantId);
      }
    },
  };
}

const SECONDS_EACH = 2;
const LONGEST_RETRY_SECONDS = 60;

function busy(before: number): Problem {
  const retryAfter = Math.min(LONGEST_RETRY_SECONDS, SECONDS_EACH * Math.max(1, before));
  return new Problem(
    503,
    'unavailable',
    `Statements are being made one after the other, and ${before} would come before this one.`,
    { headers: { 'retry-after': String(retryAfter) } },
  );
}
