-- Custom headers hold receivers' credentials. Their values are sealed now, and `headers` keeps the names, each with `***`.
-- Those of before are sealed by the first process that starts with this migration; until then the column is null.
-- While processes of the version before still deliver, an endpoint that is changed meanwhile gets `***` from them.
ALTER TABLE endpoint ADD COLUMN sealed_headers text COLLATE "C";
