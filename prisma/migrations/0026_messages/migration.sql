-- Messages that some consumer has failed at are few, and are looked for by those who mend them.
CREATE INDEX message_completion_failed ON message_completion (message_id) WHERE outcome = 'failed';

-- What a producer calls its message is its own: another one may call another message the same, and neither learns of
-- it. The primary key is ours from now on. null: it is called by its primary key, as all were that are here already.
-- (Rejected: a copy of the key into every row, which would write a large table anew and hold it all the while.)
ALTER TABLE message ADD COLUMN message_id text COLLATE "C";
-- Of a column that is empty, so it takes one look at the table.
CREATE UNIQUE INDEX message_producer_message_id ON message (message_id, producer_key_id)
  WHERE message_id IS NOT NULL;
