import { createRoom } from './room.ts';
import type { Memory } from './ticket.ts';
import { createUploads } from './uploads.ts';

const SECOND = 1000;
const KIB = 1024;
const SMALL_BYTES = 64 * KIB;

/**
 * Shares of the heap limit. The rest is the program's own, some 40 MB, and what the estimate misses. With
 * a heap of 128 MB one body of 7.8 MiB is worked on at a time; without these bounds two end the process.
 */
const WORK_SHARE = 0.25;
const MOST_WORK_SHARE = 0.4;
/** Buffers lie outside of the heap, but in the same machine or container. */
const UPLOAD_SHARE = 0.25;

const LONGEST_WAIT_MS = 2 * SECOND;
const SLOW_UPLOAD_MS = 5 * SECOND;

export function createMemory(heapLimitBytes: number, nowMs: () => number) {
  const work = createRoom({
    limit: WORK_SHARE * heapLimitBytes,
    maxWaitMs: LONGEST_WAIT_MS,
  });
  const uploadLimitBytes = UPLOAD_SHARE * heapLimitBytes;
  const halfOfUploads = () =>
    createUploads({
      limitBytes: uploadLimitBytes / 2,
      maxWaitMs: LONGEST_WAIT_MS,
      slowMs: SLOW_UPLOAD_MS,
      nowMs,
    });
  const small = halfOfUploads();
  const large = halfOfUploads();
  return {
    upload: (bytes, giveWay) => (bytes <= SMALL_BYTES ? small : large).begin(bytes, giveWay),
    work,
    mostWorkBytes: MOST_WORK_SHARE * heapLimitBytes,
    look: () => ({
      uploadBytes: small.usedBytes + large.usedBytes,
      workBytes: work.used,
      uploadLimitBytes,
      workLimitBytes: WORK_SHARE * heapLimitBytes,
    }),
  } satisfies Memory & { look(): object };
}
