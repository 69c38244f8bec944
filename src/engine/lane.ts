import type { Clock } from '../platform/time/clock.ts';
import { createLaneTimers } from './lane-timers.ts';
import type { RunResult } from './run.ts';
import type { Wanted } from './store/claim.ts';
import type { DueScope } from './store/find-due.ts';

/** What a lane needs of the engine. */
export interface LaneWork {
  run(wanted: Wanted): Promise<RunResult>;
  findDue(
    scope: DueScope,
    limit: number,
    suspects: 'with' | 'without',
  ): Promise<{ wanted: Wanted[]; next: string }>;
  fault(step: string): (error: unknown) => void;
  clock: Clock;
}

/** One queue's places in this process. */
export interface Lane {
  /** Something may be due: takes it up if there is a place, else remembers that something waits (false). */
  offer(deliveryId: string, receiverId: string | null): boolean;
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
const LOOKING_FAILED = 'looking for what is due failed';
/** Receivers walked in one look. */
const WALK = 1_000;

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
  /** Where the walk over the receivers goes on; '' at its beginning. */
  let cursor = '';
  let looking: Promise<void> | null = null;
  const waitingReceivers = new Set<string>();
  let passing = false;
  const timers = createLaneTimers(work.clock);
  const idle: Array<() => void> = [];

  const places = () => Math.max(0, concurrency - running);
  const suspectPlaces = () => Math.max(0, Math.ceil(concurrency * SUSPECT_SHARE) - suspectsRunning);

  function offer(id: string, receiverId: string | null): boolean {
    if (closing) return false;
    if (running >= concurrency) {
      missed.any = true;
      return false;
    }
    running += 1;
    work
      .run({ id, receiverId })
      .then(learn, work.fault('a delivery was not taken up'))
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
    const unfinished = missed.any || cursor !== '';
    return enough && (unfinished || (missed.suspect && suspectPlaces() > 0));
  }

  function learn(result: RunResult): void {
    if (result.kind === 'ended') {
      if (result.delivery.suspect) suspectsRunning -= 1;
      if (result.recorded?.othersWait) passOn(result.recorded.receiverId);
      return;
    }
    const { claim, wanted } = result;
    const { id, receiverId } = wanted;
    if (claim === null || claim.verdict === 'claimed') return;
    if (claim.verdict === 'crowded') missed.suspect = true;
    if (claim.verdict === 'behind') passOn(claim.receiverId);
    if (claim.verdict === 'early') later(id, claim.waitMs, () => offer(id, receiverId));
    if (claim.verdict === 'later') {
      later(claim.receiverId, claim.waitMs, () => passOn(claim.receiverId));
    }
  }

  function later(key: string, waitMs: number, act: () => void): void {
    if (!closing) timers.set(key, waitMs, act);
  }

  function look(): Promise<void> {
    looking ??= lookOnce()
      .finally(() => {
        looking = null;
      })
      // One that failed is repeated by the sweep, or when an attempt ends: not at once, and again and again.
      .then(() => {
        if (wantsMore()) work.clock.soon(() => void look());
      }, work.fault(LOOKING_FAILED));
    return looking;
  }

  async function lookOnce(): Promise<void> {
    const limit = places();
    if (closing || limit === 0) return;
    // Before the query, because its snapshot knows nothing of what is turned away while it runs; and only
    // where a walk begins, because the rest of one does not come by those that were turned away behind it.
    if (cursor === '') {
      missed.any = false;
      if (suspectPlaces() > 0) missed.suspect = false;
    }
    const found = await find({ after: cursor, receivers: WALK }, limit);
    cursor = found.next;
    takeUp(found.wanted);
  }

  function takeUp(wanted: readonly Wanted[]): void {
    for (const { id, receiverId } of wanted) offer(id, receiverId);
  }

  /** What is due there, for so many places; remembers when that may not be all of it. */
  async function find(scope: DueScope, limit: number): Promise<{ wanted: Wanted[]; next: string }> {
    const suspects = suspectPlaces() > 0 ? 'with' : 'without';
    let isAll = false;
    try {
      const found = await work.findDue(scope, limit, suspects);
      isAll = found.wanted.length < limit;
      return found;
    } finally {
      if (!isAll) missed.any = true;
      if (!isAll || suspects === 'without') missed.suspect = true;
    }
  }

  /** The receivers of one tick are looked up together. */
  function passOn(receiverId: string): void {
    waitingReceivers.add(receiverId);
    passSoon();
  }

  function passSoon(): void {
    if (passing || closing) return;
    passing = true;
    work.clock.soon(async () => {
      passing = false;
      const receiverIds = [...waitingReceivers].slice(0, WALK);
      for (const id of receiverIds) waitingReceivers.delete(id);
      if (waitingReceivers.size > 0) passSoon();
      const limit = places();
      if (limit === 0) missed.any = true;
      if (limit === 0 || closing) return;
      try {
        const found = await find({ receiverIds }, limit);
        takeUp(found.wanted);
      } catch (error) {
        work.fault(LOOKING_FAILED)(error);
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
      timers.cancelAll();
      if (running > 0) await new Promise<void>((resolve) => idle.push(resolve));
    },
  };
}
