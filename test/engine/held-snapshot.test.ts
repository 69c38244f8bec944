import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Claim, claimDeliveries } from '../../src/engine/store/claim.ts';
import { findDue } from '../../src/engine/store/find-due.ts';
import { createFloors, type Floors } from '../../src/engine/store/floors.ts';
import { recordEndings } from '../../src/engine/store/record.ts';
import type { Connection, Sql } from '../../src/platform/db/client.ts';
import { Prisma } from '../../src/platform/db/client.ts';
import {
  insertNotifications,
  type NewNotification,
} from '../../src/protocols/notification/store/insert.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { explain, PLAN_MODES } from '../support/pages.ts';

const ENDED = 20_000;
/** For what a look visits anyway; those that ended are a thousand pages and more. */
const SPARE_PAGES = 60;

/**
 * A dump, an analyst, an idle transaction: while one of them holds a snapshot, what has ended leaves entries
 * behind that nobody may forget. Pages are counted, as what a statement reads is the same on every machine.
 */
describe.each(PLAN_MODES)('while a snapshot is held (%s)', (mode) => {
  let db: TestDatabase;
  let holder: Connection;
  let client: Connection;
  let made = 0;
  const [intakeFloors, floors]: [Floors, Floors] = [createFloors(), createFloors()];

  beforeAll(async () => {
    db = await testDatabase();
    await db.database.pool.query(
      "INSERT INTO receiver (id, trusted, max_in_flight) VALUES ('ep_busy', true, 1000)",
    );
    await db.database.pool.query("INSERT INTO merchant (id, name, secret) VALUES ('m', 'm', 's')");
    holder = await db.database.pool.connect();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT 1 FROM delivery');
    client = await db.database.pool.connect();
    await client.query(`SET plan_cache_mode = ${mode}`);
  });
  afterAll(async () => {
    client.release(true);
    await holder.query('ROLLBACK');
    holder.release(true);
    await db.drop();
  });

  /** Pages that a store reads; nothing of what it would have done stays. */
  async function pagesOf(ask: (sql: Sql) => Promise<unknown>): Promise<number> {
    let pages = 0;
    const $queryRaw = async (strings: TemplateStringsArray, ...values: unknown[]) => {
      const { text, values: bound } = Prisma.sql(strings, ...values);
      await client.query('BEGIN');
      const plan = await explain(client, text, bound);
      await client.query('ROLLBACK');
      pages += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
      return [];
    };
    await ask({ $queryRaw } as unknown as Sql);
    return pages;
  }

  async function wait(priority: 0 | 1): Promise<string> {
    made += 1;
    const id = `dlv_${made}`;
    await db.database.pool.query(
      `INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                             receiver_id, status, priority, due_at, accepted_at, deadline_at)
       VALUES ($1, 'test', $1, 'test', 't', $1, 'default', 1, 'ep_busy', 'pending', $2, postrider_now(),
               postrider_now(), postrider_now() + interval '1 day')`,
      [id, priority],
    );
    return id;
  }
  const wantedOf = (id: string) => [{ id, receiverId: 'ep_busy' }];
  const claim = (sql: Sql, id: string) =>
    claimDeliveries(sql, floors, 'default', wantedOf(id), 10, 10);
  const endingOf = (claimed: Claim | undefined) => {
    if (claimed?.verdict !== 'claimed') throw new Error(`not claimed: ${claimed?.verdict}`);
    const { id: deliveryId, queue, receiverId, leaseToken } = claimed.delivery;
    return {
      deliveryId,
      queue,
      receiverId,
      leaseToken,
      attempt: null,
      next: { to: 'delivered' },
    } as const;
  };
  const notification = (): NewNotification => {
    made += 1;
    const id = `ntf_${made}`;
    return {
      id,
      merchantId: 'm',
      type: 't',
      businessKey: id,
      eventId: null,
      queue: 'default',
      notifyUrl: null,
      notifyProducer: null,
      occurredAt: null,
      resultStatus: null,
      resultVersion: 0,
      resultAmount: null,
      resultCurrency: null,
      head: '{"a":"',
      tail: '"}',
      fingerprint: 'f',
      producerKeyId: 'k',
      deliveries: [
        {
          id: `dlv_${id}`,
          ownerKind: 'notification',
          ownerId: id,
          purpose: 'notify',
          merchantId: 'm',
          type: 't',
          businessKey: id,
          queue: 'default',
          policyVersion: 1,
          receiverId: 'ep_busy',
          endpointId: 'ep_busy',
          url: null,
          delayMs: 0,
          deadlineMs: 86_400_000,
        },
      ],
    };
  };

  /** One of each, for good: what the process learns of it, it remembers. */
  async function live(): Promise<void> {
    const { prisma } = db.database;
    const [row] = (await insertNotifications(prisma, [notification()], intakeFloors)).values();
    for (const id of [row?.deliveries[0]?.id ?? '', await wait(1)]) {
      const ending = endingOf((await claim(prisma, id)).get(id));
      await recordEndings(prisma, floors, [ending], []);
    }
  }

  async function measure(): Promise<Record<string, number>> {
    const { prisma } = db.database;
    const [fresh, retry] = [await wait(0), await wait(1)];
    const figures = {
      accept: await pagesOf((sql) => insertNotifications(sql, [notification()], intakeFloors)),
      claim: await pagesOf((sql) => claim(sql, fresh)),
      claimOfRetry: await pagesOf((sql) => claim(sql, retry)),
      passOn: await pagesOf((sql) =>
        findDue(sql, floors, {
          queue: 'default',
          scope: { receiverIds: ['ep_busy'] },
          limit: 100,
          maxInFlight: 20,
          ratePerSecond: null,
          suspects: 'with',
        }),
      ),
      record: 0,
    };
    const ending = endingOf((await claim(prisma, fresh)).get(fresh));
    figures.record = await pagesOf((sql) => recordEndings(sql, floors, [ending], []));
    await recordEndings(prisma, floors, [ending], []);
    await recordEndings(prisma, floors, [endingOf((await claim(prisma, retry)).get(retry))], []);
    return figures;
  }

  /** Deliveries that wait, are sent and end, new ones and retries. */
  async function endMany(): Promise<void> {
    const token = randomUUID();
    await db.database.pool.query(
      `INSERT INTO delivery (id, owner_kind, owner_id, purpose, type, business_key, queue, policy_version,
                             receiver_id, status, priority, due_at, accepted_at, deadline_at)
       SELECT 'old_' || n, 'test', 'old_' || n, 'test', 't', 'k', 'default', 1, 'ep_busy', 'pending', n % 2,
              postrider_now(), postrider_now(), postrider_now() + interval '1 day'
         FROM generate_series(1, ${ENDED}) AS n`,
    );
    await db.database.pool.query(
      `UPDATE delivery SET status = 'sending', lease_token = $1, leased_at = postrider_now(),
              lease_no = nextval('delivery_lease_no'), lease_until = postrider_now() + interval '25 seconds'
        WHERE id LIKE 'old_%'`,
      [token],
    );
    await db.database.pool.query(
      `UPDATE delivery SET status = 'delivered', lease_token = NULL, leased_at = NULL, lease_until = NULL,
              due_at = NULL, settled_at = postrider_now() WHERE lease_token = $1`,
      [token],
    );
    await db.database.pool.query('ANALYZE delivery');
  }

  test('twenty thousand that have ended cost what comes after them nothing', async () => {
    await live();
    // The first of each reads the catalogues besides.
    await measure();
    const before = await measure();
    await endMany();
    // Who has looked once knows where the living begin; a moment later than what is being committed.
    await db.travel(5_000);
    await live();
    await db.travel(5_000);
    await live();
    await measure();
    const after = await measure();
    for (const [what, pages] of Object.entries(after)) {
      expect(pages, `${what}: ${JSON.stringify({ before, after })}`).toBeLessThan(
        (before[what] ?? 0) + SPARE_PAGES,
      );
    }
  });
});
