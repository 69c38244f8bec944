import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/platform/ids.ts';
import { type TestGateway, testGateway } from '../../support/gateway.ts';
import { friendly } from '../../support/hostile-settings.ts';

const WRITERS = 8;
const TRANSACTIONS = 10;

/**
 * Writers hold transactions open and end them in an order of their own, while readers page without a
 * pause. Who writes next is drawn by a seed, so that a run which fails can be run again.
 */
describe('the feed under concurrent writers', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway();
  });
  afterAll(() => gateway.close());

  test.each([1, 22, 333])(
    'shows every row once to a reader that never stops (seed %i)',
    async (seed) => {
      const { id: merchantId, api } = await gateway.merchant();
      const random = randomOf(seed);
      const clients = await Promise.all(
        Array.from({ length: WRITERS }, async () => {
          const client = new pg.Client({ connectionString: friendly(gateway.db.url) });
          await client.connect();
          return client;
        }),
      );
      const committed: Row[] = [];
      const writers = clients.map((client) => write(client, merchantId, random, committed));

      const reader = readerOf(api, randomOf(seed + 1));
      const simple = simpleReaderOf(gateway, merchantId);
      let writing = true;
      const reading = (async () => {
        while (writing) await reader.turn();
      })();

      while (writers.length > 0) {
        const drawn = Math.floor(random() * writers.length);
        const step = await writers[drawn]?.next();
        if (step?.done) writers.splice(drawn, 1);
        await simple.turn();
      }
      writing = false;
      await reading;
      while (await reader.turn());
      while (await simple.turn());
      await Promise.all(clients.map((client) => client.end()));

      expect(committed.length).toBeGreaterThan(WRITERS * TRANSACTIONS);
      expect(reader.seen.toSorted()).toEqual(committed.map(({ id }) => id).toSorted());
      // The proof would be worth nothing had they all come in order.
      expect(overtaken(committed)).toBeGreaterThan(20);
      expect(simple.seen.size).toBeLessThan(committed.length);
    },
  );

  test('shows every accepted notification once while batches come in over HTTP', async () => {
    const { id: merchantId, api } = await gateway.merchant();
    const { api: producer } = await gateway.producer();
    const reader = readerOf(api, randomOf(7));
    let writing = true;
    const reading = (async () => {
      while (writing) await reader.turn();
    })();
    const batch = async (size: number) => {
      const notifications = Array.from({ length: size }, (_, n) => ({
        merchantId,
        type: 'a.b',
        businessKey: `k${n}`,
        payload: {},
      }));
      const { body } = await producer
        .post('/v1/notifications/batch', { notifications })
        .expect(202);
      return body.data.map((item: { notification: { id: string } }) => item.notification.id);
    };
    const sizes = Array.from({ length: 40 }, (_, n) => (n % 4 === 0 ? 60 : 1 + (n % 5)));
    const accepted = (await Promise.all(sizes.map(batch))).flat();
    writing = false;
    await reading;
    while (await reader.turn());
    expect(reader.seen.toSorted()).toEqual(accepted.toSorted());
  }, 60_000);

  test('waits for a transaction that stays open, and with it for what came later', async () => {
    const { id: merchantId, api } = await gateway.merchant();
    const [slow, quick] = [1, 2].map(
      () => new pg.Client({ connectionString: friendly(gateway.db.url) }),
    ) as [pg.Client, pg.Client];
    await Promise.all([slow.connect(), quick.connect()]);
    const feed = async () => {
      const { body } = await api.get('/v1/notifications?undelivered=true').expect(200);
      return body.data.map(({ id }: { id: string }) => id);
    };
    await slow.query('BEGIN');
    const first = await insert(slow, merchantId);
    const second = await insert(quick, merchantId);
    expect(await feed()).toEqual([]);
    await slow.query('COMMIT');
    expect(await feed()).toEqual([first.id, second.id]);

    // Once it is over, also by a rollback, nothing is held back; and who only reads never does.
    await slow.query('BEGIN');
    await insert(slow, merchantId);
    const third = await insert(quick, merchantId);
    await slow.query('ROLLBACK');
    await slow.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await slow.query('SELECT count(*) FROM notification');
    expect(await feed()).toEqual([first.id, second.id, third.id]);
    await Promise.all([slow.end(), quick.end()]);
  });

  test('does not wait for transactions of other databases on the same server', async () => {
    const elsewhere = new pg.Client({
      connectionString: friendly(new URL('/postgres', gateway.db.url).href),
    });
    await elsewhere.connect();
    await elsewhere.query('BEGIN');
    await elsewhere.query('SELECT pg_current_xact_id()');
    const { id: merchantId, api } = await gateway.merchant();
    const client = new pg.Client({ connectionString: friendly(gateway.db.url) });
    await client.connect();
    const row = await insert(client, merchantId);
    const { body } = await api.get('/v1/notifications?undelivered=true').expect(200);
    expect(body.data).toMatchObject([{ id: row.id }]);
    await client.end();
    await elsewhere.end();
  });
});

interface Row {
  id: string;
  createdXid: bigint;
}

/** Transactions of one to four rows each; every `yield` lets somebody else go on. */
async function* write(
  client: pg.Client,
  merchantId: string,
  random: () => number,
  committed: Row[],
): AsyncGenerator<void, void> {
  for (let n = 0; n < TRANSACTIONS; n += 1) {
    await client.query('BEGIN');
    yield;
    const rows: Row[] = [];
    const size = 1 + Math.floor(random() * 4);
    while (rows.length < size) {
      rows.push(await insert(client, merchantId));
      yield;
    }
    // Some stay open for long.
    for (let wait = random() < 0.2 ? 40 : 2; wait > 0; wait -= 1) yield;
    const commits = random() < 0.85;
    await client.query(commits ? 'COMMIT' : 'ROLLBACK');
    if (commits) committed.push(...rows);
    yield;
  }
}

async function insert(client: pg.Client, merchantId: string): Promise<Row> {
  const id = newId('ntf');
  const { rows } = await client.query<{ created_xid: string }>(
    `WITH notified AS (
       INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
                                 body, fingerprint, producer_key_id)
       VALUES ($1, $2, 'a.b', $1, 'default', postrider_now(), postrider_now(),
               '{"result":null,"data":{}}', '', 'key')
     )
     INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                           policy_version, status, reason, accepted_at, deadline_at, settled_at)
     VALUES ($3, 'notification', $1, 'notify', $2, 'a.b', $1, 'default', 1, 'skipped', 'no_endpoint',
             postrider_now(), postrider_now(), postrider_now())
     RETURNING created_xid`,
    [id, merchantId, newId('dlv')],
  );
  return { id, createdXid: BigInt(rows[0]?.created_xid ?? 0) };
}

/** Pages by cursor, and now and then acknowledges something it has seen, which must not move it. */
function readerOf(api: TestGateway['operator'], random: () => number) {
  const seen: string[] = [];
  let cursor: string | null = null;
  return {
    seen,
    /** @returns whether there was something */
    async turn(): Promise<boolean> {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await api
        .get(`/v1/notifications?undelivered=true&limit=5${query}`)
        .expect(200);
      const ids = body.data.map(({ id }: { id: string }) => id);
      seen.push(...ids);
      cursor = body.nextCursor ?? cursor;
      const some = seen[Math.floor(random() * seen.length)];
      if (some !== undefined) await api.post('/v1/notifications/ack', { ids: [some] }).expect(200);
      return ids.length > 0;
    },
  };
}

/** How it would be without the horizon: what is after the last id seen. It has to miss some. */
function simpleReaderOf(gateway: TestGateway, merchantId: string) {
  const seen = new Set<string>();
  let last = '';
  return {
    seen,
    async turn(): Promise<boolean> {
      const rows = await gateway.db.database.prisma.$queryRaw<{ id: string }[]>`
        SELECT id FROM notification WHERE merchant_id = ${merchantId} AND id > ${last}
         ORDER BY id LIMIT 5`;
      for (const { id } of rows) seen.add(id);
      last = rows.at(-1)?.id ?? last;
      return rows.length > 0;
    },
  };
}

/** How many rows were committed after one of a later transaction. */
function overtaken(rows: Row[]): number {
  let highest = 0n;
  return rows.filter(({ createdXid }) => {
    const late = createdXid < highest;
    if (!late) highest = createdXid;
    return late;
  }).length;
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
