-- An endpoint on its way to an open circuit is told of as half, 70 and 90 % of what opens it have come together: 200 of
-- failure_score (see record.ts). Each once until it succeeds, as the score only grows meanwhile; the last step is
-- `circuit.opened`.
CREATE FUNCTION failing_percent(p_score integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN p_score >= 180 THEN 90 WHEN p_score >= 140 THEN 70 WHEN p_score >= 100 THEN 50 ELSE 0 END;

CREATE FUNCTION note_failing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner text := (SELECT e.merchant_id FROM endpoint AS e WHERE e.id = NEW.id AND is_told_of(e.merchant_id, e.events));
  reached integer := failing_percent(NEW.failure_score);
BEGIN
  IF owner IS NOT NULL THEN
    PERFORM note_fact('endpoint.failing', owner, NEW.id || ' ' || reached,
                      jsonb_build_object('endpointId', NEW.id, 'percent', reached));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER receiver_failing AFTER UPDATE ON receiver FOR EACH ROW
  WHEN (NEW.circuit_opened_at IS NULL AND failing_percent(NEW.failure_score) > failing_percent(OLD.failure_score))
  EXECUTE FUNCTION note_failing();

-- When a merchant is told that a day's statement is ready.
--   at         in the calendar of `timezone`, on the day after the statement's
--   next_date  the day that is told next; all before it were told, or passed over
--   next_at    when
CREATE TABLE statement_notice (
  merchant_id text COLLATE "C" PRIMARY KEY REFERENCES merchant (id),
  at text COLLATE "C" NOT NULL CHECK (at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  timezone text COLLATE "C" NOT NULL,
  next_date date NOT NULL,
  next_at timestamptz(3) NOT NULL
);
CREATE INDEX statement_notice_due ON statement_notice (next_at);

-- Whether somebody wants to be told of a type.
CREATE FUNCTION is_asked_for(p_type text, p_merchant_id text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  RETURN EXISTS (SELECT FROM endpoint AS e
                  WHERE e.merchant_id IN (p_merchant_id, '~operators') AND e.events <> '{}'
                    AND e.deleted_at IS NULL AND hears(e.events, p_type));

-- How an endpoint wants its operational events: as they are, or as the message of a chat or a mail relay.
--   sealed_format_secret  signs towards Feishu and DingTalk, encrypted
ALTER TABLE endpoint
  ADD COLUMN format text COLLATE "C" NOT NULL DEFAULT 'standard'
    CHECK (format IN ('standard', 'slack', 'feishu', 'dingtalk', 'email')),
  ADD COLUMN language text COLLATE "C" NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'zh')),
  ADD COLUMN sealed_format_secret text,
  ADD CHECK (format = 'standard' OR events <> '{}');
