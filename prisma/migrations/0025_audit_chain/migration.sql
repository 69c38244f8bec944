-- The audit log gets bounds, and a chain that shows whether anything is missing from it.
--
-- A call is noted before it begins in `audit_pending`, and moves to `audit_entry` with its end: so one that
-- is refused like others of its minute can be counted with them, while a call whose process dies is still known.
-- (Rejected: both rows in the log from the beginning. Whoever asks for what is absent then writes for good.)
CREATE TABLE audit_pending (
  id text COLLATE "C" PRIMARY KEY,
  at timestamptz(3) NOT NULL DEFAULT postrider_now(),
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
  remote_address text
);

-- Who fails to log in has no key.
ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_key_role_check;
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_key_role_check
  CHECK (key_role IN ('operator', 'producer', 'merchant', 'nobody'));

-- The chain. What has entered the log waits in `audit_unsealed` until one worker, every second or two, gives it the next
-- place and the hash of its text together with the hash before it: sha256(hash before || newline || line), the
-- first one after 64 zeros. (Rejected: to do so in the statement that enters it. All of them would queue for the last hash.)
CREATE TABLE audit_unsealed (entry_id text COLLATE "C" PRIMARY KEY);
INSERT INTO audit_unsealed SELECT id FROM audit_entry;
-- By a trigger, so that nothing gets into the log past the chain: no process of the version before, which may still
-- run, and no statement that somebody has smuggled in.
CREATE FUNCTION audit_is_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_unsealed SELECT id FROM fresh ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_entry_unsealed AFTER INSERT ON audit_entry REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_unsealed();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_unsealed;

CREATE TABLE audit_seal (
  place bigint PRIMARY KEY,
  entry_id text COLLATE "C" NOT NULL UNIQUE,
  hash text COLLATE "C" NOT NULL
);

-- How far the chain has come: one row.
CREATE TABLE audit_chain (
  is_it boolean PRIMARY KEY DEFAULT true CHECK (is_it),
  place bigint NOT NULL,
  hash text COLLATE "C" NOT NULL
);
INSERT INTO audit_chain (place, hash) VALUES (0, repeat('0', 64));

-- What was exported and dropped: of each piece its range, and the hashes that tie it to its neighbours.
CREATE TABLE audit_archive (
  last_place bigint PRIMARY KEY,
  first_place bigint NOT NULL CHECK (first_place <= last_place),
  first_at timestamptz(3) NOT NULL,
  last_at timestamptz(3) NOT NULL,
  previous_hash text COLLATE "C" NOT NULL,
  last_hash text COLLATE "C" NOT NULL,
  file text NOT NULL,
  file_sha256 text COLLATE "C" NOT NULL,
  archived_at timestamptz(3) NOT NULL DEFAULT postrider_now()
);

-- An entry as the chain and the exports have it. It must never change for what is sealed: jsonb has one text for one
-- value, and times are written here and not as the session likes them.
CREATE FUNCTION audit_time(at timestamptz) RETURNS text LANGUAGE sql STABLE
  AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;
CREATE FUNCTION audit_line(e audit_entry, o audit_outcome) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', e.id, 'at', audit_time(e.at), 'action', e.action, 'objectKind', e.object_kind, 'objectId', e.object_id,
    'merchantId', e.merchant_id, 'keyId', e.key_id, 'keyName', e.key_name, 'keyRole', e.key_role,
    'keyMerchantId', e.key_merchant_id, 'reason', e.reason, 'asked', e.asked, 'before', e.before_state,
    'requestId', e.request_id, 'remoteAddress', e.remote_address,
    'endedAt', audit_time(o.at), 'status', o.status, 'after', o.after_state)::text $$;

-- A piece may only be archived in its order, as the chain has it, and whole months after it happened. So whatever a
-- statement tries, what is younger stays, and what goes leaves its row here.
CREATE FUNCTION audit_archive_fits() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$;
CREATE TRIGGER audit_archive_fits BEFORE INSERT ON audit_archive
  FOR EACH ROW EXECUTE FUNCTION audit_archive_fits();
CREATE TRIGGER audit_archive_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_archive
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- What was archived may go, in the same transaction: first the ends, then the entries, then the seals.
CREATE FUNCTION audit_is_archiving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit_archive AS a JOIN audit_seal AS s ON s.place = a.last_place) THEN
    RAISE EXCEPTION 'the audit log is append-only';
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION audit_was_archived() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$;
CREATE FUNCTION audit_seal_was_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM gone AS g WHERE EXISTS (SELECT 1 FROM audit_entry WHERE id = g.entry_id)
       OR NOT EXISTS (SELECT 1 FROM audit_archive AS a WHERE g.place BETWEEN a.first_place AND a.last_place)) THEN
    RAISE EXCEPTION 'the audit log is append-only';
  END IF;
  RETURN NULL;
END $$;

DROP TRIGGER audit_entry_append_only ON audit_entry;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_entry_archiving BEFORE DELETE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER audit_entry_archived AFTER DELETE ON audit_entry REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION audit_was_archived('id');
DROP TRIGGER audit_outcome_append_only ON audit_outcome;
CREATE TRIGGER audit_outcome_append_only BEFORE UPDATE OR TRUNCATE ON audit_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_outcome_archiving BEFORE DELETE ON audit_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER audit_outcome_archived AFTER DELETE ON audit_outcome REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION audit_was_archived('entry_id');
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR TRUNCATE ON audit_seal
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_seal_archiving BEFORE DELETE ON audit_seal
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_archiving();
CREATE TRIGGER audit_seal_archived AFTER DELETE ON audit_seal REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_was_archived();
ALTER TABLE audit_archive ENABLE ALWAYS TRIGGER audit_archive_fits;
ALTER TABLE audit_archive ENABLE ALWAYS TRIGGER audit_archive_append_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_archiving;
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_archived;
ALTER TABLE audit_outcome ENABLE ALWAYS TRIGGER audit_outcome_append_only;
ALTER TABLE audit_outcome ENABLE ALWAYS TRIGGER audit_outcome_archiving;
ALTER TABLE audit_outcome ENABLE ALWAYS TRIGGER audit_outcome_archived;
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_append_only;
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_archiving;
ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER audit_seal_archived;
