/** What bench/generate.ts and those that measure its database have in common. */
export const GENERATED_FOLDER = '.data/bench';
export const MERCHANTS = 100;

/** The business key and the merchant of the n-th pair of notifications. */
export function keyOf(pair: number): { businessKey: string; merchantId: string } {
  return { businessKey: `ORDER-${pair}`, merchantId: `bench_${pair % MERCHANTS}` };
}

const EACH_MERCHANT = `FROM generate_series(0, ${MERCHANTS - 1}) AS m ON CONFLICT DO NOTHING`;

/** Paused receivers: what is pending stays so, should a worker look at this database. */
export const MERCHANTS_AND_ENDPOINTS = `
  INSERT INTO merchant (id, name, secret) SELECT 'bench_' || m, 'bench', '' ${EACH_MERCHANT};
  INSERT INTO receiver (id, paused_at) SELECT 'ep_bench_' || m, postrider_now() ${EACH_MERCHANT};
  INSERT INTO endpoint (id, merchant_id, url, types, headers, body, secret)
  SELECT 'ep_bench_' || m, 'bench_' || m, 'https://example.com/hook', '{}', '{}', 'envelope', ''
    ${EACH_MERCHANT}`;

/**
 * Two versions of each business key. Of a thousand deliveries 986 were delivered, 5 failed, 3 were
 * acknowledged, 3 cancelled, 2 skipped, and 1 waits. Ids are of the shape of the real ones. 997 is
 * prime, so that each merchant gets its share of everything.
 * Parameters: the first and the last number, and how many there will be.
 */
export const NOTIFICATIONS = `
  WITH made AS MATERIALIZED (
    SELECT 'ntf_01' || lpad(to_hex(i), 24, '0') AS id, 'dlv_01' || lpad(to_hex(i), 24, '0') AS delivery_id,
           (i / 2) % ${MERCHANTS} AS merchant, 'ORDER-' || i / 2 AS business_key, i % 2 AS version,
           postrider_now() - interval '30 days' * (1 - i / $3::float8) AS at,
           CASE WHEN i % 997 < 983 THEN 'delivered' WHEN i % 997 < 988 THEN 'failed'
                WHEN i % 997 < 991 THEN 'acknowledged' WHEN i % 997 < 994 THEN 'cancelled'
                WHEN i % 997 < 996 THEN 'skipped' ELSE 'pending' END AS status
      FROM generate_series($1::bigint, $2::bigint) AS i
  ), notified AS (
    INSERT INTO notification (id, merchant_id, type, business_key, queue, occurred_at, accepted_at,
                              result_status, result_version, result_amount, result_currency, body,
                              fingerprint, producer_key_id)
    SELECT id, 'bench_' || merchant, 'payment.changed', business_key, 'default', at, at,
           'SUCCESS', version, 100.00, 'CNY',
           ('{"id":"' || id || '","type":"payment.changed","timestamp":"2026-01-01T00:00:00.000Z",'
             || '"businessKey":"' || business_key || '","result":{"status":"SUCCESS","version":' || version
             || ',"amount":"100.00","currency":"CNY"},"data":{"note":"' || repeat(md5(id), 6) || '"}}')::json,
           md5(id) || md5(business_key), 'key_bench'
      FROM made
  ), delivered AS (
    INSERT INTO delivery (id, owner_kind, owner_id, purpose, merchant_id, type, business_key, queue,
                          policy_version, receiver_id, endpoint_id, status, reason, attempt_count, due_at,
                          accepted_at, deadline_at, settled_at)
    SELECT delivery_id, 'notification', id, 'notify', 'bench_' || merchant, 'payment.changed', business_key,
           'default', 1, CASE WHEN status <> 'skipped' THEN 'ep_bench_' || merchant END,
           CASE WHEN status <> 'skipped' THEN 'ep_bench_' || merchant END, status,
           CASE status WHEN 'failed' THEN 'ladder_spent' WHEN 'acknowledged' THEN 'confirmed_by_pull'
                       WHEN 'cancelled' THEN 'cancelled_by_request' WHEN 'skipped' THEN 'no_endpoint' END,
           (status <> 'skipped')::int,
           CASE WHEN status = 'pending' THEN postrider_now() + interval '1 day' END,
           at, at + interval '60 days', CASE WHEN status <> 'pending' THEN at END
      FROM made
  )
  INSERT INTO attempt (id, delivery_id, cycle, number, trigger, started_at, duration_ms, outcome, status_code)
  SELECT 'att' || substr(id, 4), delivery_id, 1, 1, 'ladder', at, 20,
         CASE WHEN status = 'delivered' THEN 'success' ELSE 'http_status' END,
         CASE WHEN status = 'delivered' THEN 200 ELSE 503 END
    FROM made WHERE status <> 'skipped'`;
