import pg from 'pg';
import { isDiskFull } from './database-error.ts';
import { type DatabaseServer, requireSession, sessionClient } from './server.ts';
import type { SessionLimits } from './session.ts';
import type { OpenClients, SessionClient } from './session-client.ts';
import { watchSilence } from './silence-watch.ts';

export interface PoolOptions {
  /** What the connections are for, as `pg_stat_activity` shows it. */
  name: string;
  maxConnections: number;
  limits: SessionLimits;
  /** How long a caller waits for a connection. */
  waitMs: number;
  /** Told of connections that broke while idle, or went silent. */
  report(error: Error): void;
}

/** A pool, and its end. */
export interface SessionPool {
  pool: pg.Pool;
  /** Lets what is under way end, for as long as `graceMs`; then breaks it off. */
  close(graceMs: number): Promise<void>;
}

const SECOND = 1000;

/**
 * A pool whose connections are pinned to what our SQL relies on, are watched for silence, and never end the
 * process by breaking.
 */
export function openPool(server: DatabaseServer, options: PoolOptions): SessionPool {
  const { name, maxConnections, limits, waitMs, report } = options;
  const open: OpenClients = new Set();
  const pool = new pg.Pool({
    Client: sessionClient(server, limits, open) as unknown as new () => pg.ClientBase,
    connectionString: server.url,
    max: maxConnections,
    connectionTimeoutMillis: waitMs,
    idleTimeoutMillis: 30 * SECOND,
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10 * SECOND,
    onConnect: (client) => requireSession(client, server, limits),
  });
  pool.on('connect', (client) => {
    (client as unknown as SessionClient).onServerError((error) => {
      if (isDiskFull(error)) server.signs.emit('full');
    });
  });
  // An idle connection that breaks, as in a restart of the database, is replaced at the next query.
  pool.on('error', report);
  const watch = watchSilence({ server, limits, open, report });
  return {
    pool,
    async close(graceMs) {
      const ended = pool.ended || pool.ending ? Promise.resolve() : pool.end();
      const deadline = setTimeout(() => {
        for (const client of open) client.destroy('the process ends');
      }, graceMs);
      await ended;
      clearTimeout(deadline);
      watch.close();
    },
  };
}
