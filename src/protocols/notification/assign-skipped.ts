import type { DeliveryCommands } from '../../engine/commands.ts';
import { createDeliveries, type NewDelivery } from '../../engine/store/create.ts';
import { policyCache } from '../../engine/store/rules.ts';
import { Prisma, type Sql } from '../../platform/db/client.ts';
import { newId } from '../../platform/ids.ts';
import type { DeliveryView } from './contract.ts';
import { listensTo } from './fan-out.ts';
import { findOwned } from './store/deliveries.ts';
import { findProducer } from './store/find.ts';
import { type ListeningEndpoint, loadIntakeContext } from './store/subscribers.ts';

const SECOND = 1000;

type Orphan = Pick<
  DeliveryView,
  'id' | 'merchantId' | 'notificationId' | 'type' | 'businessKey' | 'queue' | 'policyVersion'
>;

/**
 * Nobody listened when this delivery was accepted: gives it to an endpoint that listens now, and
 * makes one more delivery for each further one. Without any it stays as it is.
 *
 * @param sql may be a transaction: it needs no other connection
 */
export async function assignSkipped(
  sql: Sql,
  commands: Pick<DeliveryCommands, 'wakeReceiver'>,
  skipped: Orphan,
): Promise<void> {
  const merchantId = skipped.merchantId ?? '';
  const { endpoints } = await loadIntakeContext(sql, [merchantId], []);
  const [first, ...others] = endpoints.filter((endpoint) => listensTo(endpoint, skipped.type));
  if (first === undefined) return;
  const deadlineMs =
    (await policyCache(sql)(skipped.queue, skipped.policyVersion)).deadlineSeconds * SECOND;
  const ownerKind = (await findOwned(sql, skipped.id))?.ownerKind ?? 'notification';
  const producerKeyId = await findProducer(sql, skipped.notificationId ?? '');
  const further = others.map((endpoint) => ({
    ...deliveryTo(endpoint, skipped, merchantId, deadlineMs),
    ownerKind,
    ...(producerKeyId !== null && { producerKeyId }),
  }));
  const adopted = await sql.$queryRaw<unknown[]>`
    WITH adopted AS (
      UPDATE delivery SET receiver_id = ${first.id}, endpoint_id = ${first.id}
       WHERE id = ${skipped.id} AND status = 'skipped' AND receiver_id IS NULL
      RETURNING owner_id, created_xid
    ), ${createDeliveries(
      further,
      Prisma.sql`SELECT owner_id FROM adopted`,
      // A notification has one place in the catch-up feed, so that no reader meets it twice.
      Prisma.sql`(SELECT created_xid FROM adopted)`,
    )}
    SELECT owner_id FROM adopted`;
  if (adopted.length > 0) await Promise.all(others.map(({ id }) => commands.wakeReceiver(id)));
}

function deliveryTo(
  endpoint: ListeningEndpoint,
  { notificationId, type, businessKey, queue, policyVersion }: Orphan,
  merchantId: string,
  deadlineMs: number,
): Omit<NewDelivery, 'ownerKind'> {
  return {
    id: newId('dlv'),
    ownerId: notificationId ?? '',
    purpose: 'notify',
    merchantId,
    type,
    businessKey,
    queue,
    policyVersion,
    receiverId: endpoint.id,
    endpointId: endpoint.id,
    url: null,
    delayMs: 0,
    deadlineMs,
  };
}
