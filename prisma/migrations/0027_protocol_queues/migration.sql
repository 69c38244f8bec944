-- The queues of TCC and of check-backs could be changed, deleted and sent into like any other. What came of that is
-- put right: nobody's endpoint names them, those that were deleted are back with the last rules they had, and rules
-- that break the protocol's promise give way to those it began with.
UPDATE endpoint SET queue = NULL WHERE queue IN ('tcc-try', 'tcc-second', 'message-check');

DELETE FROM queue WHERE name = 'message-check';

INSERT INTO queue (name, version)
  SELECT queue, max(version) FROM policy WHERE queue IN ('tcc-try', 'tcc-second') GROUP BY queue
  ON CONFLICT DO NOTHING;

-- The floors of src/policy/protocol-floors.ts.
WITH broken AS (
  SELECT q.name FROM queue AS q JOIN policy AS p ON p.queue = q.name AND p.version = q.version
   CROSS JOIN LATERAL (SELECT sum(rung) AS total, max(rung) AS longest FROM unnest(p.ladder_seconds) AS rung) AS l
   WHERE q.name IN ('tcc-try', 'tcc-second') AND NOT (
     p.success = '{"body": "any"}' AND NOT p.supersede AND p.deadline_seconds >= 86400 AND p.timeout_ms >= 1000
     AND p.concurrency >= 10 AND p.max_in_flight >= 5 AND coalesce(p.rate_per_second >= 1, true)
     AND CASE q.name WHEN 'tcc-try' THEN p.ladder_seconds = '{0}'
              ELSE p.ladder_seconds[1] <= 60 AND l.longest <= 3600
                   AND l.total + p.ladder_seconds[cardinality(p.ladder_seconds)] >= p.deadline_seconds END)
), made AS (
  INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
      success, supersede, max_in_flight, rate_per_second, concurrency)
  SELECT p.queue, 1 + (SELECT max(m.version) FROM policy AS m WHERE m.queue = p.queue), p.preset, p.ladder_seconds,
         p.deadline_seconds, p.jitter, p.timeout_ms, p.success, p.supersede, p.max_in_flight, p.rate_per_second,
         p.concurrency
    FROM policy AS p JOIN broken ON broken.name = p.queue WHERE p.version = 1
  RETURNING queue, version
)
UPDATE queue SET version = made.version FROM made WHERE name = made.queue;
