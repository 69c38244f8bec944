/** What is asked of a participant of a TCC transaction. */
export type FenceOp = 'try' | 'confirm' | 'cancel';

/** Which call of which branch; the gateway sends these as `postrider-gid`, `-branch` and `-op`. */
export interface FenceCall {
  gid: string;
  branchId: string;
  op: FenceOp;
}

/** Why a call is refused for good. */
export type FenceRefusal =
  | 'hanging_try'
  | 'already_cancelled'
  | 'confirm_without_try'
  | 'confirm_after_cancel'
  | 'cancel_after_confirm';

/** What to answer: 200, and whether the business ran just now; or 409 with a code. */
export type FenceAnswer = { status: 200; ran: boolean } | { status: 409; code: FenceRefusal };

/** Runs one statement in the participant's transaction and gives its rows. */
export type FenceSql = (
  text: string,
  values: readonly string[],
) => Promise<readonly { reason?: unknown }[]>;

/** The fence's table; once in each participant's database, beside what it guards. */
export const FENCE_TABLE = `
CREATE TABLE IF NOT EXISTS tx_fence (
  gid text NOT NULL,
  branch_id text NOT NULL,
  slot text NOT NULL CHECK (slot IN ('try', 'second')),
  reason text NOT NULL CHECK (reason IN ('try', 'confirm', 'cancel')),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gid, branch_id, slot)
)`;

/**
 * Forgets branches that ended more than seven days ago. A branch whose second phase is still to come
 * is never forgotten: its `try` row is what that phase will ask for.
 */
export const FENCE_CLEANUP = `
DELETE FROM tx_fence AS f USING tx_fence AS ended
 WHERE ended.gid = f.gid AND ended.branch_id = f.branch_id AND ended.slot = 'second'
   AND ended.created_at < now() - interval '7 days'`;

const INSERT = `
INSERT INTO tx_fence (gid, branch_id, slot, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING reason`;

const SELECT = 'SELECT reason FROM tx_fence WHERE gid = $1 AND branch_id = $2 AND slot = $3';

/**
 * Lets a branch's business run at most once for each phase and in no impossible order, whatever
 * comes twice, late, or not at all.
 *
 * Call it inside the transaction in which `business` writes, at READ COMMITTED (the default): the
 * fence's rows and the business are committed together or not at all. A `business` that throws must
 * roll that transaction back; the call then counts as never made.
 *
 * ```ts
 * await client.query('BEGIN');
 * try {
 *   const answer = await fence(pgFence(client), { gid, branchId, op: 'try' }, () =>
 *     client.query('UPDATE stock SET sellable = sellable - 5, frozen = frozen + 5'));
 *   await client.query('COMMIT');
 *   response.status(answer.status).json(answer);
 * } catch (error) {
 *   await client.query('ROLLBACK');
 *   throw error;
 * }
 * ```
 *
 * Deadlocks: the slots are always taken in the order try, second, and a transaction that fences one
 * branch never waits for another. (Rejected: advisory locks, which order the calls as well but leave
 * nothing behind that a late try could stumble over.)
 */
export async function fence(
  sql: FenceSql,
  call: FenceCall,
  business: () => Promise<unknown>,
): Promise<FenceAnswer> {
  const { gid, branchId } = call;
  const insert = async (slot: Slot, reason: FenceOp) =>
    (await sql(INSERT, [gid, branchId, slot, reason])).length === 1;
  // A statement of its own: what made the insert wait is visible only to a later snapshot.
  const read = async (slot: Slot) => (await sql(SELECT, [gid, branchId, slot]))[0]?.reason;
  const run = async (): Promise<FenceAnswer> => {
    await business();
    return { status: 200, ran: true };
  };

  switch (call.op) {
    case 'try':
      if (await insert('try', 'try')) return run();
      if ((await read('try')) === 'cancel') return refuse('hanging_try');
      return (await read('second')) === 'cancel' ? refuse('already_cancelled') : DONE;
    case 'confirm':
      if ((await read('try')) !== 'try') return refuse('confirm_without_try');
      if (await insert('second', 'confirm')) return run();
      return (await read('second')) === 'confirm' ? DONE : refuse('confirm_after_cancel');
    case 'cancel':
      if (await insert('try', 'cancel')) {
        // An empty rollback: nothing was tried, and from now on nothing can be.
        await insert('second', 'cancel');
        return DONE;
      }
      if (await insert('second', 'cancel')) return run();
      return (await read('second')) === 'cancel' ? DONE : refuse('cancel_after_confirm');
  }
}

type Slot = 'try' | 'second';

const DONE: FenceAnswer = { status: 200, ran: false };

function refuse(code: FenceRefusal): FenceAnswer {
  return { status: 409, code };
}

/** For a `pg` client that has begun a transaction. */
export function pgFence(client: {
  query(text: string, values: string[]): Promise<{ rows: { reason?: unknown }[] }>;
}): FenceSql {
  return async (text, values) => (await client.query(text, [...values])).rows;
}

/** For a Prisma transaction, as `$transaction(async (tx) => …)` gives it. */
export function prismaFence(tx: {
  $queryRawUnsafe<T>(text: string, ...values: string[]): PromiseLike<T>;
}): FenceSql {
  return async (text, values) => tx.$queryRawUnsafe<{ reason?: unknown }[]>(text, ...values);
}
