import { type Database, type DatabaseOptions, openDatabase } from './client.ts';
import type { DatabaseServer } from './server.ts';

const SECOND = 1000;

/**
 * One pool for each kind of work, so that none takes the connections of another: a merchant's dear lists
 * must not stop intake, nor a statement of a million rows the deliveries. Connections are opened when they
 * are needed, so a process pays for the roles that it has.
 */
const POOLS = {
  /** Storing what producers send, and what that takes: keys, idempotency. Refused rather than late. */
  intake: {
    maxConnections: 4,
    limits: { statementTimeoutMs: 10 * SECOND, lockTimeoutMs: 3 * SECOND },
  },
  /** Everything else that somebody waits for. */
  calls: {
    maxConnections: 8,
    limits: { statementTimeoutMs: 15 * SECOND, lockTimeoutMs: 5 * SECOND },
  },
  /** Claims, records, sweeps. */
  engine: {
    maxConnections: 6,
    limits: { statementTimeoutMs: 30 * SECOND, lockTimeoutMs: 5 * SECOND },
  },
  /** What nobody waits for, or only for a row at a time: statements, retention, counting. */
  background: {
    maxConnections: 4,
    limits: { statementTimeoutMs: 120 * SECOND, lockTimeoutMs: 10 * SECOND },
  },
} satisfies Record<string, Omit<DatabaseOptions, 'name'>>;

type Pool = keyof typeof POOLS;
export const POOL_NAMES = Object.keys(POOLS) as Pool[];

export interface Databases extends Record<Pool, Database> {
  close(): Promise<void>;
}

/** @param report told of connections that broke or went silent */
export function openDatabases(server: DatabaseServer, report: (error: Error) => void): Databases {
  const open = (name: Pool) =>
    openDatabase(server, { ...POOLS[name], name: `postrider ${name}`, report });
  const opened = {
    intake: open('intake'),
    calls: open('calls'),
    engine: open('engine'),
    background: open('background'),
  };
  return {
    ...opened,
    async close() {
      await Promise.all(Object.values(opened).map(({ close }) => close()));
    },
  };
}
