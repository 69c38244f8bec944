import { type Database, type DatabaseOptions, openDatabase } from './client.ts';
import type { DatabaseServer } from './server.ts';
import type { SessionLimits } from './session.ts';

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
  /** Lists, look-ups, the overview: what changes nothing. How long they may take is a setting. */
  reads: {
    maxConnections: 8,
    limits: limitsOfReads(5 * SECOND),
  },
  /** Everything else that somebody waits for. */
  calls: {
    maxConnections: 6,
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

/** Only a migration locks a whole table, and waiting for one is not worse than reading for so long. */
function limitsOfReads(statementTimeoutMs: number): SessionLimits {
  return { statementTimeoutMs, lockTimeoutMs: statementTimeoutMs };
}

type Pool = keyof typeof POOLS;
export const POOL_NAMES = Object.keys(POOLS) as Pool[];

export interface Databases extends Record<Pool, Database> {
  close(): Promise<void>;
}

export interface DatabasesOptions {
  /** PostgreSQL ends a caller's read that runs longer. */
  readTimeoutMs?: number | undefined;
  /** Told of connections that broke or went silent. */
  report(error: Error): void;
}

export function openDatabases(server: DatabaseServer, options: DatabasesOptions): Databases {
  const { report, readTimeoutMs } = options;
  const open = (name: Pool, given: Partial<DatabaseOptions> = {}) =>
    openDatabase(server, { ...POOLS[name], ...given, name: `postrider ${name}`, report });
  const opened = {
    intake: open('intake'),
    reads: open(
      'reads',
      readTimeoutMs === undefined ? {} : { limits: limitsOfReads(readTimeoutMs) },
    ),
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
