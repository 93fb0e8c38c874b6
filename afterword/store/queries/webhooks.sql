-- name: insert_webhook
INSERT INTO webhooks (shop_id, webhook_id, live, url, secret, created_at)
VALUES (:shop_id, :webhook_id, :live, :url, :secret, :created_at);

-- name: webhooks_of_shop
SELECT w.shop_id, w.webhook_id, w.live, w.url, w.secret, w.created_at, w.answered_at, w.stopped FROM webhooks w
WHERE w.shop_id = :shop_id ORDER BY w.webhook_id;

-- name: webhook_of_shop
SELECT w.shop_id, w.webhook_id, w.live, w.url, w.secret, w.created_at, w.answered_at, w.stopped FROM webhooks w
WHERE w.shop_id = :shop_id AND w.webhook_id = :webhook_id;

-- name: webhook_by_id
-- On the command line, where one is named without its shop.
SELECT w.shop_id, w.webhook_id, w.live, w.url, w.secret, w.created_at, w.answered_at, w.stopped FROM webhooks w
WHERE w.webhook_id = :webhook_id;

-- name: stopped_webhooks
-- For doctor.
SELECT w.shop_id, w.webhook_id, w.live, w.url, w.secret, w.created_at, w.answered_at, w.stopped FROM webhooks w
WHERE w.stopped IS NOT NULL ORDER BY w.webhook_id;

-- name: webhook_answered
-- It took something, so it works.
UPDATE webhooks SET answered_at = :now, stopped = NULL WHERE shop_id = :shop_id AND webhook_id = :webhook_id;

-- name: stop_webhook
-- Nothing more is sent to it, for as long as it has taken nothing since.
UPDATE webhooks SET stopped = :why
WHERE shop_id = :shop_id AND webhook_id = :webhook_id AND coalesce(answered_at, 0) < :since;

-- name: delete_webhook
DELETE FROM webhooks WHERE shop_id = :shop_id AND webhook_id = :webhook_id;
