-- name: in_doubt
-- What only a person can settle, the oldest first; reads every row, for doctor.
SELECT i.order_id, i.shop_id, o.id_order, i.live, i.state, i.due_at, i.next_try_at, i.sent_at, i.tries, i.reason
FROM invitations i JOIN orders o ON o.shop_id = i.shop_id AND o.order_id = i.order_id
WHERE i.state = 'in_doubt'
ORDER BY i.order_id LIMIT :most;
