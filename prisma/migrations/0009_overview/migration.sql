-- What the overview shows is counted as attempts come in, never by looking through ten million of them.

-- The place of an attempt among all others: the transaction that logged it, as `delivery` has it for
-- the catch-up feed. Attempts below `feed_horizon()` are complete, so a reader who goes on from there
-- skips nothing, however late another transaction commits. Ever growing, so the index is only written
-- at its right edge, and those of one batch share an entry.
-- Attempts logged before this migration share its number: the overview begins after them.
ALTER TABLE attempt
  ADD COLUMN created_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX attempt_created ON attempt (created_xid);

-- Deliveries that ended in another way than by success. Those that were delivered are counted with the
-- attempt that did it, so that the usual way of a delivery writes nothing here.
CREATE INDEX delivery_ended ON delivery (settled_at, status, merchant_id)
  WHERE status IN ('failed', 'acknowledged', 'cancelled', 'skipped');

-- Counts of a minute, a quarter of an hour, or two hours: as wide as the windows of the overview need
-- them, so that each is read as less than a hundred rows. The merchant '' stands for all.
--   outcomes      attempts, in the order of the overview's list of outcomes
--   latency       how long attempts took, by the slots of the overview's histogram
--   delivered_in  the same for the time from acceptance (or the re-send) to the success
CREATE TABLE overview_bucket (
  merchant_id text COLLATE "C" NOT NULL,
  bucket_seconds integer NOT NULL CHECK (bucket_seconds > 0),
  at timestamptz(3) NOT NULL,
  first_attempts bigint NOT NULL DEFAULT 0,
  first_succeeded bigint NOT NULL DEFAULT 0,
  delivered bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  acknowledged bigint NOT NULL DEFAULT 0,
  cancelled bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  outcomes bigint[] NOT NULL DEFAULT '{}',
  latency bigint[] NOT NULL DEFAULT '{}',
  delivered_in bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (merchant_id, bucket_seconds, at)
) WITH (fillfactor = 50);
CREATE INDEX overview_bucket_age ON overview_bucket (bucket_seconds, at);

-- Endpoints have a row where something failed, and none while all is well.
CREATE TABLE overview_failure (
  endpoint_id text COLLATE "C" NOT NULL,
  bucket_seconds integer NOT NULL CHECK (bucket_seconds > 0),
  at timestamptz(3) NOT NULL,
  failures bigint NOT NULL CHECK (failures > 0),
  last_at timestamptz(3) NOT NULL,
  last_outcome text NOT NULL,
  last_status_code integer,
  last_error text,
  PRIMARY KEY (endpoint_id, bucket_seconds, at)
) WITH (fillfactor = 70);
CREATE INDEX overview_failure_age ON overview_failure (bucket_seconds, at);

-- How far the counting has come. One row, moved on in the transaction that counts; its lock says who.
--   began_xid      attempts up to this number were logged before there was any counting
--   attempts_xid   every attempt of a transaction below this number is counted
--   counted_until  every attempt recorded until then is
--   mark_xid, _at  once attempts_xid has reached mark_xid, counted_until is mark_at
--   ended_until    deliveries that ended without a success are counted up to this minute
CREATE TABLE overview_fold (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  began_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  attempts_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint + 1,
  counted_until timestamptz(3) NOT NULL DEFAULT postrider_now(),
  mark_xid bigint NOT NULL DEFAULT 0,
  mark_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  ended_until timestamptz(3) NOT NULL DEFAULT date_trunc('minute', postrider_now())
);
INSERT INTO overview_fold DEFAULT VALUES;

-- Slot by slot; the longer one gives the length.
CREATE FUNCTION add_counts(a bigint[], b bigint[]) RETURNS bigint[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY place), '{}')
    FROM unnest(a, b) WITH ORDINALITY AS both_of (x, y, place) $$;
