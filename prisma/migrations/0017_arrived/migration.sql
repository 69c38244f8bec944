-- What was delivered, or confirmed by pull, has arrived; sending it again cannot undo that. So its good end is
-- remembered while it is sent again, and when nothing comes of that it is what it was.
ALTER TABLE delivery ADD COLUMN arrived_as text;
-- NOT VALID: the column is empty, so there is nothing to look through a large table for.
ALTER TABLE delivery ADD CONSTRAINT delivery_arrived CHECK (arrived_as IS NULL
  OR (arrived_as IN ('delivered', 'acknowledged')
      AND status IN ('pending', 'sending', 'delivered', 'acknowledged'))) NOT VALID;

-- What callers see: on its way until its first new attempt has ended, and then as arrived as before.
CREATE FUNCTION shown_status(p_status text, p_arrived_as text, p_attempt_count integer) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN p_arrived_as IS NOT NULL AND p_attempt_count > 0 AND p_status IN ('pending', 'sending')
              THEN p_arrived_as ELSE p_status END;

-- That of 0005, with the status that is shown.
CREATE OR REPLACE VIEW message_delivery AS
  SELECT m.id AS message_id, d.id AS delivery_id,
         CASE WHEN c.delivery_id IS NOT NULL
                OR shown_status(d.status, d.arrived_as, d.attempt_count) IN ('delivered', 'acknowledged')
                THEN 'completed'
              WHEN d.status NOT IN ('pending', 'sending') THEN 'dead'
              WHEN EXISTS (SELECT 1 FROM attempt AS a WHERE a.delivery_id = d.id AND a.cycle = d.cycle
                              AND a.outcome = 'success') THEN 'sent'
              ELSE 'confirmed' END AS status,
         c.outcome, c.consumer, c.reason AS completion_reason, c.completed_at
    FROM message AS m
    JOIN delivery AS d ON d.owner_id = m.notification_id
    LEFT JOIN message_completion AS c ON c.delivery_id = d.id;
