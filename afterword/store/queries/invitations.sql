-- name: insert_invitations
-- Born with its order.
INSERT INTO invitations (shop_id, order_id, live, due_at, next_try_at, state, tries)
VALUES (:shop_id, :order_id, :live, :due_at, :next_try_at, 'scheduled', 0);

-- name: first_due
-- The shops of those that wait longest, whichever they are.
SELECT i.shop_id FROM invitations i
WHERE i.live = :live AND i.state = 'scheduled' AND i.next_try_at <= :now
ORDER BY i.next_try_at LIMIT :most;

-- name: due_shops
-- One look at the front of each shop's queue.
SELECT s.shop_id FROM shops s
WHERE EXISTS (SELECT 1 FROM invitations i
              WHERE i.shop_id = s.shop_id AND i.live = :live AND i.state = 'scheduled' AND i.next_try_at <= :now)
ORDER BY s.shop_id;

-- name: claim_due
-- The compare-and-swap: of two dispatchers only one gets the row. The oldest first.
-- MATERIALIZED: PostgreSQL might else look for the oldest several times, each time past those that it has locked.
-- The plus: SQLite would else read all of the shop's rows, where it is to find these by their numbers.
WITH due AS MATERIALIZED (
    SELECT i.order_id FROM invitations i
    WHERE i.shop_id = :shop_id AND i.live = :live AND i.state = 'scheduled' AND i.next_try_at <= :now
    ORDER BY i.next_try_at LIMIT :most /* postgres: FOR UPDATE SKIP LOCKED */)
UPDATE invitations
SET state = 'claimed', claim = :claim, lease_until = :lease_until, first_try_at = coalesce(first_try_at, :now)
WHERE /* sqlite: + */ shop_id = :shop_id AND state = 'scheduled' AND order_id IN (SELECT due.order_id FROM due)
RETURNING order_id;

-- name: claimed_invitation
-- A claimed invitation with what its letter needs.
SELECT i.order_id, i.shop_id, i.live, i.tries, i.first_try_at, i.due_at, o.id_order, o.reference, o.order_date,
       o.firstname, o.lastname, o.email, o.lang, o.lines
FROM invitations i JOIN orders o ON o.shop_id = i.shop_id AND o.order_id = i.order_id
WHERE i.shop_id = :shop_id AND i.order_id = :order_id;

-- name: letter_at
-- When its letter was sent, or else is due.
SELECT coalesce(i.sent_at, i.due_at) FROM invitations i WHERE i.shop_id = :shop_id AND i.order_id = :order_id;

-- name: mark_sending
-- The mark before DATA. It fails when the claim is no longer ours.
UPDATE invitations
SET state = 'sending', lease_until = :lease_until
WHERE shop_id = :shop_id AND order_id = :order_id AND state = 'claimed' AND claim = :claim;

-- name: record_outcome
-- What the courier said. Only the holder of the claim may say it, even after its lease has lapsed. Never to be tried
-- before it is due, though the clock was set back meanwhile.
UPDATE invitations
SET state = :state, tries = tries + 1,
    next_try_at = CASE WHEN :next_try_at IS NULL THEN next_try_at
                       WHEN :next_try_at < due_at THEN due_at ELSE :next_try_at END,
    sent_at = :sent_at, reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND claim = :claim AND state IN ('claimed', 'sending', 'in_doubt');

-- name: release_claim
-- Back to the queue, not counted as a try: the courier, not the letter, was in trouble, or we are stopping.
UPDATE invitations
SET state = 'scheduled', claim = NULL, lease_until = NULL,
    next_try_at = CASE WHEN :next_try_at < due_at THEN due_at ELSE :next_try_at END,
    reason = coalesce(:reason, reason), first_try_at = CASE WHEN tries > 0 THEN first_try_at END
WHERE shop_id = :shop_id AND order_id = :order_id AND claim = :claim AND state = 'claimed';

-- name: end_claimed
-- A claimed invitation that ends without a letter.
UPDATE invitations
SET state = :state, reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND claim = :claim AND state = 'claimed';

-- name: renew_lease
-- The holder is alive.
UPDATE invitations SET lease_until = :lease_until
WHERE shop_id = :shop_id AND order_id = :order_id AND claim = :claim AND state IN ('claimed', 'sending');

-- name: lapsed
-- What a crash left in hand: the holder's lease has lapsed, or was taken before the clock was set back.
SELECT i.shop_id, i.order_id, i.state FROM invitations i
WHERE i.state IN ('claimed', 'sending') AND (i.lease_until < :now OR i.lease_until > :latest)
ORDER BY i.lease_until LIMIT :most;

-- name: rescue_claimed
-- DATA had not begun: it is safe to try again.
UPDATE invitations
SET state = 'scheduled', claim = NULL, lease_until = NULL,
    next_try_at = CASE WHEN :now < due_at THEN due_at ELSE :now END,
    first_try_at = CASE WHEN tries > 0 THEN first_try_at END
WHERE shop_id = :shop_id AND order_id = :order_id AND state = 'claimed'
  AND (lease_until < :now OR lease_until > :latest);

-- name: doubt_sending
-- DATA may have begun: only a person may send it again. The claim stays, so that its holder, if it lives, can
-- still say how it ended.
UPDATE invitations SET state = 'in_doubt', reason = :reason, lease_until = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND state = 'sending'
  AND (lease_until < :now OR lease_until > :latest);

-- name: cancel_invitation
-- By the shop's own hand.
UPDATE invitations SET state = 'cancelled', reason = :reason
WHERE shop_id = :shop_id AND order_id = :order_id AND state IN ('scheduled', 'in_doubt');

-- name: move_invitation
-- By the shop's own hand: another due time.
UPDATE invitations SET due_at = :due_at, next_try_at = :due_at
WHERE shop_id = :shop_id AND order_id = :order_id AND state = 'scheduled';

-- name: send_invitation
-- By the shop's own hand: now, whatever became of it, unless it was sent or is in a courier's hands.
UPDATE invitations
SET state = 'scheduled', next_try_at = :now,
    due_at = CASE WHEN state = 'scheduled' OR due_at > :now THEN :now ELSE due_at END,
    tries = 0, first_try_at = NULL, claim = NULL, lease_until = NULL, reason = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND state IN ('scheduled', 'in_doubt', 'failed', 'cancelled');

-- name: settle_from_journal
-- What the send journal knows better than a restored database.
UPDATE invitations
SET state = :state, sent_at = coalesce(:sent_at, sent_at), reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND state IN ('scheduled', 'claimed', 'sending', 'in_doubt');

-- name: remembered_outcome
-- What the journal said of an order before this database was restored.
SELECT r.outcome, r.happened_at FROM remembered r WHERE r.shop_id = :shop_id AND r.fingerprint = :fingerprint;

-- name: forget_remembered
-- It was carried over to the invitation, or a person let it go.
DELETE FROM remembered WHERE shop_id = :shop_id AND fingerprint = :fingerprint;

-- name: any_remembered
-- Whether the journal said anything of this shop's orders.
SELECT 1 FROM remembered r WHERE r.shop_id = :shop_id LIMIT 1;

-- name: remember
INSERT INTO remembered (shop_id, fingerprint, outcome, happened_at)
VALUES (:shop_id, :fingerprint, :outcome, :happened_at)
ON CONFLICT (shop_id, fingerprint) DO UPDATE SET outcome = excluded.outcome, happened_at = excluded.happened_at;

-- name: list_invitations
-- A page of a shop's invitations, the newest first.
SELECT i.order_id, i.shop_id, o.id_order, i.live, i.state, i.due_at, i.next_try_at, i.sent_at, i.tries, i.reason
FROM invitations i JOIN orders o ON o.shop_id = i.shop_id AND o.order_id = i.order_id
WHERE i.shop_id = :shop_id AND (:state IS NULL OR i.state = :state) AND i.order_id < :before
ORDER BY i.order_id DESC LIMIT :most;

-- name: show_invitation
-- One invitation, wherever it is: one look into each shop.
SELECT i.order_id, i.shop_id, o.id_order, i.live, i.state, i.due_at, i.next_try_at, i.sent_at, i.tries, i.reason
FROM shops s CROSS JOIN invitations i JOIN orders o ON o.shop_id = i.shop_id AND o.order_id = i.order_id
WHERE i.shop_id = s.shop_id AND i.order_id = :order_id;

-- name: count_invitations
-- How many there are in each state; reads every row, for doctor.
SELECT i.state, count(*) FROM invitations i GROUP BY i.state;

-- name: oldest_due
-- When the one that waits longest was due.
SELECT i.next_try_at FROM invitations i
WHERE i.live = 1 AND i.state = 'scheduled' AND i.next_try_at <= :now
ORDER BY i.next_try_at LIMIT 1;

-- name: count_due
-- How many wait, counted no further than :most.
SELECT count(*) FROM (
    SELECT 1 FROM invitations i
    WHERE i.live = 1 AND i.state = 'scheduled' AND i.next_try_at <= :now
    ORDER BY i.next_try_at LIMIT :most) AS due;

-- name: in_hand
-- What is in a courier's hands, whoever holds it.
SELECT i.shop_id, i.order_id FROM invitations i WHERE i.state IN ('claimed', 'sending');

-- name: doubt_in_hand
-- The journal that knew whether DATA had begun is lost.
UPDATE invitations SET state = 'in_doubt', reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND state IN ('claimed', 'sending');
