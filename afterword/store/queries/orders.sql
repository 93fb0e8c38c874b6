-- name: insert_orders
-- Inserts orders; skips those whose id_order or reference this shop has sent before.
INSERT INTO orders (shop_id, order_id, live, received_at, lang, key_id, id_order, reference, order_date, firstname,
                    lastname, email, phone, store_id, lines)
VALUES (:shop_id, :order_id, :live, :received_at, :lang, :key_id, :id_order, :reference, :order_date, :firstname,
        :lastname, :email, :phone, :store_id, :lines)
ON CONFLICT DO NOTHING;

-- name: which_orders
-- Which of these ids belong to orders of this shop.
-- NOT INDEXED: otherwise SQLite reads all of the shop's orders, in an index that begins with the shop.
SELECT o.order_id FROM orders o /* sqlite: NOT INDEXED */
WHERE o.shop_id = :shop_id AND o.order_id >= :first AND o.order_id <= :last;

-- name: order_of
-- The columns of an order that pages, e-mails and reviews need.
SELECT o.order_id, o.live, o.id_order, o.reference, o.order_date, o.firstname, o.lastname, o.email, o.lang, o.lines,
       o.voided
FROM orders o
WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: count_orders
-- All there are; reads every row, for doctor.
SELECT count(*) FROM orders o;

-- name: order_by_id_order
-- The number of an order that the shop names, and what only the shop is shown of it.
SELECT o.order_id, o.received_at, o.phone, o.store_id FROM orders o
WHERE o.shop_id = :shop_id AND o.live = :live AND o.id_order = :named;

-- name: order_by_reference
SELECT o.order_id, o.received_at, o.phone, o.store_id FROM orders o
WHERE o.shop_id = :shop_id AND o.live = :live AND o.reference = :named;

-- name: void_links
-- Links that were signed before are no longer known.
UPDATE orders SET voided = voided + 1 WHERE shop_id = :shop_id AND order_id = :order_id;

-- name: id_order_of
SELECT o.id_order FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: list_orders
-- A shop's orders with their invitations, the newest first: all, or those that a key sent.
SELECT o.order_id AS number, o.id_order, o.reference, o.live, o.received_at, o.key_id, m.state
FROM orders o JOIN messages m ON m.shop_id = o.shop_id AND m.message_id = o.order_id
WHERE o.shop_id = :shop_id AND (:key_id IS NULL OR o.key_id = :key_id)
ORDER BY o.order_id DESC LIMIT :most;
