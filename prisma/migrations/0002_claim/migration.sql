-- The claim: who may be sent now, decided and leased in one call.
--
-- It is a function because it needs two statements with a lock between them: the receivers are locked
-- first, and only a statement that begins after that sees what other workers have leased meanwhile.
-- (Rejected: counting in the same statement, whose snapshot is older than the lock, so two workers
-- overrun a limit; a counter of attempts in flight on the receiver, which drifts when a worker dies.
-- Leases are counted instead: what has expired is found again, what is recorded is gone.)
--
-- p_ids             deliveries, the most wanted first
-- p_places          attempts this worker can begin
-- p_suspect_places  of those, how many may go to receivers that have not proved themselves
-- p_margin_ms       what a lease lasts beyond the attempt's own deadline
--
-- Answers one row for each delivery that is still pending and not in another worker's hands:
--   claimed  leased until lease_until; to be sent at start_in_ms (rate limits are paced, not refused), and
--            interval_ms after the one before, however late that was (0: no limit)
--   early    due only in wait_ms
--   expired  its deadline has passed; the sweep will settle it
--   held     the receiver is paused or disabled
--   later    the receiver's circuit or rate lets nothing start for wait_ms
--   busy     the receiver has all it may have at once; whoever ends an attempt there passes its place on
--   behind   it is a retry, and new ones wait for the places that are left: those are to be looked for
--   crowded  this worker has no place left for it
CREATE FUNCTION claim_deliveries(
  p_ids text[], p_places integer, p_suspect_places integer, p_margin_ms integer
) RETURNS TABLE (
  id text, verdict text, wait_ms integer, start_in_ms integer, interval_ms integer, suspect boolean,
  lease_token uuid, now_at timestamptz, owner_kind text, owner_id text, purpose text,
  queue text, policy_version integer, receiver_id text, endpoint_id text, url text,
  cycle integer, rung integer, attempt_count integer, trigger text,
  deadline_at timestamptz, resume_at timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  -- A worker may begin what the rate allows within this time, and paces it itself.
  pacing_ms constant double precision := 100;
  -- A hair slower than asked, so that jitter on the way never shows the receiver more than its rate.
  slower constant double precision := 1.02;
BEGIN
  -- In the order of ids, so that two claims never wait for each other.
  PERFORM 1 FROM receiver AS r
    WHERE r.id IN (SELECT d.receiver_id FROM delivery AS d WHERE d.id = ANY (p_ids) AND d.status = 'pending')
    ORDER BY r.id FOR NO KEY UPDATE;

  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT d.*, w.place AS wish
      FROM unnest(p_ids) WITH ORDINALITY AS w (id, place)
      JOIN delivery AS d ON d.id = w.id
     WHERE d.status = 'pending'
       FOR UPDATE OF d SKIP LOCKED
  ), due AS (
    SELECT w.id, w.receiver_id, w.wish, p.timeout_ms, p.max_in_flight, p.rate_per_second,
           coalesce(ahead.waiting, 0) AS ahead,
           row_number() OVER (PARTITION BY w.receiver_id ORDER BY w.priority, w.wish)
             + coalesce(ahead.waiting, 0) AS place
      FROM wanted AS w
      JOIN policy AS p ON p.queue = w.queue AND p.version = w.policy_version
      -- A retry comes after all new ones that wait for the same receiver, asked for or not.
      LEFT JOIN LATERAL (
        SELECT count(*) AS waiting FROM (
          SELECT 1 FROM delivery AS o
           WHERE o.queue = w.queue AND o.receiver_id = w.receiver_id AND o.status = 'pending'
             AND o.priority < w.priority AND o.due_at <= postrider_now() AND o.id <> ALL (p_ids)
           LIMIT 1000) AS o) AS ahead ON w.priority > 0
     WHERE w.due_at <= postrider_now() AND w.deadline_at > postrider_now()
  ), gate AS (
    SELECT r.id,
           NOT r.trusted OR r.failure_score > 0 OR r.open_until IS NOT NULL AS suspect,
           r.paused_at IS NOT NULL OR r.disabled_reason IS NOT NULL AS held,
           greatest(r.open_until, postrider_now()) AS opens_at,
           greatest(r.next_start_at, postrider_now()) AS starts_at,
           CASE WHEN r.open_until IS NOT NULL THEN 1
                ELSE least(coalesce(r.max_in_flight, limits.max_in_flight), r.allowance)
           END - busy.attempts AS room,
           slower * 1000 / coalesce(r.rate_per_second, limits.rate_per_second) AS interval_ms
      FROM receiver AS r
      JOIN (SELECT due.receiver_id, min(due.max_in_flight) AS max_in_flight,
                   min(due.rate_per_second) AS rate_per_second
              FROM due GROUP BY 1) AS limits ON limits.receiver_id = r.id
      CROSS JOIN LATERAL (SELECT count(*) AS attempts FROM delivery AS b
                           WHERE b.receiver_id = r.id AND b.lease_token IS NOT NULL) AS busy
  ), judged AS (
    SELECT due.*, gate.suspect,
           CASE WHEN gate.held THEN 'held'
                WHEN gate.opens_at > postrider_now() THEN 'later'
                WHEN due.place - due.ahead > gate.room THEN 'busy'
                WHEN due.place > gate.room THEN 'behind'
                WHEN pace.start_in_ms > pacing_ms THEN 'later'
                ELSE 'free' END AS verdict,
           greatest(extract(epoch FROM gate.opens_at - postrider_now()) * 1000,
                    coalesce(pace.start_in_ms - pacing_ms, 0)) AS wait_ms,
           coalesce(pace.start_in_ms, 0) AS start_in_ms, gate.interval_ms
      FROM due
      JOIN gate ON gate.id = due.receiver_id
      CROSS JOIN LATERAL (SELECT extract(epoch FROM gate.starts_at - postrider_now()) * 1000
                                 + (due.place - 1) * gate.interval_ms AS start_in_ms) AS pace
  ), queued AS (
    SELECT j.id, j.place, j.wish, j.suspect,
           row_number() OVER (PARTITION BY j.suspect ORDER BY j.place, j.wish) AS among_its_kind
      FROM judged AS j WHERE j.verdict = 'free'
  ), chosen AS (
    SELECT q.id FROM queued AS q
     WHERE NOT q.suspect OR q.among_its_kind <= p_suspect_places
     ORDER BY q.place, q.wish LIMIT p_places
  ), paced AS (
    UPDATE receiver AS r
       SET next_start_at = postrider_now() + last.start_in_ms * interval '1 millisecond'
                           + last.interval_ms * interval '1 millisecond'
      FROM (SELECT j.receiver_id, max(j.start_in_ms) AS start_in_ms, max(j.interval_ms) AS interval_ms
              FROM judged AS j JOIN chosen USING (id)
             WHERE j.interval_ms IS NOT NULL GROUP BY 1) AS last
     WHERE r.id = last.receiver_id
  ), leased AS (
    UPDATE delivery AS d
       SET status = 'sending', lease_token = gen_random_uuid(), leased_at = postrider_now(),
           lease_until = postrider_now()
             + (ceil(j.start_in_ms) + j.timeout_ms + p_margin_ms) * interval '1 millisecond'
      FROM judged AS j JOIN chosen USING (id)
     WHERE d.id = j.id
    RETURNING d.id, d.lease_token
  )
  SELECT w.id,
         CASE WHEN l.id IS NOT NULL THEN 'claimed'
              WHEN j.verdict = 'free' THEN 'crowded'
              WHEN j.id IS NOT NULL THEN j.verdict
              WHEN w.deadline_at <= postrider_now() THEN 'expired'
              ELSE 'early' END,
         CASE WHEN j.id IS NOT NULL THEN ceil(j.wait_ms)
              ELSE ceil(least(extract(epoch FROM w.due_at - postrider_now()) * 1000, 2147483647))
         END::integer,
         coalesce(ceil(j.start_in_ms), 0)::integer, coalesce(ceil(j.interval_ms), 0)::integer,
         coalesce(j.suspect, false),
         l.lease_token, postrider_now(), w.owner_kind, w.owner_id, w.purpose,
         w.queue, w.policy_version, w.receiver_id, w.endpoint_id, w.url,
         w.cycle, w.rung, w.attempt_count, w.trigger, w.deadline_at, w.resume_at
    FROM wanted AS w
    LEFT JOIN judged AS j ON j.id = w.id
    LEFT JOIN leased AS l ON l.id = w.id;
END $$;
