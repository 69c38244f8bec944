import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';
import { type BranchCall, FENCE_TABLE, fenceMiddleware, pgFence } from '../../src/fence/index.ts';

/**
 * What happens to a call on its way: it gets through, finds the service down, gets lost, or is obeyed and its
 * answer gets lost.
 */
type Weather = (op: string) => Fate | Promise<Fate>;
export type Fate = 'pass' | 'refuse' | 'lose' | 'mute';

type Work = (tx: pg.PoolClient, order: OrderPayload) => Promise<unknown>;

export interface OrderPayload {
  orderId: string;
  /** Whose points they are. */
  member: string;
  quantity: number;
}

/** A service of the shop: an Express app, a schema of its own, and the three calls of its branch. */
export interface ServiceDefinition {
  name: string;
  /** Its tables; `search_path` is its schema. */
  tables: string;
  try: Work;
  confirm: Work;
  cancel: Work;
}

export interface Service {
  name: string;
  url: string;
  pool: pg.Pool;
  /** Answers of this branch, newest last: `confirm 200`. */
  log: string[];
  /** For the story: a network that loses and delays, a service that is down. */
  weather(next: Weather): void;
  /** Delivers the last call that got lost, byte for byte. @returns the answer's status */
  deliverLost(): Promise<number>;
  close(): Promise<void>;
}

/** @param secret the `callbackSecret` of the key that begins the transactions */
export async function startService(
  definition: ServiceDefinition,
  databaseUrl: string,
  secret: string,
): Promise<Service> {
  const { name } = definition;
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 5,
    options: `-c search_path=${name}`,
  });
  await pool.query(`CREATE SCHEMA ${name}`);
  await pool.query(`${FENCE_TABLE}; ${definition.tables}`);

  const log: string[] = [];
  /** A call whose connection breaks may come once more, over a new one, within the same attempt. */
  const logOnce = (entry: string) => {
    if (log.at(-1) !== entry) log.push(entry);
  };
  let weather: Weather = () => 'pass';
  let lost: { headers: Record<string, string>; body: Buffer } | null = null;
  const app = express();
  app.use(express.raw({ type: () => true }));
  app.use(async (request, response, next) => {
    const op = request.get('postrider-op') ?? '';
    switch (await weather(op)) {
      case 'lose':
        lost = { headers: signedHeaders(request.headers), body: request.body };
        logOnce(`${op} lost`);
        // No answer either; and the caller need not wait until its time is up.
        request.socket.destroy();
        return;
      case 'refuse':
        log.push(`${op} 503`);
        response.sendStatus(503);
        return;
      case 'pass':
        response.once('close', () => log.push(`${op} ${response.statusCode}`));
        next();
        return;
      case 'mute':
        response.end = () => {
          logOnce(`${op} ${response.statusCode}, answer lost`);
          request.socket.destroy();
          return response;
        };
        next();
    }
  });
  const business = (work: Work) => (tx: pg.PoolClient, call: BranchCall) =>
    work(tx, call.payload as OrderPayload);
  app.post(
    '/tcc',
    fenceMiddleware<pg.PoolClient>({
      secret,
      transaction: (work) => transaction(pool, work),
      sql: pgFence,
      try: business(definition.try),
      confirm: business(definition.confirm),
      cancel: business(definition.cancel),
    }),
  );

  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    name,
    url: `${origin}/tcc`,
    pool,
    log,
    weather(next) {
      weather = next;
    },
    async deliverLost() {
      if (lost === null) throw new Error('Nothing got lost.');
      weather = () => 'pass';
      const { headers, body } = lost;
      return (await fetch(`${origin}/tcc`, { method: 'POST', headers, body })).status;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await pool.end();
    },
  };
}

/** What the gateway has said in headers, without those of the connection. */
function signedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      /^(webhook-|postrider-)/.test(name) && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

export async function transaction<T>(
  pool: pg.Pool,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
