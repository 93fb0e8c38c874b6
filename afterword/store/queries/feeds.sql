-- name: all_reviews
-- In any state, by id, which never changes.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.number > :number ORDER BY r.number LIMIT :most;

-- name: orders_of_reviews
-- The orders of one page of reviews; imported reviews have none.
SELECT o.order_id, o.live, o.id_order, o.reference, o.order_date, o.firstname, o.lastname, o.email, o.lang, o.lines,
       o.voided
FROM reviews r JOIN orders o ON o.shop_id = r.shop_id AND o.order_id = r.order_id
WHERE r.shop_id = :shop_id AND r.live = :live AND r.number >= :first AND r.number <= :last;
