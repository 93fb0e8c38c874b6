-- name: add_figures
-- Adds to figures of a shop.
INSERT INTO figures (shop_id, live, name, day, part, amount)
VALUES (:shop_id, :live, :name, :day, :part, :amount)
ON CONFLICT (shop_id, live, name, day, part) DO UPDATE SET amount = figures.amount + excluded.amount;

-- name: figures
-- One figure of a shop by day.
SELECT f.day, sum(f.amount) FROM figures f
WHERE f.shop_id = :shop_id AND f.live = :live AND f.name = :name AND f.day >= :first AND f.day <= :last
GROUP BY f.day ORDER BY f.day;
