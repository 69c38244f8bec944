import { callerLeft, Overload } from '../../api/problem.ts';
import { batched } from '../../platform/batch.ts';
import type { Sql } from '../../platform/db/client.ts';
import { newUuid } from '../../platform/ids.ts';
import type { SealedPlace } from '../../platform/secrets/reseal.ts';
import type { Answer } from '../answer.ts';

/** One call under one Idempotency-Key. */
export interface Claim {
  /** Whose key: the id of the bearer key. */
  scope: string;
  key: string;
  /** SHA-256 of what was asked. */
  fingerprint: string;
  /** Whether the caller has hung up: its key is then left as it is. */
  isGone?(): boolean;
}

/** The right, for a while, to run the call. */
export interface Lock {
  reservedId: string;
  lockedUntil: Date;
}

type Standing =
  | { kind: 'ours'; lock: Lock }
  | { kind: 'answered'; answer: Answer }
  | { kind: 'other_request' }
  | { kind: 'running' }
  /** It was answered, and with the keys that are configured here the answer cannot be opened. */
  | { kind: 'shut' };

/** Encrypts what answers hold, bound to its row by `context`: some show a secret once. */
export interface Sealing {
  seal(text: string, context: string): string;
  open(sealed: string, context: string): string;
}

export type IdempotencyStore = ReturnType<typeof createIdempotencyStore>;

/** An answer on its way into the table. */
interface Kept {
  claim: Claim;
  lock: Lock;
  status: number;
  /** Sealed. */
  response: string;
}

const SECOND = 1000;
const BATCHES = {
  maxItems: 200,
  maxRuns: 2,
  maxWaiting: 5000,
  whenFull: () => new Overload('queue', 'Too much waits already. Try again shortly.'),
};
/** Only before anything is done. An answer is kept however long that takes. */
const TAKING = {
  ...BATCHES,
  patience: {
    maxWaitMs: 2 * SECOND,
    whenOver: () => new Overload('late', 'It waited too long for its turn. Try again shortly.'),
  },
  abandoned: ({ isGone }: Claim) => (isGone?.() === true ? callerLeft() : null),
};

/** A row may vanish between the two statements of `claim`; twice in a row it does not. */
const MAX_TRIES = 3;

/** Few, because each holds a whole answer. */
const RESEAL_PAGE = 100;

/**
 * Remembers the first answer to each Idempotency-Key: all SQL of table `idempotency_key`.
 *
 * A call that dies under its lock leaves a row without an answer. After a minute the next repeat
 * takes it over, with the same reserved id, so that both runs make the same thing.
 */
export function createIdempotencyStore(sql: Sql, sealing: Sealing) {
  // Callers that come together share a statement. With two of its own each call took more than twice
  // the processor time.
  const take = batched<Claim, Lock | undefined>(TAKING, (claims) => takeTogether(sql, claims));
  const write = batched<Kept, undefined>(BATCHES, (answers) => writeTogether(sql, answers));

  async function look(claim: Claim): Promise<Standing | undefined> {
    const [row] = await sql.$queryRaw<
      { fingerprint: string; statusCode: number | null; response: string; isLocked: boolean }[]
    >`
      SELECT fingerprint, status_code AS "statusCode", response,
        locked_until > postrider_now() AS "isLocked"
      FROM idempotency_key WHERE scope = ${claim.scope} AND key = ${claim.key}`;
    if (row === undefined) return undefined;
    if (row.fingerprint !== claim.fingerprint) return { kind: 'other_request' };
    if (row.statusCode === null) return row.isLocked ? { kind: 'running' } : undefined;
    const kept = open(sealing, row.response, contextOf(claim));
    if (kept === null) return { kind: 'shut' };
    return { kind: 'answered', answer: { status: row.statusCode, ...kept } };
  }

  return {
    sealed: sealedAnswers(sql),

    /** Where this call stands; `ours` means: run it, then `keep` or `release`. */
    async claim(claim: Claim): Promise<Standing> {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const lock = await take(claim);
        if (lock !== undefined) return { kind: 'ours', lock };
        const standing = await look(claim);
        if (standing !== undefined) return standing;
      }
      return { kind: 'running' };
    },

    /** Keeps the answer. The first one stays, should an overdue run end after its successor. */
    async keep(claim: Claim, lock: Lock, answer: Answer): Promise<void> {
      const text = JSON.stringify({ headers: answer.headers, body: answer.body });
      const response = sealing.seal(text, contextOf(claim));
      await write({ claim, lock, status: answer.status, response });
    },

    /** Gives the lock back unanswered: the next repeat runs at once, with the same reserved id. */
    async release(claim: Claim, lock: Lock): Promise<void> {
      await sql.$executeRaw`
        UPDATE idempotency_key SET locked_until = postrider_now()
        WHERE scope = ${claim.scope} AND key = ${claim.key}
          AND reserved_id = ${lock.reservedId}::uuid AND locked_until = ${lock.lockedUntil}
          AND status_code IS NULL`;
    },

    /**
     * Forgets keys older than 48 hours; callers may count on 24.
     *
     * @param limit rows at most, so that no one waits long for a lock
     * @returns how many went; as many as `limit` means that there may be more
     */
    removeExpired(limit: number): Promise<number> {
      return sql.$executeRaw`
        DELETE FROM idempotency_key WHERE (scope, key) IN (
          SELECT scope, key FROM idempotency_key
          WHERE created_at < postrider_now() - interval '48 hours'
          ORDER BY created_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
    },
  };
}

/**
 * Takes the lock where there is no row yet, or one whose lock has run out without an answer. One
 * statement does both: a plain insert first and a take-over second would leave a gap in which two
 * repeats could find the same expired lock.
 *
 * Rows are locked in the order of their keys, here and below: batches that share keys would
 * otherwise wait for each other.
 */
async function takeTogether(sql: Sql, claims: Claim[]): Promise<Array<Lock | undefined>> {
  // A statement cannot meet a row twice: of the same key in one batch the first runs for it.
  const distinct = new Map<string, Claim>();
  for (const claim of claims) {
    const name = nameOf(claim);
    if (!distinct.has(name)) distinct.set(name, claim);
  }
  const asked = [...distinct.values()].sort(byKey);
  const taken = await sql.$queryRaw<(Lock & { scope: string; key: string })[]>`
    INSERT INTO idempotency_key AS held (scope, key, fingerprint, reserved_id, locked_until)
    SELECT asked.*, postrider_now() + interval '60 seconds'
    FROM unnest(${asked.map((claim) => claim.scope)}::text[],
      ${asked.map((claim) => claim.key)}::text[],
      ${asked.map((claim) => claim.fingerprint)}::text[],
      ${asked.map(newUuid)}::uuid[]) AS asked
    ON CONFLICT (scope, key) DO UPDATE SET locked_until = excluded.locked_until
      WHERE held.status_code IS NULL
        AND held.locked_until <= postrider_now()
        AND held.fingerprint = excluded.fingerprint
    RETURNING scope, key, reserved_id::text AS "reservedId", locked_until AS "lockedUntil"`;
  const locks = new Map(taken.map((row) => [nameOf(row), row]));
  return claims.map((claim) => {
    const name = nameOf(claim);
    return distinct.get(name) === claim ? locks.get(name) : undefined;
  });
}

async function writeTogether(sql: Sql, answers: Kept[]): Promise<undefined[]> {
  await sql.$executeRaw`
    WITH held AS MATERIALIZED (
      SELECT scope, key, answer.status_code, answer.response
      FROM unnest(${answers.map(({ claim }) => claim.scope)}::text[],
        ${answers.map(({ claim }) => claim.key)}::text[],
        ${answers.map(({ lock }) => lock.reservedId)}::uuid[],
        ${answers.map(({ status }) => status)}::integer[],
        ${answers.map(({ response }) => response)}::text[])
        AS answer (scope, key, reserved_id, status_code, response)
      JOIN idempotency_key AS k USING (scope, key)
      WHERE k.reserved_id = answer.reserved_id AND k.status_code IS NULL
      ORDER BY k.scope, k.key FOR UPDATE OF k)
    UPDATE idempotency_key AS k
    SET status_code = held.status_code, response = held.response
    FROM held WHERE k.scope = held.scope AND k.key = held.key`;
  return answers.map(() => undefined);
}

/** The kept answers, for a change of the encryption key. */
function sealedAnswers(sql: Sql): SealedPlace<{ scope: string; key: string }> {
  return {
    // So many rows are looked through, not found: else the last page would be the whole table.
    async findOldSeals(sealedPrefix, after) {
      const rows = await sql.$queryRaw<{ scope: string; key: string; sealed: string | null }[]>`
        SELECT scope, key,
          CASE WHEN NOT starts_with(response, ${sealedPrefix}) THEN response END AS sealed
        FROM idempotency_key
        WHERE (scope, key) > (${after?.scope ?? ''}, ${after?.key ?? ''})
        ORDER BY scope, key LIMIT ${RESEAL_PAGE}`;
      const found = rows.flatMap(({ sealed, ...key }) =>
        sealed === null ? [] : [{ key, sealed, context: contextOf(key) }],
      );
      const last = rows.at(-1);
      return { found, next: last === undefined ? null : { scope: last.scope, key: last.key } };
    },
    replaceSeals: (seals) => sql.$executeRaw`
      WITH held AS MATERIALIZED (
        SELECT k.scope, k.key, seal.after
        FROM unnest(${seals.map(({ key }) => key.scope)}::text[],
          ${seals.map(({ key }) => key.key)}::text[],
          ${seals.map(({ before }) => before)}::text[],
          ${seals.map(({ after }) => after)}::text[]) AS seal (scope, key, before, after)
        JOIN idempotency_key AS k USING (scope, key)
        WHERE k.response = seal.before
        ORDER BY k.scope, k.key FOR UPDATE OF k)
      UPDATE idempotency_key AS k SET response = held.after
      FROM held WHERE k.scope = held.scope AND k.key = held.key`,
  };
}

function open(sealing: Sealing, sealed: string, context: string): Omit<Answer, 'status'> | null {
  try {
    return JSON.parse(sealing.open(sealed, context));
  } catch {
    return null;
  }
}

/** Neither part holds a blank. */
function nameOf(claim: { scope: string; key: string }): string {
  return `${claim.scope} ${claim.key}`;
}

/** As the columns' collation "C" has it. */
function byKey(one: Claim, other: Claim): number {
  return nameOf(one) < nameOf(other) ? -1 : 1;
}

function contextOf({ scope, key }: { scope: string; key: string }): string {
  return `idempotency_key:${scope}:${key}`;
}
