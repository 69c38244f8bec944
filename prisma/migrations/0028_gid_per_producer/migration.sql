-- A gid is its producer's, as a business key is: two producers may choose the same one, and neither learns from a
-- conflict what the other has. Branches belong to the transaction's own id from now on.
ALTER TABLE tcc_branch ADD COLUMN transaction_id text COLLATE "C";
UPDATE tcc_branch AS b SET transaction_id = t.id FROM tcc_transaction AS t WHERE t.gid = b.gid;
ALTER TABLE tcc_branch
  ALTER COLUMN transaction_id SET NOT NULL,
  DROP COLUMN gid;

ALTER TABLE tcc_transaction
  DROP CONSTRAINT tcc_transaction_pkey,
  DROP CONSTRAINT tcc_transaction_id_key,
  ADD PRIMARY KEY (id),
  ADD UNIQUE (producer_key_id, gid);
ALTER TABLE tcc_branch
  ADD FOREIGN KEY (transaction_id) REFERENCES tcc_transaction (id),
  ADD UNIQUE (transaction_id, branch_id),
  ADD UNIQUE (transaction_id, position);
-- Operators ask by the gid alone.
CREATE INDEX tcc_transaction_gid ON tcc_transaction (gid);

DROP INDEX tcc_transaction_age;
CREATE INDEX tcc_transaction_age ON tcc_transaction (finished_at, id) WHERE finished_at IS NOT NULL;
