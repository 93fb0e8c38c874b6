-- The orders of an address. An order's id comes first, without its last twelve bits: what is imported together lies
-- together, where an index by address alone would write to a page of its own for each order.
CREATE INDEX orders_of_address ON orders (shop_id, (order_id / 4096), lower(email COLLATE "C"));  -- sqlite: CREATE INDEX orders_of_address ON orders (shop_id, order_id / 4096, lower(email));

-- For how long (seconds) after the receipt of an order its customer's name and address are kept, and up to which
-- order they are erased.
ALTER TABLE shops ADD COLUMN keep_for BIGINT NOT NULL DEFAULT 63072000;
ALTER TABLE shops ADD COLUMN erased_to BIGINT NOT NULL DEFAULT 0;
