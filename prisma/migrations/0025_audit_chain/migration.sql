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
