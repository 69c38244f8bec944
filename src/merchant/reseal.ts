import type { Logger } from 'pino';
import type { Database } from '../db/client.ts';
import type { SecretBox } from '../secrets.ts';
import { findOldSeals, replaceSeals, SEALED_COLUMNS, type SealedColumn } from './store-reseal.ts';

const PAGE = 500;

interface ResealDeps {
  database: Database;
  secrets: SecretBox;
  log: Pick<Logger, 'error'>;
}

export interface Resealed {
  resealed: number;
  /** Sealed with a key that is not configured, or damaged: nothing is sent with them. */
  unreadable: number;
}

/**
 * Seals everything with the first encryption key that was sealed with another: after it, the others
 * may be dropped. Several processes may do it at once, and any of them may stop halfway.
 */
export async function resealSecrets(deps: ResealDeps): Promise<Resealed> {
  const total: Resealed = { resealed: 0, unreadable: 0 };
  for (const column of SEALED_COLUMNS) {
    const { resealed, unreadable } = await resealColumn(deps, column);
    total.resealed += resealed;
    total.unreadable += unreadable;
  }
  if (total.unreadable > 0) {
    deps.log.error(total, 'secrets cannot be opened: is an encryption key missing?');
  }
  return total;
}

async function resealColumn(
  { database: { prisma }, secrets }: ResealDeps,
  column: SealedColumn,
): Promise<Resealed> {
  const { sealedPrefix } = secrets;
  const total: Resealed = { resealed: 0, unreadable: 0 };
  for (let after = ''; ; ) {
    const rows = await findOldSeals(prisma, column, { sealedPrefix, after, limit: PAGE });
    const seals = rows.flatMap(({ id, sealed }) => {
      const resealed = reseal(secrets, sealed, column.contextOf(id));
      return resealed === null ? [] : [{ id, before: sealed, after: resealed }];
    });
    total.unreadable += rows.length - seals.length;
    total.resealed += await replaceSeals(prisma, column, seals);
    const last = rows.at(-1);
    if (last === undefined) return total;
    after = last.id;
  }
}

function reseal(secrets: SecretBox, sealed: string, context: string): string | null {
  try {
    return secrets.seal(secrets.open(sealed, context), context);
  } catch {
    return null;
  }
}
