import { randomBytes } from 'node:crypto';
import type { Api } from '../support/api.ts';
import { type TestGateway, testGateway } from '../support/gateway.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { until } from '../support/until.ts';
import { type ApiDocument, readDocument } from './document.ts';

/** A merchant with all that belongs to it, and a producer that sends to it alone. */
export interface Tenant {
  merchantId: string;
  producerKeyId: string;
  merchant: Api;
  producer: Api;
  /** Where its things lead. */
  url: string;
}

/** As whom somebody asks for what is not his. */
export type Who = 'merchant' | 'producer';

export interface World {
  gateway: TestGateway;
  document: ApiDocument;
  ours: Tenant;
  theirs: Tenant;
  /** Our merchant, with a producer that is not ours. */
  rivals: Tenant;
  close(): Promise<void>;
}

/** Two tenants; each has something delivered, something failed, and something that waits. */
export async function openWorld(): Promise<World> {
  const gateway = await testGateway();
  const receiver = await startReceiver();
  receiver.answer(500, '/broken');
  const once = { ladderSeconds: [0], deadlineSeconds: 60, timeoutMs: 1000 };
  await gateway.operator.put('/v1/queues/once', once).expect(200);
  await gateway.operator.put('/v1/queues/late', { ladderSeconds: [3600] }).expect(200);
  const ours = await tenantOf(gateway, receiver);
  const theirs = await tenantOf(gateway, receiver);
  await Promise.all([ours, theirs].map((each) => settle(each, receiver)));
  return {
    gateway,
    document: await readDocument(gateway.url),
    ours,
    theirs,
    rivals: { ...ours, ...(await producerOf(gateway)) },
    async close() {
      await gateway.close();
      await receiver.close();
    },
  };
}

async function tenantOf(gateway: TestGateway, receiver: Receiver): Promise<Tenant> {
  const { id, api } = await gateway.merchant();
  const url = receiver.url('/hook');
  return { merchantId: id, merchant: api, url, ...(await producerOf(gateway, id)) };
}

async function producerOf(gateway: TestGateway, merchantId: string | null = null) {
  const { body } = await gateway.operator
    .post('/v1/keys', { role: 'producer', name: 'producer', merchantId })
    .expect(201);
  return { producerKeyId: body.id as string, producer: gateway.as(body.key) };
}

async function settle(tenant: Tenant, receiver: Receiver): Promise<void> {
  await makeEndpoint(tenant, { types: ['payment.*'] });
  await makeEndpoint(tenant, { types: ['refund.*'], url: receiver.url('/broken') });
  for (const [type, status] of [
    ['payment.made', 'delivered'],
    ['refund.made', 'failed'],
    ['nobody.listens', 'skipped'],
  ] as const) {
    const { id } = await notify(tenant, { type, queue: 'once' });
    const look = async () => (await tenant.merchant.get(`/v1/notifications/${id}`)).body.status;
    await until(async () => (await look()) === status, { what: status });
  }
  for (const type of ['payment.late', 'refund.late', 'nobody.late']) {
    await notify(tenant, { type });
  }
}

export function absentLike(prefix: string): string {
  return prefix + randomBytes(6).toString('hex');
}

export async function makeEndpoint({ merchantId, merchant, url }: Tenant, more: object = {}) {
  const path = `/v1/merchants/${merchantId}/endpoints`;
  return (await merchant.post(path, { url, types: ['none'], ...more }).expect(201)).body;
}

/** One that waits, unless `more` says otherwise. */
export async function notify({ merchantId, producer }: Tenant, more: object = {}) {
  const event = { merchantId, type: 'a.b', businessKey: absentLike('ORDER-'), payload: {} };
  return (
    await producer.post('/v1/notifications', { ...event, queue: 'late', ...more }).expect(202)
  ).body;
}

/** Tables whose rows say whose they are, with the columns that say so. */
async function ownedTables({ gateway }: World) {
  const { rows } = await gateway.db.database.pool.query<{ name: string; columns: string[] }>(
    `SELECT c.table_name AS name, array_agg(c.column_name::text) AS columns
       FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_name)
      WHERE c.table_schema = 'public' AND t.table_schema = 'public' AND t.table_type = 'BASE TABLE'
        -- The audit log has what the asker did, under the asker's own merchant; operators alone read it.
        -- The overview goes on being counted by itself.
        AND c.table_name NOT IN ('api_key', 'idempotency_key', 'audit_entry', 'audit_pending', 'overview_bucket')
      GROUP BY 1 HAVING array_agg(c.column_name::text) && '{merchant_id,producer_key_id}'`,
  );
  return rows.map(({ name, columns }) => ({
    name,
    columns,
    owners: ['merchant_id', 'producer_key_id'].filter((column) => columns.includes(column)),
  }));
}

/** Everything of a tenant's in the database, once nothing of it is on its way any more. */
export async function contentsOf(world: World, tenant: Tenant): Promise<string> {
  const { pool } = world.gateway.db.database;
  await until(async () => {
    const { rows } = await pool.query(
      `SELECT FROM delivery WHERE merchant_id = $1
          AND (lease_token IS NOT NULL OR (status = 'pending' AND due_at <= postrider_now())) LIMIT 1`,
      [tenant.merchantId],
    );
    return rows.length === 0;
  });
  const owner = [[tenant.merchantId, tenant.producerKeyId]];
  const parts = (await ownedTables(world)).map(({ name, owners }) => {
    const isTheirs = owners.map((column) => `t.${column} = ANY ($1)`).join(' OR ');
    return `SELECT '${name}', t::text AS row FROM ${name} AS t WHERE ${isTheirs}`;
  });
  parts.push(
    `SELECT 'merchant', m::text FROM merchant AS m WHERE id = ANY ($1)`,
    `SELECT 'receiver', r::text FROM receiver AS r JOIN endpoint AS e USING (id)
      WHERE e.merchant_id = ANY ($1)`,
    `SELECT 'attempts', count(*)::text FROM attempt AS a JOIN delivery AS d ON d.id = a.delivery_id
      WHERE d.merchant_id = ANY ($1)`,
  );
  const { rows } = await pool.query(`${parts.join(' UNION ALL ')} ORDER BY 1, 2`, owner);
  return JSON.stringify(rows);
}

/** Every name under which something of theirs goes, and nothing of ours. */
export async function theirNames(world: World): Promise<string[]> {
  const { pool } = world.gateway.db.database;
  const { ours, theirs } = world;
  const names = (await ownedTables(world)).flatMap(({ name, columns, owners }) =>
    ['id', 'gid', 'business_key']
      .filter((column) => columns.includes(column))
      .map((column) => ({
        of: (place: string) =>
          `SELECT t.${column}::text FROM ${name} AS t WHERE ${owners
            .map((owner) => `t.${owner} = ANY (${place})`)
            .join(' OR ')}`,
      })),
  );
  const all = (place: string) => names.map(({ of }) => of(place)).join(' UNION ');
  // Anybody may use any business key.
  const { rows } = await pool.query(`(${all('$1')}) EXCEPT (${all('$2')})`, [
    [theirs.merchantId, theirs.producerKeyId],
    [ours.merchantId, ours.producerKeyId],
  ]);
  return [theirs.merchantId, ...rows.flatMap((row) => Object.values(row) as string[])];
}
