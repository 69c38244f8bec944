import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpack } from './packed.ts';

export interface Spool {
  write(chunk: Buffer): Promise<void>;
  /** What was written, as lines of JSON, a chunk at a time; from its beginning each time. */
  chunks(): AsyncGenerator<string[]>;
  /** The same as it was written. */
  packed(): AsyncGenerator<Buffer>;
  close(): Promise<void>;
}

/**
 * A nameless temporary file for the rows of an export, until they are kept or read.
 * Rejected: a second look at the database, which would need the first one's snapshot held open, and a
 * connection with it, for as long as the slowest caller reads.
 */
export async function openSpool(): Promise<Spool> {
  const path = join(tmpdir(), `postrider-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  // The handle keeps it alive where the system allows that; `close` tries again where not.
  await rm(path).catch(() => {});
  const lengths: number[] = [];
  async function* packed(): AsyncGenerator<Buffer> {
    let position = 0;
    for (const length of lengths) {
      const { buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
      position += length;
      yield buffer;
    }
  }
  return {
    async write(chunk) {
      await file.appendFile(chunk);
      lengths.push(chunk.length);
    },
    packed,
    async *chunks() {
      for await (const chunk of packed()) yield await unpack(chunk);
    },
    async close() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}
