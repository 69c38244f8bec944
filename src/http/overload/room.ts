/** A number of bytes that several calls share. */
export interface Room {
  /** Takes so much at once, unless it does not fit or others wait already. @returns whether it did */
  take(bytes: number): boolean;
  /** Waits in order. @returns false where the wait was too long, and nothing was taken */
  wait(bytes: number): Promise<boolean>;
  /** Takes so much whether it fits or not: it is there already. */
  hold(bytes: number): void;
  give(bytes: number): void;
  readonly usedBytes: number;
  /** Somebody waits. */
  readonly isWanted: boolean;
}

interface RoomOptions {
  limitBytes: number;
  /** The longest wait. */
  maxWaitMs: number;
}

interface Waiting {
  bytes: number;
  settle(isGranted: boolean): void;
}

/**
 * What is alone always fits, however large it is: a bound on the sum must not become one on each. In
 * order, because the large would otherwise wait for ever while the small pass.
 */
export function createRoom({ limitBytes, maxWaitMs }: RoomOptions): Room {
  const line: Waiting[] = [];
  let used = 0;
  const fits = (bytes: number) => used === 0 || used + bytes <= limitBytes;

  function grant(): void {
    for (;;) {
      const [first] = line;
      if (first === undefined || !fits(first.bytes)) return;
      line.shift();
      used += first.bytes;
      first.settle(true);
    }
  }

  return {
    take(bytes) {
      if (line.length > 0 || !fits(bytes)) return false;
      used += bytes;
      return true;
    },
    wait(bytes) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          line.splice(line.indexOf(waiting), 1);
          resolve(false);
          // It may have stood before smaller ones.
          grant();
        }, maxWaitMs);
        const waiting: Waiting = {
          bytes,
          settle(isGranted) {
            clearTimeout(timer);
            resolve(isGranted);
          },
        };
        line.push(waiting);
      });
    },
    hold(bytes) {
      used += bytes;
    },
    give(bytes) {
      used -= bytes;
      if (line.length > 0) grant();
    },
    get usedBytes() {
      return used;
    },
    get isWanted() {
      return line.length > 0;
    },
  };
}
