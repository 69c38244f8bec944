import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Database } from '../../platform/db/client.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import { chained, FIRST_HASH } from './chain.ts';
import { type Archived, dropArchived, findCutoff, findLastArchived } from './store-archive.ts';
import { findSealed, type SealedLine, takeHead } from './store-chain.ts';

const MINUTE = 60_000;
const EVERY_MS = 10 * MINUTE;
const PAGE = 200;
/** In one file, and in the transaction that drops them. */
const MOST_ENTRIES = 5_000;
const LONGEST_MS = 60_000;

interface ArchiveOptions {
  database: Database;
  /** Whole months (UTC) that entries stay, beside the present one. */
  months: number;
  /** Where the files go. */
  folder: string;
  log: Pick<Logger, 'info' | 'error'>;
}

/** Exports what is too old and drops it, every few minutes, in whichever process comes first. */
export function startArchiving(options: ArchiveOptions): Repeated {
  return repeat(
    EVERY_MS,
    async (stopping) => {
      for (let piece = await archiveOld(options); piece !== null && !stopping.aborted; ) {
        options.log.info(
          { file: piece.file, sha256: piece.fileSha256, lastHash: piece.lastHash },
          'old months of the audit log archived',
        );
        piece = await archiveOld(options);
      }
    },
    (error) => options.log.error({ err: error }, 'archiving the audit log failed'),
  );
}

/**
 * One piece: of one month, in the order of the chain. First the file is written out, then what is in it is dropped;
 * whoever dies in between writes the same file again.
 *
 * @returns null where nothing is old enough, or another process is at it
 * @throws Error where an entry is not what was sealed: then nothing more goes until somebody has looked
 */
export async function archiveOld(options: ArchiveOptions): Promise<Archived | null> {
  const { database, months, folder } = options;
  return database.prisma.$transaction(
    async (tx) => {
      if ((await takeHead(tx)) === null) return null;
      const cutoff = await findCutoff(tx, months);
      const before = await findLastArchived(tx);
      const written = await writePiece(folder, {
        place: before?.lastPlace ?? 0n,
        hash: before?.lastHash ?? FIRST_HASH,
        cutoff,
        read: (after) => findSealed(tx, after, PAGE),
      });
      if (written !== null) await dropArchived(tx, written);
      return written;
    },
    { timeout: LONGEST_MS },
  );
}

interface Reading {
  place: bigint;
  hash: string;
  cutoff: Date;
  read(after: bigint): Promise<SealedLine[]>;
}

/** An entry that is there. */
type SealedEntry = SealedLine & { line: string; at: Date };

async function writePiece(folder: string, reading: Reading): Promise<Archived | null> {
  const { cutoff, read } = reading;
  let { place, hash } = reading;
  const lines = piecesOf(cutoff, read, place);
  const first = await lines.next();
  if (first.done === true) return null;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const month = first.value.at.toISOString().slice(0, 7);
  const part = join(folder, `audit-${month}.part`);
  const handle = await open(part, 'w', 0o600);
  const digest = createHash('sha256');
  let lastAt = first.value.at;
  try {
    let next: SealedEntry | undefined = first.value;
    while (next !== undefined) {
      const { line, at, ...sealed } = next;
      if (sealed.place !== place + 1n || chained(hash, line) !== sealed.hash) {
        throw new Error(
          `The audit log is not whole at place ${sealed.place}: see GET /v1/audit-log/verify.`,
        );
      }
      ({ place, hash } = sealed);
      if (at > lastAt) lastAt = at;
      const text = `{"place":${place},"hash":"${hash}","entry":${line}}\n`;
      digest.update(text);
      await handle.appendFile(text);
      next = (await lines.next()).value ?? undefined;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  const firstPlace = reading.place + 1n;
  const file = `audit-${month}-${firstPlace}-${place}.ndjson`;
  await rename(part, join(folder, file));
  const directory = await open(folder);
  await directory.sync().finally(() => directory.close());
  return {
    firstPlace,
    lastPlace: place,
    firstAt: first.value.at,
    lastAt,
    previousHash: reading.hash,
    lastHash: hash,
    file,
    fileSha256: digest.digest('hex'),
  };
}

/** What may go, from the oldest on, of one month. */
async function* piecesOf(
  cutoff: Date,
  read: Reading['read'],
  after: bigint,
): AsyncGenerator<SealedEntry, undefined> {
  let month: string | null = null;
  let count = 0;
  for (let place = after; count < MOST_ENTRIES; ) {
    const page = await read(place);
    for (const sealed of page) {
      const { line, at } = sealed;
      if (line === null || at === null) {
        throw new Error(`The audit log lacks place ${sealed.place}: see GET /v1/audit-log/verify.`);
      }
      month ??= at.toISOString().slice(0, 7);
      if (at >= cutoff || at.toISOString().slice(0, 7) !== month || count >= MOST_ENTRIES) {
        return undefined;
      }
      count += 1;
      place = sealed.place;
      yield { ...sealed, line, at };
    }
    if (page.length < PAGE) return undefined;
  }
  return undefined;
}
