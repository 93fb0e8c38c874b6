-- What happened on each day of a shop, in its time zone; a day is counted from 1 January 1970 as 0. Where transactions
-- run beside each other, each process adds to a part of its own, so that none waits for another's commit.
CREATE TABLE figures (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    name TEXT NOT NULL,
    day BIGINT NOT NULL,
    part BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (shop_id, live, name, day, part)
);

-- The rows of the present day change with each transaction; where a page has space left, the index stays as it is.
ALTER TABLE figures SET (fillfactor = 50);  -- sqlite:

-- What happened before, by days of UTC.
INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'orders', received_at / 86400, 0, count(*) FROM orders GROUP BY shop_id, live, received_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'sent', sent_at / 86400, 0, count(*) FROM messages
WHERE queue = 0 AND sent_at IS NOT NULL GROUP BY shop_id, live, sent_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'refused', day, 0, amount FROM refused_counts;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'reviews', written_at / 86400, 0, count(*) FROM reviews
WHERE imported_from IS NULL GROUP BY shop_id, live, written_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'reviews:' || rating, written_at / 86400, 0, count(*) FROM reviews
WHERE imported_from IS NULL GROUP BY shop_id, live, rating, written_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'reviewed', first_at / 86400, 0, count(*)
FROM (SELECT shop_id, live, order_id, min(written_at) AS first_at FROM reviews
      WHERE order_id > 0 GROUP BY shop_id, live, order_id) AS firsts
GROUP BY shop_id, live, first_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'opened', day, 0, amount FROM figures WHERE name = 'reviewed';

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'published', published_at / 86400, 0, count(*) FROM reviews
WHERE state = 'published' AND imported_from IS NULL GROUP BY shop_id, live, published_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'rejected', changed_at / 86400, 0, count(*) FROM reviews
WHERE state = 'rejected' GROUP BY shop_id, live, changed_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'scored', published_at / 86400, 0, count(*) FROM reviews
WHERE state = 'published' AND scope = 'site' GROUP BY shop_id, live, published_at / 86400;

INSERT INTO figures (shop_id, live, name, day, part, amount)
SELECT shop_id, live, 'stars', published_at / 86400, 0, sum(rating) FROM reviews
WHERE state = 'published' AND scope = 'site' GROUP BY shop_id, live, published_at / 86400;

-- When a button of an order's form was first pressed: no GET counts, since mail scanners follow every link.
ALTER TABLE messages ADD COLUMN opened_at BIGINT;
