import { connectTo, type DatabaseServer } from './server.ts';
import { DEFAULT_LIMITS } from './session.ts';
import type { SessionClient } from './session-client.ts';

/** More transactions than a database has in its life: 10,000 a second for fifty years. */
const NUMBERS_OF_A_LIFE = 2n ** 44n;

/** Set in the files of a restored server, where nothing else tells it from the one that was backed up. */
export const ORIGIN_SETTING = 'postrider.origin';

/**
 * Has the numbers of transactions go on above all that were ever given, where the database has come from
 * another server, or is an older state of itself: places in the catch-up feed, which are such numbers, hold
 * for good. Belongs after the migrations and before anything is stored.
 *
 * What is told apart: the server, its timeline (another one after a recovery to a point in time, or a standby's
 * promotion), and a restore by our own command. A disk that was set back to a snapshot is not.
 *
 * @param log gets a line where they were raised
 */
export async function continueNumbers(
  server: DatabaseServer,
  log: (line: string) => void,
): Promise<void> {
  const client = await connectTo(server, 'postrider start', DEFAULT_LIMITS);
  try {
    await client.query('BEGIN');
    // Processes that start together take turns.
    await client.query('LOCK TABLE transaction_numbers IN SHARE ROW EXCLUSIVE MODE');
    const isRaised = await raiseWhereMoved(client, await originOf(client));
    await client.query('COMMIT');
    if (isRaised)
      log('The database has been restored or moved: the feed goes on from where it was');
  } finally {
    await client.end().catch(() => {});
  }
}

async function raiseWhereMoved(client: SessionClient, origin: string): Promise<boolean> {
  const { rows } = await client.query<{ base: string; origin: string | null }>(
    'SELECT transaction_base()::text AS base, (SELECT origin FROM transaction_numbers) AS origin',
  );
  const [known] = rows;
  if (known === undefined || known.origin === origin) return false;
  const hasMoved = known.origin !== null || (await hasNumbersToCome(client));
  await client.query(
    `INSERT INTO transaction_numbers (origin) VALUES ($1)
       ON CONFLICT (only_row) DO UPDATE SET origin = excluded.origin`,
    [origin],
  );
  if (!hasMoved) return false;
  const base = BigInt(known.base) + NUMBERS_OF_A_LIFE;
  await client.query(
    `CREATE OR REPLACE FUNCTION transaction_base() RETURNS bigint LANGUAGE sql STABLE
       AS $$ SELECT ${base}::bigint $$`,
  );
  return true;
}

/** Numbers of transactions that this server has not begun: a dump brought them, before there was a base. */
async function hasNumbersToCome(client: SessionClient): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM attempt WHERE created_xid >= next_transaction_number())
         OR EXISTS (SELECT FROM delivery
                     WHERE status IN ('pending', 'sending', 'failed', 'skipped')
                       AND created_xid >= next_transaction_number()) AS found`,
  );
  return rows[0]?.found ?? false;
}

/** Managed services may keep some of it to themselves; what can be had has to do. */
async function originOf(client: SessionClient): Promise<string> {
  const parts = [
    `'server ' || (SELECT system_identifier FROM pg_control_system())`,
    `'timeline ' || left(pg_walfile_name(pg_current_wal_lsn()), 8)`,
    `'restore ' || nullif(current_setting('${ORIGIN_SETTING}', true), '')`,
  ];
  const known: string[] = [];
  for (const part of parts) {
    const text = await askSafely(client, `SELECT ${part} AS text`);
    if (text !== null) known.push(text);
  }
  return known.join(', ');
}

async function askSafely(client: SessionClient, sql: string): Promise<string | null> {
  await client.query('SAVEPOINT asking');
  try {
    const { rows } = await client.query<{ text: string | null }>(sql);
    return rows[0]?.text ?? null;
  } catch {
    await client.query('ROLLBACK TO SAVEPOINT asking');
    return null;
  }
}
