import { EventEmitter } from 'node:events';
import type { PgPoolClient } from 'bullmq';
import type { Connection } from '../../platform/db/client.ts';
import type { SessionPool } from '../../platform/db/pool.ts';
import type { Report } from './backend.ts';

const SECOND = 1000;
/** A connection that only listens would not notice that the other end is gone. */
const HEARTBEAT_MS = 5 * SECOND;
const AGAIN_MS = SECOND;

type Query = (text: string, values?: readonly unknown[]) => Promise<{ rows: unknown[] }>;

/** One connection that listens for everybody in this process, however many queues there are. */
export interface SharedListener {
  /** What BullMQ takes for a connection of its own: it listens on the shared one and asks on `query`. */
  openSeat(query: Query): PgPoolClient;
  /** Gets what comes on a channel, over all outages, until `close`. */
  subscribe(channel: string, take: (payload: string) => void): void;
  close(): void;
}

/**
 * BullMQ has each worker hold a connection to LISTEN, so sixty queues would take sixty. All of them listen
 * to one channel, though, and sort out by name what is theirs.
 *
 * @param pool of one connection
 * @param isPooled a pooler hands connections out by the transaction: nobody can listen, and workers look
 *   by themselves every few seconds
 */
export function shareListener(
  { pool }: Pick<SessionPool, 'pool'>,
  isPooled: boolean,
  report: Report,
): SharedListener {
  const seats = new Set<EventEmitter>();
  const subscribers = new Map<string, (payload: string) => void>();
  /** Statements by which the present connection has begun to listen. */
  let listening = new Map<string, Promise<unknown>>();
  let connected: Promise<Connection> | null = null;
  /** One statement after the other. */
  let last: Promise<unknown> = Promise.resolve();
  let heartbeat: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  let closed = false;

  function ask(client: Connection, text: string): Promise<unknown> {
    last = last.catch(() => {}).then(() => client.query(text));
    return last;
  }

  async function connect(): Promise<Connection> {
    const client = await pool.connect();
    client.on('notification', (message) => {
      subscribers.get(message.channel)?.(message.payload ?? '');
      for (const seat of seats) seat.emit('notification', message);
    });
    client.once('error', (error) => {
      client.release(error);
      lose(error);
    });
    heartbeat = setInterval(() => void ask(client, 'SELECT 1').catch(() => {}), HEARTBEAT_MS);
    return client;
  }

  /** BullMQ then takes other seats, and listens again; subscribers are listened for by us. */
  function lose(error: Error): void {
    connected = null;
    listening = new Map();
    clearInterval(heartbeat);
    if (closed) return;
    report('the connection to PostgreSQL that listens was lost', error);
    for (const seat of seats) {
      seats.delete(seat);
      if (seat.listenerCount('error') > 0) seat.emit('error', error);
    }
    listenAgain();
  }

  function listenAgain(): void {
    clearTimeout(again);
    if (closed || subscribers.size === 0) return;
    again = setTimeout(() => {
      const all = [...subscribers.keys()].map((channel) => listen(`LISTEN "${channel}"`));
      Promise.all(all).catch(listenAgain);
    }, AGAIN_MS);
  }

  async function listen(text: string): Promise<void> {
    if (isPooled) return;
    connected ??= connect();
    connected.catch(() => {
      connected = null;
    });
    const client = await connected;
    const begun = listening.get(text) ?? ask(client, text);
    listening.set(text, begun);
    await begun;
  }

  return {
    openSeat(query) {
      const seat = new EventEmitter();
      seats.add(seat);
      return Object.assign(seat, {
        query(text: string, values?: readonly unknown[]) {
          if (/^LISTEN\b/m.test(text)) return listen(text).then(() => ({ rows: [] }));
          // The name of a connection, which this is not.
          if (text.includes("set_config('application_name'")) return Promise.resolve({ rows: [] });
          return query(text, values);
        },
        release() {
          seats.delete(seat);
        },
      }) as unknown as PgPoolClient;
    },
    subscribe(channel, take) {
      subscribers.set(channel, take);
      listen(`LISTEN "${channel}"`).catch(listenAgain);
    },
    close() {
      closed = true;
      clearInterval(heartbeat);
      clearTimeout(again);
      seats.clear();
      subscribers.clear();
    },
  };
}
