-- Who changed what, when and why. Two rows a call, both written once: what was about to be done, committed
-- before it begins, and how it ended, committed before the caller hears of it. A call whose process
-- died leaves the first without the second.
-- (Rejected: one row in the transaction of the change. Changes span several transactions, calls of
-- receivers and the timers, so each feature would have to carry the log along, and one of them forget it.
-- One row that is completed later: that would be an UPDATE, and nothing here is ever rewritten.)
--   object_id    null: many at once, or none that can be named
--   merchant_id  whose object it is, as far as the caller may know; null: nobody's, or not known
--   asked        what the caller wanted, in short; never secrets or payloads, here and below
--   before_state what the object was, in the moment before
CREATE TABLE audit_entry (
  id text COLLATE "C" PRIMARY KEY,
  at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  action text COLLATE "C" NOT NULL,
  object_kind text COLLATE "C" NOT NULL,
  object_id text COLLATE "C",
  merchant_id text COLLATE "C",
  key_id text COLLATE "C" NOT NULL,
  key_name text NOT NULL,
  key_role text NOT NULL CHECK (key_role IN ('operator', 'producer', 'merchant')),
  key_merchant_id text COLLATE "C",
  reason text,
  asked jsonb,
  before_state jsonb,
  request_id text COLLATE "C" NOT NULL,
  remote_address text
);
CREATE INDEX audit_entry_key ON audit_entry (key_id, id);
CREATE INDEX audit_entry_action ON audit_entry (action, id);
CREATE INDEX audit_entry_object ON audit_entry (object_id, id);
CREATE INDEX audit_entry_merchant ON audit_entry (merchant_id, id);

CREATE TABLE audit_outcome (
  entry_id text COLLATE "C" PRIMARY KEY REFERENCES audit_entry (id),
  at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  status integer NOT NULL CHECK (status BETWEEN 200 AND 599),
  after_state jsonb
);

-- Whatever a statement tries, the log refuses: for every role, superusers included, and also where
-- triggers are off for replication (ENABLE ALWAYS).
-- What this cannot stop: the owner of the tables, or a superuser, dropping the triggers first. The
-- gateway owns what it has migrated, so whoever holds its DATABASE_URL could do that. It is a guard
-- against mistakes, against injected statements, and against the code of this program, none of which
-- alters tables. Against the holder of the password it takes more: migrate as another role, and leave the
-- gateway's own with SELECT and INSERT on these two; or copy the log away as it is written.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_outcome_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_append_only;
ALTER TABLE audit_outcome ENABLE ALWAYS TRIGGER audit_outcome_append_only;
