import { EventEmitter } from 'node:events';
import type pg from 'pg';
import {
  DEFAULT_LIMITS,
  requireSettings,
  type SessionLimits,
  type SessionSettings,
  sessionSettings,
  withinTransaction,
} from './session.ts';
import { directClient, type OpenClients, pooledClient, SessionClient } from './session-client.ts';

const OLDEST_POSTGRES = 14;
const SECOND = 1000;
const CONNECT_TIMEOUT_MS = 10 * SECOND;
const DEFAULT_SCHEMA = 'public';

/** A database, and how sessions on it are opened. */
export interface DatabaseServer {
  /** `postgres://…` */
  url: string;
  /** Where our tables are: `?schema=` in the url, else `public`. */
  schema: string;
  /** What is in between may hand each transaction to another server. */
  isPooled: boolean;
  /** What this server needs besides what all do. */
  settings: SessionSettings;
  /**
   * `silent`: a connection to it has gone silent, and others went the same way, most likely. `suspected`: one
   * may have, or is only slow. `full`: a statement failed because there was no room on its disk.
   */
  signs: EventEmitter<{ silent: []; suspected: []; full: [] }>;
}

/**
 * A database whose server is known to be one that keeps sessions: nothing is asked. Programs that start on a
 * database they were given use `reachServer`.
 */
export function plainServer(url: string): DatabaseServer {
  return { url, schema: schemaOf(url), isPooled: false, settings: {}, signs: openSigns() };
}

/**
 * Connects once, to see what kind of server it is and whether it is fit.
 *
 * @param log gets one line for each thing worth telling
 * @throws Error with one sentence of cause and remedy
 */
export async function reachServer(
  url: string,
  log: (line: string) => void = () => {},
): Promise<DatabaseServer> {
  const client = await firstContact(url);
  try {
    const server = await inspect(client, url, log);
    await trySession(server);
    return server;
  } finally {
    await client.end().catch(() => {});
  }
}

/** A session that looks for tables where an unpinned one would; a pooler takes no settings at all. */
async function firstContact(url: string): Promise<SessionClient> {
  const config = { connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
  const { search_path: _, ...settings } = sessionSettings(DEFAULT_SCHEMA, DEFAULT_LIMITS, {});
  const client = new (directClient(settings))(config);
  try {
    await connect(client);
    return client;
  } catch (error) {
    if (!(error instanceof Error) || !/unsupported startup parameter/.test(error.message))
      throw error;
    const bare = new SessionClient(config);
    await connect(bare);
    return bare;
  }
}

/**
 * A connection with everything pinned, for what has one to itself.
 *
 * @throws Error with one sentence when it cannot be had
 */
export async function connectTo(
  server: DatabaseServer,
  name: string,
  limits: SessionLimits,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): Promise<SessionClient> {
  const Client = sessionClient(server, limits);
  const client = new Client({
    connectionString: server.url,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: name,
    keepAlive: true,
  });
  await connect(client);
  return client;
}

/** The class of a pool's connections. */
export function sessionClient(server: DatabaseServer, limits: SessionLimits, open?: OpenClients) {
  const settings = sessionSettings(server.schema, limits, server.settings);
  return server.isPooled ? pooledClient(settings, open) : directClient(settings, open);
}

/**
 * Reads back what a session has been pinned to.
 *
 * @throws SessionSettingError with one sentence when something has another value
 */
export function requireSession(
  client: Pick<pg.ClientBase, 'query'>,
  { schema, settings, isPooled }: DatabaseServer,
  limits: SessionLimits,
): Promise<void> {
  const wanted = sessionSettings(schema, limits, settings);
  return requireSettings(client, isPooled ? withinTransaction(wanted) : wanted);
}

async function connect(client: pg.Client): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new Error(
      `The database at ${client.host}:${client.port} cannot be used (${message || code}); check DATABASE_URL.`,
      { cause: error },
    );
  }
}

interface Facts {
  version: number;
  versionText: string;
  processId: number;
  encoding: string;
  isStandby: boolean;
  waitsForDisk: boolean;
  /** Where an unpinned session would look first, and whether our tables are there or in `schema`. */
  ownSchema: string | null;
  isInOwnSchema: boolean;
  isInSchema: boolean;
}

const FACTS = `
  SELECT current_setting('server_version_num')::int AS version,
         current_setting('server_version') AS "versionText",
         pg_backend_pid() AS "processId",
         (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
         pg_is_in_recovery() AS "isStandby",
         current_setting('synchronous_commit') <> 'off' AS "waitsForDisk",
         current_schema() AS "ownSchema",
         to_regclass(quote_ident(current_schema()) || '.notification') IS NOT NULL AS "isInOwnSchema",
         to_regclass(quote_ident($1) || '.notification') IS NOT NULL AS "isInSchema"`;

async function inspect(
  client: SessionClient,
  url: string,
  log: (line: string) => void,
): Promise<DatabaseServer> {
  const schema = schemaOf(url);
  const { rows } = await client.query<Facts>(FACTS, [schema]);
  const [facts] = rows;
  if (facts === undefined) throw new Error('The database does not answer.');
  requireFit(facts, schema);
  const settings: Record<string, string> = {};
  if (facts.version >= 170_000) settings.transaction_timeout = '0';
  if (!facts.waitsForDisk) {
    settings.synchronous_commit = 'on';
    log(
      'synchronous_commit is off for this role: set to on, as what is accepted must outlive a crash',
    );
  }
  const isPooled =
    client.processID !== facts.processId || new URL(url).searchParams.get('pgbouncer') === 'true';
  if (isPooled)
    log('The database is reached through a pooler: each statement brings its settings along');
  return { url, schema, isPooled, settings, signs: openSigns() };
}

function requireFit(facts: Facts, schema: string): void {
  if (facts.version < OLDEST_POSTGRES * 10_000) {
    throw new Error(
      `PostgreSQL ${OLDEST_POSTGRES} or newer is needed; this server is ${facts.versionText}.`,
    );
  }
  if (facts.encoding !== 'UTF8') {
    throw new Error(
      `The database is encoded in ${facts.encoding}; create one with ENCODING 'UTF8' for Postrider.`,
    );
  }
  if (facts.isStandby) {
    throw new Error(
      'The database is a standby, which takes no writes; point DATABASE_URL to the primary.',
    );
  }
  if (!facts.isInSchema && facts.isInOwnSchema && facts.ownSchema !== schema) {
    throw new Error(
      `Postrider's tables are in the schema ${facts.ownSchema}; add ?schema=${facts.ownSchema} to DATABASE_URL.`,
    );
  }
}

/** Sees that a session can be had as it has to be. */
async function trySession(server: DatabaseServer): Promise<void> {
  const client = await connectTo(server, 'postrider start', DEFAULT_LIMITS);
  try {
    await requireSession(client, server, DEFAULT_LIMITS);
  } finally {
    await client.end().catch(() => {});
  }
}

/** As many listen as there are pools. */
function openSigns(): DatabaseServer['signs'] {
  return new EventEmitter<{ silent: []; suspected: []; full: [] }>().setMaxListeners(0);
}

function schemaOf(url: string): string {
  return new URL(url).searchParams.get('schema') ?? DEFAULT_SCHEMA;
}
