import { type Database, Prisma } from '../platform/db/client.ts';
import { UNSETTLED } from './delivery.ts';
import type { Protocols } from './protocol.ts';
import { settleTelling } from './settle-telling.ts';
import { findUnsettledAt } from './store/settle.ts';

/** Deliveries ended in one commit. */
const PAGE = 1_000;

/**
 * Ends a page of what has not ended at an endpoint that was deleted, also what is being sent there. A
 * commit for each page: the whole backlog in one would outlast any transaction's time.
 */
export async function cancelForEndpoint(
  { prisma }: Pick<Database, 'prisma'>,
  protocols: Protocols,
  endpointId: string,
): Promise<'more' | 'done'> {
  const ids = await findUnsettledAt(prisma, endpointId, PAGE);
  if (ids.length === 0) return 'done';
  const end = { status: 'cancelled', reason: 'endpoint_deleted' } as const;
  await settleTelling(prisma, protocols, Prisma.sql`d.id = ANY (${ids})`, UNSETTLED, end);
  return ids.length < PAGE ? 'done' : 'more';
}
