-- A shop's own telephone numbers, with commas between: a review may name them.
ALTER TABLE shops ADD COLUMN phones TEXT;
