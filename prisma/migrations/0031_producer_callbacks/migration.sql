-- A producer may hear how its notifications end: by a signed call of its own address, or by a feed that it pulls.

-- Whom to tell and of which ends: {"url": …, "on": ["delivered", "failed", "acknowledged"]}. The notification's own comes
-- before that of the rules its delivery was accepted with.
ALTER TABLE notification ADD COLUMN notify_producer jsonb;
ALTER TABLE policy ADD COLUMN notify_producer jsonb;

-- What a producer is told of one end. The call itself is a delivery, which this row owns. The body is kept, because it is
-- the same in every attempt, and what it tells of may have been sent again since.
--   cycle  the round that ended: a delivery sent again by hand begins its next one
--   body   json, not jsonb: sent and signed to the byte
CREATE TABLE producer_callback (
  id text COLLATE "C" PRIMARY KEY,
  notification_id text COLLATE "C" NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  cycle integer NOT NULL CHECK (cycle > 0),
  event text NOT NULL CHECK (event IN ('delivered', 'failed', 'acknowledged')),
  producer_key_id text COLLATE "C" NOT NULL,
  body json NOT NULL,
  UNIQUE (delivery_id, cycle, event)
);
-- What retention goes along, as it does for check-backs.
CREATE INDEX delivery_callback_age ON delivery (settled_at, id) WHERE purpose = 'callback' AND settled_at IS NOT NULL;

-- The calls' queue. A queue of this name that somebody has made gets these rules under its next version, and nobody's
-- endpoint names it any more.
UPDATE endpoint SET queue = NULL WHERE queue = 'producer-callbacks';
WITH made AS (
  INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
      success, supersede, max_in_flight, rate_per_second, concurrency)
    SELECT 'producer-callbacks', 1 + coalesce(max(version), 0), NULL,
           '{0,5,30,120,600,1800,3600,7200,10800,21600,21600}'::integer[], 86400, 0.1, 10000, '{"body": "any"}', false, 20,
           NULL::double precision, 100
      FROM policy WHERE queue = 'producer-callbacks'
  RETURNING version
)
INSERT INTO queue (name, version) SELECT 'producer-callbacks', version FROM made
  ON CONFLICT (name) DO UPDATE SET version = excluded.version;

-- The feed of ends, which goes by the transaction that made them as the catch-up feed does by that which made deliveries
-- (see 0003). Whose it is stands beside it, so that one descent of the index finds a producer's own and nobody else's.
-- What ended before this migration is not in it.
-- (Rejected: a row for each end in a table of its own, which would be one more statement with each; a place on the
-- notification, whose row and six indexes would be written once more.)
ALTER TABLE delivery
  ADD COLUMN producer_key_id text COLLATE "C",
  ADD COLUMN settled_xid bigint,
  -- NOT VALID: the column is empty.
  ADD CONSTRAINT delivery_settled_xid CHECK (settled_xid IS NULL OR settled_at IS NOT NULL) NOT VALID;
CREATE INDEX delivery_ends ON delivery (producer_key_id, settled_xid, owner_id)
  WHERE settled_xid IS NOT NULL AND producer_key_id IS NOT NULL;
UPDATE delivery AS d SET producer_key_id = n.producer_key_id
  FROM notification AS n
 WHERE n.id = d.owner_id AND d.merchant_id = n.merchant_id AND d.status IN ('pending', 'sending', 'failed', 'skipped');
