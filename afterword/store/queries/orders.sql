-- name: insert_orders
-- A row for each order; nothing happens for one whose id_order or reference this shop has sent before.
INSERT INTO orders (shop_id, order_id, live, received_at, lang, id_order, reference, order_date, firstname,
                    lastname, email, phone, store_id, lines)
VALUES (:shop_id, :order_id, :live, :received_at, :lang, :id_order, :reference, :order_date, :firstname,
        :lastname, :email, :phone, :store_id, :lines)
ON CONFLICT DO NOTHING;

-- name: which_orders
-- Which of these numbers were given to orders of this shop.
-- NOT INDEXED: SQLite would else read all of the shop's orders in an index that begins with the shop.
SELECT o.order_id FROM orders o /* sqlite: NOT INDEXED */
WHERE o.shop_id = :shop_id AND o.order_id >= :first AND o.order_id <= :last;

-- name: order_of
-- What a page, an e-mail or a review needs of an order.
SELECT o.live, o.id_order, o.reference, o.order_date, o.firstname, o.lastname, o.email, o.lang, o.lines
FROM orders o
WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: order_identity
-- What an order's fingerprint is made of.
SELECT o.live, o.id_order, s.salt FROM orders o JOIN shops s ON s.shop_id = o.shop_id
WHERE o.shop_id = :shop_id AND o.order_id = :order_id;
