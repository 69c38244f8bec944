import type { Database, Prisma } from '../platform/db/client.ts';
import type { DeliveryStatus } from './delivery.ts';
import type { Protocols } from './protocol.ts';
import { tellProtocols } from './record.ts';
import { type EndWithoutAttempt, type Settled, settleDeliveries } from './store/settle.ts';

/** Ends deliveries without an attempt and tells their protocols, in one commit; then does what they left for after it. */
export async function settleTelling(
  prisma: Database['prisma'],
  protocols: Protocols,
  which: Prisma.Sql,
  from: readonly DeliveryStatus[],
  end: EndWithoutAttempt,
  limit?: number,
): Promise<Settled[]> {
  const { settled, afterCommit } = await prisma.$transaction(async (tx) => {
    const settled = await settleDeliveries(tx, which, from, end, limit);
    return { settled, afterCommit: await tellProtocols(tx, protocols, settled) };
  });
  for (const act of afterCommit) act();
  return settled;
}
