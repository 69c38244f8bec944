-- How many attempts are under way at a receiver: its leases, counted. A lease lives for milliseconds, so
-- most entries of their index are dead. A bitmap scan visits the row of each of them again and again
-- until the next vacuum (500 rows for 2 leases, after six seconds of work); a plain index scan marks
-- them dead once. The planner cannot know that, so it is told. STABLE: it counts in the caller's snapshot.
CREATE FUNCTION leases_at(p_receiver_id text) RETURNS bigint
  LANGUAGE plpgsql STABLE SET enable_bitmapscan = off
  AS $$ BEGIN
    RETURN (SELECT count(*) FROM delivery AS d
             WHERE d.receiver_id = p_receiver_id AND d.lease_token IS NOT NULL);
  END $$;

-- The claim of 0002 again, its answer with `due_at` besides, its work now linear in the batch. It joined its own steps
-- by id; the planner expects one row of each and compares all with all: 1.4 ms a join for 64
-- deliveries, 80 ms for 500. Here every step is a column more on the same rows, by window functions.
--
-- What is asked once for many (leases of a receiver, new ones that go before a retry) is asked by the
-- first row of its group and handed to the others by a window.
DROP FUNCTION claim_deliveries;
CREATE FUNCTION claim_deliveries(
  p_ids text[], p_places integer, p_suspect_places integer, p_margin_ms integer
) RETURNS TABLE (
  id text, verdict text, wait_ms integer, start_in_ms integer, interval_ms integer, suspect boolean,
  lease_token uuid, now_at timestamptz, owner_kind text, owner_id text, purpose text,
  queue text, policy_version integer, receiver_id text, endpoint_id text, url text,
  cycle integer, rung integer, attempt_count integer, trigger text,
  due_at timestamptz, deadline_at timestamptz, resume_at timestamptz
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
BEGIN
  -- In the order of ids, so that two claims never wait for each other.
  PERFORM 1 FROM receiver AS r
    WHERE r.id IN (SELECT d.receiver_id FROM delivery AS d
                    WHERE d.id = ANY (p_ids) AND d.status COLLATE "C" = 'pending')
    ORDER BY r.id FOR NO KEY UPDATE;

  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT d.id, d.receiver_id, d.queue, d.policy_version, d.priority, d.due_at, d.deadline_at,
           d.owner_kind, d.owner_id, d.purpose, d.endpoint_id, d.url, d.cycle, d.rung,
           d.attempt_count, d.trigger, d.resume_at, w.place AS wish,
           d.due_at <= postrider_now() AND d.deadline_at > postrider_now() AS due
      FROM unnest(p_ids) WITH ORDINALITY AS w (id, place)
      JOIN delivery AS d ON d.id = w.id
     -- The collation keeps the planner from walking all that is pending to find these few.
     WHERE d.status COLLATE "C" = 'pending'
       FOR UPDATE OF d SKIP LOCKED
  ), lined AS (
    SELECT w.*, p.timeout_ms,
           row_number() OVER (PARTITION BY w.receiver_id, w.due ORDER BY w.priority, w.wish) AS line,
           row_number() OVER (PARTITION BY w.receiver_id, w.due, w.priority, w.queue ORDER BY w.wish) AS line_of_kind,
           min(p.max_in_flight) OVER (PARTITION BY w.receiver_id, w.due) AS max_in_flight,
           min(p.rate_per_second) OVER (PARTITION BY w.receiver_id, w.due) AS rate_per_second
      FROM wanted AS w
      JOIN policy AS p ON p.queue = w.queue AND p.version = w.policy_version
  ), counted AS (
    SELECT l.*,
           CASE WHEN l.due AND l.line = 1 THEN leases_at(l.receiver_id) END AS first_busy,
           -- A retry comes after all new ones that wait for the same receiver, asked for or not.
           CASE WHEN l.due AND l.priority > 0 AND l.line_of_kind = 1 THEN
             (SELECT count(*) FROM (
                SELECT 1 FROM delivery AS o
                 WHERE o.queue = l.queue AND o.receiver_id = l.receiver_id AND o.status = 'pending'
                   AND o.priority < l.priority AND o.due_at <= postrider_now() AND o.id <> ALL (p_ids)
                 LIMIT 1000) AS o) END AS first_ahead
      FROM lined AS l
  ), spread AS (
    SELECT c.*,
           max(c.first_busy) OVER (PARTITION BY c.receiver_id, c.due) AS busy,
           coalesce(max(c.first_ahead) OVER (PARTITION BY c.receiver_id, c.due, c.priority, c.queue), 0) AS ahead
      FROM counted AS c
  ), gated AS (
    SELECT s.*, s.line + s.ahead AS place,
           NOT r.trusted OR r.failure_score > 0 OR r.open_until IS NOT NULL AS suspect,
           r.paused_at IS NOT NULL OR r.disabled_reason IS NOT NULL AS held,
           greatest(r.open_until, postrider_now()) AS opens_at,
           CASE WHEN r.open_until IS NOT NULL THEN 1
                ELSE least(coalesce(r.max_in_flight, s.max_in_flight), r.allowance)
           END - s.busy AS room,
           greatest(r.next_start_at, postrider_now()) AS starts_at,
           slower * 1000 / coalesce(r.rate_per_second, s.rate_per_second) AS interval_ms
      FROM spread AS s
      JOIN receiver AS r ON r.id = s.receiver_id
  ), paced AS (
    SELECT g.*,
           extract(epoch FROM g.starts_at - postrider_now()) * 1000
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
         c.cycle, c.rung, c.attempt_count, c.trigger, c.due_at, c.deadline_at, c.resume_at
    FROM chosen AS c;
END $$;
