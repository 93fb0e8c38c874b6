-- name: insert_notice
INSERT INTO notices (shop_id, notice_id, live, kind, webhook_id, review_id, recipient, payload, created_at, state,
                     next_try_at, tries)
VALUES (:shop_id, :notice_id, :live, :kind, :webhook_id, :review_id, :recipient, :payload, :now, 'waiting', :now, 0);

-- name: webhooks_of_shop
SELECT w.shop_id, w.webhook_id, w.live, w.url, w.secret, w.created_at FROM webhooks w
WHERE w.shop_id = :shop_id ORDER BY w.webhook_id;

-- name: address_of_order
SELECT o.email FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: id_order_of
SELECT o.id_order FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;
