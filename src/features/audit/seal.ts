import type { Logger } from 'pino';
import type { Database } from '../../platform/db/client.ts';
import { type Repeated, repeat } from '../../platform/time/periodic.ts';
import { chained } from './chain.ts';
import { settleLost } from './store.ts';
import { findUnsealed, insertSeals, type Seal, takeHead } from './store-chain.ts';

const EVERY_MS = 2_000;
const AT_ONCE = 500;
const LONGEST_ROUND_MS = 25_000;

/** Ties what has entered the log to what stands before it, in whichever process comes first. */
export function startSealing(database: Database, log: Pick<Logger, 'error' | 'warn'>): Repeated {
  return repeat(
    EVERY_MS,
    async (stopping) => {
      const lost = await settleLost(database.prisma, AT_ONCE);
      if (lost > 0) log.warn({ calls: lost }, 'audited calls that never ended');
      while (!stopping.aborted && (await sealEntries(database)) === AT_ONCE);
    },
    (error) => log.error({ err: error }, 'sealing the audit log failed'),
  );
}

/** One batch, whole or not at all. @returns how many entries got their place */
export function sealEntries({ prisma }: Database): Promise<number> {
  return prisma.$transaction(
    async (tx) => {
      const head = await takeHead(tx);
      if (head === null) return 0;
      const seals: Seal[] = [];
      let { place, hash } = head;
      for (const { entryId, line } of await findUnsealed(tx, AT_ONCE)) {
        place += 1n;
        hash = chained(hash, line);
        seals.push({ place, entryId, hash });
      }
      if (seals.length > 0) await insertSeals(tx, seals);
      return seals.length;
    },
    { timeout: LONGEST_ROUND_MS },
  );
}
