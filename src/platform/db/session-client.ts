import pg from 'pg';
import { beginWith, type SessionSettings } from './session.ts';

export type ClientConstructor = new (config: pg.ClientConfig) => SessionClient;

/** The connections of a pool, from the moment they are made until they are gone. */
export type OpenClients = Set<SessionClient>;

/** A connection to PostgreSQL whose breaking is never an unheard event, and whose silence can be told. */
export class SessionClient extends pg.Client {
  /** Since when an answer is owed, `performance.now()`; null: none is. */
  pendingSince: number | null = null;
  /** The server's process that it talks to; null before it is connected. */
  declare readonly processID: number | null;
  /** What it proves with that it may have its statement ended. */
  declare readonly secretKey: number | null;
  declare readonly sslNegotiation: string;

  /** @param open where it is noted for as long as it lives */
  constructor(config: pg.ClientConfig, open?: OpenClients) {
    super(config);
    open?.add(this);
    this.once('end', () => open?.delete(this));
    // It may break while nobody listens: between two statements of a transaction, or while a pool hands it
    // over. Whatever was asked fails by itself; the unheard event would end the process.
    this.on('error', () => {});
    const ask = this.query.bind(this) as (...args: unknown[]) => unknown;
    this.query = ((...args: unknown[]) => {
      this.pendingSince ??= performance.now();
      return ask(...args);
    }) as pg.Client['query'];
    this.on('drain', () => {
      this.pendingSince = null;
    });
  }

  /** Bytes that have come so far. */
  get bytesRead(): number {
    const { stream } = this.connection;
    return 'bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0;
  }

  /** Told of each error that the server says, whoever has caused it. */
  onServerError(told: (error: unknown) => void): void {
    this.connection.on('errorMessage', told);
  }

  /** Breaks it off: whatever waits for an answer fails at once, and a pool replaces it. */
  destroy(reason: string): void {
    this.connection.stream.destroy(new Error(`Connection terminated: ${reason}`));
  }
}

/**
 * Connections to a server itself. The settings are part of the first message, so that they go before
 * whatever the server, the database or the role says.
 */
export function directClient(settings: SessionSettings, open?: OpenClients): ClientConstructor {
  // The driver sends its encoding by itself.
  const { client_encoding: _, ...startup } = settings;
  return class extends SessionClient {
    constructor(config: pg.ClientConfig) {
      super(config, open);
    }

    /** What the driver sends first; its types do not have it. */
    getStartupConf(): object {
      const { getStartupConf } = pg.Client.prototype as unknown as { getStartupConf(): object };
      return { ...getStartupConf.call(this), ...startup };
    }
  };
}

/**
 * Connections through a pooler that hands its servers out by the transaction: nothing that is set stays. So
 * each statement becomes a transaction that begins with the settings; the three are sent together, which
 * costs no time on the way. Statements get no names: the next one may go to a server that knows none.
 */
export function pooledClient(settings: SessionSettings, open?: OpenClients): ClientConstructor {
  const begin = beginWith(settings);
  return class extends SessionClient {
    constructor(config: pg.ClientConfig) {
      super({ ...config, pipeline: true }, open);
      const ask = this.query.bind(this) as (query: Nameless, values?: unknown) => Promise<unknown>;
      const answer = (query: Nameless, values: unknown): Promise<unknown> => {
        if (query.text.startsWith('BEGIN')) return ask({ text: beginLike(query.text, begin) });
        const status = this.getTransactionStatus();
        if (status === 'T' || status === 'E') return ask(query, values);
        return answerOf([ask({ text: begin }), ask(query, values), ask({ text: 'COMMIT' })]);
      };
      this.query = ((query: string | pg.QueryConfig, ...rest: unknown[]) => {
        const callback = rest.at(-1);
        const [values] = rest.filter((each) => typeof each !== 'function');
        const { name: _, ...nameless } = typeof query === 'string' ? { text: query } : query;
        const answered = answer(nameless, values);
        if (typeof callback !== 'function') return answered;
        answered.then(
          (result) => callback(null, result),
          (error) => callback(error),
        );
      }) as pg.Client['query'];
    }
  };
}

/** `BEGIN ISOLATION LEVEL …` keeps its level. */
function beginLike(text: string, begin: string): string {
  const [, more = ''] = /^BEGIN\s*(.*)$/s.exec(text) ?? [];
  return more === '' ? begin : `${begin}; SET TRANSACTION ${more}`;
}

type Nameless = Omit<pg.QueryConfig, 'name'>;

/** Of begin, statement and commit what the statement answered, once all three have ended well. */
async function answerOf(sent: [unknown, Promise<unknown>, Promise<unknown>]): Promise<unknown> {
  const [begun, answered, committed] = await Promise.allSettled(sent);
  // The statement's own error says more than the ones that follow from it.
  const failed = [answered, begun, committed].find((each) => each.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return answered.status === 'fulfilled' ? answered.value : undefined;
}
