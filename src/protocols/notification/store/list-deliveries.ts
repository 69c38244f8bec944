import { type Found, lookThrough } from '../../../api/pagination.ts';
import type { Scope } from '../../../api/scope.ts';
import { allOf, among, areOpen, inStates, OPEN } from '../../../engine/store/conditions.ts';
import { Prisma, type Sql } from '../../../platform/db/client.ts';
import type { DeliveryView } from '../contract.ts';
import { columnsFor, type DeliveryFilter, type DeliveryRow, toView } from './deliveries.ts';
import { merchantIdsOf } from './find.ts';
import { findByKey, findDeliveriesByKey, haveFewOpen } from './narrow.ts';

/** In the text and not a parameter: a plan that is kept must know how little is wanted. */
const windowOf = (count: number) => Prisma.raw(`LIMIT ${Math.trunc(count)}`);
const lastOf = (count: number) => Prisma.raw(`OFFSET ${Math.trunc(count) - 1} LIMIT 1`);

/**
 * Newest first. Where no index leads to what is asked for, a page looks through `MOST_LOOKED_THROUGH` rows.
 *
 * @param before the id of the last one seen
 */
export async function listDeliveries(
  sql: Sql,
  scope: Scope,
  filter: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<Found<DeliveryView>> {
  if (scope.producerKeyId !== null) {
    return listProduced(sql, scope, scope.producerKeyId, filter, before, limit);
  }
  const { within, isNarrow } = await wayOf(sql, scope, filter);
  const older = before === null ? null : Prisma.sql`d.id < ${before}`;
  const from = Prisma.sql`FROM delivery AS d WHERE ${allOf([within, older])}`;
  const look = async (looked: Prisma.Sql) => {
    const rows = await sql.$queryRaw<DeliveryRow[]>`
      SELECT ${columnsFor(null)} FROM (SELECT d.* ${from} ${looked}) AS d
        LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
       WHERE ${conditionOf(scope, filter)} ORDER BY d.id DESC LIMIT ${limit}`;
    return rows.map(toView);
  };
  // OFFSET 0, so that what few rows are is not looked for among all in the order of the list.
  if (isNarrow) return { rows: await look(Prisma.sql`OFFSET 0`), lookedTo: null };
  return lookThrough<DeliveryView>({
    limit,
    look: (count) => look(Prisma.sql`ORDER BY d.id DESC ${windowOf(count)}`),
    async endOf(count) {
      const [end] = await sql.$queryRaw<{ id: string }[]>`
        SELECT d.id ${from} ORDER BY d.id DESC ${lastOf(count)}`;
      return end?.id ?? null;
    },
    keyOf: ({ id }) => id,
  });
}

/** By which index the rows are found: in the order of the list, or because they are few. */
async function wayOf(
  sql: Sql,
  scope: Scope,
  { businessKey, endpointId, status, ...filter }: DeliveryFilter,
): Promise<{ within: Prisma.Sql; isNarrow: boolean }> {
  const merchantIds = merchantIdsOf(scope, filter.merchantId);
  const ofMerchants = among(Prisma.sql`d.merchant_id`, merchantIds);
  if (businessKey !== undefined) {
    const few = await findDeliveriesByKey(sql, businessKey);
    if (few !== null) {
      return { within: Prisma.sql`d.id = ANY (${few.map(({ id }) => id)})`, isNarrow: true };
    }
    if (businessKey.length === 1) {
      return { within: allOf([among(Prisma.sql`d.business_key`, businessKey)]), isNarrow: false };
    }
  }
  if (status !== undefined && areOpen(status)) {
    // Of all merchants together, the indexes of each state are the best that there is.
    if (merchantIds === null && endpointId === undefined) {
      return { within: allOf([inStates(Prisma.sql`d`, status)]), isNarrow: true };
    }
    if (merchantIds !== null && (await haveFewOpen(sql, merchantIds))) {
      const open = Prisma.sql`d.status IN (${OPEN})`;
      return { within: allOf([ofMerchants, open]), isNarrow: true };
    }
  }
  if (merchantIds?.length === 1) return { within: allOf([ofMerchants]), isNarrow: false };
  return { within: allOf([endpointId && ofTheirMerchant(endpointId)]), isNarrow: false };
}

/** Deliveries to an endpoint are its merchant's, and of one merchant there is an index. */
function ofTheirMerchant(endpointIds: string[]): Prisma.Sql | null {
  if (endpointIds.length > 1) return null;
  return Prisma.sql`d.merchant_id =
    (SELECT o.merchant_id FROM endpoint AS o WHERE o.id = ${endpointIds[0]})`;
}

/**
 * A producer's: by its notifications, the newest of those first, because they have an index of whose
 * they are, and deliveries have not. (Rejected: one on deliveries, which every step of an attempt
 * would have to write.)
 */
async function listProduced(
  sql: Sql,
  scope: Scope,
  producerKeyId: string,
  filter: DeliveryFilter,
  before: string | null,
  limit: number,
): Promise<Found<DeliveryView>> {
  const merchantIds = merchantIdsOf(scope, filter.merchantId);
  const ids = filter.businessKey && (await findByKey(sql, merchantIds, filter.businessKey));
  const owner = Prisma.sql`(SELECT last.owner_id FROM delivery AS last WHERE last.id = ${before})`;
  const from = Prisma.sql`FROM notification AS n WHERE ${allOf([
    Prisma.sql`n.producer_key_id = ${producerKeyId}`,
    ids && Prisma.sql`n.id = ANY (${ids})`,
    before === null ? null : Prisma.sql`n.id <= ${owner}`,
  ])} ORDER BY n.id DESC`;
  // Sorted, so that the planner cannot turn it into a walk through all deliveries beside the producer's.
  const look = (count: number) => sql.$queryRaw<DeliveryRow[]>`
    SELECT ${columnsFor(producerKeyId)} FROM (SELECT n.id ${from} ${windowOf(count)}) AS n
      CROSS JOIN LATERAL (SELECT * FROM delivery AS o WHERE o.owner_id = n.id ORDER BY o.id DESC) AS d
      LEFT JOIN endpoint AS e ON e.id = d.endpoint_id
     WHERE ${allOf([
       conditionOf(scope, filter),
       before === null ? null : Prisma.sql`(n.id, d.id) < (${owner}, ${before})`,
     ])}
     ORDER BY n.id DESC, d.id DESC LIMIT ${limit}`;
  const owners = new Map<string, string>();
  const found = await lookThrough<DeliveryRow>({
    limit,
    look,
    async endOf(count) {
      const [end] = await sql.$queryRaw<{ owner: string; id: string | null }[]>`
        SELECT n.id AS owner, (SELECT min(o.id) FROM delivery AS o WHERE o.owner_id = n.id) AS id
          ${from} ${lastOf(count)}`;
      if (end?.id) owners.set(end.id, end.owner);
      return end?.id ?? null;
    },
    keyOf: ({ id }) => id,
    isOlder: ({ owner_id }, end) => owner_id < (owners.get(end) ?? ''),
  });
  return { ...found, rows: found.rows.map(toView) };
}

function conditionOf({ merchantId, merchants }: Scope, filter: DeliveryFilter): Prisma.Sql {
  return allOf([
    merchantId === null ? null : Prisma.sql`d.merchant_id = ${merchantId}`,
    among(Prisma.sql`d.merchant_id`, merchants),
    among(Prisma.sql`d.merchant_id`, filter.merchantId),
    among(Prisma.sql`d.endpoint_id`, filter.endpointId),
    among(Prisma.sql`d.queue`, filter.queue),
    among(Prisma.sql`d.type`, filter.type),
    inStates(Prisma.sql`d`, filter.status),
    among(Prisma.sql`d.business_key`, filter.businessKey),
    filter.from ? Prisma.sql`d.accepted_at >= ${new Date(filter.from)}` : null,
    filter.to ? Prisma.sql`d.accepted_at < ${new Date(filter.to)}` : null,
  ]);
}
