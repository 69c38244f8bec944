/** Something that several calls share: bytes of memory, or places. */
export interface Room {
  /** Takes so much at once, unless it does not fit or others wait already. @returns whether it did */
  take(amount: number): boolean;
  /** Waits in order. @returns false where the wait was too long or `signal` was aborted, and nothing was taken */
  wait(amount: number, signal?: AbortSignal): Promise<boolean>;
  /** Takes so much whether it fits or not: it is there already. */
  hold(amount: number): void;
  give(amount: number): void;
  readonly used: number;
  /** Somebody waits. */
  readonly isWanted: boolean;
}

interface RoomOptions {
  limit: number;
  /** The longest wait. */
  maxWaitMs: number;
}

interface Waiting {
  amount: number;
  settle(isGranted: boolean): void;
}

/**
 * What is alone always fits, however large it is: a bound on the sum must not become one on each. In
 * order, because the large would otherwise wait for ever while the small pass.
 */
export function createRoom({ limit, maxWaitMs }: RoomOptions): Room {
  const line: Waiting[] = [];
  let used = 0;
  const fits = (amount: number) => used === 0 || used + amount <= limit;

  function grant(): void {
    for (;;) {
      const [first] = line;
      if (first === undefined || !fits(first.amount)) return;
      line.shift();
      used += first.amount;
      first.settle(true);
    }
  }

  return {
    take(amount) {
      if (line.length > 0 || !fits(amount)) return false;
      used += amount;
      return true;
    },
    wait(amount, signal) {
      return new Promise((resolve) => {
        const leave = () => {
          line.splice(line.indexOf(waiting), 1);
          waiting.settle(false);
          // It may have stood before smaller ones.
          grant();
        };
        const timer = setTimeout(leave, maxWaitMs);
        signal?.addEventListener('abort', leave, { once: true });
        const waiting: Waiting = {
          amount,
          settle(isGranted) {
            clearTimeout(timer);
            signal?.removeEventListener('abort', leave);
            resolve(isGranted);
          },
        };
        line.push(waiting);
      });
    },
    hold(amount) {
      used += amount;
    },
    give(amount) {
      used -= amount;
      if (line.length > 0) grant();
    },
    get used() {
      return used;
    },
    get isWanted() {
      return line.length > 0;
    },
  };
}
