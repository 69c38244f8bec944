-- Operators look for what is stuck, which is old: a list of the newest would look through everything that came since.
-- Few rows are in it at any time.
CREATE INDEX tcc_transaction_suspended ON tcc_transaction (id) WHERE status = 'suspended';
