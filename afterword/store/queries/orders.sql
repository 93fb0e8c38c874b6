-- name: insert_order
-- Nothing happens when the shop has sent this id_order or this reference before.
INSERT INTO orders (shop_id, order_id, live, id_order, reference, order_date, received_at, firstname, lastname,
                    email, address_hash, lang, phone, store_id, lines)
VALUES (:shop_id, :order_id, :live, :id_order, :reference, :order_date, :received_at, :firstname, :lastname,
        :email, :address_hash, :lang, :phone, :store_id, :lines)
ON CONFLICT DO NOTHING;

-- name: order_of
-- What a page or a letter says of an order.
SELECT o.live, o.id_order, o.reference, o.order_date, o.firstname, o.email, o.lang
FROM orders o
WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: order_identity
-- What an order's fingerprint is made of.
SELECT o.live, o.id_order, s.salt FROM orders o JOIN shops s ON s.shop_id = o.shop_id
WHERE o.shop_id = :shop_id AND o.order_id = :order_id;
