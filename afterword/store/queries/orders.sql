-- name: insert_orders
-- Inserts orders; skips those whose id_order or reference this shop has sent before.
INSERT INTO orders (shop_id, order_id, live, received_at, lang, id_order, reference, order_date, firstname,
                    lastname, email, phone, store_id, lines)
VALUES (:shop_id, :order_id, :live, :received_at, :lang, :id_order, :reference, :order_date, :firstname,
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

-- name: void_links
-- Links that were signed before are no longer known.
UPDATE orders SET voided = voided + 1 WHERE shop_id = :shop_id AND order_id = :order_id;

-- name: id_order_of
SELECT o.id_order FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;
