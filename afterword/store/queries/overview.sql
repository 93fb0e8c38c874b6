-- name: in_doubt
-- Invitations that only a person can settle, oldest first; reads every row.
SELECT i.order_id, i.shop_id, o.id_order, i.live, i.state, i.due_at, i.next_try_at, i.sent_at, i.tries, i.reason
FROM invitations i JOIN orders o ON o.shop_id = i.shop_id AND o.order_id = i.order_id
WHERE i.state = 'in_doubt'
ORDER BY i.order_id LIMIT :most;

-- name: waiting_by_shop
-- How many live reviews of each shop wait for a person, since when, and since when flagged ones do, which are never
-- published automatically; reads the small index of waiting reviews.
SELECT r.shop_id, count(*), min(r.written_at), min(CASE WHEN r.publish_at IS NULL THEN r.written_at END)
FROM reviews r WHERE r.state = 'waiting' AND r.live = 1 GROUP BY r.shop_id ORDER BY r.shop_id;
