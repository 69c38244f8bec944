-- What a key may do beyond what its role says; null: all of it. An empty list would read like "nothing" and is refused.
ALTER TABLE api_key
  ADD COLUMN calls text[] CHECK (cardinality(calls) > 0),
  ADD COLUMN merchants text[] COLLATE "C" CHECK (cardinality(merchants) > 0),
  ADD COLUMN networks text[] CHECK (cardinality(networks) > 0),
  ADD CHECK (merchants IS NULL OR (role = 'producer' AND merchant_id IS NULL));
