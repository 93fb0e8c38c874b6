-- name: insert_suppression
-- The first reason is kept.
INSERT INTO suppressions (shop_id, live, address_hash, address, reason, created_at)
VALUES (:shop_id, :live, :address_hash, :address, :reason, :created_at)
ON CONFLICT DO NOTHING;

-- name: delete_suppression
DELETE FROM suppressions WHERE shop_id = :shop_id AND address_hash = :address_hash;

-- name: list_suppressions
SELECT live, address_hash, address, reason, created_at FROM suppressions
WHERE shop_id = :shop_id ORDER BY created_at, address_hash;

-- name: newest_suppressions
-- Those of the live mode count for test orders, too, but not the other way round.
SELECT live, address_hash, address, reason, created_at
FROM suppressions /* sqlite: INDEXED BY suppressions_newest */
WHERE shop_id = :shop_id AND live >= :live ORDER BY created_at DESC LIMIT :most;

-- name: all_suppressions
SELECT shop_id, live, address_hash, reason, created_at FROM suppressions ORDER BY created_at;

-- name: suppressions_of_address
SELECT s.live, s.address_hash, s.address, s.reason, s.created_at FROM suppressions s
WHERE s.shop_id = :shop_id AND s.live IN (0, 1) AND s.address_hash = :address_hash ORDER BY s.live;

-- name: find_suppression
-- A live suppression applies to test mode too.
SELECT s.reason FROM suppressions s
WHERE s.shop_id = :shop_id AND s.live >= :live AND s.address_hash = :address_hash;
