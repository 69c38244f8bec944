import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const SECOND = 1000;
const MIB = 2 ** 20;
const LOOK_EVERY_MS = SECOND;
/** Whoever takes less in all that time does not read, but keeps a connection from looking silent. */
const LEAST_BYTES = 4 * 1024;
/** Unread bytes of answers, beyond which a connection gets no further one. */
const MOST_UNREAD_BYTES = MIB;

interface Reader {
  /** Answers that are not over, in order; more than one where calls came without waiting for answers. */
  answers: Set<ServerResponse>;
  /** Bytes that had left this process at `since`. */
  sent: number;
  since: number;
}

const readers = new WeakMap<Socket, Reader>();

/** Cuts off those who do not read what they have asked for. */
export interface SlowReaders {
  connected(socket: Socket): void;
  close(): void;
}

/**
 * What a caller does not read lies in our memory: so a connection on which less than 4 KiB of what lies there leave in
 * `unreadTimeoutMs` is ended, whatever it is that is not read. (Rejected: the server's own time-out. It begins anew with
 * each byte of a request, and with each piece that is written into the buffer.)
 */
export function cutOffSlowReaders(
  unreadTimeoutMs: number,
  nowMs: () => number = () => performance.now(),
): SlowReaders {
  const open = new Set<Socket>();
  const timer = setInterval(
    () => {
      for (const socket of open) look(socket);
    },
    Math.min(LOOK_EVERY_MS, unreadTimeoutMs),
  );
  timer.unref();

  function look(socket: Socket): void {
    const reader = readerOf(socket);
    const sent = socket.bytesWritten - socket.writableLength - inKernelsLine(socket);
    // It falls where a further piece is handed over, which is when the one before has left.
    if (socket.writableLength === 0 || Math.abs(sent - reader.sent) >= LEAST_BYTES) {
      reader.sent = sent;
      reader.since = nowMs();
    } else if (nowMs() - reader.since >= unreadTimeoutMs) {
      socket.destroy();
    }
  }

  return {
    connected(socket) {
      open.add(socket);
      readers.set(socket, { answers: new Set(), sent: 0, since: nowMs() });
      socket.once('close', () => open.delete(socket));
    },
    close: () => clearInterval(timer),
  };
}

/** Notes an answer that is to come on its connection. */
export function expectAnswer(res: ServerResponse): void {
  const { answers } = readerOf(res.req.socket);
  answers.add(res);
  res.once('close', () => answers.delete(res));
}

/**
 * Whether an answer may be given. Calls may be sent by the hundred on one connection that reads no answer, and all of
 * these would lie here: where there is too much of them already, the connection is ended instead.
 */
export function mayAnswer({ req: { socket } }: ServerResponse): boolean {
  let unread = 0;
  for (const { writableLength } of readerOf(socket).answers) unread += writableLength;
  if (unread <= MOST_UNREAD_BYTES) return true;
  socket.destroy();
  return false;
}

/** What is left of the piece that is being sent: it may be megabytes, and Node's own time-out goes by this, too. */
function inKernelsLine(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}

function readerOf(socket: Socket): Reader {
  const known = readers.get(socket);
  if (known !== undefined) return known;
  const reader = { answers: new Set<ServerResponse>(), sent: 0, since: 0 };
  readers.set(socket, reader);
  return reader;
}
