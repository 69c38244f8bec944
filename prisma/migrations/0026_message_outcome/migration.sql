-- Messages that some consumer has failed at are few, and are looked for by those who mend them.
CREATE INDEX message_completion_failed ON message_completion (message_id) WHERE outcome = 'failed';
