import { type Database, Prisma } from '../db/client.ts';
import type { Owners } from './owner.ts';
import { tellOwners } from './recorder.ts';
import { findUnsettledAt, settleDeliveries, UNSETTLED } from './store/settle.ts';

/** Deliveries ended in one commit. */
const PAGE = 1_000;

/**
 * Ends a page of what has not ended at an endpoint that was deleted, also what is being sent there. A
 * commit for each page: the whole backlog in one would outlast any transaction's time.
 */
export async function cancelForEndpoint(
  { prisma }: Pick<Database, 'prisma'>,
  owners: Owners,
  endpointId: string,
): Promise<'more' | 'done'> {
  const ids = await findUnsettledAt(prisma, endpointId, PAGE);
  if (ids.length === 0) return 'done';
  const end = { status: 'cancelled', reason: 'endpoint_deleted' } as const;
  const afterCommit = await prisma.$transaction(async (tx) => {
    const which = Prisma.sql`d.id = ANY (${ids})`;
    return tellOwners(tx, owners, await settleDeliveries(tx, which, UNSETTLED, end));
  });
  for (const act of afterCommit) act();
  return ids.length < PAGE ? 'done' : 'more';
}
