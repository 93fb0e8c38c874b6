-- name: insert_notice
INSERT INTO notices (shop_id, notice_id, live, kind, webhook_id, review_id, recipient, payload, created_at, state,
                     next_try_at, tries)
VALUES (:shop_id, :notice_id, :live, :kind, :webhook_id, :review_id, :recipient, :payload, :now, 'waiting', :now, 0);

-- name: address_of_order
SELECT o.email FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: id_order_of
SELECT o.id_order FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: due_notices
-- The front of what is to be told, whoever is told: what waits, and what a crash may have left behind.
SELECT n.shop_id, n.notice_id, n.webhook_id, n.live, n.state FROM notices n
WHERE n.state IN ('waiting', 'sending') AND n.next_try_at <= :now
ORDER BY n.next_try_at LIMIT :most;

-- name: claim_notice
-- The compare-and-swap: of two dispatchers only one gets the row. Whoever claimed it before has let its lease lapse.
UPDATE notices SET claim = :claim, next_try_at = :lease_until
WHERE shop_id = :shop_id AND notice_id = :notice_id AND state = 'waiting' AND next_try_at <= :now
RETURNING shop_id, notice_id, live, kind, webhook_id, review_id, recipient, payload, created_at, tries;

-- name: put_off_notice
-- Its receiver has enough to do, or is in trouble: until then it hides nobody else's.
UPDATE notices SET next_try_at = :next_try_at
WHERE shop_id = :shop_id AND notice_id = :notice_id AND state = 'waiting' AND next_try_at <= :now;

-- name: mark_notice
-- The mark before DATA. It fails when the claim is no longer ours.
UPDATE notices SET state = 'sending', next_try_at = :lease_until
WHERE shop_id = :shop_id AND notice_id = :notice_id AND state = 'waiting' AND claim = :claim;

-- name: end_notice
-- It was told, or there is nothing to tell any more. Only the holder of the claim may say so, however late.
DELETE FROM notices WHERE shop_id = :shop_id AND notice_id = :notice_id AND claim = :claim;

-- name: keep_notice
-- It was not told: it waits for its next try, or is given up.
UPDATE notices SET state = :state, tries = tries + 1, next_try_at = :next_try_at, claim = NULL, error = :error
WHERE shop_id = :shop_id AND notice_id = :notice_id AND claim = :claim;

-- name: release_notice
-- Back to what waits, not counted as a try.
UPDATE notices SET claim = NULL, next_try_at = :next_try_at, error = coalesce(:error, error)
WHERE shop_id = :shop_id AND notice_id = :notice_id AND state = 'waiting' AND claim = :claim;

-- name: fail_lapsed_notice
-- It may have left, so it does not go again. The claim stays, so that its holder, if it lives, can still say how it
-- ended.
UPDATE notices SET state = 'failed', error = :error
WHERE shop_id = :shop_id AND notice_id = :notice_id AND state = 'sending' AND next_try_at <= :now;

-- name: notices_to_shop
-- What is about to be told to a shop by mail, and what was told a moment ago.
SELECT n.notice_id, n.kind, n.next_try_at, n.claim FROM notices n
WHERE n.shop_id = :shop_id AND n.live = :live AND n.kind IN ('waiting', 'told');

-- name: rest_notice
-- The shop was told, and is left in peace for a while.
UPDATE notices SET kind = 'told', state = 'waiting', payload = '{}', next_try_at = :next_try_at, claim = NULL
WHERE shop_id = :shop_id AND notice_id = :notice_id AND claim = :claim;

-- name: notice_identity
-- What its fingerprint is made of.
SELECT n.live, n.kind, n.created_at, s.salt FROM notices n JOIN shops s ON s.shop_id = n.shop_id
WHERE n.shop_id = :shop_id AND n.notice_id = :notice_id;

-- name: forget_notice
-- The send journal knows that it may have left.
DELETE FROM notices WHERE shop_id = :shop_id AND notice_id = :notice_id;

-- name: notices_of_shop
-- How many are told to whom, and how it goes.
SELECT n.webhook_id, n.state, count(*) FROM notices n WHERE n.shop_id = :shop_id GROUP BY n.webhook_id, n.state;

-- name: count_notices
-- How it goes with those of all shops that could not be told yet, or never; reads every row, for doctor.
SELECT n.shop_id, n.webhook_id, n.state, count(*), max(n.tries), max(n.error) FROM notices n
WHERE n.error IS NOT NULL GROUP BY n.shop_id, n.webhook_id, n.state ORDER BY n.shop_id, n.webhook_id, n.state;
