-- Text that a spreadsheet would run as a formula gets a ' before it in the CSV form. Statements that were closed before
-- stay as they are, byte for byte: their sha256 is of the old form.
ALTER TABLE statement ADD COLUMN is_defused boolean NOT NULL DEFAULT false;
