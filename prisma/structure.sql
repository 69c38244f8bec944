-- The database as it stands after all migrations. Written by `npm run structure`, never by hand; a test compares
-- the two. For reading: what is applied are the migrations.

-- Tables

CREATE TABLE api_key (
  id text COLLATE "C" NOT NULL,
  role text NOT NULL,
  merchant_id text COLLATE "C",
  name text NOT NULL,
  hash text COLLATE "C" NOT NULL,
  callback_secret text,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  expires_at timestamp(3) with time zone,
  revoked_at timestamp(3) with time zone,
  last_used_at timestamp(3) with time zone,
  previous_callback_secret text,
  previous_callback_secret_expires_at timestamp(3) with time zone,
  calls text[],
  merchants text[] COLLATE "C",
  networks text[],
  lifetime_days integer,
  previous_hash text COLLATE "C",
  previous_hash_expires_at timestamp(3) with time zone,
  rotated_at timestamp(3) with time zone,
  rotated_by uuid,
  CONSTRAINT api_key_hash_key UNIQUE (hash),
  CONSTRAINT api_key_previous_hash_key UNIQUE (previous_hash),
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_merchant_id_fkey FOREIGN KEY (merchant_id) REFERENCES merchant(id),
  CONSTRAINT api_key_calls_check CHECK ((cardinality(calls) > 0)),
  CONSTRAINT api_key_check CHECK (((role <> 'merchant'::text) OR (merchant_id IS NOT NULL))),
  CONSTRAINT api_key_check1 CHECK (((merchants IS NULL) OR ((role = 'producer'::text) AND (merchant_id IS NULL)))),
  CONSTRAINT api_key_check2 CHECK (((previous_hash IS NULL) = (previous_hash_expires_at IS NULL))),
  CONSTRAINT api_key_lifetime_days_check CHECK ((lifetime_days > 0)),
  CONSTRAINT api_key_merchants_check CHECK ((cardinality(merchants) > 0)),
  CONSTRAINT api_key_networks_check CHECK ((cardinality(networks) > 0)),
  CONSTRAINT api_key_role_check CHECK ((role = ANY (ARRAY['operator'::text, 'producer'::text, 'merchant'::text])))
);

CREATE TABLE attempt (
  id text COLLATE "C" NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  cycle integer NOT NULL,
  number integer NOT NULL,
  trigger text NOT NULL,
  started_at timestamp(3) with time zone NOT NULL,
  duration_ms integer,
  outcome text NOT NULL,
  status_code integer,
  response_excerpt text,
  remote_address text,
  error text,
  resent_by text COLLATE "C",
  created_xid bigint NOT NULL DEFAULT transaction_number(),
  CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, cycle, number),
  CONSTRAINT attempt_number_check CHECK ((number > 0)),
  CONSTRAINT attempt_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'http_status'::text, 'body_mismatch'::text, 'timeout'::text, 'connection_error'::text, 'tls_error'::text, 'dns_error'::text, 'blocked_target'::text, 'unknown'::text]))),
  CONSTRAINT attempt_trigger_check CHECK ((trigger = ANY (ARRAY['ladder'::text, 'resend'::text, 'test'::text])))
);

CREATE TABLE audit_archive (
  last_place bigint NOT NULL,
  first_place bigint NOT NULL,
  first_at timestamp(3) with time zone NOT NULL,
  last_at timestamp(3) with time zone NOT NULL,
  previous_hash text COLLATE "C" NOT NULL,
  last_hash text COLLATE "C" NOT NULL,
  file text NOT NULL,
  file_sha256 text COLLATE "C" NOT NULL,
  archived_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  CONSTRAINT audit_archive_pkey PRIMARY KEY (last_place),
  CONSTRAINT audit_archive_check CHECK ((first_place <= last_place))
);

CREATE TABLE audit_chain (
  is_it boolean NOT NULL DEFAULT true,
  place bigint NOT NULL,
  hash text COLLATE "C" NOT NULL,
  CONSTRAINT audit_chain_pkey PRIMARY KEY (is_it),
  CONSTRAINT audit_chain_is_it_check CHECK (is_it)
);

CREATE TABLE audit_entry (
  id text COLLATE "C" NOT NULL,
  at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  action text COLLATE "C" NOT NULL,
  object_kind text COLLATE "C" NOT NULL,
  object_id text COLLATE "C",
  merchant_id text COLLATE "C",
  key_id text COLLATE "C" NOT NULL,
  key_name text NOT NULL,
  key_role text NOT NULL,
  key_merchant_id text COLLATE "C",
  reason text,
  asked jsonb,
  before_state jsonb,
  request_id text COLLATE "C" NOT NULL,
  remote_address text,
  CONSTRAINT audit_entry_pkey PRIMARY KEY (id),
  CONSTRAINT audit_entry_key_role_check CHECK ((key_role = ANY (ARRAY['operator'::text, 'producer'::text, 'merchant'::text, 'nobody'::text])))
);

CREATE TABLE audit_outcome (
  entry_id text COLLATE "C" NOT NULL,
  at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  status integer NOT NULL,
  after_state jsonb,
  CONSTRAINT audit_outcome_pkey PRIMARY KEY (entry_id),
  CONSTRAINT audit_outcome_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id),
  CONSTRAINT audit_outcome_status_check CHECK (((status >= 200) AND (status <= 599)))
);

CREATE TABLE audit_pending (
  id text COLLATE "C" NOT NULL,
  at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  action text COLLATE "C" NOT NULL,
  object_kind text COLLATE "C" NOT NULL,
  object_id text COLLATE "C",
  merchant_id text COLLATE "C",
  key_id text COLLATE "C" NOT NULL,
  key_name text NOT NULL,
  key_role text NOT NULL,
  key_merchant_id text COLLATE "C",
  reason text,
  asked jsonb,
  before_state jsonb,
  request_id text COLLATE "C" NOT NULL,
  remote_address text,
  CONSTRAINT audit_pending_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_seal (
  place bigint NOT NULL,
  entry_id text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  CONSTRAINT audit_seal_entry_id_key UNIQUE (entry_id),
  CONSTRAINT audit_seal_pkey PRIMARY KEY (place)
);

CREATE TABLE audit_unsealed (
  entry_id text COLLATE "C" NOT NULL,
  CONSTRAINT audit_unsealed_pkey PRIMARY KEY (entry_id)
);

CREATE TABLE console_session (
  id text COLLATE "C" NOT NULL,
  key_id text COLLATE "C" NOT NULL,
  begun_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  ends_at timestamp(3) with time zone NOT NULL,
  CONSTRAINT console_session_pkey PRIMARY KEY (id)
);

CREATE TABLE delivery (
  id text COLLATE "C" NOT NULL,
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
  cycle integer NOT NULL DEFAULT 1,
  rung integer NOT NULL DEFAULT 0,
  attempt_count integer NOT NULL DEFAULT 0,
  trigger text NOT NULL DEFAULT 'ladder'::text,
  priority smallint NOT NULL DEFAULT 0,
  due_at timestamp(3) with time zone,
  resume_at timestamp(3) with time zone,
  accepted_at timestamp(3) with time zone NOT NULL,
  deadline_at timestamp(3) with time zone NOT NULL,
  resent_at timestamp(3) with time zone,
  settled_at timestamp(3) with time zone,
  lease_token uuid,
  leased_at timestamp(3) with time zone,
  lease_until timestamp(3) with time zone,
  created_xid bigint NOT NULL DEFAULT transaction_number(),
  resent_by text COLLATE "C",
  lease_no bigint,
  arrived_as text,
  producer_key_id text COLLATE "C",
  settled_xid bigint,
  CONSTRAINT delivery_pkey PRIMARY KEY (id),
  CONSTRAINT delivery_arrived CHECK (((arrived_as IS NULL) OR ((arrived_as = ANY (ARRAY['delivered'::text, 'acknowledged'::text])) AND (status = ANY (ARRAY['pending'::text, 'sending'::text, 'delivered'::text, 'acknowledged'::text]))))) NOT VALID,
  CONSTRAINT delivery_attempt_count_check CHECK ((attempt_count >= 0)),
  CONSTRAINT delivery_cycle_check CHECK ((cycle > 0)),
  CONSTRAINT delivery_lease CHECK ((((lease_token IS NULL) = (lease_until IS NULL)) AND ((lease_token IS NULL) = (leased_at IS NULL)))),
  CONSTRAINT delivery_pending CHECK (((status <> 'pending'::text) OR ((due_at IS NOT NULL) AND (receiver_id IS NOT NULL) AND (lease_token IS NULL)))),
  CONSTRAINT delivery_reason CHECK (((reason IS NOT NULL) = (status = ANY (ARRAY['failed'::text, 'acknowledged'::text, 'cancelled'::text, 'skipped'::text])))),
  CONSTRAINT delivery_rung_check CHECK ((rung >= 0)),
  CONSTRAINT delivery_sending CHECK (((status <> 'sending'::text) OR (lease_token IS NOT NULL))),
  CONSTRAINT delivery_settled CHECK ((((status = ANY (ARRAY['pending'::text, 'sending'::text])) = (settled_at IS NULL)) AND ((settled_at IS NULL) OR (due_at IS NULL)))),
  CONSTRAINT delivery_status CHECK ((status = ANY (ARRAY['pending'::text, 'sending'::text, 'delivered'::text, 'failed'::text, 'acknowledged'::text, 'cancelled'::text, 'skipped'::text]))),
  CONSTRAINT delivery_trigger_check CHECK ((trigger = ANY (ARRAY['ladder'::text, 'resend'::text, 'test'::text])))
);

CREATE TABLE endpoint (
  id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  url text NOT NULL,
  types text[] NOT NULL,
  queue text COLLATE "C",
  description text,
  headers jsonb NOT NULL,
  body text NOT NULL,
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  deleted_at timestamp(3) with time zone,
  sealed_headers text COLLATE "C",
  events text[] NOT NULL DEFAULT '{}'::text[],
  format text COLLATE "C" NOT NULL DEFAULT 'standard'::text,
  language text COLLATE "C" NOT NULL DEFAULT 'en'::text,
  sealed_format_secret text,
  CONSTRAINT endpoint_pkey PRIMARY KEY (id),
  CONSTRAINT endpoint_id_fkey FOREIGN KEY (id) REFERENCES receiver(id),
  CONSTRAINT endpoint_merchant_id_fkey FOREIGN KEY (merchant_id) REFERENCES merchant(id),
  CONSTRAINT endpoint_body_check CHECK ((body = ANY (ARRAY['envelope'::text, 'raw'::text]))),
  CONSTRAINT endpoint_check CHECK (((format = 'standard'::text) OR (events <> '{}'::text[]))),
  CONSTRAINT endpoint_format_check CHECK ((format = ANY (ARRAY['standard'::text, 'slack'::text, 'feishu'::text, 'dingtalk'::text, 'email'::text]))),
  CONSTRAINT endpoint_language_check CHECK ((language = ANY (ARRAY['en'::text, 'zh'::text])))
);

CREATE TABLE idempotency_key (
  scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  reserved_id uuid NOT NULL,
  locked_until timestamp(3) with time zone NOT NULL,
  status_code integer,
  response text,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  CONSTRAINT idempotency_key_pkey PRIMARY KEY (scope, key)
);

CREATE TABLE merchant (
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  secret text NOT NULL,
  previous_secret text,
  previous_secret_expires_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  CONSTRAINT merchant_pkey PRIMARY KEY (id)
);

CREATE TABLE message (
  id text COLLATE "C" NOT NULL,
  place bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  producer_key_id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  event_id text COLLATE "C",
  input jsonb NOT NULL,
  payload json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  check_url text NOT NULL,
  check_after_seconds integer NOT NULL,
  completion text NOT NULL,
  complete_after_seconds integer NOT NULL,
  prepared_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  status text NOT NULL DEFAULT 'prepared'::text,
  suspended_at timestamp(3) with time zone,
  decided_at timestamp(3) with time zone,
  decided_by text,
  reason text,
  notification_id text COLLATE "C",
  message_id text COLLATE "C",
  CONSTRAINT message_notification_id_key UNIQUE (notification_id),
  CONSTRAINT message_place_key UNIQUE (place),
  CONSTRAINT message_pkey PRIMARY KEY (id),
  CONSTRAINT message_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES notification(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT message_check_after_seconds_check CHECK ((check_after_seconds >= 0)),
  CONSTRAINT message_complete_after_seconds_check CHECK ((complete_after_seconds > 0)),
  CONSTRAINT message_completion_check CHECK ((completion = ANY (ARRAY['explicit'::text, 'http'::text]))),
  CONSTRAINT message_confirmed CHECK (((status = 'confirmed'::text) = (notification_id IS NOT NULL))),
  CONSTRAINT message_decided CHECK ((((status = ANY (ARRAY['confirmed'::text, 'cancelled'::text])) = (decided_at IS NOT NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
  CONSTRAINT message_decided_by_check CHECK ((decided_by = ANY (ARRAY['producer'::text, 'check'::text, 'operator'::text]))),
  CONSTRAINT message_status_check CHECK ((status = ANY (ARRAY['prepared'::text, 'confirmed'::text, 'cancelled'::text, 'suspended'::text]))),
  CONSTRAINT message_suspended CHECK (((status <> 'suspended'::text) OR (suspended_at IS NOT NULL)))
);

CREATE TABLE message_completion (
  delivery_id text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  outcome text NOT NULL,
  consumer text,
  reason text,
  completed_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  CONSTRAINT message_completion_pkey PRIMARY KEY (delivery_id),
  CONSTRAINT message_completion_message_id_fkey FOREIGN KEY (message_id) REFERENCES message(id) ON DELETE CASCADE,
  CONSTRAINT message_completion_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'failed'::text])))
);

CREATE TABLE notification (
  id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  event_id text COLLATE "C",
  queue text COLLATE "C" NOT NULL,
  notify_url text,
  occurred_at timestamp(3) with time zone NOT NULL,
  accepted_at timestamp(3) with time zone NOT NULL,
  result_status text,
  result_version bigint NOT NULL DEFAULT 0,
  result_amount numeric,
  result_currency text,
  body json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  producer_key_id text COLLATE "C" NOT NULL,
  notify_producer jsonb,
  CONSTRAINT notification_pkey PRIMARY KEY (id)
);

CREATE TABLE operational_fact (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  type text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  data jsonb NOT NULL,
  CONSTRAINT operational_fact_pkey PRIMARY KEY (id)
);

CREATE TABLE operational_told (
  type text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  told_at timestamp(3) with time zone NOT NULL,
  CONSTRAINT operational_told_pkey PRIMARY KEY (type, merchant_id, subject)
);

CREATE TABLE overview_bucket (
  merchant_id text COLLATE "C" NOT NULL,
  bucket_seconds integer NOT NULL,
  at timestamp(3) with time zone NOT NULL,
  first_attempts bigint NOT NULL DEFAULT 0,
  first_succeeded bigint NOT NULL DEFAULT 0,
  delivered bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  acknowledged bigint NOT NULL DEFAULT 0,
  cancelled bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  outcomes bigint[] NOT NULL DEFAULT '{}'::bigint[],
  latency bigint[] NOT NULL DEFAULT '{}'::bigint[],
  delivered_in bigint[] NOT NULL DEFAULT '{}'::bigint[],
  CONSTRAINT overview_bucket_pkey PRIMARY KEY (merchant_id, bucket_seconds, at),
  CONSTRAINT overview_bucket_bucket_seconds_check CHECK ((bucket_seconds > 0))
);

CREATE TABLE overview_failure (
  endpoint_id text COLLATE "C" NOT NULL,
  bucket_seconds integer NOT NULL,
  at timestamp(3) with time zone NOT NULL,
  failures bigint NOT NULL,
  last_at timestamp(3) with time zone NOT NULL,
  last_outcome text NOT NULL,
  last_status_code integer,
  last_error text,
  CONSTRAINT overview_failure_pkey PRIMARY KEY (endpoint_id, bucket_seconds, at),
  CONSTRAINT overview_failure_bucket_seconds_check CHECK ((bucket_seconds > 0)),
  CONSTRAINT overview_failure_failures_check CHECK ((failures > 0))
);

CREATE TABLE overview_fold (
  only_row boolean NOT NULL DEFAULT true,
  began_xid bigint NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
  attempts_xid bigint NOT NULL DEFAULT (((pg_current_xact_id())::text)::bigint + 1),
  counted_until timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  mark_xid bigint NOT NULL DEFAULT 0,
  mark_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  ended_until timestamp(3) with time zone NOT NULL DEFAULT date_trunc('minute'::text, postrider_now()),
  CONSTRAINT overview_fold_pkey PRIMARY KEY (only_row),
  CONSTRAINT overview_fold_only_row_check CHECK (only_row)
);

CREATE TABLE policy (
  queue text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  preset text,
  ladder_seconds integer[] NOT NULL,
  deadline_seconds integer NOT NULL,
  jitter double precision NOT NULL,
  timeout_ms integer NOT NULL,
  success jsonb NOT NULL,
  supersede boolean NOT NULL,
  max_in_flight integer NOT NULL,
  rate_per_second double precision,
  concurrency integer NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  notify_producer jsonb,
  CONSTRAINT policy_pkey PRIMARY KEY (queue, version),
  CONSTRAINT policy_concurrency_check CHECK ((concurrency > 0)),
  CONSTRAINT policy_deadline_seconds_check CHECK (((deadline_seconds >= 1) AND (deadline_seconds <= 2592000))),
  CONSTRAINT policy_jitter_check CHECK (((jitter >= (0)::double precision) AND (jitter <= (1)::double precision))),
  CONSTRAINT policy_ladder_seconds_check CHECK (((cardinality(ladder_seconds) >= 1) AND (cardinality(ladder_seconds) <= 64))),
  CONSTRAINT policy_max_in_flight_check CHECK ((max_in_flight > 0)),
  CONSTRAINT policy_rate_per_second_check CHECK ((rate_per_second > (0)::double precision)),
  CONSTRAINT policy_timeout_ms_check CHECK ((timeout_ms > 0))
);

CREATE TABLE producer_callback (
  id text COLLATE "C" NOT NULL,
  notification_id text COLLATE "C" NOT NULL,
  delivery_id text COLLATE "C" NOT NULL,
  cycle integer NOT NULL,
  event text NOT NULL,
  producer_key_id text COLLATE "C" NOT NULL,
  body json NOT NULL,
  CONSTRAINT producer_callback_delivery_id_cycle_event_key UNIQUE (delivery_id, cycle, event),
  CONSTRAINT producer_callback_pkey PRIMARY KEY (id),
  CONSTRAINT producer_callback_cycle_check CHECK ((cycle > 0)),
  CONSTRAINT producer_callback_event_check CHECK ((event = ANY (ARRAY['delivered'::text, 'failed'::text, 'acknowledged'::text])))
);

CREATE TABLE queue (
  name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  CONSTRAINT queue_pkey PRIMARY KEY (name),
  CONSTRAINT queue_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'::text)),
  CONSTRAINT queue_version_check CHECK ((version > 0))
);

CREATE TABLE receiver (
  id text COLLATE "C" NOT NULL,
  max_in_flight integer,
  rate_per_second double precision,
  paused_at timestamp(3) with time zone,
  disabled_reason text,
  next_start_at timestamp(3) with time zone,
  allowance integer,
  trusted boolean NOT NULL DEFAULT false,
  failure_score integer NOT NULL DEFAULT 0,
  pauses integer NOT NULL DEFAULT 0,
  open_until timestamp(3) with time zone,
  circuit_opened_at timestamp(3) with time zone,
  CONSTRAINT receiver_pkey PRIMARY KEY (id),
  CONSTRAINT receiver_allowance_check CHECK ((allowance > 0)),
  CONSTRAINT receiver_failure_score_check CHECK ((failure_score >= 0)),
  CONSTRAINT receiver_max_in_flight_check CHECK ((max_in_flight > 0)),
  CONSTRAINT receiver_pauses_check CHECK ((pauses >= 0)),
  CONSTRAINT receiver_rate_per_second_check CHECK ((rate_per_second > (0)::double precision))
);

CREATE TABLE reconciliation (
  id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  date date NOT NULL,
  timezone text COLLATE "C" NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  record_count integer NOT NULL,
  status text NOT NULL DEFAULT 'running'::text,
  row_count integer,
  compared_count integer NOT NULL DEFAULT 0,
  compared_to text COLLATE "C" NOT NULL DEFAULT ''::text,
  difference_count integer NOT NULL DEFAULT 0,
  matched integer NOT NULL DEFAULT 0,
  created_by text COLLATE "C" NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  finished_at timestamp(3) with time zone,
  tries integer NOT NULL DEFAULT 0,
  lease_token uuid,
  lease_until timestamp(3) with time zone,
  as_of timestamp(3) with time zone,
  result_count integer,
  CONSTRAINT reconciliation_file UNIQUE (merchant_id, date, timezone, sha256),
  CONSTRAINT reconciliation_pkey PRIMARY KEY (id),
  CONSTRAINT reconciliation_check CHECK (((status = 'running'::text) = (finished_at IS NULL))),
  CONSTRAINT reconciliation_check1 CHECK (((status = 'running'::text) OR (lease_token IS NULL))),
  CONSTRAINT reconciliation_check2 CHECK ((compared_count <= COALESCE(row_count, 0))),
  CONSTRAINT reconciliation_record_count_check CHECK ((record_count >= 0)),
  CONSTRAINT reconciliation_result_count_check CHECK ((result_count >= 0)),
  CONSTRAINT reconciliation_row_count_check CHECK ((row_count >= 0)),
  CONSTRAINT reconciliation_status_check CHECK ((status = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text])))
);

CREATE TABLE reconciliation_difference (
  reconciliation_id text COLLATE "C" NOT NULL,
  number integer NOT NULL,
  kind text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  merchant_status text,
  merchant_amount numeric,
  merchant_currency text,
  gateway_id text COLLATE "C",
  gateway_version bigint,
  gateway_accepted_at timestamp(3) with time zone,
  gateway_status text,
  gateway_amount numeric,
  gateway_currency text,
  handled_action text,
  handled_reason text,
  handled_by text COLLATE "C",
  handled_by_name text,
  handled_at timestamp(3) with time zone,
  joined boolean NOT NULL DEFAULT false,
  CONSTRAINT reconciliation_difference_pkey PRIMARY KEY (reconciliation_id, number),
  CONSTRAINT reconciliation_difference_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES reconciliation(id),
  CONSTRAINT reconciliation_difference_check CHECK (((handled_action IS NULL) = (handled_at IS NULL))),
  CONSTRAINT reconciliation_difference_check1 CHECK (((kind <> 'gateway_only'::text) OR (merchant_status IS NULL))),
  CONSTRAINT reconciliation_difference_check2 CHECK (((kind <> 'merchant_only'::text) OR (gateway_id IS NULL))),
  CONSTRAINT reconciliation_difference_handled_action_check CHECK ((handled_action = ANY (ARRAY['resend'::text, 'accept_ours'::text, 'accept_theirs'::text]))),
  CONSTRAINT reconciliation_difference_kind_check CHECK ((kind = ANY (ARRAY['gateway_only'::text, 'merchant_only'::text, 'status_mismatch'::text, 'amount_mismatch'::text, 'currency_mismatch'::text, 'pending_cutoff'::text, 'matched'::text]))),
  CONSTRAINT reconciliation_difference_number_check CHECK ((number > 0))
);

CREATE TABLE reconciliation_row (
  reconciliation_id text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  merchant_status text,
  merchant_amount numeric,
  merchant_currency text,
  gateway_id text COLLATE "C",
  gateway_place text,
  gateway_version bigint,
  gateway_accepted_at timestamp(3) with time zone,
  gateway_status text,
  gateway_amount numeric,
  gateway_currency text,
  CONSTRAINT reconciliation_row_pkey PRIMARY KEY (reconciliation_id, business_key),
  CONSTRAINT reconciliation_row_reconciliation_id_fkey FOREIGN KEY (reconciliation_id) REFERENCES reconciliation(id),
  CONSTRAINT reconciliation_row_check CHECK (((gateway_id IS NULL) = (gateway_place IS NULL))),
  CONSTRAINT reconciliation_row_check1 CHECK (((gateway_id IS NOT NULL) OR (merchant_status IS NOT NULL))),
  CONSTRAINT reconciliation_row_gateway_place_check CHECK ((gateway_place = ANY (ARRAY['inside'::text, 'edge'::text, 'beside'::text])))
);

CREATE TABLE resend_job (
  id text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C",
  created_by text COLLATE "C" NOT NULL,
  created_by_name text NOT NULL,
  filter jsonb NOT NULL,
  reason text NOT NULL,
  force boolean NOT NULL,
  rate_per_second double precision NOT NULL,
  status text NOT NULL DEFAULT 'running'::text,
  matched integer NOT NULL,
  resent integer NOT NULL DEFAULT 0,
  skipped integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  cursor text COLLATE "C" NOT NULL DEFAULT ''::text,
  next_page_at timestamp(3) with time zone NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  error text,
  started_at timestamp(3) with time zone NOT NULL,
  finished_at timestamp(3) with time zone,
  CONSTRAINT resend_job_pkey PRIMARY KEY (id),
  CONSTRAINT resend_job_failed CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
  CONSTRAINT resend_job_failed_check CHECK ((failed >= 0)),
  CONSTRAINT resend_job_finished CHECK (((status = ANY (ARRAY['running'::text, 'paused'::text])) = (finished_at IS NULL))),
  CONSTRAINT resend_job_matched_check CHECK ((matched >= 0)),
  CONSTRAINT resend_job_rate_per_second_check CHECK ((rate_per_second > (0)::double precision)),
  CONSTRAINT resend_job_resent_check CHECK ((resent >= 0)),
  CONSTRAINT resend_job_skipped_check CHECK ((skipped >= 0)),
  CONSTRAINT resend_job_status_check CHECK ((status = ANY (ARRAY['running'::text, 'paused'::text, 'completed'::text, 'cancelled'::text, 'failed'::text])))
);

CREATE TABLE retention (
  only_row boolean NOT NULL DEFAULT true,
  kept_from timestamp(3) with time zone NOT NULL DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone,
  lease_token uuid,
  lease_until timestamp(3) with time zone,
  CONSTRAINT retention_pkey PRIMARY KEY (only_row),
  CONSTRAINT retention_only_row_check CHECK (only_row)
);

CREATE TABLE statement (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id text COLLATE "C" NOT NULL,
  date date NOT NULL,
  timezone text COLLATE "C" NOT NULL,
  revision integer NOT NULL,
  row_count integer NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  totals json NOT NULL,
  created_at timestamp(3) with time zone NOT NULL DEFAULT postrider_now(),
  is_defused boolean NOT NULL DEFAULT false,
  CONSTRAINT statement_merchant_id_date_timezone_revision_key UNIQUE (merchant_id, date, timezone, revision),
  CONSTRAINT statement_pkey PRIMARY KEY (id),
  CONSTRAINT statement_revision_check CHECK ((revision > 0)),
  CONSTRAINT statement_row_count_check CHECK ((row_count >= 0)),
  CONSTRAINT statement_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);

CREATE TABLE statement_chunk (
  statement_id bigint NOT NULL,
  number integer NOT NULL,
  rows bytea NOT NULL,
  CONSTRAINT statement_chunk_pkey PRIMARY KEY (statement_id, number),
  CONSTRAINT statement_chunk_statement_id_fkey FOREIGN KEY (statement_id) REFERENCES statement(id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT statement_chunk_number_check CHECK ((number >= 0))
);

CREATE TABLE statement_notice (
  merchant_id text COLLATE "C" NOT NULL,
  at text COLLATE "C" NOT NULL,
  timezone text COLLATE "C" NOT NULL,
  next_date date NOT NULL,
  next_at timestamp(3) with time zone NOT NULL,
  CONSTRAINT statement_notice_pkey PRIMARY KEY (merchant_id),
  CONSTRAINT statement_notice_merchant_id_fkey FOREIGN KEY (merchant_id) REFERENCES merchant(id),
  CONSTRAINT statement_notice_at_check CHECK ((at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'::text))
);

CREATE TABLE tcc_branch (
  id text COLLATE "C" NOT NULL,
  branch_id text COLLATE "C" NOT NULL,
  position integer NOT NULL,
  try_url text,
  confirm_url text NOT NULL,
  cancel_url text NOT NULL,
  payload json NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  status text NOT NULL DEFAULT 'registered'::text,
  failures integer NOT NULL DEFAULT 0,
  conflict_at timestamp(3) with time zone,
  resolved_reason text,
  resolved_by text,
  registered_at timestamp(3) with time zone NOT NULL,
  finished_at timestamp(3) with time zone,
  transaction_id text COLLATE "C" NOT NULL,
  CONSTRAINT tcc_branch_transaction_id_branch_id_key UNIQUE (transaction_id, branch_id),
  CONSTRAINT tcc_branch_transaction_id_position_key UNIQUE (transaction_id, "position"),
  CONSTRAINT tcc_branch_pkey PRIMARY KEY (id),
  CONSTRAINT tcc_branch_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES tcc_transaction(id),
  CONSTRAINT tcc_branch_branch_id_check CHECK ((branch_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
  CONSTRAINT tcc_branch_finished CHECK (((status = ANY (ARRAY['confirmed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
  CONSTRAINT tcc_branch_status_check CHECK ((status = ANY (ARRAY['registered'::text, 'tried'::text, 'try_failed'::text, 'try_unknown'::text, 'confirmed'::text, 'cancelled'::text])))
);

CREATE TABLE tcc_transaction (
  gid text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  producer_key_id text COLLATE "C" NOT NULL,
  business_key text COLLATE "C" NOT NULL,
  mode text NOT NULL,
  status text NOT NULL DEFAULT 'trying'::text,
  decision text,
  cause text,
  reason text,
  timeout_seconds integer NOT NULL,
  branch_count integer NOT NULL DEFAULT 0,
  fingerprint text COLLATE "C" NOT NULL,
  created_at timestamp(3) with time zone NOT NULL,
  timeout_at timestamp(3) with time zone NOT NULL,
  decided_at timestamp(3) with time zone,
  suspended_at timestamp(3) with time zone,
  finished_at timestamp(3) with time zone,
  CONSTRAINT tcc_transaction_producer_key_id_gid_key UNIQUE (producer_key_id, gid),
  CONSTRAINT tcc_transaction_pkey PRIMARY KEY (id),
  CONSTRAINT tcc_decided CHECK ((((decision IS NULL) = (decided_at IS NULL)) AND ((NOT (decision IS DISTINCT FROM 'cancel'::text)) = (cause IS NOT NULL)))),
  CONSTRAINT tcc_finished CHECK (((status = ANY (ARRAY['confirmed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
  CONSTRAINT tcc_status CHECK (
CASE status
    WHEN 'trying'::text THEN (decision IS NULL)
    WHEN 'confirming'::text THEN (decision = 'confirm'::text)
    WHEN 'confirmed'::text THEN (decision = 'confirm'::text)
    WHEN 'cancelling'::text THEN (decision = 'cancel'::text)
    WHEN 'cancelled'::text THEN (decision = 'cancel'::text)
    WHEN 'suspended'::text THEN (decision IS NOT NULL)
    ELSE false
END),
  CONSTRAINT tcc_suspended CHECK (((status = 'suspended'::text) = (suspended_at IS NOT NULL))),
  CONSTRAINT tcc_transaction_cause_check CHECK ((cause = ANY (ARRAY['requested'::text, 'try_failed'::text, 'timed_out'::text]))),
  CONSTRAINT tcc_transaction_decision_check CHECK ((decision = ANY (ARRAY['confirm'::text, 'cancel'::text]))),
  CONSTRAINT tcc_transaction_gid_check CHECK ((gid ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
  CONSTRAINT tcc_transaction_mode_check CHECK ((mode = ANY (ARRAY['managed'::text, 'initiator'::text]))),
  CONSTRAINT tcc_transaction_timeout_seconds_check CHECK ((timeout_seconds > 0))
);

CREATE TABLE transaction_numbers (
  only_row boolean NOT NULL DEFAULT true,
  origin text NOT NULL,
  CONSTRAINT transaction_numbers_pkey PRIMARY KEY (only_row),
  CONSTRAINT transaction_numbers_only_row_check CHECK (only_row)
);

-- Sequences

CREATE SEQUENCE delivery_lease_no;

-- Indexes beside those of constraints

CREATE INDEX api_key_expiry ON api_key USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (revoked_at IS NULL));
CREATE INDEX api_key_revoked ON api_key USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);
CREATE INDEX api_key_rotated ON api_key USING btree (rotated_at) WHERE (rotated_at IS NOT NULL);
CREATE INDEX attempt_created ON attempt USING btree (created_xid);
CREATE INDEX audit_entry_action ON audit_entry USING btree (action, id);
CREATE INDEX audit_entry_key ON audit_entry USING btree (key_id, id);
CREATE INDEX audit_entry_merchant ON audit_entry USING btree (merchant_id, id);
CREATE INDEX audit_entry_object ON audit_entry USING btree (object_id, id);
CREATE INDEX console_session_end ON console_session USING btree (ends_at);
CREATE INDEX console_session_key ON console_session USING btree (key_id, begun_at);
CREATE INDEX delivery_business_key ON delivery USING btree (business_key, id);
CREATE INDEX delivery_callback_age ON delivery USING btree (settled_at, id) WHERE ((purpose = 'callback'::text) AND (settled_at IS NOT NULL));
CREATE INDEX delivery_check_age ON delivery USING btree (settled_at, id) WHERE ((purpose = 'check'::text) AND (settled_at IS NOT NULL));
CREATE INDEX delivery_deadline ON delivery USING btree (deadline_at) WHERE ((status = 'pending'::text) AND (settled_at IS NULL));
CREATE INDEX delivery_due ON delivery USING btree (queue, receiver_id, priority, due_at, id) WHERE (status = 'pending'::text);
CREATE INDEX delivery_ended ON delivery USING btree (settled_at, status, merchant_id) WHERE (status = ANY (ARRAY['failed'::text, 'acknowledged'::text, 'cancelled'::text, 'skipped'::text]));
CREATE INDEX delivery_ends ON delivery USING btree (producer_key_id, settled_xid, owner_id) WHERE ((settled_xid IS NOT NULL) AND (producer_key_id IS NOT NULL));
CREATE INDEX delivery_lease ON delivery USING btree (receiver_id, lease_no) WHERE (lease_token IS NOT NULL);
CREATE INDEX delivery_merchant ON delivery USING btree (merchant_id, id);
CREATE INDEX delivery_missed ON delivery USING btree (id) WHERE (status = ANY (ARRAY['failed'::text, 'skipped'::text]));
CREATE INDEX delivery_missed_endpoint ON delivery USING btree (endpoint_id, id) WHERE (status = ANY (ARRAY['failed'::text, 'skipped'::text]));
CREATE INDEX delivery_owner ON delivery USING btree (owner_id);
CREATE INDEX delivery_ping ON delivery USING btree (accepted_at) WHERE (owner_kind = 'ping'::text);
CREATE INDEX delivery_undelivered ON delivery USING btree (merchant_id, created_xid, owner_id, accepted_at) WHERE (status = ANY (ARRAY['pending'::text, 'sending'::text, 'failed'::text, 'skipped'::text]));
CREATE INDEX endpoint_events ON endpoint USING btree (merchant_id) WHERE ((events <> '{}'::text[]) AND (deleted_at IS NULL));
CREATE INDEX endpoint_merchant ON endpoint USING btree (merchant_id, id);
CREATE INDEX idempotency_key_age ON idempotency_key USING btree (created_at);
CREATE INDEX message_business_key ON message USING btree (business_key, place);
CREATE UNIQUE INDEX message_event ON message USING btree (merchant_id, event_id) WHERE ((event_id IS NOT NULL) AND (status <> 'cancelled'::text));
CREATE INDEX message_merchant ON message USING btree (merchant_id, place);
CREATE INDEX message_producer ON message USING btree (producer_key_id, place);
CREATE UNIQUE INDEX message_producer_message_id ON message USING btree (message_id, producer_key_id) WHERE (message_id IS NOT NULL);
CREATE INDEX message_undecided ON message USING btree (place) WHERE (status = ANY (ARRAY['prepared'::text, 'suspended'::text]));
CREATE INDEX message_completion_failed ON message_completion USING btree (message_id) WHERE (outcome = 'failed'::text);
CREATE INDEX message_completion_message ON message_completion USING btree (message_id);
CREATE INDEX notification_day ON notification USING btree (merchant_id, accepted_at, id);
CREATE UNIQUE INDEX notification_event ON notification USING btree (merchant_id, event_id) WHERE (event_id IS NOT NULL);
CREATE INDEX notification_merchant ON notification USING btree (merchant_id, id);
CREATE INDEX notification_operational ON notification USING btree (merchant_id, accepted_at) WHERE (producer_key_id = 'gateway-events'::text);
CREATE INDEX notification_producer ON notification USING btree (producer_key_id, id);
CREATE INDEX notification_result ON notification USING btree (merchant_id, business_key, result_version DESC, occurred_at DESC, id DESC);
CREATE INDEX operational_fact_subject ON operational_fact USING btree (type, merchant_id, subject, id);
CREATE INDEX overview_bucket_age ON overview_bucket USING btree (bucket_seconds, at);
CREATE INDEX overview_failure_age ON overview_failure USING btree (bucket_seconds, at);
CREATE INDEX receiver_circuit ON receiver USING btree (id) WHERE (open_until IS NOT NULL);
CREATE INDEX reconciliation_age ON reconciliation USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX reconciliation_merchant ON reconciliation USING btree (merchant_id, id);
CREATE INDEX reconciliation_running ON reconciliation USING btree (id) WHERE (status = 'running'::text);
CREATE INDEX reconciliation_difference_kind ON reconciliation_difference USING btree (reconciliation_id, kind, number);
CREATE INDEX reconciliation_difference_pending ON reconciliation_difference USING btree (reconciliation_id, business_key) WHERE ((kind = 'pending_cutoff'::text) AND (handled_action IS NULL));
CREATE INDEX resend_job_age ON resend_job USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX resend_job_merchant ON resend_job USING btree (merchant_id, id);
CREATE INDEX resend_job_running ON resend_job USING btree (next_page_at) WHERE (status = 'running'::text);
CREATE INDEX statement_notice_due ON statement_notice USING btree (next_at);
CREATE INDEX tcc_transaction_age ON tcc_transaction USING btree (finished_at, id) WHERE (finished_at IS NOT NULL);
CREATE INDEX tcc_transaction_business_key ON tcc_transaction USING btree (business_key, id);
CREATE INDEX tcc_transaction_gid ON tcc_transaction USING btree (gid);
CREATE INDEX tcc_transaction_producer ON tcc_transaction USING btree (producer_key_id, id);
CREATE INDEX tcc_transaction_suspended ON tcc_transaction USING btree (id) WHERE (status = 'suspended'::text);
CREATE INDEX tcc_transaction_timeout ON tcc_transaction USING btree (timeout_at) WHERE (status = 'trying'::text);

-- Views

CREATE VIEW message_delivery AS
 SELECT m.id AS message_id,
    d.id AS delivery_id,
        CASE
            WHEN ((c.delivery_id IS NOT NULL) OR (shown_status(d.status, d.arrived_as, d.attempt_count) = ANY (ARRAY['delivered'::text, 'acknowledged'::text]))) THEN 'completed'::text
            WHEN (d.status <> ALL (ARRAY['pending'::text, 'sending'::text])) THEN 'dead'::text
            WHEN (EXISTS ( SELECT 1
               FROM attempt a
              WHERE ((a.delivery_id = d.id) AND (a.cycle = d.cycle) AND (a.outcome = 'success'::text)))) THEN 'sent'::text
            ELSE 'confirmed'::text
        END AS status,
    c.outcome,
    c.consumer,
    c.reason AS completion_reason,
    c.completed_at
   FROM ((message m
     JOIN delivery d ON ((d.owner_id = m.notification_id)))
     LEFT JOIN message_completion c ON ((c.delivery_id = d.id)));

-- Functions

CREATE OR REPLACE FUNCTION add_counts(a bigint[], b bigint[])
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY place), '{}')
    FROM unnest(a, b) WITH ORDINALITY AS both_of (x, y, place) $function$
;

CREATE OR REPLACE FUNCTION attempt_is_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'attempts are append-only'; END $function$
;

CREATE OR REPLACE FUNCTION audit_archive_fits()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  before record;
BEGIN
  SELECT last_place, last_hash INTO before FROM audit_archive ORDER BY last_place DESC LIMIT 1;
  IF NEW.first_place <> coalesce(before.last_place, 0) + 1
     OR NEW.previous_hash <> coalesce(before.last_hash, repeat('0', 64))
     OR NEW.last_hash IS DISTINCT FROM (SELECT hash FROM audit_seal WHERE place = NEW.last_place)
     OR EXISTS (
       SELECT 1 FROM audit_seal AS s JOIN audit_entry AS e ON e.id = s.entry_id
        WHERE s.place BETWEEN NEW.first_place AND NEW.last_place
          AND e.at >= date_trunc('month', postrider_now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
                      - interval '1 month') THEN
    RAISE EXCEPTION 'the audit log is append-only';
  END IF;
  RETURN NEW;
END $function$
;

CREATE OR REPLACE FUNCTION audit_is_append_only()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $function$
;

CREATE OR REPLACE FUNCTION audit_is_archiving()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_archive AS a JOIN audit_seal AS s ON s.place = a.last_place) THEN
    RAISE EXCEPTION 'the audit log is append-only';
  END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION audit_is_unsealed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO audit_unsealed SELECT id FROM fresh ON CONFLICT DO NOTHING;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION audit_line(e audit_entry, o audit_outcome)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  SELECT jsonb_build_object(
    'id', e.id, 'at', audit_time(e.at), 'action', e.action, 'objectKind', e.object_kind, 'objectId', e.object_id,
    'merchantId', e.merchant_id, 'keyId', e.key_id, 'keyName', e.key_name, 'keyRole', e.key_role,
    'keyMerchantId', e.key_merchant_id, 'reason', e.reason, 'asked', e.asked, 'before', e.before_state,
    'requestId', e.request_id, 'remoteAddress', e.remote_address,
    'endedAt', audit_time(o.at), 'status', o.status, 'after', o.after_state)::text $function$
;

CREATE OR REPLACE FUNCTION audit_seal_was_archived()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF EXISTS (SELECT 1 FROM gone AS g WHERE EXISTS (SELECT 1 FROM audit_entry WHERE id = g.entry_id)
       OR NOT EXISTS (SELECT 1 FROM audit_archive AS a WHERE g.place BETWEEN a.first_place AND a.last_place)) THEN
    RAISE EXCEPTION 'the audit log is append-only';
  END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION audit_time(at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $function$
;

CREATE OR REPLACE FUNCTION audit_was_archived()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  name text := TG_ARGV[0];
  kept boolean;
BEGIN
  EXECUTE format(
    'SELECT EXISTS (SELECT 1 FROM gone AS g WHERE NOT EXISTS (
       SELECT 1 FROM audit_seal AS s JOIN audit_archive AS a ON s.place BETWEEN a.first_place AND a.last_place
        WHERE s.entry_id = g.%I))', name) INTO kept;
  IF kept THEN RAISE EXCEPTION 'the audit log is append-only'; END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION claim_deliveries(p_ids text[], p_places integer, p_suspect_places integer, p_margin_ms integer, p_receivers text[] DEFAULT '{}'::text[], p_lease_floors bigint[] DEFAULT '{}'::bigint[], p_due_floors timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[])
 RETURNS TABLE(id text, verdict text, wait_ms integer, start_in_ms integer, interval_ms integer, suspect boolean, lease_token uuid, now_at timestamp with time zone, owner_kind text, owner_id text, purpose text, queue text, policy_version integer, receiver_id text, endpoint_id text, url text, cycle integer, rung integer, attempt_count integer, trigger text, due_at timestamp with time zone, deadline_at timestamp with time zone, resume_at timestamp with time zone, lease_until timestamp with time zone, lease_floor bigint)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
END $function$
;

CREATE OR REPLACE FUNCTION failing_percent(p_score integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_score >= 180) THEN 90 WHEN (p_score >= 140) THEN 70 WHEN (p_score >= 100) THEN 50 ELSE 0 END
;

CREATE OR REPLACE FUNCTION feed_horizon()
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  SELECT transaction_base()
         + coalesce(min(running.xid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
   WHERE NOT EXISTS (
     SELECT FROM pg_stat_activity AS a
      WHERE a.backend_xid = running.xid::xid
        AND a.datid <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
$function$
;

CREATE OR REPLACE FUNCTION hears(p_filters text[], p_type text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (EXISTS (SELECT FROM unnest(hears.p_filters) f(f) WHERE ((f.f = hears.p_type) OR (("right"(f.f, 1) = '*'::text) AND starts_with(hears.p_type, "left"(f.f, '-1'::integer))))))
;

CREATE OR REPLACE FUNCTION is_asked_for(p_type text, p_merchant_id text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (EXISTS (SELECT FROM endpoint e WHERE ((e.merchant_id = ANY (ARRAY[is_asked_for.p_merchant_id, '~operators'::text])) AND (e.events <> '{}'::text[]) AND (e.deleted_at IS NULL) AND hears(e.events, is_asked_for.p_type))))
;

CREATE OR REPLACE FUNCTION is_told_of(p_merchant_id text, p_events text[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((p_merchant_id <> '~operators'::text) AND (p_events = '{}'::text[]))
;

CREATE OR REPLACE FUNCTION leases_at(p_receiver_id text)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET enable_bitmapscan TO 'off'
AS $function$ BEGIN
    RETURN (SELECT count(*) FROM delivery AS d
             WHERE d.receiver_id = p_receiver_id AND d.lease_token IS NOT NULL);
  END $function$
;

CREATE OR REPLACE FUNCTION live_leases(p_receiver_id text, p_floor bigint)
 RETURNS bigint[]
 LANGUAGE plpgsql
 STABLE
 SET enable_bitmapscan TO 'off'
 SET enable_seqscan TO 'off'
AS $function$ BEGIN
    RETURN (SELECT ARRAY[count(*), min(d.lease_no)] FROM delivery AS d
             WHERE d.receiver_id = p_receiver_id AND d.lease_token IS NOT NULL
               AND d.lease_no >= coalesce(p_floor, 0));
  END $function$
;

CREATE OR REPLACE FUNCTION mark_circuit()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  NEW.circuit_opened_at := CASE WHEN OLD.circuit_opened_at IS NULL THEN postrider_now() END;
  RETURN NEW;
END $function$
;

CREATE OR REPLACE FUNCTION message_is_decided()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'message % is already %', OLD.id, OLD.status; END $function$
;

CREATE OR REPLACE FUNCTION message_status(m message)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  SELECT CASE WHEN m.status <> 'confirmed' THEN m.status ELSE coalesce(
    (SELECT md.status FROM message_delivery AS md WHERE md.message_id = m.id
      ORDER BY array_position('{confirmed,sent,dead,completed}'::text[], md.status) LIMIT 1),
    'completed') END
$function$
;

CREATE OR REPLACE FUNCTION next_transaction_number()
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$ SELECT transaction_base() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint $function$
;

CREATE OR REPLACE FUNCTION note_fact(p_type text, p_merchant_id text, p_subject text, p_data jsonb)
 RETURNS void
 LANGUAGE sql
BEGIN ATOMIC
 INSERT INTO operational_fact (type, merchant_id, subject, data)  SELECT note_fact.p_type AS p_type,
             note_fact.p_merchant_id AS p_merchant_id,
             note_fact.p_subject AS p_subject,
             note_fact.p_data AS p_data
           WHERE (EXISTS ( SELECT
                    FROM endpoint e
                   WHERE ((e.merchant_id = ANY (ARRAY[note_fact.p_merchant_id, '~operators'::text])) AND (e.events <> '{}'::text[]) AND (e.deleted_at IS NULL) AND hears(e.events, note_fact.p_type))));
END
;

CREATE OR REPLACE FUNCTION note_failed_delivery()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF NOT is_told_of(NEW.merchant_id, coalesce((SELECT events FROM endpoint WHERE id = NEW.endpoint_id), '{}')) THEN
    RETURN NULL;
  END IF;
  PERFORM note_fact('notification.failed', NEW.merchant_id, '', jsonb_build_object(
    'notificationId', NEW.owner_id, 'deliveryId', NEW.id, 'endpointId', NEW.endpoint_id, 'type', NEW.type,
    'businessKey', NEW.business_key, 'reason', NEW.reason, 'attemptCount', NEW.attempt_count));
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION note_failing()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  owner text := (SELECT e.merchant_id FROM endpoint AS e WHERE e.id = NEW.id AND is_told_of(e.merchant_id, e.events));
  reached integer := failing_percent(NEW.failure_score);
BEGIN
  IF owner IS NOT NULL THEN
    PERFORM note_fact('endpoint.failing', owner, NEW.id || ' ' || reached,
                      jsonb_build_object('endpointId', NEW.id, 'percent', reached));
  END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION note_receiver()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  owner text;
  about jsonb := jsonb_build_object('endpointId', NEW.id);
BEGIN
  SELECT e.merchant_id INTO owner FROM endpoint AS e WHERE e.id = NEW.id AND is_told_of(e.merchant_id, e.events);
  IF owner IS NULL THEN RETURN NULL; END IF;
  IF OLD.disabled_reason IS NULL AND NEW.disabled_reason IS NOT NULL THEN
    PERFORM note_fact('endpoint.disabled', owner, NEW.id, about || jsonb_build_object('reason', NEW.disabled_reason));
  ELSIF OLD.disabled_reason IS NOT NULL AND NEW.disabled_reason IS NULL THEN
    PERFORM note_fact('endpoint.recovered', owner, NEW.id, about || '{"from": "disabled"}');
  END IF;
  IF OLD.circuit_opened_at IS NULL AND NEW.circuit_opened_at IS NOT NULL THEN
    PERFORM note_fact('circuit.opened', owner, NEW.id, about);
  ELSIF OLD.circuit_opened_at IS NOT NULL AND NEW.circuit_opened_at IS NULL THEN
    PERFORM note_fact('endpoint.recovered', owner, NEW.id, about || '{"from": "circuit_open"}');
  END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION note_reconciliation()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  counts jsonb := (SELECT coalesce(jsonb_object_agg(kind, n), '{}') FROM (
    SELECT kind, count(*) AS n FROM reconciliation_difference WHERE reconciliation_id = NEW.id GROUP BY kind) AS k);
  pending bigint := coalesce((counts ->> 'pending_cutoff')::bigint, 0);
  differences jsonb := counts - 'matched' - 'pending_cutoff';
  found bigint := (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(differences));
  about jsonb := jsonb_build_object('reconciliationId', NEW.id, 'date', NEW.date, 'timezone', NEW.timezone);
BEGIN
  PERFORM note_fact('reconciliation.finished', NEW.merchant_id, NEW.id, about || jsonb_build_object(
    'status', NEW.status, 'recordCount', NEW.record_count,
    'matched', NEW.matched + coalesce((counts ->> 'matched')::bigint, 0),
    'differenceCount', found, 'pendingCutoff', pending));
  IF found > 0 THEN
    PERFORM note_fact('differences.found', NEW.merchant_id, NEW.id, about || jsonb_build_object(
      'differenceCount', found, 'differences', differences));
  END IF;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION passes_circuit(p_due_at timestamp with time zone, p_deadline_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (postrider_now() >= (p_due_at + ((p_deadline_at - p_due_at) / (8)::double precision)))
;

CREATE OR REPLACE FUNCTION place_end()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  UPDATE delivery AS d
     SET settled_xid = CASE WHEN d.settled_at IS NOT NULL THEN coalesce(d.settled_xid, transaction_number()) END,
         producer_key_id = coalesce(d.producer_key_id,
           (SELECT n.producer_key_id FROM notification AS n WHERE n.id = d.owner_id AND d.purpose = 'notify'))
   WHERE d.id = NEW.id;
  RETURN NULL;
END $function$
;

CREATE OR REPLACE FUNCTION postrider_now()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT date_trunc('milliseconds', statement_timestamp()) $function$
;

CREATE OR REPLACE FUNCTION reconciliation_verdict(gateway_status text, gateway_amount numeric, gateway_currency text, merchant_status text, merchant_amount numeric, merchant_currency text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT CASE WHEN gateway_status IS DISTINCT FROM merchant_status THEN 'status_mismatch'
              WHEN gateway_currency IS DISTINCT FROM merchant_currency THEN 'currency_mismatch'
              WHEN gateway_amount IS DISTINCT FROM merchant_amount THEN 'amount_mismatch'
              ELSE 'matched' END $function$
;

CREATE OR REPLACE FUNCTION shown_reason(p_status text, p_reason text, p_receiver_id text, p_due_at timestamp with time zone, p_deadline_at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN CASE WHEN ((p_status <> 'pending'::text) OR (p_due_at > (postrider_now() + '00:01:00'::interval))) THEN p_reason ELSE (SELECT 'circuit_open'::text FROM receiver r WHERE ((r.id = shown_reason.p_receiver_id) AND (r.open_until IS NOT NULL) AND (shown_reason.p_due_at <= GREATEST(r.open_until, postrider_now())) AND (NOT passes_circuit(shown_reason.p_due_at, shown_reason.p_deadline_at)))) END
;

CREATE OR REPLACE FUNCTION shown_status(p_status text, p_arrived_as text, p_attempt_count integer)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((p_arrived_as IS NOT NULL) AND (p_attempt_count > 0) AND (p_status = ANY (ARRAY['pending'::text, 'sending'::text]))) THEN p_arrived_as ELSE p_status END
;

CREATE OR REPLACE FUNCTION statement_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'statements never change; a correction is the next revision'; END $function$
;

CREATE OR REPLACE FUNCTION tcc_decision_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION 'a decision is never turned round'; END $function$
;

CREATE OR REPLACE FUNCTION transaction_base()
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$ SELECT 0::bigint $function$
;

CREATE OR REPLACE FUNCTION transaction_number()
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$ SELECT transaction_base() + pg_current_xact_id()::text::bigint $function$
;

-- Triggers

CREATE TRIGGER attempt_append_only BEFORE UPDATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION attempt_is_append_only();
CREATE TRIGGER audit_archive_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit_archive FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_archive_fits BEFORE INSERT ON audit_archive FOR EACH ROW EXECUTE FUNCTION audit_archive_fits();
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_entry_archived AFTER DELETE ON audit_entry REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION audit_was_archived('id');
CREATE TRIGGER audit_entry_archiving BEFORE DELETE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER audit_entry_unsealed AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION audit_is_unsealed();
CREATE TRIGGER audit_outcome_append_only BEFORE UPDATE OR TRUNCATE ON audit_outcome FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_outcome_archived AFTER DELETE ON audit_outcome REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION audit_was_archived('entry_id');
CREATE TRIGGER audit_outcome_archiving BEFORE DELETE ON audit_outcome FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR TRUNCATE ON audit_seal FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_seal_archived AFTER DELETE ON audit_seal REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_was_archived();
CREATE TRIGGER audit_seal_archiving BEFORE DELETE ON audit_seal FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER delivery_end_placed AFTER UPDATE ON delivery FOR EACH ROW WHEN ((((new.settled_at IS NULL) AND (new.settled_xid IS NOT NULL)) OR ((new.settled_at IS NOT NULL) AND (new.settled_at IS DISTINCT FROM old.settled_at) AND ((new.settled_xid IS NULL) OR ((new.producer_key_id IS NULL) AND (new.purpose = 'notify'::text)))))) EXECUTE FUNCTION place_end();
CREATE TRIGGER delivery_failed AFTER UPDATE OF status ON delivery FOR EACH ROW WHEN (((new.status = 'failed'::text) AND (old.status <> 'failed'::text) AND (new.purpose = 'notify'::text))) EXECUTE FUNCTION note_failed_delivery();
CREATE TRIGGER message_decision_stays BEFORE UPDATE OF status ON message FOR EACH ROW WHEN (((old.status = ANY (ARRAY['confirmed'::text, 'cancelled'::text])) AND (new.status <> old.status))) EXECUTE FUNCTION message_is_decided();
CREATE TRIGGER receiver_changed AFTER UPDATE ON receiver FOR EACH ROW WHEN (((old.disabled_reason IS DISTINCT FROM new.disabled_reason) OR (old.circuit_opened_at IS DISTINCT FROM new.circuit_opened_at))) EXECUTE FUNCTION note_receiver();
CREATE TRIGGER receiver_circuit_marked BEFORE UPDATE ON receiver FOR EACH ROW WHEN ((((old.circuit_opened_at IS NULL) AND (old.pauses = 0) AND (new.pauses > 0)) OR ((old.circuit_opened_at IS NOT NULL) AND new.trusted AND (NOT old.trusted)))) EXECUTE FUNCTION mark_circuit();
CREATE TRIGGER receiver_failing AFTER UPDATE ON receiver FOR EACH ROW WHEN (((new.circuit_opened_at IS NULL) AND (failing_percent(new.failure_score) > failing_percent(old.failure_score)))) EXECUTE FUNCTION note_failing();
CREATE TRIGGER reconciliation_finished AFTER UPDATE OF status ON reconciliation FOR EACH ROW WHEN (((old.status = 'running'::text) AND (new.status <> 'running'::text))) EXECUTE FUNCTION note_reconciliation();
CREATE TRIGGER statement_final BEFORE DELETE OR UPDATE ON statement FOR EACH STATEMENT EXECUTE FUNCTION statement_is_final();
CREATE TRIGGER statement_chunk_final BEFORE DELETE OR UPDATE ON statement_chunk FOR EACH STATEMENT EXECUTE FUNCTION statement_is_final();
CREATE TRIGGER tcc_decision_final BEFORE UPDATE ON tcc_transaction FOR EACH ROW WHEN (((old.decision IS NOT NULL) AND (old.decision IS DISTINCT FROM new.decision))) EXECUTE FUNCTION tcc_decision_is_final();
