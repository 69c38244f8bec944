-- Recovery: what a receiver asks for by itself.

-- The latest result of a business key is the first entry of this index: one descent, whatever the
-- size of the table. Its head still serves everything that looks for a business key.
DROP INDEX notification_business_key;
CREATE INDEX notification_result ON notification
  (merchant_id, business_key, result_version DESC, occurred_at DESC, id DESC);

-- The place of a delivery in the catch-up feed: the transaction that made it. A transaction gets its
-- number while it runs and may commit long after a later one, so the feed shows only what lies below
-- the oldest transaction still running: nothing can appear there any more.
-- (Rejected: ids or times of acceptance, which are given before the commit and so leave gaps that
-- fill up behind a reader's back; a sequence, for the same reason; a number given after the commit
-- by one single writer, which costs each delivery one more write.)
-- On the delivery and not on its notification, so that the index below holds what is undelivered
-- and nothing else: ten million settled rows beside it cost the feed nothing.
-- bigint and not xid8, which drivers don't know.
ALTER TABLE delivery
  ADD COLUMN created_xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;

-- accepted_at comes last only so that `from` is checked without a look at the table.
DROP INDEX delivery_undelivered;
CREATE INDEX delivery_undelivered ON delivery (merchant_id, created_xid, owner_id, accepted_at)
  WHERE status IN ('pending', 'sending', 'failed', 'skipped');

-- Below this number no transaction of this database is still running: what a snapshot shows there is
-- all there will ever be. Those of other databases in the same server are left out as far as this
-- user may see where they run; the others count, which makes the feed late but never wrong. Not for
-- standby servers: they don't know who runs.
CREATE FUNCTION feed_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(min(running.xid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
   WHERE NOT EXISTS (
     SELECT FROM pg_stat_activity AS a
      WHERE a.backend_xid = running.xid::xid
        AND a.datid <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
$$;
