-- Reliable messages: what a producer announces before its own transaction, and confirms after it.

-- Only what has to be decided is a state of its own here. From `confirmed` on a message is a
-- notification, and how far it has come is told by its deliveries, see message_delivery below.
-- (Rejected: a column for that as well. It would have to follow every re-send, acknowledgement and
-- deadline, and of two deliveries that end at the same time neither sees the other.)
--   place      order of the list; ids may be the caller's and say nothing about time
--   input      the notification as it was announced, without its payload
--   payload    json, not jsonb: to the byte
--   event_id   announced twice under two message ids, an event would be sent twice
CREATE TABLE message (
  id text COLLATE "C" PRIMARY KEY,
  place bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  producer_key_id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  event_id text COLLATE "C",
  input jsonb NOT NULL,
  payload json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  check_url text NOT NULL,
  check_after_seconds integer NOT NULL CHECK (check_after_seconds >= 0),
  completion text NOT NULL CHECK (completion IN ('explicit', 'http')),
  complete_after_seconds integer NOT NULL CHECK (complete_after_seconds > 0),
  prepared_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  status text NOT NULL DEFAULT 'prepared'
    CHECK (status IN ('prepared', 'confirmed', 'cancelled', 'suspended')),
  suspended_at timestamptz(3),
  decided_at timestamptz(3),
  decided_by text CHECK (decided_by IN ('producer', 'check', 'operator')),
  reason text,
  -- It goes with its notification, when that has become too old to be kept.
  notification_id text COLLATE "C" UNIQUE REFERENCES notification (id) ON DELETE CASCADE
    DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT message_suspended CHECK (status <> 'suspended' OR suspended_at IS NOT NULL),
  CONSTRAINT message_decided CHECK ((status IN ('confirmed', 'cancelled')) = (decided_at IS NOT NULL)
    AND (decided_at IS NULL) = (decided_by IS NULL)),
  CONSTRAINT message_confirmed CHECK ((status = 'confirmed') = (notification_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX message_merchant ON message (merchant_id, place);
CREATE INDEX message_producer ON message (producer_key_id, place);
CREATE INDEX message_business_key ON message (business_key, place);
CREATE INDEX message_undecided ON message (place) WHERE status IN ('prepared', 'suspended');
CREATE UNIQUE INDEX message_event ON message (merchant_id, event_id)
  WHERE event_id IS NOT NULL AND status <> 'cancelled';

-- A decision is never turned round, whoever asks.
CREATE FUNCTION message_is_decided() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'message % is already %', OLD.id, OLD.status; END $$;
CREATE TRIGGER message_decision_stays BEFORE UPDATE OF status ON message FOR EACH ROW
  WHEN (OLD.status IN ('confirmed', 'cancelled') AND NEW.status <> OLD.status)
  EXECUTE FUNCTION message_is_decided();

-- What the receiving business made of a delivery. Said once.
CREATE TABLE message_completion (
  delivery_id text COLLATE "C" PRIMARY KEY,
  message_id text COLLATE "C" NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  outcome text NOT NULL CHECK (outcome IN ('success', 'failed')),
  consumer text,
  reason text,
  completed_at timestamptz(3) NOT NULL DEFAULT postrider_now()
);
CREATE INDEX message_completion_message ON message_completion (message_id);

-- How far each delivery of a confirmed message has come. A 2xx counts in its own cycle: what is sent
-- again after its end begins as confirmed.
CREATE VIEW message_delivery AS
  SELECT m.id AS message_id, d.id AS delivery_id,
         CASE WHEN c.delivery_id IS NOT NULL OR d.status IN ('delivered', 'acknowledged') THEN 'completed'
              WHEN d.status NOT IN ('pending', 'sending') THEN 'dead'
              WHEN EXISTS (SELECT 1 FROM attempt AS a WHERE a.delivery_id = d.id AND a.cycle = d.cycle
                              AND a.outcome = 'success') THEN 'sent'
              ELSE 'confirmed' END AS status,
         c.outcome, c.consumer, c.reason AS completion_reason, c.completed_at
    FROM message AS m
    JOIN delivery AS d ON d.owner_id = m.notification_id
    LEFT JOIN message_completion AS c ON c.delivery_id = d.id;

-- A message is as far as its least advanced delivery.
CREATE FUNCTION message_status(m message) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN m.status <> 'confirmed' THEN m.status ELSE coalesce(
    (SELECT md.status FROM message_delivery AS md WHERE md.message_id = m.id
      ORDER BY array_position('{confirmed,sent,dead,completed}'::text[], md.status) LIMIT 1),
    'completed') END
$$;

-- The rules of check-backs. There is no queue of this name, only rules: so nobody changes or deletes
-- it, and fifteen stays fifteen. The first delay is each message's own.
INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
    success, supersede, max_in_flight, rate_per_second, concurrency)
  VALUES ('message-check', 1, NULL,
    '{30,10,20,40,80,160,300,300,300,300,300,300,300,300,300}',
    86400, 0, 3000, '{"body": "any"}', false, 20, NULL, 200);
