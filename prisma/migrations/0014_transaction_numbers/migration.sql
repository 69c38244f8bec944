-- The catch-up feed, the overview's counting and the live events go by the numbers of transactions. A server that a
-- dump was restored into counts from a lower number, and an older copy of the database gives the same numbers
-- again: a reader with a place from before would never see what came after. So the numbers have a base. It is
-- raised when the database is found to live elsewhere, or once more, and is then above all numbers that were ever
-- given (src/db/transaction-numbers.ts).
CREATE TABLE transaction_numbers (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Which server, which of its histories, and which restore.
  origin text NOT NULL
);

-- A constant, replaced with each new base: it is asked for each row that is stored.
CREATE FUNCTION transaction_base() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 0::bigint $$;

CREATE FUNCTION transaction_number() RETURNS bigint LANGUAGE sql STABLE
  AS $$ SELECT transaction_base() + pg_current_xact_id()::text::bigint $$;

-- The lowest number that no transaction has yet.
CREATE FUNCTION next_transaction_number() RETURNS bigint LANGUAGE sql STABLE
  AS $$ SELECT transaction_base() + pg_snapshot_xmax(pg_current_snapshot())::text::bigint $$;

ALTER TABLE delivery ALTER COLUMN created_xid SET DEFAULT transaction_number();
ALTER TABLE attempt ALTER COLUMN created_xid SET DEFAULT transaction_number();

-- As in 0003, from the base on.
CREATE OR REPLACE FUNCTION feed_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT transaction_base()
         + coalesce(min(running.xid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
   WHERE NOT EXISTS (
     SELECT FROM pg_stat_activity AS a
      WHERE a.backend_xid = running.xid::xid
        AND a.datid <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
$$;
