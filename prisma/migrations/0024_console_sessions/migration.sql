-- Who is logged in at the console: a row for each session, until it is ended or its time is up. The cookie holds
-- the session's id and the key, sealed; without its row it is worth nothing, whoever has a copy.
-- Short on purpose: rows whose time is up go with the next login, and a key has no more than so many.
CREATE TABLE console_session (
  id text COLLATE "C" PRIMARY KEY,
  key_id text COLLATE "C" NOT NULL,
  begun_at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  ends_at timestamptz(3) NOT NULL
);
CREATE INDEX console_session_key ON console_session (key_id, begun_at);
CREATE INDEX console_session_end ON console_session (ends_at);
