-- orders: 'strict', or 'tolerant' of what some shops' orders lack.
ALTER TABLE shops ADD COLUMN orders TEXT NOT NULL DEFAULT 'strict';

-- Orders that were refused, for 30 days: no names and no addresses. errors is JSON, a list of places and of what was
-- expected there. number is their order of arrival in the shop.
CREATE TABLE refused_orders (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    day BIGINT NOT NULL,
    number BIGINT NOT NULL,
    refused_at BIGINT NOT NULL,
    id_order TEXT,
    reference TEXT,
    errors TEXT NOT NULL,
    PRIMARY KEY (shop_id, live, day, number)
);

-- How many were refused on each day since 1970 (UTC): beyond the rows that are kept of a day, only their number is.
CREATE TABLE refused_counts (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    day BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (shop_id, live, day)
);

-- The reviews of all products are counted under a scope that no product's id can be.
UPDATE review_counts SET scope = '' WHERE scope = 'products';

-- A number of a place of sale is text, as a product's is: the column becomes one of text, on each engine the same way.
ALTER TABLE orders ADD COLUMN store TEXT;
UPDATE orders SET store = CAST(store_id AS TEXT) WHERE store_id IS NOT NULL;
ALTER TABLE orders DROP COLUMN store_id;
ALTER TABLE orders RENAME COLUMN store TO store_id;

-- What a private key is good for: words with blanks between; no key of before is good for less than it was. used_at is
-- about when it was last used: written once an hour at most.
ALTER TABLE keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN used_at BIGINT;
UPDATE keys SET scopes = 'orders reviews' WHERE kind = 'private';

-- The key that sent an order; unknown of older ones.
ALTER TABLE orders ADD COLUMN key_id BIGINT;

-- How often the links to an order's reviews were voided: they are signed with it.
ALTER TABLE orders ADD COLUMN voided BIGINT NOT NULL DEFAULT 0;
