-- TCC: what a transaction has decided, and how far its branches are. Every call is a delivery whose
-- owner is the branch; nothing of calling and repeating is here.

CREATE TABLE tcc_transaction (
  gid text COLLATE "C" PRIMARY KEY CHECK (gid ~ '^[A-Za-z0-9_-]{1,64}$'),
  -- A TypeID, the order of lists: a gid may be the caller's own.
  id text COLLATE "C" NOT NULL UNIQUE,
  producer_key_id text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  mode text NOT NULL CHECK (mode IN ('managed', 'initiator')),
  status text NOT NULL DEFAULT 'trying',
  decision text CHECK (decision IN ('confirm', 'cancel')),
  -- Why it was cancelled; `reason` is what the caller said to it.
  cause text CHECK (cause IN ('requested', 'try_failed', 'timed_out')),
  reason text,
  timeout_seconds integer NOT NULL CHECK (timeout_seconds > 0),
  -- Counts registrations: a new branch writes this row, so it comes before the decision or not at all.
  branch_count integer NOT NULL DEFAULT 0,
  fingerprint text COLLATE "C" NOT NULL,
  created_at timestamptz(3) NOT NULL,
  timeout_at timestamptz(3) NOT NULL,
  decided_at timestamptz(3),
  suspended_at timestamptz(3),
  finished_at timestamptz(3),
  CONSTRAINT tcc_status CHECK (CASE status
    WHEN 'trying' THEN decision IS NULL
    WHEN 'confirming' THEN decision = 'confirm'
    WHEN 'confirmed' THEN decision = 'confirm'
    WHEN 'cancelling' THEN decision = 'cancel'
    WHEN 'cancelled' THEN decision = 'cancel'
    WHEN 'suspended' THEN decision IS NOT NULL
    ELSE false END),
  CONSTRAINT tcc_decided CHECK ((decision IS NULL) = (decided_at IS NULL)
    AND (decision IS NOT DISTINCT FROM 'cancel') = (cause IS NOT NULL)),
  CONSTRAINT tcc_suspended CHECK ((status = 'suspended') = (suspended_at IS NOT NULL)),
  CONSTRAINT tcc_finished CHECK ((status IN ('confirmed', 'cancelled')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX tcc_transaction_timeout ON tcc_transaction (timeout_at) WHERE status = 'trying';
CREATE INDEX tcc_transaction_business_key ON tcc_transaction (business_key, id);
CREATE INDEX tcc_transaction_producer ON tcc_transaction (producer_key_id, id);

-- A decision, once made, stays: whatever a statement forgets to guard is refused here.
CREATE FUNCTION tcc_decision_is_final() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'a decision is never turned round'; END $$;
CREATE TRIGGER tcc_decision_final BEFORE UPDATE ON tcc_transaction FOR EACH ROW
  WHEN (OLD.decision IS NOT NULL AND OLD.decision IS DISTINCT FROM NEW.decision)
  EXECUTE FUNCTION tcc_decision_is_final();

CREATE TABLE tcc_branch (
  id text COLLATE "C" PRIMARY KEY,
  gid text COLLATE "C" NOT NULL REFERENCES tcc_transaction (gid),
  branch_id text COLLATE "C" NOT NULL CHECK (branch_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  position integer NOT NULL,
  try_url text,
  confirm_url text NOT NULL,
  cancel_url text NOT NULL,
  -- json, not jsonb: sent and signed as the caller wrote it.
  payload json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  status text NOT NULL DEFAULT 'registered' CHECK (status IN
    ('registered', 'tried', 'try_failed', 'try_unknown', 'confirmed', 'cancelled')),
  -- Of the second phase: calls that failed, and the first answer 409.
  failures integer NOT NULL DEFAULT 0,
  conflict_at timestamptz(3),
  -- An operator's word that it was done by hand.
  resolved_reason text,
  resolved_by text,
  registered_at timestamptz(3) NOT NULL,
  finished_at timestamptz(3),
  UNIQUE (gid, branch_id),
  UNIQUE (gid, position),
  CONSTRAINT tcc_branch_finished CHECK ((status IN ('confirmed', 'cancelled')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 80);

-- A try is called once; asked again only where the branch itself says that it is still at it.
INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
    success, supersede, max_in_flight, rate_per_second, concurrency)
  VALUES ('tcc-try', 1, NULL, '{0}', 86400, 0, 5000, '{"body": "any"}', false, 100, NULL, 200);
-- The second phase: at once, then ever more slowly, and every hour until the day is over.
INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
    success, supersede, max_in_flight, rate_per_second, concurrency)
  VALUES ('tcc-second', 1, NULL,
    '{0,1,2,5,10,30,60,300,600,1800,3600}'::integer[] || array_fill(3600, ARRAY[22]),
    86400, 0, 15000, '{"body": "any"}', false, 100, NULL, 200);
-- What operators have to hear of.
INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
    success, supersede, max_in_flight, rate_per_second, concurrency)
  SELECT 'alerts', 1, NULL, ladder_seconds, deadline_seconds, jitter, timeout_ms, success, supersede,
         max_in_flight, rate_per_second, 20
    FROM policy WHERE queue = 'default' AND version = 1
  ON CONFLICT DO NOTHING;
INSERT INTO queue (name, version) VALUES ('tcc-try', 1), ('tcc-second', 1), ('alerts', 1)
  ON CONFLICT DO NOTHING;
