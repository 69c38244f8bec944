import type { Clock, Timer } from '../clock.ts';
import type { RunResult } from './run.ts';
import type { DueScope } from './store/find-due.ts';

/** What a lane needs of the engine. */
export interface LaneWork {
  run(deliveryId: string): Promise<RunResult>;
  findDue(
    scope: DueScope,
    limit: number,
    suspects: 'with' | 'without',
  ): Promise<{ ids: string[]; next: string }>;
  fault(error: unknown): void;
  clock: Clock;
}

/** One queue's places in this process. */
export interface Lane {
  /** Something may be due: takes it up if there is a place, else remembers that something waits (false). */
  offer(deliveryId: string): boolean;
  /** Looks into the database for what is due and unclaimed. */
  look(): Promise<void>;
  /** Looks for what waits at these receivers. */
  passOn(receiverId: string): void;
  /** Places left for receivers that have not proved themselves. */
  suspectPlaces(): number;
  /** A delivery to such a receiver has been claimed for this lane. */
  suspectBegan(): void;
  resize(concurrency: number): void;
  /** Takes up nothing more; resolves when all that is under way has ended. */
  drain(): Promise<void>;
}

/** A half for the unproved: dead addresses can fill that, and never the other half. */
const SUSPECT_SHARE = 0.5;
/** Receivers walked in one look. */
const WALK = 1_000;
/** What is due later than this is left to the sweep. */
const LONGEST_TIMER_MS = 60_000;
const MOST_TIMERS = 10_000;

/**
 * A queue's share of this process: so many attempts at once, and never a list of what waits. What
 * finds no place is due in the database and is looked for when one gets free.
 */
export function createLane(initialConcurrency: number, work: LaneWork): Lane {
  let concurrency = initialConcurrency;
  let running = 0;
  let suspectsRunning = 0;
  let closing = false;
  /** Something was turned away: `any` for want of a place, `suspect` for want of one of that half. */
  const missed = { any: false, suspect: false };
  let cursor = '';
  let looking: Promise<void> | null = null;
  const waitingReceivers = new Set<string>();
  let passing = false;
  const timers = new Map<string, Timer>();
  const idle: Array<() => void> = [];

  const places = () => Math.max(0, concurrency - running);
  const suspectPlaces = () => Math.max(0, Math.ceil(concurrency * SUSPECT_SHARE) - suspectsRunning);

  function offer(deliveryId: string): boolean {
    if (closing) return false;
    if (running >= concurrency) {
      missed.any = true;
      return false;
    }
    running += 1;
    work
      .run(deliveryId)
      .then(learn, work.fault)
      .finally(() => {
        running -= 1;
        if (running === 0) for (const done of idle.splice(0)) done();
        if (wantsMore()) void look();
      });
    return true;
  }

  /** Enough places are free again to make a look worth its while, and something was turned away. */
  function wantsMore(): boolean {
    if (closing || looking !== null) return false;
    const enough = places() >= Math.ceil(concurrency / 4);
    return enough && (missed.any || (missed.suspect && suspectPlaces() > 0));
  }

  function learn(result: RunResult): void {
    if (result.kind === 'ended') {
      if (result.delivery.suspect) suspectsRunning -= 1;
      if (result.recorded?.othersWait) passOn(result.recorded.receiverId);
      return;
    }
    const { claim } = result;
    if (claim === null || claim.verdict === 'claimed') return;
    if (claim.verdict === 'crowded') missed.suspect = true;
    if (claim.verdict === 'behind') passOn(claim.receiverId);
    if (claim.verdict === 'early')
      later(result.deliveryId, claim.waitMs, () => offer(result.deliveryId));
    if (claim.verdict === 'later') {
      later(claim.receiverId, claim.waitMs, () => passOn(claim.receiverId));
    }
  }

  function later(key: string, waitMs: number, act: () => void): void {
    if (closing || waitMs > LONGEST_TIMER_MS || timers.has(key) || timers.size >= MOST_TIMERS)
      return;
    const timer = work.clock.after(Math.max(1, waitMs), () => {
      timers.delete(key);
      act();
    });
    timers.set(key, timer);
  }

  function look(): Promise<void> {
    looking ??= lookOnce()
      .catch(work.fault)
      .finally(() => {
        looking = null;
        if (wantsMore()) work.clock.soon(() => void look());
      });
    return looking;
  }

  async function lookOnce(): Promise<void> {
    const limit = places();
    if (closing || limit === 0) return;
    const suspects = suspectPlaces() > 0 ? 'with' : 'without';
    const found = await work.findDue({ after: cursor, receivers: WALK }, limit, suspects);
    cursor = found.next;
    // Less than was asked for, and the walk came to its end: nobody waits for a place any more.
    if (found.ids.length < limit && found.next === '') {
      missed.any = false;
      if (suspects === 'with') missed.suspect = false;
    }
    for (const id of found.ids) offer(id);
  }

  /** The receivers of one tick are looked up together. */
  function passOn(receiverId: string): void {
    waitingReceivers.add(receiverId);
    if (passing || closing) return;
    passing = true;
    work.clock.soon(async () => {
      passing = false;
      const receiverIds = [...waitingReceivers].slice(0, WALK);
      for (const id of receiverIds) waitingReceivers.delete(id);
      const limit = places();
      if (limit === 0) missed.any = true;
      if (limit === 0 || closing) return;
      try {
        const suspects = suspectPlaces() > 0 ? 'with' : 'without';
        const found = await work.findDue({ receiverIds }, limit, suspects);
        for (const id of found.ids) offer(id);
      } catch (error) {
        work.fault(error);
      }
    });
  }

  return {
    offer,
    look,
    passOn,
    suspectPlaces,
    suspectBegan() {
      suspectsRunning += 1;
    },
    resize(size) {
      concurrency = size;
    },
    async drain() {
      closing = true;
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      if (running > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}
