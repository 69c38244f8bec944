-- A comparison says as of when it is, and begins anew when results have arrived since.
--   as_of         when our side was collected (null: not yet, or before this migration)
--   result_count  how many results the day had then. Of a day that is still kept none goes, so a
--                 higher number tells that something has arrived, also what was committed late or
--                 filled in by hand. (Rejected: the time alone, which such rows lie before; the number
--                 of the transaction, which notifications don't have.)
ALTER TABLE reconciliation
  ADD COLUMN as_of timestamptz(3),
  ADD COLUMN result_count integer CHECK (result_count >= 0);

-- Both halves of one event, put together with the list of a day beside. It stays when the day is
-- compared anew: its other half is no longer waiting there. Before this migration only those that
-- agreed can be told, by their kind.
ALTER TABLE reconciliation_difference ADD COLUMN joined boolean NOT NULL DEFAULT false;
