-- name: count_refused
-- Counts more refused orders of a day, and returns how many there are of it now.
INSERT INTO refused_counts (shop_id, live, day, amount) VALUES (:shop_id, :live, :day, :amount)
ON CONFLICT (shop_id, live, day) DO UPDATE SET amount = refused_counts.amount + excluded.amount
RETURNING amount;

-- name: insert_refused
INSERT INTO refused_orders (shop_id, live, day, number, refused_at, id_order, reference, errors)
VALUES (:shop_id, :live, :day, :number, :refused_at, :id_order, :reference, :errors);

-- name: list_refused
SELECT r.refused_at, r.live, r.id_order, r.reference, r.errors FROM refused_orders r
WHERE r.shop_id = :shop_id AND r.day >= :day
ORDER BY r.refused_at DESC, r.live DESC, r.number DESC LIMIT :most;

-- name: newest_refused
-- Those of one mode, in the order of the key.
SELECT r.refused_at, r.live, r.id_order, r.reference, r.errors FROM refused_orders r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.day >= :day
ORDER BY r.day DESC, r.number DESC LIMIT :most;

-- name: refused_by_day
SELECT r.day, r.live, r.amount FROM refused_counts r
WHERE r.shop_id = :shop_id AND r.day >= :day ORDER BY r.day DESC, r.live DESC;

-- name: shops_of_old_refused
-- A shop as often as it has such days.
SELECT r.shop_id FROM refused_counts r WHERE r.day < :day ORDER BY r.shop_id LIMIT :most;

-- name: delete_old_refused
DELETE FROM refused_orders WHERE shop_id = :shop_id AND day < :day;

-- name: delete_old_refused_counts
DELETE FROM refused_counts WHERE shop_id = :shop_id AND day < :day;
