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
