import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Where the lines of the log go. */
export interface LogSink {
  write(line: string): void;
  /** Lines that nobody took, since the start. */
  lostLines(): number;
  /** Called with the lines lost since the last time, once lines are taken again. */
  onRecovery(tell: (lost: number) => void): void;
  /** Hands over what is still held, for as long as it is taken. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
/** What is held for a reader that is slower than we are. */
const MOST_HELD_BYTES = 4 * MIB;
const LAST_LINES_MS = 500;
const TRY_AGAIN_MS = 1000;

/**
 * A sink that never blocks, never throws and never ends the process: a full disk or a reader that has
 * stopped costs lines.
 *
 * A pipe is written as a socket. (Rejected for it: writing as into a file, as a write that blocks holds
 * one of the process' few threads, and the process cannot even exit.)
 */
export function openLogSink(fd: number): LogSink {
  const stats = fstatSync(fd);
  return stats.isFIFO() || stats.isSocket() ? openPipe(fd) : openFile(fd);
}

function openPipe(fd: number): LogSink {
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.unref();
  // Its reader has gone.
  socket.on('error', () => {});
  const losses = countLosses();
  return {
    ...losses.view,
    write(line) {
      if (!socket.writable || socket.writableLength >= MOST_HELD_BYTES) return losses.lose();
      socket.write(line);
      if (socket.writableLength === 0) losses.recover();
    },
    async close() {
      if (!socket.writable || socket.writableLength === 0) return;
      const sent = new Promise<void>((resolve) => socket.end(resolve));
      await Promise.race([sent, pause(LAST_LINES_MS)]);
    },
  };
}

/** (Rejected: pino's own destination, which goes on trying in a loop while a disk is full.) */
function openFile(fd: number): LogSink {
  const losses = countLosses();
  let held: Buffer[] = [];
  let heldBytes = 0;
  let writing: Promise<void> | null = null;

  async function writeHeld(): Promise<void> {
    while (heldBytes > 0) {
      const chunk = Buffer.concat(held);
      held = [];
      const written = await append(fd, chunk);
      heldBytes -= written;
      if (written < chunk.length) held.unshift(chunk.subarray(written));
      if (written === 0) return;
    }
    losses.recover();
  }

  function begin(): void {
    writing ??= writeHeld().finally(() => {
      if (heldBytes === 0) writing = null;
      // What the disk does not take is held, and tried again in a while.
      else setTimeout(tryAgain, TRY_AGAIN_MS).unref();
    });
  }

  function tryAgain(): void {
    writing = null;
    begin();
  }

  return {
    ...losses.view,
    write(line) {
      if (heldBytes >= MOST_HELD_BYTES) return losses.lose();
      const bytes = Buffer.from(line);
      held.push(bytes);
      heldBytes += bytes.length;
      begin();
    },
    close: () => Promise.race([writing, pause(LAST_LINES_MS)]).then(() => {}),
  };
}

/** @returns how much of it was taken; 0: none, for whatever reason */
function append(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    write(fd, bytes, (error, written) => resolve(error === null ? written : 0));
  });
}

function countLosses() {
  let lost = 0;
  let told = 0;
  let tell = (_lost: number) => {};
  return {
    view: {
      lostLines: () => lost,
      onRecovery(listener: (lost: number) => void) {
        tell = listener;
      },
    },
    lose() {
      lost += 1;
    },
    recover() {
      if (lost === told) return;
      const since = lost - told;
      told = lost;
      tell(since);
    },
  };
}
