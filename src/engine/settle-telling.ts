import type { Database, Prisma } from '../platform/db/client.ts';
import type { DeliveryStatus } from './delivery.ts';
import type { Owners } from './protocol.ts';
import { tellOwners } from './record.ts';
import { type EndWithoutAttempt, type Settled, settleDeliveries } from './store/settle.ts';

/** Ends deliveries without an attempt and tells their owners, in one commit; then does what they left for after it. */
export async function settleTelling(
  prisma: Database['prisma'],
  owners: Owners,
  which: Prisma.Sql,
  from: readonly DeliveryStatus[],
  end: EndWithoutAttempt,
  limit?: number,
): Promise<Settled[]> {
  const { settled, afterCommit } = await prisma.$transaction(async (tx) => {
    const settled = await settleDeliveries(tx, which, from, end, limit);
    return { settled, afterCommit: await tellOwners(tx, owners, settled) };
  });
  for (const act of afterCommit) act();
  return settled;
}
