import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { isDiskFull } from './database-error.ts';
import { openPool } from './pool.ts';
import type { DatabaseServer } from './server.ts';
import type { SessionClient } from './session-client.ts';

/**
 * `away`: it did not answer in time. `read_only`: a standby, or a server that keeps the rest of its disk.
 * `full`: it has no room for what is to be written.
 */
export type DatabaseState = 'ready' | 'read_only' | 'full' | 'away';

export interface ClockStep {
  /** Negative: back. */
  byMs: number;
  /** `performance.now()` */
  seenAt: number;
}

export interface DatabaseHealth {
  /** Never rejects, and resolves within 2 s. */
  look(): Promise<DatabaseState>;
  /** The latest step of the database's clock between two looks, ms, and when it was seen; null: none yet. */
  clockStep(): ClockStep | null;
  close(): Promise<void>;
}

const SECOND = 1000;
const LOOK_MS = 2 * SECOND;
/** Less than this is a slow answer, or a clock that is being set right. */
const LEAST_STEP_MS = 2 * SECOND;

/**
 * Asks on a connection of its own: one of a pool that is merely busy would say that the database is away,
 * and a process that is taken out of service for being busy makes the others busier.
 */
export function openHealth(server: DatabaseServer): DatabaseHealth {
  const { pool, close } = openPool(server, {
    name: 'postrider health',
    maxConnections: 1,
    limits: { statementTimeoutMs: LOOK_MS, lockTimeoutMs: LOOK_MS },
    waitMs: LOOK_MS,
    report: () => {},
  });
  /** How far the database's clock is ahead of our monotonic one, ms. */
  let aheadMs: number | null = null;
  let step: ClockStep | null = null;
  /** A statement failed for want of room, and none was found since. */
  let mayBeFull = false;
  const noteFull = () => {
    mayBeFull = true;
  };
  server.signs.on('full', noteFull);

  async function ask(): Promise<DatabaseState> {
    const client = await pool.connect();
    const deadline = setTimeout(() => {
      (client as unknown as SessionClient).destroy('no answer');
      server.signs.emit('suspected');
    }, LOOK_MS);
    try {
      const { rows } = await client.query<{ isReadOnly: boolean; now: Date }>(
        `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly",
                clock_timestamp() AS now`,
      );
      const [row] = rows;
      if (row === undefined) return 'away';
      noteClock(row.now.getTime());
      if (row.isReadOnly) return 'read_only';
      if (mayBeFull) mayBeFull = !(await hasRoom(client));
      return mayBeFull ? 'full' : 'ready';
    } finally {
      clearTimeout(deadline);
      client.release();
    }
  }

  function noteClock(nowMs: number): void {
    const seenAt = performance.now();
    const byMs = nowMs - seenAt - (aheadMs ?? nowMs - seenAt);
    aheadMs = nowMs - seenAt;
    if (Math.abs(byMs) >= LEAST_STEP_MS) step = { byMs, seenAt };
  }

  return {
    look: () =>
      Promise.race([ask(), pause(LOOK_MS, 'away' as const, { ref: false })]).catch(() => 'away'),
    clockStep: () => step,
    close() {
      server.signs.off('full', noteFull);
      return close(0);
    },
  };
}

/**
 * Whether the disk has room for some megabytes: for a sort that memory does not hold. (Rejected: writing rows,
 * which finds room in pages that there are already, and leaves dead ones where it does not.)
 */
async function hasRoom(client: pg.ClientBase): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query("SET LOCAL work_mem = '64kB'");
    await client.query(
      `SELECT count(*) FROM (SELECT FROM generate_series(1, 40000) AS n
                              ORDER BY repeat(md5(n::text), 6) OFFSET 0) AS sorted`,
    );
    return true;
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    return false;
  } finally {
    await client.query('ROLLBACK');
  }
}
