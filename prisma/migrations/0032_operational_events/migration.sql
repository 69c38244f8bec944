-- Operational events: facts of the gateway's own that somebody has asked to be told of.
--
-- A fact is a row, written by the very statement that makes it true, so that it is neither lost nor told twice. A worker
-- turns facts into notifications and removes them in one transaction.
-- (Rejected: a notification in the statement itself. Ten thousand failures at once would be ten thousand notifications,
-- and each batch of recorded attempts would look up who listens. Rejected: the application notes the fact. There are
-- seven ways in which a delivery fails or a circuit closes, and the next one would be forgotten.)

-- The operational types that an endpoint asks for; one that does hears nothing else. Empty: it hears `types`.
ALTER TABLE endpoint ADD COLUMN events text[] NOT NULL DEFAULT '{}';
CREATE INDEX endpoint_events ON endpoint (merchant_id) WHERE events <> '{}' AND deleted_at IS NULL;

-- Since when it has not succeeded once its circuit has opened; null: it has, or its circuit never did. A circuit closes
-- and opens again without a success, when a probe fails quickly: that is one story.
ALTER TABLE receiver ADD COLUMN circuit_opened_at timestamptz(3);

-- Facts that are to be told.
--   merchant_id  whom it concerns; '~operators': nobody else
--   subject      facts of one type and subject are told together, and once a minute
CREATE TABLE operational_fact (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  at timestamptz(3) NOT NULL DEFAULT postrider_now(),
  data jsonb NOT NULL
);
CREATE INDEX operational_fact_subject ON operational_fact (type, merchant_id, subject, id);

-- What was told within the last minute.
CREATE TABLE operational_told (
  type text COLLATE "C" NOT NULL,
  merchant_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  told_at timestamptz(3) NOT NULL,
  PRIMARY KEY (type, merchant_id, subject)
);

-- Whether filters such as `endpoint.*` let a type through.
CREATE FUNCTION hears(p_filters text[], p_type text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN EXISTS (SELECT FROM unnest(p_filters) AS f
                  WHERE f = p_type OR (right(f, 1) = '*' AND starts_with(p_type, left(f, -1))));

-- Notes a fact if anybody has asked for it.
CREATE FUNCTION note_fact(p_type text, p_merchant_id text, p_subject text, p_data jsonb) RETURNS void
  LANGUAGE sql VOLATILE
  BEGIN ATOMIC
    INSERT INTO operational_fact (type, merchant_id, subject, data)
    SELECT p_type, p_merchant_id, p_subject, p_data
     WHERE EXISTS (SELECT FROM endpoint AS e
                    WHERE e.merchant_id IN (p_merchant_id, '~operators') AND e.events <> '{}'
                      AND e.deleted_at IS NULL AND hears(e.events, p_type));
  END;

-- Whether what happens to an endpoint is told: not of those that are told of it, so that no telling leads to another.
CREATE FUNCTION is_told_of(p_merchant_id text, p_events text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN p_merchant_id <> '~operators' AND p_events = '{}';

CREATE FUNCTION note_failed_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT is_told_of(NEW.merchant_id, coalesce((SELECT events FROM endpoint WHERE id = NEW.endpoint_id), '{}')) THEN
    RETURN NULL;
  END IF;
  PERFORM note_fact('notification.failed', NEW.merchant_id, '', jsonb_build_object(
    'notificationId', NEW.owner_id, 'deliveryId', NEW.id, 'endpointId', NEW.endpoint_id, 'type', NEW.type,
    'businessKey', NEW.business_key, 'reason', NEW.reason, 'attemptCount', NEW.attempt_count));
  RETURN NULL;
END $$;
CREATE TRIGGER delivery_failed AFTER UPDATE OF status ON delivery FOR EACH ROW
  WHEN (NEW.status = 'failed' AND OLD.status <> 'failed' AND NEW.purpose = 'notify')
  EXECUTE FUNCTION note_failed_delivery();

-- The first pause begins the story, a success ends it: only that makes a receiver trusted again.
CREATE FUNCTION mark_circuit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.circuit_opened_at := CASE WHEN OLD.circuit_opened_at IS NULL THEN postrider_now() END;
  RETURN NEW;
END $$;
CREATE TRIGGER receiver_circuit_marked BEFORE UPDATE ON receiver FOR EACH ROW
  WHEN ((OLD.circuit_opened_at IS NULL AND OLD.pauses = 0 AND NEW.pauses > 0)
     OR (OLD.circuit_opened_at IS NOT NULL AND NEW.trusted AND NOT OLD.trusted))
  EXECUTE FUNCTION mark_circuit();

CREATE FUNCTION note_receiver() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  owner text;
  about jsonb := jsonb_build_object('endpointId', NEW.id);
BEGIN
  SELECT e.merchant_id INTO owner FROM endpoint AS e WHERE e.id = NEW.id AND is_told_of(e.merchant_id, e.events);
  IF owner IS NULL THEN RETURN NULL; END IF;
  IF OLD.disabled_reason IS NULL AND NEW.disabled_reason IS NOT NULL THEN
    PERFORM note_fact('endpoint.disabled', owner, NEW.id, about || jsonb_build_object('reason', NEW.disabled_reason));
  ELSIF OLD.disabled_reason IS NOT NULL AND NEW.disabled_reason IS NULL THEN
    PERFORM note_fact('endpoint.recovered', owner, NEW.id, about || '{"from": "disabled"}');
  END IF;
  IF OLD.circuit_opened_at IS NULL AND NEW.circuit_opened_at IS NOT NULL THEN
    PERFORM note_fact('circuit.opened', owner, NEW.id, about);
  ELSIF OLD.circuit_opened_at IS NOT NULL AND NEW.circuit_opened_at IS NULL THEN
    PERFORM note_fact('endpoint.recovered', owner, NEW.id, about || '{"from": "circuit_open"}');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER receiver_changed AFTER UPDATE ON receiver FOR EACH ROW
  WHEN (OLD.disabled_reason IS DISTINCT FROM NEW.disabled_reason
     OR OLD.circuit_opened_at IS DISTINCT FROM NEW.circuit_opened_at)
  EXECUTE FUNCTION note_receiver();

CREATE FUNCTION note_reconciliation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  counts jsonb := (SELECT coalesce(jsonb_object_agg(kind, n), '{}') FROM (
    SELECT kind, count(*) AS n FROM reconciliation_difference WHERE reconciliation_id = NEW.id GROUP BY kind) AS k);
  pending bigint := coalesce((counts ->> 'pending_cutoff')::bigint, 0);
  differences jsonb := counts - 'matched' - 'pending_cutoff';
  found bigint := (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(differences));
  about jsonb := jsonb_build_object('reconciliationId', NEW.id, 'date', NEW.date, 'timezone', NEW.timezone);
BEGIN
  PERFORM note_fact('reconciliation.finished', NEW.merchant_id, NEW.id, about || jsonb_build_object(
    'status', NEW.status, 'recordCount', NEW.record_count,
    'matched', NEW.matched + coalesce((counts ->> 'matched')::bigint, 0),
    'differenceCount', found, 'pendingCutoff', pending));
  IF found > 0 THEN
    PERFORM note_fact('differences.found', NEW.merchant_id, NEW.id, about || jsonb_build_object(
      'differenceCount', found, 'differences', differences));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER reconciliation_finished AFTER UPDATE OF status ON reconciliation FOR EACH ROW
  WHEN (OLD.status = 'running' AND NEW.status <> 'running')
  EXECUTE FUNCTION note_reconciliation();

-- Operational events are nobody's business: statements leave them out, and count without them. Few are there.
CREATE INDEX notification_operational ON notification (merchant_id, accepted_at)
  WHERE producer_key_id = 'gateway-events';
