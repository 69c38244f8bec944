import type { Logger } from 'pino';
import type { Sql } from '../../platform/db/client.ts';
import { type Place, type Placed, readAttempts, readHorizon } from './store.ts';

const EVERY_MS = 1_000;
const PAGE = 1_000;
/** In one look; who is still behind then is told of a gap, and goes on from now. */
const MOST_PAGES = 5;

export interface Listener {
  /** In order, each once. */
  take(attempts: readonly Placed[]): void;
  /** Some were left out. */
  gap(): void;
}

/**
 * Looks for attempts that have ended, in whichever process: once a second for all who listen, and not
 * at all while nobody does.
 *
 * (Rejected: LISTEN/NOTIFY in the statement that records, because commits that notify take a lock
 * that all of the database share; a publication, which needs a role and a slot that may fill the disk.)
 */
export interface Tail {
  /**
   * @param after resumes behind an attempt seen earlier; null: from now on
   * @returns stops listening
   */
  listen(listener: Listener, after: Place | null): Promise<() => void>;
  close(): Promise<void>;
}

export function createTail(sql: Sql, log: Logger): Tail {
  const listeners = new Set<Listener>();
  /** All up to here has been shown; null: nobody listens. */
  let shown: Place | null = null;
  let looking: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function schedule(): void {
    if (isClosed || looking !== null || listeners.size === 0 || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      looking = look()
        .catch((error) => log.warn({ err: error }, 'live events: looking failed'))
        .finally(() => {
          looking = null;
          if (listeners.size === 0) shown = null;
          schedule();
        });
    }, EVERY_MS);
  }

  async function look(): Promise<void> {
    shown ??= await readHorizon(sql);
    for (let page = 0; listeners.size > 0; page += 1) {
      if (page === MOST_PAGES) {
        shown = await readHorizon(sql);
        for (const listener of listeners) listener.gap();
        return;
      }
      const attempts = await readAttempts(sql, shown, PAGE);
      shown = attempts.at(-1)?.place ?? shown;
      for (const listener of listeners) listener.take(attempts);
      if (attempts.length < PAGE) return;
    }
  }

  /** Shows what lies between first, and what came meanwhile after that. */
  function resumed(listener: Listener, after: Place): Listener {
    const waiting: Placed[] = [];
    let isBehind = true;
    let missed = false;
    /** Seen up to here; null: whatever comes is new. */
    let seen: Place | null = after;
    const pass = (attempts: readonly Placed[]) => {
      const place = seen;
      if (place === null) return listener.take(attempts);
      const fresh = attempts.filter((each) => isAfter(each.place, place));
      if (fresh.length > 0) seen = null;
      listener.take(fresh);
    };
    const catchUp = async () => {
      let place = after;
      if (BigInt(after.xid) >= BigInt((await readHorizon(sql)).xid)) {
        // Not a place of this database, or not any more.
        missed = true;
        seen = null;
        return;
      }
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const attempts = await readAttempts(sql, place, PAGE);
        listener.take(attempts);
        place = attempts.at(-1)?.place ?? place;
        seen = place;
        if (attempts.length < PAGE) return;
      }
      missed = true;
    };
    void catchUp()
      .catch((error) => {
        log.warn({ err: error }, 'live events: resuming failed');
        missed = true;
      })
      .then(() => {
        isBehind = false;
        if (missed) listener.gap();
        pass(waiting);
      });
    return {
      take(attempts) {
        if (!isBehind) pass(attempts);
        else if (waiting.length < MOST_PAGES * PAGE) waiting.push(...attempts);
        else missed = true;
      },
      gap() {
        if (isBehind) missed = true;
        else listener.gap();
      },
    };
  }

  return {
    async listen(listener, after) {
      // Before the caller is told that it is heard: what ends after that is shown.
      shown ??= await readHorizon(sql);
      const entry = after === null ? listener : resumed(listener, after);
      listeners.add(entry);
      schedule();
      return () => {
        listeners.delete(entry);
        if (listeners.size > 0 || looking !== null) return;
        clearTimeout(timer);
        timer = undefined;
        shown = null;
      };
    },
    async close() {
      isClosed = true;
      listeners.clear();
      clearTimeout(timer);
      await looking;
    },
  };
}

function isAfter(one: Place, other: Place): boolean {
  const [a, b] = [BigInt(one.xid), BigInt(other.xid)];
  return a === b ? one.id > other.id : a > b;
}
