-- A circuit holds a delivery for an eighth of what is left of its life, and then lets it go: the ladder is the
-- promise, and a circuit that is open for as long as the delivery lives must not end it untried. So each gets most of
-- its rungs, as far as the receiver's places allow, and a circuit still spares them nearly all of the time.
-- (Rejected: more probes at once. How many it takes depends on all that waits and on each deadline.)
CREATE FUNCTION passes_circuit(p_due_at timestamptz, p_deadline_at timestamptz) RETURNS boolean
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN postrider_now() >= p_due_at + (p_deadline_at - p_due_at) / 8;

-- Few circuits are open, and whoever lists what waits asks for each delivery.
CREATE INDEX receiver_circuit ON receiver (id) WHERE open_until IS NOT NULL;

-- Why a delivery is as it is: its reason, or while it waits longer than its due time says, what holds it.
CREATE FUNCTION shown_reason(
  p_status text, p_reason text, p_receiver_id text, p_due_at timestamptz, p_deadline_at timestamptz
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  -- No circuit is open for longer than a minute, so what is due later than that needs no look.
  RETURN CASE WHEN p_status <> 'pending' OR p_due_at > postrider_now() + interval '1 minute' THEN p_reason
    ELSE (SELECT 'circuit_open' FROM receiver AS r
           WHERE r.id = p_receiver_id AND r.open_until IS NOT NULL
             AND p_due_at <= greatest(r.open_until, postrider_now())
             AND NOT passes_circuit(p_due_at, p_deadline_at)) END;

-- The claim of 0013 with passes_circuit; and of the queue's and the endpoint's limits the tighter one counts.
CREATE OR REPLACE FUNCTION claim_deliveries(
  p_ids text[], p_places integer, p_suspect_places integer, p_margin_ms integer,
  p_receivers text[] DEFAULT '{}', p_lease_floors bigint[] DEFAULT '{}',
  p_due_floors timestamptz[] DEFAULT '{}'
) RETURNS TABLE (
  id text, verdict text, wait_ms integer, start_in_ms integer, interval_ms integer, suspect boolean,
  lease_token uuid, now_at timestamptz, owner_kind text, owner_id text, purpose text,
  queue text, policy_version integer, receiver_id text, endpoint_id text, url text,
  cycle integer, rung integer, attempt_count integer, trigger text,
  due_at timestamptz, deadline_at timestamptz, resume_at timestamptz,
  lease_until timestamptz, lease_floor bigint
) LANGUAGE plpgsql VOLATILE
  -- Lookups by key and nothing else. A kept plan outlives the small table it was made for: one that read
  -- a hundred rows whole goes on doing so when there are ten thousand.
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  -- And one plan for all: planning anew takes five times as long as running.
  SET plan_cache_mode = force_generic_plan
  AS $$
#variable_conflict use_column
DECLARE
  -- A worker may begin what the rate allows within this time, and paces it itself.
  pacing_ms constant double precision := 100;
  -- A hair slower than asked, so that jitter on the way never shows the receiver more than its rate.
  slower constant double precision := 1.02;
  longest_wait_ms constant double precision := 2147483647;
  -- No circuit and no Retry-After holds a receiver for longer.
  longest_hold constant interval := '60 seconds';
  -- What is committed while a claim looks may be due a little earlier than what the claim has seen.
  commit_lag constant interval := '1 second';
  first_new bigint;
BEGIN
  -- In the order of ids, so that two claims never wait for each other.
  PERFORM 1 FROM receiver AS r
    WHERE r.id IN (SELECT d.receiver_id FROM delivery AS d
                    WHERE d.id = ANY (p_ids) AND d.status COLLATE "C" = 'pending')
    ORDER BY r.id FOR NO KEY UPDATE;
  first_new := nextval('delivery_lease_no');

  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT d.id, d.receiver_id, d.queue, d.policy_version, d.priority, d.due_at, d.deadline_at,
           d.owner_kind, d.owner_id, d.purpose, d.endpoint_id, d.url, d.cycle, d.rung,
           d.attempt_count, d.trigger, d.resume_at, w.place AS wish,
           d.due_at <= postrider_now() AND d.deadline_at > postrider_now() AS due,
           passes_circuit(d.due_at, d.deadline_at) AS passes,
           CASE WHEN w.receiver_id = d.receiver_id THEN w.lease_floor END AS lease_floor,
           CASE WHEN w.receiver_id = d.receiver_id
                THEN least(coalesce(w.due_floor, '-infinity'), postrider_now() - commit_lag) END AS due_floor
      FROM unnest(p_ids, p_receivers, p_lease_floors, p_due_floors) WITH ORDINALITY
           AS w (id, receiver_id, lease_floor, due_floor, place)
      JOIN delivery AS d ON d.id = w.id
     -- The collation keeps the planner from walking all that is pending to find these few.
     WHERE d.status COLLATE "C" = 'pending'
       FOR UPDATE OF d SKIP LOCKED
  ), lined AS (
    SELECT w.*, p.timeout_ms,
           row_number() OVER (PARTITION BY w.receiver_id, w.due ORDER BY w.priority, w.wish) AS line,
           row_number() OVER (PARTITION BY w.receiver_id, w.due, w.priority, w.queue ORDER BY w.wish) AS line_of_kind,
           min(p.max_in_flight) OVER (PARTITION BY w.receiver_id, w.due) AS max_in_flight,
           min(p.rate_per_second) OVER (PARTITION BY w.receiver_id, w.due) AS rate_per_second,
           max(w.lease_floor) OVER (PARTITION BY w.receiver_id, w.due) AS known_lease,
           max(w.due_floor) OVER (PARTITION BY w.receiver_id, w.due) AS known_due
      FROM wanted AS w
      JOIN policy AS p ON p.queue = w.queue AND p.version = w.policy_version
  ), counted AS (
    SELECT l.*,
           CASE WHEN l.due AND l.line = 1 THEN live_leases(l.receiver_id, l.known_lease) END AS first_busy,
           -- A retry comes after all new ones that wait for the same receiver, asked for or not.
           CASE WHEN l.due AND l.priority > 0 AND l.line_of_kind = 1 THEN
             (SELECT count(*) FROM (
                -- Each priority by itself, so that the times are a range of the index.
                SELECT 1 FROM generate_series(0, l.priority - 1) AS level (priority)
                 CROSS JOIN LATERAL (
                   SELECT 1 FROM delivery AS o
                    WHERE o.queue = l.queue AND o.receiver_id = l.receiver_id AND o.status = 'pending'
                      AND o.priority = level.priority AND o.due_at <= postrider_now()
                      AND o.due_at >= coalesce(l.known_due, '-infinity') AND o.id <> ALL (p_ids)
                    LIMIT 1000) AS each
                 LIMIT 1000) AS o) END AS first_ahead
      FROM lined AS l
  ), spread AS (
    SELECT c.*,
           max(c.first_busy) OVER (PARTITION BY c.receiver_id, c.due) AS leases,
           coalesce(max(c.first_ahead) OVER (PARTITION BY c.receiver_id, c.due, c.priority, c.queue), 0) AS ahead
      FROM counted AS c
  ), gated AS (
    SELECT s.*,
           -- Who passes an open circuit waits for nobody whom it holds.
           s.line + CASE WHEN r.open_until IS NOT NULL AND s.passes THEN 0 ELSE s.ahead END AS place,
           NOT r.trusted OR r.failure_score > 0 OR r.open_until IS NOT NULL AS suspect,
           r.paused_at IS NOT NULL OR r.disabled_reason IS NOT NULL AS held,
           CASE WHEN NOT s.passes AND r.open_until > postrider_now() AND r.open_until <= postrider_now() + longest_hold
                THEN r.open_until ELSE postrider_now() END AS opens_at,
           CASE WHEN r.open_until IS NOT NULL AND NOT s.passes THEN 1
                ELSE least(r.max_in_flight, s.max_in_flight, r.allowance)
           END - s.leases[1] AS room,
           r.next_start_at, slower * 1000 / least(r.rate_per_second, s.rate_per_second) AS interval_ms
      FROM spread AS s
      JOIN receiver AS r ON r.id = s.receiver_id
  ), paced AS (
    SELECT g.*,
           CASE WHEN g.next_start_at > postrider_now()
                 AND g.next_start_at <= postrider_now() + (pacing_ms + g.interval_ms) * interval '1 millisecond'
                THEN extract(epoch FROM g.next_start_at - postrider_now()) * 1000 ELSE 0 END
             + (g.place - 1) * g.interval_ms AS start_in_ms
      FROM gated AS g
  ), judged AS (
    SELECT p.*,
           CASE WHEN p.deadline_at <= postrider_now() THEN 'expired'
                WHEN NOT p.due THEN 'early'
                WHEN p.held THEN 'held'
                WHEN p.opens_at > postrider_now() THEN 'later'
                WHEN p.line > p.room THEN 'busy'
                WHEN p.place > p.room THEN 'behind'
                WHEN p.start_in_ms > pacing_ms THEN 'later'
                ELSE 'free' END AS verdict,
           CASE WHEN p.due THEN greatest(extract(epoch FROM p.opens_at - postrider_now()) * 1000,
                                         coalesce(p.start_in_ms - pacing_ms, 0))
                ELSE extract(epoch FROM p.due_at - postrider_now()) * 1000 END AS wait_ms
      FROM paced AS p
  ), queued AS (
    SELECT j.*,
           j.verdict = 'free' AND (NOT j.suspect OR
             row_number() OVER (PARTITION BY j.verdict, j.suspect ORDER BY j.place, j.wish)
               <= p_suspect_places) AS admitted
      FROM judged AS j
  ), chosen AS MATERIALIZED (
    SELECT q.*,
           CASE WHEN q.admitted AND
             row_number() OVER (PARTITION BY q.admitted ORDER BY q.place, q.wish) <= p_places
           THEN gen_random_uuid() END AS token
      FROM queued AS q
  ), moved AS (
    UPDATE receiver AS r
       SET next_start_at = postrider_now()
                           + (last.start_in_ms + last.interval_ms) * interval '1 millisecond'
      FROM (SELECT c.receiver_id, max(c.start_in_ms) AS start_in_ms, max(c.interval_ms) AS interval_ms
              FROM chosen AS c
             WHERE c.token IS NOT NULL AND c.interval_ms IS NOT NULL GROUP BY 1) AS last
     WHERE r.id = last.receiver_id
  ), leased AS (
    UPDATE delivery AS d
       SET status = 'sending', lease_token = c.token, leased_at = postrider_now(),
           lease_no = nextval('delivery_lease_no'),
           lease_until = postrider_now()
             + (ceil(coalesce(c.start_in_ms, 0)) + c.timeout_ms + p_margin_ms) * interval '1 millisecond'
      FROM chosen AS c
     WHERE d.id = c.id AND c.token IS NOT NULL
  )
  -- All of these are locked above, so each that is chosen is also leased.
  SELECT c.id,
         CASE WHEN c.token IS NOT NULL THEN 'claimed'
              WHEN c.verdict = 'free' THEN 'crowded'
              ELSE c.verdict END,
         ceil(least(c.wait_ms, longest_wait_ms))::integer,
         coalesce(ceil(c.start_in_ms), 0)::integer, coalesce(ceil(c.interval_ms), 0)::integer,
         c.suspect,
         c.token, postrider_now(), c.owner_kind, c.owner_id, c.purpose,
         c.queue, c.policy_version, c.receiver_id, c.endpoint_id, c.url,
         c.cycle, c.rung, c.attempt_count, c.trigger, c.due_at, c.deadline_at, c.resume_at,
         CASE WHEN c.token IS NOT NULL THEN postrider_now()
           + (ceil(coalesce(c.start_in_ms, 0)) + c.timeout_ms + p_margin_ms) * interval '1 millisecond' END,
         CASE WHEN c.leases IS NOT NULL THEN coalesce(c.leases[2], first_new) END
    FROM chosen AS c;
END $$;
