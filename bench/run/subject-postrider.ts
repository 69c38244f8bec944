import pg from 'pg';
import type { ReceiverReady } from '../load/receiver.ts';
import { MERCHANTS, merchantOf, type ScriptName } from '../load/scripts.ts';
import { launchGateway } from '../support.ts';
import type { Kind } from './options.ts';
import type { Subject } from './subject.ts';

const KEYS = 8;
/** A rung that is waited for, s. */
export const RUNG_SECONDS = 2;

const SCRIPTS: Partial<Record<Kind, ScriptName>> = {
  batch: 'batch',
  tcc: 'transaction',
  messages: 'message',
};

/**
 * Due deliveries as an outage leaves them: stored, never attempted, unknown to the timers.
 * Parameters: the first and the last number.
 */
const DUE = `
  WITH made AS MATERIALIZED (
    SELECT i, 'ntf_02' || lpad(to_hex(i), 24, '0') AS id, 'dlv_02' || lpad(to_hex(i), 24, '0') AS delivery_id,
           'bench_m' || i % ${MERCHANTS} AS merchant_id, postrider_now() AS at
      FROM generate_series($1::bigint, $2::bigint) AS i
  ), notified AS (
    INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
                              result_status, result_version, body, fingerprint, producer_key_id)
    SELECT id, merchant_id, 'payment.succeeded', 'DUE-' || i, 'default', at, at, 'SUCCESS', 1,
           ('{"id":"' || id || '","type":"payment.succeeded","timestamp":"2026-01-01T00:00:00.000Z","data":'
             || '{"order":' || i || ',"note":"' || repeat('x', 200) || '"}}')::json, md5(id), 'key_bench'
      FROM made
  )
  INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                        policy_version, receiver_id, endpoint_id, status, due_at, accepted_at, deadline_at)
  SELECT m.delivery_id, 'notification', m.id, 'notify', m.merchant_id, 'payment.succeeded', 'DUE-' || i,
         'default', 1, e.id, e.id, 'pending', at, at, at + interval '1 day'
    FROM made AS m JOIN endpoint AS e USING (merchant_id)`;

/** Only what these phases made: the database holds others' pending rows, and those of `later`. */
const BACKLOG = `
  SELECT (SELECT count(*) FROM delivery
           WHERE status = 'pending' AND queue <> 'later' AND accepted_at >= $1)::int
       + (SELECT count(*) FROM delivery WHERE lease_token IS NOT NULL)::int AS left`;

/** The real gateway, built, as a process, with both roles. */
export async function openPostrider(options: {
  name: string;
  receiver: ReceiverReady;
  databaseUrl: string;
  redisUrl: string | null;
  profile: string | null;
  /** The main file of another build. */
  main?: string;
}): Promise<Subject> {
  const { receiver, databaseUrl, redisUrl, profile, main } = options;
  const gateway = await launchGateway(
    {
      DATABASE_URL: databaseUrl,
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      NODE_ENV: 'production',
      ...(redisUrl !== null && { REDIS_URL: redisUrl }),
    },
    profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    main,
  );
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const startedAt = (await client.query('SELECT postrider_now() AS now')).rows[0].now;
  const { call } = gateway;
  await call('PUT', '/v1/queues/later', { ladderSeconds: [3600], deadlineSeconds: 86_400 });
  await call('PUT', '/v1/queues/flaky', {
    ladderSeconds: [0, RUNG_SECONDS],
    deadlineSeconds: 86_400,
    jitter: 0,
  });
  const endpoints = await Promise.all(
    Array.from({ length: MERCHANTS }, async (_, n) => {
      const id = merchantOf(n);
      await call('POST', '/v1/merchants', { id, name: id });
      const endpoint = { url: `${receiver.url}/ok` };
      return (await call('POST', `/v1/merchants/${id}/endpoints`, endpoint)).body.id as string;
    }),
  );
  const keys = await Promise.all(
    Array.from({ length: KEYS }, async (_, n) => {
      const key = { role: 'producer', name: `bench ${n}` };
      return (await call('POST', '/v1/keys', key)).body.key as string;
    }),
  );
  const each = (action: 'pause' | 'resume') =>
    Promise.all(endpoints.map((id) => call('POST', `/v1/endpoints/${id}/${action}`)));
  let filled = 0;

  return {
    name: options.name,
    pid: gateway.pid,
    kinds: ['intake', 'batch', 'deliver', 'both', 'latency', 'rungs', 'drain', 'tcc', 'messages'],
    load: (kind) => ({
      script: SCRIPTS[kind] ?? 'single',
      target: {
        url: gateway.url,
        keys,
        queue: QUEUES[kind] ?? null,
        notifyUrl: kind === 'rungs' ? `${receiver.url}/flaky` : null,
        participants: receiver.participants,
        databaseUrl: null,
      },
    }),
    async fill(count) {
      await each('pause');
      await client.query(DUE, [filled + 1, filled + count]);
      filled += count;
      // As autovacuum would have done while they came in one by one.
      await client.query('ANALYZE delivery, notification');
    },
    async release() {
      await each('resume');
    },
    backlog: async () => (await client.query(BACKLOG, [startedAt])).rows[0].left,
    async close() {
      await client.end();
      await gateway.close();
    },
  };
}

/** Intake alone goes where everything is due in an hour: stored, with a timer, and not delivered. */
const QUEUES: Partial<Record<Kind, string>> = { intake: 'later', batch: 'later', rungs: 'flaky' };
