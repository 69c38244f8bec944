-- A producer's callback secret rotates like an endpoint's: the previous one signs for a while beside it.
ALTER TABLE api_key ADD COLUMN previous_callback_secret text,
                    ADD COLUMN previous_callback_secret_expires_at timestamptz(3);
