-- What retention goes along, the oldest end first, beside notifications and pings: a batch reads what it
-- removes and not what is kept. None of these changes once the row has ended, except by a re-send.

-- Check-backs. They outlive a message that went with its notification, so it is from them that what is
-- left of messages is found: of those confirmed, and of those cancelled with the message itself.
CREATE INDEX delivery_check_age ON delivery (settled_at, id) WHERE purpose = 'check' AND settled_at IS NOT NULL;
CREATE INDEX tcc_transaction_age ON tcc_transaction (finished_at, gid) WHERE finished_at IS NOT NULL;
CREATE INDEX resend_job_age ON resend_job (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX reconciliation_age ON reconciliation (finished_at) WHERE finished_at IS NOT NULL;
