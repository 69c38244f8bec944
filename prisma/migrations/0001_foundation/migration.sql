-- The tables of the gateway. Ids are TypeIDs: their order is the order of creation, so they are
-- compared byte by byte (COLLATE "C") and serve as cursors.

-- The one clock. Every due time, lease and deadline is written and compared with it, so the clocks
-- of the worker machines never matter; tests replace its body to travel in time. Milliseconds,
-- because that is what callers see and what cursors carry; truncation only ever makes it earlier.
CREATE FUNCTION postrider_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT date_trunc('milliseconds', statement_timestamp()) $$;

CREATE TABLE queue (
  name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
  version integer NOT NULL CHECK (version > 0),
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now()
);

CREATE TABLE policy (
  queue text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  preset text,
  ladder_seconds integer[] NOT NULL CHECK (cardinality(ladder_seconds) BETWEEN 1 AND 64),
  deadline_seconds integer NOT NULL CHECK (deadline_seconds BETWEEN 1 AND 2592000),
  jitter double precision NOT NULL CHECK (jitter BETWEEN 0 AND 1),
  timeout_ms integer NOT NULL CHECK (timeout_ms > 0),
  success jsonb NOT NULL,
  supersede boolean NOT NULL,
  max_in_flight integer NOT NULL CHECK (max_in_flight > 0),
  rate_per_second double precision CHECK (rate_per_second > 0),
  concurrency integer NOT NULL CHECK (concurrency > 0),
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  PRIMARY KEY (queue, version)
);

CREATE TABLE merchant (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now()
);

CREATE TABLE api_key (
  id text COLLATE "C" PRIMARY KEY,
  role text NOT NULL CHECK (role IN ('operator', 'producer', 'merchant')),
  merchant_id text COLLATE "C" REFERENCES merchant (id),
  name text NOT NULL,
  hash text COLLATE "C" NOT NULL UNIQUE,
  callback_secret text,
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  CHECK (role <> 'merchant' OR merchant_id IS NOT NULL)
);

-- The engine's side of an address: limits, whether it may be called, how it fares.
--   next_start_at  rate limit: no attempt starts before it
--   allowance      asked to slow down: at most so many at once, until successes lift it (null: no limit of its own)
--   trusted        its last word was a success; only those may fill a queue's places
--   failure_score  weight of the failures since the last success
--   open_until     the circuit is open; from then on one attempt at a time probes (null: closed)
--   pauses         how often it opened since the last success; pauses grow with it
CREATE TABLE receiver (
  id text COLLATE "C" PRIMARY KEY,
  max_in_flight integer CHECK (max_in_flight > 0),
  rate_per_second double precision CHECK (rate_per_second > 0),
  paused_at timestamptz(3),
  disabled_reason text,
  next_start_at timestamptz(3),
  allowance integer CHECK (allowance > 0),
  trusted boolean NOT NULL DEFAULT false,
  failure_score integer NOT NULL DEFAULT 0 CHECK (failure_score >= 0),
  pauses integer NOT NULL DEFAULT 0 CHECK (pauses >= 0),
  open_until timestamptz(3)
) WITH (fillfactor = 70);

CREATE TABLE endpoint (
  id text COLLATE "C" PRIMARY KEY REFERENCES receiver (id),
  merchant_id text COLLATE "C" NOT NULL REFERENCES merchant (id),
  url text NOT NULL,
  types text[] NOT NULL,
  queue text COLLATE "C",
  description text,
  headers jsonb NOT NULL,
  body text NOT NULL CHECK (body IN ('envelope', 'raw')),
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  deleted_at timestamptz(3)
);
CREATE INDEX endpoint_merchant ON endpoint (merchant_id, id);

-- `body` is json, not jsonb: json keeps the text exactly as it was signed, and `body -> 'data'`
-- gives back the producer's payload to the byte.
CREATE TABLE notification (
  id text COLLATE "C" PRIMARY KEY,
  merchant_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  event_id text COLLATE "C",
  queue text COLLATE "C" NOT NULL,
  notify_url text,
  occurred_at timestamptz(3) NOT NULL,
  accepted_at timestamptz(3) NOT NULL,
  result_status text,
  result_version bigint NOT NULL DEFAULT 0,
  result_amount numeric,
  result_currency text,
  body json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  producer_key_id text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX notification_event ON notification (merchant_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX notification_business_key ON notification (merchant_id, business_key);
CREATE INDEX notification_merchant ON notification (merchant_id, id);

-- The unit of work. A lease is not a state: a delivery that was acknowledged or cancelled while an
-- attempt was under way keeps its lease until that attempt is recorded, so that the receiver's
-- in-flight limit stays exact.
CREATE TABLE delivery (
  id text COLLATE "C" PRIMARY KEY,
  owner_kind text NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  purpose text NOT NULL,
  merchant_id text COLLATE "C",
  type text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  policy_version integer NOT NULL,
  receiver_id text COLLATE "C",
  endpoint_id text COLLATE "C",
  url text,
  status text NOT NULL,
  reason text,
  cycle integer NOT NULL DEFAULT 1 CHECK (cycle > 0),
  rung integer NOT NULL DEFAULT 0 CHECK (rung >= 0),
  attempt_count integer NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
  trigger text NOT NULL DEFAULT 'ladder' CHECK (trigger IN ('ladder', 'resend', 'test')),
  priority smallint NOT NULL DEFAULT 0,
  due_at timestamptz(3),
  resume_at timestamptz(3),
  accepted_at timestamptz(3) NOT NULL,
  deadline_at timestamptz(3) NOT NULL,
  resent_at timestamptz(3),
  settled_at timestamptz(3),
  lease_token uuid,
  leased_at timestamptz(3),
  lease_until timestamptz(3),
  CONSTRAINT delivery_status CHECK (status IN
    ('pending', 'sending', 'delivered', 'failed', 'acknowledged', 'cancelled', 'skipped')),
  CONSTRAINT delivery_pending CHECK (status <> 'pending'
    OR (due_at IS NOT NULL AND receiver_id IS NOT NULL AND lease_token IS NULL)),
  CONSTRAINT delivery_sending CHECK (status <> 'sending' OR lease_token IS NOT NULL),
  CONSTRAINT delivery_lease CHECK ((lease_token IS NULL) = (lease_until IS NULL)
    AND (lease_token IS NULL) = (leased_at IS NULL)),
  CONSTRAINT delivery_settled CHECK ((status IN ('pending', 'sending')) = (settled_at IS NULL)
    AND (settled_at IS NULL OR due_at IS NULL)),
  CONSTRAINT delivery_reason CHECK ((reason IS NOT NULL) =
    (status IN ('failed', 'acknowledged', 'cancelled', 'skipped')))
) WITH (fillfactor = 80);
-- What the claim and the sweep look for: per queue and receiver, new before retries, oldest first.
CREATE INDEX delivery_due ON delivery (queue, receiver_id, priority, due_at, id) WHERE status = 'pending';
CREATE INDEX delivery_deadline ON delivery (deadline_at) WHERE status = 'pending';
CREATE INDEX delivery_leased ON delivery (receiver_id, lease_until) WHERE lease_token IS NOT NULL;
CREATE INDEX delivery_owner ON delivery (owner_id);
CREATE INDEX delivery_merchant ON delivery (merchant_id, id);
CREATE INDEX delivery_business_key ON delivery (business_key, id);
CREATE INDEX delivery_undelivered ON delivery (merchant_id, owner_id)
  WHERE status IN ('pending', 'sending', 'failed', 'skipped');
CREATE INDEX delivery_missed ON delivery (id) WHERE status IN ('failed', 'skipped');

CREATE TABLE attempt (
  id text COLLATE "C" NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  cycle integer NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  trigger text NOT NULL CHECK (trigger IN ('ladder', 'resend', 'test')),
  started_at timestamptz(3) NOT NULL,
  duration_ms integer,
  outcome text NOT NULL CHECK (outcome IN ('success', 'http_status', 'body_mismatch', 'timeout',
    'connection_error', 'tls_error', 'dns_error', 'blocked_target', 'unknown')),
  status_code integer,
  response_excerpt text,
  remote_address text,
  error text,
  PRIMARY KEY (delivery_id, cycle, number)
);

-- Append-only, whoever asks. Retention deletes; nobody rewrites.
CREATE FUNCTION attempt_is_append_only() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'attempts are append-only'; END $$;
CREATE TRIGGER attempt_append_only BEFORE UPDATE ON attempt
  FOR EACH STATEMENT EXECUTE FUNCTION attempt_is_append_only();

CREATE TABLE idempotency_key (
  scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  reserved_id uuid NOT NULL,
  locked_until timestamptz(3) NOT NULL,
  status_code integer,
  response text,
  created_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

-- The queue that always exists: a day of repeats, ever more slowly.
INSERT INTO policy (queue, version, preset, ladder_seconds, deadline_seconds, jitter, timeout_ms,
    success, supersede, max_in_flight, rate_per_second, concurrency)
  VALUES ('default', 1, NULL,
    '{0,15,15,30,180,600,1200,1800,1800,1800,3600,10800,10800,10800,21600,21300}',
    86400, 0.1, 15000, '{"body": "any"}', false, 20, NULL, 200);
INSERT INTO queue (name, version) VALUES ('default', 1);
