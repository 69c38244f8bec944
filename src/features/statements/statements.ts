import { createHash } from 'node:crypto';
import { type Day, dayIn } from '../../api/calendar-day.ts';
import { callerLeft, notFound, Problem } from '../../api/problem.ts';
import type { Database } from '../../platform/db/client.ts';
import { openSpool } from '../exports/spool.ts';
import { CSV_HEADER } from './row.ts';
import { createSharedWork } from './shared-work.ts';
import {
  findKept,
  findLiveDay,
  findMerchant,
  type Kept,
  keepStatement,
  summarizeLive,
} from './store.ts';
import { chunksOf, RowsGoneError } from './store-rows.ts';
import type { Summary } from './summary.ts';
import { createTurns } from './turns.ts';

/** A statement ready to be read. */
export interface Statement extends Summary {
  date: string;
  timezone: string;
  merchantId: string;
  /** 0 while the day is open. */
  revision: number;
  closed: boolean;
  /** Whether its CSV form has formulas defused. */
  isDefused: boolean;
  /** Its rows as lines of JSON, a chunk at a time; the same ones each time, until it is closed. */
  chunks(): AsyncGenerator<string[]>;
  /** To be called when nobody will read any more. */
  close(): Promise<void>;
}

export interface Wanted {
  merchantId: string;
  date: string;
  timezone: string;
  revision: number | null;
}

/** One revision of a closed day; without an id: one that had no need to be kept. */
type Issue = Omit<Kept, 'id'> & { id: string | null };

export type Statements = ReturnType<typeof createStatements>;

const EMPTY: Issue = {
  id: null,
  revision: 1,
  rowCount: 0,
  sha256: createHash('sha256').update(CSV_HEADER).digest('hex'),
  totals: [],
  isDefused: true,
};

const MINUTE = 60_000;

/**
 * How long a day stays open after its end. A notification belongs to the day in which its statement
 * began, and may be committed a little later: 30 s at the most, then the database gives up on it.
 */
const CLOSING_MARGIN_MS = 5 * MINUTE;

/** Whether a day's statement is the copy that is kept, and no look at a day that is still open. */
export function mayClose({ endsAt }: Day, now: Date): boolean {
  return now.getTime() >= endsAt.getTime() + CLOSING_MARGIN_MS;
}

/** Days summed up at once in one process, and what may wait for its turn. */
const TURNS = { atOnce: 2, mostWaiting: 100, longestWaitMs: 20_000 };

/** Each may lose to another process that makes the same revision. */
const MAX_TRIES = 3;

/**
 * Statements: a merchant's day, one row a notification that was accepted in it.
 *
 * The day is open until five minutes after its end: each look at it is new. The first look after
 * that closes it: its rows are copied, with the state that their deliveries have by then, and from
 * now on the statement is read from that copy. It outlives the notifications.
 *
 * What is a late correction? Not a notification of a later day that tells more about an older one:
 * that is a row of its own day. It is a row that turns up in a closed day, because somebody filled it
 * in by hand or restored it. A look at a closed day counts its rows (an index scan); where there are
 * other than the statement has, the next revision is made of all of them. Earlier revisions stay
 * readable. Days before the horizon of retention are final: their rows may be gone.
 */
export function createStatements({ pool }: Database) {
  const turns = createTurns(TURNS);
  const closing = createSharedWork<Kept | null>();

  /** The latest revision of a closed day; made now, if there is none or rows have turned up. */
  async function closedDay(
    merchantId: string,
    day: Day,
    since: Date,
    signal: AbortSignal,
  ): Promise<Issue> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const latest = await findKept(pool, merchantId, day, null);
      const live = await findLiveDay(pool, merchantId, day);
      if (latest !== null && (live.isPartial || latest.rowCount === live.rows)) return latest;
      // Before the merchant was there: nothing to keep, however many such days are asked for.
      const isEmpty = live.rows === 0 && !live.isArchived;
      if (latest === null && isEmpty && day.endsAt <= since) return EMPTY;
      const made = await keepOnce(merchantId, day, (latest?.revision ?? 0) + 1, signal);
      if (made !== null) return made;
    }
    throw busy('This statement is being made.');
  }

  /** Callers that come together wait for the same work. */
  function keepOnce(
    merchantId: string,
    day: Day,
    revision: number,
    signal: AbortSignal,
  ): Promise<Kept | null> {
    const name = JSON.stringify([merchantId, day.date, day.timezone, revision]);
    return closing.join(name, signal, (allLeft) =>
      turns.take(merchantId, allLeft, () => makeIssue(merchantId, day, revision, allLeft)),
    );
  }

  /** @returns null: another process was first, or rows went while they were read */
  async function makeIssue(
    merchantId: string,
    day: Day,
    revision: number,
    signal: AbortSignal,
  ): Promise<Kept | null> {
    const spool = await openSpool();
    try {
      const summary = await summarizeLive(pool, merchantId, day, until(signal, spool.write));
      return await keepStatement(pool, merchantId, day, revision, summary, spool.packed());
    } catch (error) {
      if (error instanceof RowsGoneError) return null;
      throw error;
    } finally {
      await spool.close();
    }
  }

  async function openDay(merchantId: string, day: Day, signal: AbortSignal): Promise<Statement> {
    const spool = await openSpool();
    try {
      const summary = await turns.take(merchantId, signal, () =>
        summarizeLive(pool, merchantId, day, until(signal, spool.write)),
      );
      const { chunks, close } = spool;
      return {
        ...named(merchantId, day),
        ...summary,
        revision: 0,
        closed: false,
        isDefused: true,
        chunks,
        close,
      };
    } catch (error) {
      await spool.close();
      throw error instanceof RowsGoneError ? busy('This statement is being made.') : error;
    }
  }

  return {
    /**
     * @param wanted.revision null: the latest
     * @param signal the caller has left: what only it waits for is given up
     * @throws Problem 404 for an unknown merchant or revision, 503 when too much waits already
     */
    async open(wanted: Wanted, signal: AbortSignal): Promise<Statement> {
      const { merchantId, revision } = wanted;
      const day = dayIn(wanted.date, wanted.timezone);
      const { now, since } = present(await findMerchant(pool, merchantId));
      if (!mayClose(day, now)) {
        if (revision !== null && revision !== 0) throw notFound('statement');
        return openDay(merchantId, day, signal);
      }
      const latest = await closedDay(merchantId, day, since, signal);
      const issue =
        revision === null || revision === latest.revision
          ? latest
          : await findKept(pool, merchantId, day, revision);
      if (issue === null) throw notFound('statement');
      const { id, ...summary } = issue;
      return {
        ...named(merchantId, day),
        ...summary,
        closed: true,
        chunks: () => (id === null ? nothing() : chunksOf(pool, id)),
        close: async () => {},
      };
    },

    /** Closes a UTC day that is over, before its rows are removed. */
    async closeUtcDay(merchantId: string, date: string): Promise<void> {
      const { since } = present(await findMerchant(pool, merchantId));
      await closedDay(merchantId, dayIn(date, 'UTC'), since, NOBODY_LEAVES);
    },
  };
}

async function* nothing(): AsyncGenerator<never> {}

function named(merchantId: string, { date, timezone }: Day) {
  return { merchantId, date, timezone };
}

function present<T>(found: T | null): T {
  if (found === null) throw notFound('merchant');
  return found;
}

function busy(detail: string): Problem {
  return new Problem(503, 'unavailable', detail, { headers: { 'retry-after': '5' } });
}

const NOBODY_LEAVES = new AbortController().signal;

/** Looked at between two pieces of the work: a day of a million rows is not read to its end for nobody. */
function until<Args extends unknown[], T>(
  signal: AbortSignal,
  step: (...args: Args) => Promise<T>,
) {
  return async (...args: Args): Promise<T> => {
    if (signal.aborted) throw callerLeft();
    return step(...args);
  };
}
