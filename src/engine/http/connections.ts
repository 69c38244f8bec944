import type { Socket } from 'node:net';
import { Client } from 'undici';
import { type AnswerHeads, createAnswerHeads } from './answer-heads.ts';
import type { Connect } from './tunnel.ts';

const SECOND = 1000;

/** A connection to one origin, or the way to one. It serves one attempt at a time. */
export interface Line {
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

export type Lines = ReturnType<typeof openLines>;

const MOST_HEADER_BYTES = 16 * 1024;
/** Shorter than the 5 s after which many servers hang up, so that we rarely write into a closing connection. */
const KEPT_MS = 4 * SECOND;
const LONGEST_KEPT_MS = 30 * SECOND;
const KEPT_MARGIN_MS = 1.5 * SECOND;
const MOST_KEPT_LINES = 2000;
/** Of one answer with all that is around it: 16 KiB of headers, and 16 KiB of body in the smallest chunks. */
const MOST_ANSWER_BYTES = 256 * 1024;
const SIP_BYTES = 1024;
/** A busy connection ends now and then too, so that a change in DNS gets noticed. */
const REQUESTS_A_LINE = 1000;

/**
 * The connections that are open. undici's Agent would pool them too, but it doesn't tell which
 * socket a request went over, and when a request is given up while it still connects, the Agent
 * goes on connecting: a dead host would collect sockets. How many lines there may be at once is
 * flow control's business, which decides how many attempts there are.
 */
export function openLines(connect: Connect) {
  const open = new Set<Line>();
  const kept = new Map<string, Line[]>();
  let keptCount = 0;

  function dial(origin: string): Line {
    const client = new Client(origin, {
      pipelining: 1,
      maxHeaderSize: MOST_HEADER_BYTES,
      maxRequestsPerClient: REQUESTS_A_LINE,
      keepAliveTimeout: KEPT_MS,
      keepAliveMaxTimeout: LONGEST_KEPT_MS,
      keepAliveTimeoutThreshold: KEPT_MARGIN_MS,
      // The attempt's own deadline covers these.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect(target, done) {
        line.remoteAddress = null;
        line.socket = null;
        const opening = (socket: Socket) => {
          line.socket = socket;
          // Given up before there was a socket that could be closed.
          if (!open.has(line)) socket.destroy();
        };
        connect(
          target,
          {
            opening,
            reading(socket, address) {
              opening(socket);
              readInSips(socket, line);
              line.remoteAddress = address;
              // A socket that has closed doesn't know it any more.
              socket.once('connect', () => {
                line.remoteAddress ??= socket.remoteAddress ?? null;
              });
            },
          },
          done,
        );
      },
    });
    const line: Line = {
      origin,
      client,
      socket: null,
      remoteAddress: null,
      bytesLeft: MOST_ANSWER_BYTES,
      heads: createAnswerHeads(),
      isReused: false,
    };
    client.on('disconnect', () => forget(line));
    open.add(line);
    return line;
  }

  /** A kept line whose socket has closed. One that is in use dials again by itself. */
  function forget(line: Line): void {
    const same = kept.get(line.origin);
    const index = same?.indexOf(line) ?? -1;
    if (same === undefined || index < 0) return;
    same.splice(index, 1);
    keptCount -= 1;
    if (same.length === 0) kept.delete(line.origin);
    hangUp(line);
  }

  function take(origin: string): Line {
    const line = takeKept(origin);
    if (line === undefined) return dial(origin);
    line.bytesLeft = MOST_ANSWER_BYTES;
    line.heads = createAnswerHeads();
    line.isReused = true;
    return line;
  }

  function takeKept(origin: string): Line | undefined {
    const same = kept.get(origin);
    const line = same?.pop();
    if (line !== undefined) keptCount -= 1;
    if (same?.length === 0) kept.delete(origin);
    return line;
  }

  function giveBack(line: Line): void {
    if (keptCount >= MOST_KEPT_LINES) return void hangUp(line);
    const same = kept.get(line.origin);
    if (same === undefined) kept.set(line.origin, [line]);
    else same.push(line);
    keptCount += 1;
  }

  function hangUp(line: Line): Promise<void> {
    open.delete(line);
    // Also while it still connects, which the client alone would wait for.
    line.socket?.destroy();
    return line.client.destroy();
  }

  return {
    take,
    /** A connection of its own. */
    dial,
    /** Nothing of an answer has come, not a byte. */
    isSilent: (line: Line) => line.bytesLeft === MOST_ANSWER_BYTES,
    giveBack,
    hangUp,
    async close() {
      kept.clear();
      await Promise.all([...open].map(hangUp));
    },
  };
}

/**
 * Lets undici have what a socket has received in small pieces, and only so much of it.
 *
 * undici takes whatever has arrived, often 64 KiB, and parses it to the end: its limit for headers
 * makes an error for every field behind it, which kept the process busy for 140 ms an attempt, and
 * it has no limit at all for a status line or the extension of a chunk.
 */
function readInSips(socket: Socket, line: Line): void {
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    // Node's own calls name a size; undici's don't.
    if (size !== undefined) return read(size);
    for (;;) {
      if (socket.destroyed) return null;
      const chunk: Buffer | null = read(Math.min(socket.readableLength, SIP_BYTES) || undefined);
      if (chunk === null) return null;
      line.bytesLeft -= chunk.length;
      if (line.bytesLeft < 0) {
        socket.destroy(new Error('The answer has no end.'));
        return null;
      }
      const passed = line.heads.pass(chunk);
      if (passed.length > 0) return passed;
    }
  };
}
