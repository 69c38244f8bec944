import type { Sql } from '../db/client.ts';
import { newUuid } from '../ids.ts';
import type { Answer } from './answer.ts';

/** One call under one Idempotency-Key. */
export interface Claim {
  /** Whose key: the id of the bearer key. */
  scope: string;
  key: string;
  /** SHA-256 of what was asked. */
  fingerprint: string;
}

/** The right, for a while, to run the call. */
export interface Lock {
  reservedId: string;
  lockedUntil: Date;
}

export type Standing =
  | { kind: 'ours'; lock: Lock }
  | { kind: 'answered'; answer: Answer }
  | { kind: 'other_request' }
  | { kind: 'running' };

/** Encrypts what answers hold, bound to its row by `context`: some show a secret once. */
export interface Sealing {
  seal(text: string, context: string): string;
  open(sealed: string, context: string): string;
}

export type IdempotencyStore = ReturnType<typeof createIdempotencyStore>;

/** A row may vanish between the two statements of `claim`; twice in a row it does not. */
const MAX_TRIES = 3;

/**
 * Remembers the first answer to each Idempotency-Key: all SQL of table `idempotency_key`.
 *
 * A call that dies under its lock leaves a row without an answer. After a minute the next repeat
 * takes it over, with the same reserved id, so that both runs make the same thing.
 */
export function createIdempotencyStore(sql: Sql, sealing: Sealing) {
  /**
   * Takes the lock where there is no row yet, or one whose lock has run out without an answer.
   * One statement does both: a plain insert first and a take-over second would leave a gap in which
   * two repeats could find the same expired lock.
   */
  async function take(claim: Claim): Promise<Lock | undefined> {
    const [lock] = await sql.$queryRaw<Lock[]>`
      INSERT INTO idempotency_key AS held (scope, key, fingerprint, reserved_id, locked_until)
      VALUES (${claim.scope}, ${claim.key}, ${claim.fingerprint}, ${newUuid()}::uuid,
        postrider_now() + interval '60 seconds')
      ON CONFLICT (scope, key) DO UPDATE SET locked_until = excluded.locked_until
        WHERE held.status_code IS NULL
          AND held.locked_until <= postrider_now()
          AND held.fingerprint = excluded.fingerprint
      RETURNING reserved_id::text AS "reservedId", locked_until AS "lockedUntil"`;
    return lock;
  }

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
    const kept = JSON.parse(sealing.open(row.response, contextOf(claim)));
    return { kind: 'answered', answer: { status: row.statusCode, ...kept } };
  }

  return {
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
      await sql.$executeRaw`
        UPDATE idempotency_key
        SET status_code = ${answer.status}, response = ${sealing.seal(text, contextOf(claim))}
        WHERE scope = ${claim.scope} AND key = ${claim.key}
          AND reserved_id = ${lock.reservedId}::uuid AND status_code IS NULL`;
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

function contextOf(claim: Claim): string {
  return `idempotency_key:${claim.scope}:${claim.key}`;
}
