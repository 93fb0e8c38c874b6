-- name: first_part
-- The first 4,096 numbers of orders of which a shop has any.
SELECT min(o.order_id / 4096) FROM orders o WHERE o.shop_id = :shop_id;

-- name: last_part
SELECT max(o.order_id / 4096) FROM orders o WHERE o.shop_id = :shop_id;

-- name: orders_of_person
-- A person's orders among these numbers, of both modes.
SELECT o.order_id FROM orders o
WHERE o.shop_id = :shop_id AND o.order_id / 4096 = :part
  AND lower(o.email /* postgres: COLLATE "C" */) = :email
ORDER BY o.order_id;

-- name: erase_order
-- What is left is no one's: its numbers, by which it is not imported again, and its days.
UPDATE orders SET firstname = '', lastname = '', email = '', phone = NULL, store_id = NULL, lines = '[]'
WHERE shop_id = :shop_id AND order_id = :order_id;

-- name: erase_invitation
-- A reason may be a mail server's words, with the address in them. One that is claimed ends by its mark.
UPDATE messages
SET reason = 'erased', state = CASE WHEN state IN ('scheduled', 'in_doubt') THEN 'cancelled' ELSE state END
WHERE shop_id = :shop_id AND message_id = :message_id AND queue = 0
  AND (state IN ('scheduled', 'in_doubt') OR reason IS NOT NULL);

-- name: erase_reasons
-- The same of e-mails about its reviews that have failed.
UPDATE messages SET reason = 'erased'
WHERE shop_id = :shop_id AND queue > 0 AND webhook_id = 0 AND reason IS NOT NULL
  AND review_id IN (SELECT r.review_id FROM reviews r
                    WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0);

-- name: forget_address
-- Of a suppression only the hash stays.
UPDATE suppressions SET address = NULL WHERE shop_id = :shop_id AND address_hash = :address_hash;

-- name: forget_hash_of_reviews
UPDATE reviews SET address_hash = '' WHERE shop_id = :shop_id AND order_id = :order_id AND order_id > 0;

-- name: next_orders
-- The next orders of a shop behind a number, and when each was received; an erased one has no address.
SELECT o.order_id, o.received_at, o.email <> '' FROM orders o
WHERE o.shop_id = :shop_id AND o.order_id / 4096 = :part AND o.order_id > :after
ORDER BY o.order_id LIMIT :most;

-- name: next_part
-- The next 4,096 numbers of which a shop has any.
SELECT min(o.order_id / 4096) FROM orders o WHERE o.shop_id = :shop_id AND o.order_id / 4096 > :part;

-- name: kept_for
-- For how long shops keep what orders say of people, and up to which order they have erased it.
SELECT s.shop_id, s.keep_for, s.erased_to FROM shops s WHERE s.shop_id > :after ORDER BY s.shop_id LIMIT :most;

-- name: erased_to
SELECT s.erased_to FROM shops s WHERE s.shop_id = :shop_id;

-- name: set_erased_to
UPDATE shops SET erased_to = :erased_to WHERE shop_id = :shop_id AND erased_to < :erased_to;
