-- Bulk re-sends: a filter, walked in the order of delivery ids, page by page.

-- Each page is one transaction: the deliveries become due again and the job moves on, both or neither.
-- It holds the job's row while it lasts, so of all workers one has it; when a worker dies, its
-- transaction and with it the lock are gone, and the next worker goes on with the next page.
-- (Rejected: a lease with a token. It outlives its dead worker for its whole time and needs the token
-- checked at every step; the lock does neither. A list of ids, copied when the job is made: ten million
-- rows to write, to be read once.)
--   merchant_id  whose job it is; null: the operators'
--   filter       as it was understood, every list spelled out
--   matched      counted when the job was made
--   cursor       the last delivery looked at
--   next_page_at the rate: no page before it; also the pause after an error
--   tries        pages that failed one after the other
CREATE TABLE resend_job (
  id text COLLATE "C" PRIMARY KEY,
  merchant_id text COLLATE "C",
  created_by text COLLATE "C" NOT NULL,
  created_by_name text NOT NULL,
  filter jsonb NOT NULL,
  reason text NOT NULL,
  force boolean NOT NULL,
  rate_per_second double precision NOT NULL CHECK (rate_per_second > 0),
  status text NOT NULL DEFAULT 'running'
    CHECK (status IN ('running', 'paused', 'completed', 'cancelled', 'failed')),
  matched integer NOT NULL CHECK (matched >= 0),
  resent integer NOT NULL DEFAULT 0 CHECK (resent >= 0),
  skipped integer NOT NULL DEFAULT 0 CHECK (skipped >= 0),
  failed integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
  cursor text COLLATE "C" NOT NULL DEFAULT '',
  next_page_at timestamptz(3) NOT NULL,
  tries integer NOT NULL DEFAULT 0,
  error text,
  started_at timestamptz(3) NOT NULL,
  finished_at timestamptz(3),
  CONSTRAINT resend_job_finished CHECK ((status IN ('running', 'paused')) = (finished_at IS NULL)),
  CONSTRAINT resend_job_failed CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE INDEX resend_job_running ON resend_job (next_page_at) WHERE status = 'running';
CREATE INDEX resend_job_merchant ON resend_job (merchant_id, id);

-- The usual question: what failed at this endpoint. Few rows at any time, so new deliveries pay nothing.
CREATE INDEX delivery_missed_endpoint ON delivery (endpoint_id, id) WHERE status IN ('failed', 'skipped');

-- Who asked for a re-send: a key, or a bulk re-send. On the delivery it is the latest one, from where the
-- attempt that it leads to takes it over.
ALTER TABLE delivery ADD COLUMN resent_by text COLLATE "C";
ALTER TABLE attempt ADD COLUMN resent_by text COLLATE "C";
