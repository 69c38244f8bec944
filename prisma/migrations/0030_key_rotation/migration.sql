-- A key rotates itself: the text before goes on for a while under the same id, so that what the key has sent stays its own.
--   lifetime_days  a rotation gives it as many days again; null: the rotation does not move expires_at
--   rotated_by     the call that did it: a repeat that was cut off before its answer replaces the unseen key
ALTER TABLE api_key
  ADD COLUMN lifetime_days integer CHECK (lifetime_days > 0),
  ADD COLUMN previous_hash text COLLATE "C" UNIQUE,
  ADD COLUMN previous_hash_expires_at timestamptz(3),
  ADD COLUMN rotated_at timestamptz(3),
  ADD COLUMN rotated_by uuid,
  ADD CHECK ((previous_hash IS NULL) = (previous_hash_expires_at IS NULL));
CREATE INDEX api_key_rotated ON api_key (rotated_at) WHERE rotated_at IS NOT NULL;
-- Few have one, and the list and a metric ask for those that end soon.
CREATE INDEX api_key_expiry ON api_key (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
