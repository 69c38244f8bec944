import pg from 'pg';
import type { SessionClient } from './session-client.ts';

/** What the driver's connection has, and its types do not. */
interface CancelConnection {
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
  on(event: string, listener: (error?: Error) => void): void;
  stream: { destroy(): void };
}

const SECOND = 1000;
const GIVEN_UP_MS = 2 * SECOND;

/**
 * Asks the server to end what it does for this connection: PostgreSQL's CancelRequest, on a connection of its own.
 * The key in it is that which the connection was given. Where a pooler gave it, the pooler knows which server works
 * for this connection right now, if any does, and asks that one. (Rejected: `pg_cancel_backend` with the number of a
 * process. Behind a pooler that process may work for somebody else by the time the call comes.)
 *
 * Resolves once the request was taken or cannot be made. Whether something was ended, nobody says: it may have been
 * over, or not have begun.
 */
export function requestCancel(client: SessionClient): Promise<void> {
  const { processID, secretKey, host, port, ssl, sslNegotiation } = client;
  if (processID === null || secretKey === null) return Promise.resolve();
  const Connection = pg.Connection as unknown as new (config: object) => CancelConnection;
  const connection = new Connection({ ssl, sslNegotiation });
  return new Promise((resolve) => {
    const timer = setTimeout(() => connection.stream.destroy(), GIVEN_UP_MS);
    const ended = () => {
      clearTimeout(timer);
      resolve();
    };
    const cancel = () => connection.cancel(processID, secretKey);
    connection.on('connect', () => {
      if (!ssl) cancel();
      else if (sslNegotiation !== 'direct') connection.requestSsl();
    });
    connection.on('sslconnect', cancel);
    connection.on('error', () => connection.stream.destroy());
    // The server answers by closing.
    connection.on('end', ended);
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
  });
}
