-- The feed of ends (see 0031) must be right also for deliveries that an older version has made, ended or sent again: in an
-- upgrade machine by machine both are at work on one database, and what had ended before the upgrade may be sent again
-- after it. An older version knows neither of the columns, so the database fills them in for it.
--
-- After the row, and not before it: a BEFORE trigger has PostgreSQL lock each row once more, whatever its WHEN says. What
-- the newer version writes does not satisfy the WHEN, and costs nothing.

-- Else an older version could send nothing again that a newer one has ended.
ALTER TABLE delivery DROP CONSTRAINT delivery_settled_xid;

CREATE FUNCTION place_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE delivery AS d
     SET settled_xid = CASE WHEN d.settled_at IS NOT NULL THEN coalesce(d.settled_xid, transaction_number()) END,
         producer_key_id = coalesce(d.producer_key_id,
           (SELECT n.producer_key_id FROM notification AS n WHERE n.id = d.owner_id AND d.purpose = 'notify'))
   WHERE d.id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER delivery_end_placed AFTER UPDATE ON delivery FOR EACH ROW
  WHEN ((NEW.settled_at IS NULL AND NEW.settled_xid IS NOT NULL)
     OR (NEW.settled_at IS NOT NULL AND NEW.settled_at IS DISTINCT FROM OLD.settled_at
         AND (NEW.settled_xid IS NULL OR (NEW.producer_key_id IS NULL AND NEW.purpose = 'notify'))))
  EXECUTE FUNCTION place_end();
