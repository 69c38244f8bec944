import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tellingEnd, tellingLine } from './error.ts';

const MB = 1_024 * 1_024;
const LOG_LIMIT_BYTES = 10 * MB;
const READ_LIMIT_BYTES = MB;
/** PostgreSQL takes room for its log of changes in segments of this size. */
const SEGMENT_BYTES = 16 * MB;

/** @returns where in the file this start's lines begin, in bytes */
export function beginLog(logFile: string): number {
  const size = existsSync(logFile) ? statSync(logFile).size : 0;
  if (size <= LOG_LIMIT_BYTES) return size;
  truncateSync(logFile);
  return 0;
}

/** What a start that failed has written since `startBytes`: its first words, the cause is among them. */
export function firstOutput(logFile: string, startBytes: number): string {
  return read(logFile, startBytes, statSync(logFile).size);
}

/** Why it did not start: PostgreSQL's own line, or `how` it ended, and what the disk has to do with it. */
export function reasonOfFailedStart(output: string, how: string, dir: string): string {
  return withRoom(output.trim() === '' ? how : tellingLine(output), dir);
}

/** Why a server ended that had been running since `startBytes`: how, and PostgreSQL's own line if it had one. */
export function reasonOfEnd(logFile: string, startBytes: number, how: string, dir: string): string {
  const size = statSync(logFile).size;
  const last = tellingEnd(read(logFile, Math.max(startBytes, size - READ_LIMIT_BYTES), size));
  return withRoom(last === undefined ? how : `${how}: ${last}`, dir);
}

/** Whether one of these reasons is a full disk. */
export function isAboutRoom(reason: string): boolean {
  return /no space left|disk is full/i.test(reason);
}

/** On a full disk PostgreSQL's words may be missing: the file they belong into is on it. */
function withRoom(reason: string, dir: string): string {
  if (isAboutRoom(reason)) return reason;
  const free = freeBytes(dir);
  if (free >= SEGMENT_BYTES) return reason;
  return `${reason}; its disk is full, with ${Math.floor(free / 1_024)} kB left`;
}

/** What an ordinary user may still write on the disk of `dir`. */
export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

function read(file: string, fromBytes: number, toBytes: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, Math.min(toBytes - fromBytes, READ_LIMIT_BYTES)));
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, fromBytes));
  } finally {
    closeSync(descriptor);
  }
}
