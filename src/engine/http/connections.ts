import type { Socket } from 'node:net';
import { Client } from 'undici';
import { type AnswerHeads, createAnswerHeads } from './answer-heads.ts';
import type { Connect } from './tunnel.ts';

const SECOND = 1000;

/** A connection to one origin, or the way to one. It serves one attempt at a time. */
export interface Connection {
  readonly origin: string;
  readonly client: Client;
  socket: Socket | null;
  remoteAddress: string | null;
  /** How much the receiver may still say in this attempt. */
  bytesLeft: number;
  heads: AnswerHeads;
  /** It has served an attempt before: the receiver may be hanging up just now. */
  isReused: boolean;
}

export type Connections = ReturnType<typeof openConnections>;

const MOST_HEADER_BYTES = 16 * 1024;
/** Shorter than the 5 s after which many servers hang up, so that we rarely write into a closing connection. */
const KEPT_MS = 4 * SECOND;
const LONGEST_KEPT_MS = 30 * SECOND;
const KEPT_MARGIN_MS = 1.5 * SECOND;
const MOST_KEPT = 2000;
/** Of one answer with all that is around it: 16 KiB of headers, and 16 KiB of body in the smallest chunks. */
const MOST_ANSWER_BYTES = 256 * 1024;
const SIP_BYTES = 1024;
/** A busy connection ends now and then too, so that a change in DNS gets noticed. */
const REQUESTS_A_CONNECTION = 1000;

/**
 * The connections that are open. undici's Agent would pool them too, but it doesn't tell which
 * socket a request went over, and when a request is given up while it still connects, the Agent
 * goes on connecting: a dead host would collect sockets. How many connections there may be at once is
 * flow control's business, which decides how many attempts there are.
 */
export function openConnections(connect: Connect) {
  const open = new Set<Connection>();
  const kept = new Map<string, Connection[]>();
  let keptCount = 0;

  function create(origin: string): Connection {
    const client = new Client(origin, {
      pipelining: 1,
      maxHeaderSize: MOST_HEADER_BYTES,
      maxRequestsPerClient: REQUESTS_A_CONNECTION,
      keepAliveTimeout: KEPT_MS,
      keepAliveMaxTimeout: LONGEST_KEPT_MS,
      keepAliveTimeoutThreshold: KEPT_MARGIN_MS,
      // The attempt's own deadline covers these.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect(target, done) {
        connection.remoteAddress = null;
        connection.socket = null;
        const opening = (socket: Socket) => {
          connection.socket = socket;
          // Given up before there was a socket that could be closed.
          if (!open.has(connection)) socket.destroy();
        };
        connect(
          target,
          {
            opening,
            reading(socket, address) {
              opening(socket);
              readInSips(socket, connection);
              connection.remoteAddress = address;
              // A socket that has closed doesn't know it any more.
              socket.once('connect', () => {
                connection.remoteAddress ??= socket.remoteAddress ?? null;
              });
            },
          },
          done,
        );
      },
    });
    const connection: Connection = {
      origin,
      client,
      socket: null,
      remoteAddress: null,
      bytesLeft: MOST_ANSWER_BYTES,
      heads: createAnswerHeads(),
      isReused: false,
    };
    client.on('disconnect', () => forget(connection));
    open.add(connection);
    return connection;
  }

  /** A kept connection whose socket has closed. One that is in use connects again by itself. */
  function forget(connection: Connection): void {
    const same = kept.get(connection.origin);
    const index = same?.indexOf(connection) ?? -1;
    if (same === undefined || index < 0) return;
    same.splice(index, 1);
    keptCount -= 1;
    if (same.length === 0) kept.delete(connection.origin);
    destroy(connection);
  }

  function take(origin: string): Connection {
    const connection = takeKept(origin);
    if (connection === undefined) return create(origin);
    connection.bytesLeft = MOST_ANSWER_BYTES;
    connection.heads = createAnswerHeads();
    connection.isReused = true;
    return connection;
  }

  function takeKept(origin: string): Connection | undefined {
    const same = kept.get(origin);
    const connection = same?.pop();
    if (connection !== undefined) keptCount -= 1;
    if (same?.length === 0) kept.delete(origin);
    return connection;
  }

  function release(connection: Connection): void {
    if (keptCount >= MOST_KEPT) return void destroy(connection);
    const same = kept.get(connection.origin);
    if (same === undefined) kept.set(connection.origin, [connection]);
    else same.push(connection);
    keptCount += 1;
  }

  function destroy(connection: Connection): Promise<void> {
    open.delete(connection);
    // Also while it still connects, which the client alone would wait for.
    connection.socket?.destroy();
    return connection.client.destroy();
  }

  return {
    take,
    /** A connection of its own. */
    create,
    /** Nothing of an answer has come, not a byte. */
    isSilent: (connection: Connection) => connection.bytesLeft === MOST_ANSWER_BYTES,
    release,
    destroy,
    async close() {
      kept.clear();
      await Promise.all([...open].map(destroy));
    },
  };
}

/**
 * Lets undici have what a socket has received in small pieces, and only so much of it.
 *
 * undici takes whatever has arrived, often 64 KiB, and parses it to the end: its limit for headers
 * makes an error for every field behind it, which kept the process busy for 140 ms an attempt, and
 * it has no limit at all for a status connection or the extension of a chunk.
 */
function readInSips(socket: Socket, connection: Connection): void {
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    // Node's own calls name a size; undici's don't.
    if (size !== undefined) return read(size);
    for (;;) {
      if (socket.destroyed) return null;
      const chunk: Buffer | null = read(Math.min(socket.readableLength, SIP_BYTES) || undefined);
      if (chunk === null) return null;
      connection.bytesLeft -= chunk.length;
      if (connection.bytesLeft < 0) {
        socket.destroy(new Error('The answer has no end.'));
        return null;
      }
      const passed = connection.heads.pass(chunk);
      if (passed.length > 0) return passed;
    }
  };
}
