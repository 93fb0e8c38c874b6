-- name: insert_invitations
-- Born with its order, whose number it has.
INSERT INTO messages (shop_id, message_id, live, kind, queue, state, due_at, next_try_at, tries)
VALUES (:shop_id, :message_id, :live, 'invitation', 0, 'scheduled', :due_at, :next_try_at, 0);

-- name: insert_message
-- Any other kind.
INSERT INTO messages (shop_id, message_id, live, kind, queue, webhook_id, state, due_at, next_try_at, tries, order_id,
                      review_id, recipient, payload, created_at)
VALUES (:shop_id, :message_id, :live, :kind, :queue, :webhook_id, 'scheduled', :due_at, :due_at, 0, :order_id,
        :review_id, :recipient, :payload, :created_at);

-- name: is_spread
-- Whether the rows are spread over the nodes of a cluster: then there is the index of next_due (citus.sql).
SELECT 1 WHERE /* postgres: to_regclass('messages_by_next') IS NOT NULL *//* sqlite: 0 */;

-- name: spare_nodes
-- On a cluster, has a statement that asks every shard ask them one after the other over one line to each node. By
-- default Citus opens several and closes them again, at four times the cost.
SELECT set_config('citus.max_adaptive_executor_pool_size', '1', false);

-- name: next_due
-- When the first message that waits is due: one look at the front of each queue of each mode.
SELECT min((SELECT m.next_try_at FROM messages m
            WHERE m.live = modes.live AND m.queue = queues.queue AND m.state = 'scheduled'
            ORDER BY m.next_try_at LIMIT 1))
FROM (SELECT 0 AS live UNION ALL SELECT 1) AS modes
CROSS JOIN (SELECT 0 AS queue UNION ALL SELECT 1 UNION ALL SELECT 2) AS queues;

-- name: next_due_on_cluster
-- The same where each look asks every shard, which has an index for it. No other place has it.
SELECT m.next_try_at FROM messages m
WHERE m.state = 'scheduled' /* without a node: AND m.shop_id = ANY(:here::bigint[]) */
ORDER BY m.next_try_at LIMIT 1;

-- name: announce
-- On a cluster: something is due that the last look of other processes does not know of.
SELECT nextval('announcements');

-- name: announced
-- What it says changes with every announcement.
SELECT a.last_value, a.is_called FROM announcements a;

-- name: first_due
-- The sources of those that wait longest, whichever they are.
SELECT m.shop_id, m.webhook_id FROM messages m
WHERE m.live = :live AND m.queue = :queue AND m.state = 'scheduled' AND m.next_try_at <= :now
  /* without a node: AND m.shop_id = ANY(:here::bigint[]) */
ORDER BY m.next_try_at LIMIT :most;

-- name: due_shops
-- One look at the front of each shop's queue.
SELECT s.shop_id, 0 FROM shops s
WHERE EXISTS (SELECT 1 FROM messages m
              WHERE m.shop_id = s.shop_id AND m.live = :live AND m.queue = :queue AND m.webhook_id = 0
                AND m.state = 'scheduled' AND m.next_try_at <= :now)
  /* without a node: AND s.shop_id = ANY(:here::bigint[]) */
ORDER BY s.shop_id;

-- name: due_webhooks
-- One look at the front of each webhook's queue.
SELECT w.shop_id, w.webhook_id FROM webhooks w
WHERE EXISTS (SELECT 1 FROM messages m
              WHERE m.shop_id = w.shop_id AND m.live = :live AND m.queue = :queue AND m.webhook_id = w.webhook_id
                AND m.state = 'scheduled' AND m.next_try_at <= :now)
  /* without a node: AND w.shop_id = ANY(:here::bigint[]) */
ORDER BY w.shop_id, w.webhook_id;

-- name: claim_due
-- The compare-and-swap: of two dispatchers only one gets the row. The oldest first.
-- MATERIALIZED: PostgreSQL might else look for the oldest several times, each time past those that it has locked.
-- The plus: SQLite would else read all of the shop's rows, where it is to find these by their numbers.
WITH due AS /* postgres: MATERIALIZED */ (
    SELECT m.message_id FROM messages m
    WHERE m.shop_id = :shop_id AND m.live = :live AND m.queue = :queue AND m.webhook_id = :webhook_id
      AND m.state = 'scheduled' AND m.next_try_at <= :now
    ORDER BY m.next_try_at LIMIT :most /* postgres: FOR UPDATE SKIP LOCKED */)
UPDATE messages
SET state = 'claimed', claim = :claim, lease_until = :lease_until, first_try_at = coalesce(first_try_at, :now)
WHERE /* sqlite: + */ shop_id = :shop_id AND state = 'scheduled' AND message_id IN (SELECT due.message_id FROM due)
RETURNING message_id;

-- name: claimed_message
-- A claimed message with what writing it needs. An invitation has the number of its order.
SELECT m.message_id AS id, m.live, m.kind, m.webhook_id, m.review_id, m.tries, m.first_try_at, m.due_at,
       coalesce(m.created_at, o.received_at) AS created_at, m.payload, coalesce(m.recipient, o.email) AS email,
       o.lang, o.firstname, o.lastname, o.order_id, o.id_order, o.reference, o.order_date, o.lines, o.voided
FROM messages m
LEFT JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = coalesce(m.order_id, m.message_id)
WHERE m.shop_id = :shop_id AND m.message_id = :message_id;

-- name: mark_sending
-- The mark before DATA. It fails when the claim is no longer ours.
UPDATE messages
SET state = 'sending', lease_until = :lease_until
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'claimed' AND claim = :claim;

-- name: record_outcome
-- What the transport or the webhook said. Only the holder of the claim may say it, even after its lease has lapsed.
-- Never to be tried before it is due, though the clock was set back in between. What the transport could not take is
-- no try.
UPDATE messages
SET state = :state, tries = tries + :tried, first_try_at = CASE WHEN tries + :tried > 0 THEN first_try_at END,
    next_try_at = CASE WHEN :next_try_at IS NULL THEN next_try_at
                       WHEN :next_try_at < due_at THEN due_at ELSE :next_try_at END,
    sent_at = :sent_at, reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND claim = :claim
  AND state IN ('claimed', 'sending', 'in_doubt');

-- name: release_claim
-- Back to the queue, not counted as a try: the transport, not the message, was in trouble, or we are stopping.
UPDATE messages
SET state = 'scheduled', claim = NULL, lease_until = NULL,
    next_try_at = CASE WHEN :next_try_at < due_at THEN due_at ELSE :next_try_at END,
    reason = coalesce(:reason, reason), first_try_at = CASE WHEN tries > 0 THEN first_try_at END
WHERE shop_id = :shop_id AND message_id = :message_id AND claim = :claim AND state = 'claimed';

-- name: end_claimed
-- A claimed message that ends without being sent.
UPDATE messages
SET state = :state, reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND claim = :claim AND state = 'claimed';

-- name: remove_message
-- It was sent, or there is nothing to send any more. An invitation stays.
DELETE FROM messages WHERE shop_id = :shop_id AND message_id = :message_id AND queue > 0;

-- name: renew_lease
-- The holder is alive.
UPDATE messages SET lease_until = :lease_until
WHERE shop_id = :shop_id AND message_id = :message_id AND claim = :claim AND state IN ('claimed', 'sending');

-- name: lapsed
-- The claims of a crashed dispatcher: the lease has lapsed, or was taken before the clock was set back.
SELECT m.shop_id, m.message_id, m.state FROM messages m
WHERE m.state IN ('claimed', 'sending') AND (m.lease_until < :now OR m.lease_until > :latest)
  /* without a node: AND m.shop_id = ANY(:here::bigint[]) */
ORDER BY m.lease_until LIMIT :most;

-- name: rescue_claimed
-- DATA had not begun, or it is a webhook's: it is safe to try again.
UPDATE messages
SET state = 'scheduled', claim = NULL, lease_until = NULL,
    next_try_at = CASE WHEN :now < due_at THEN due_at ELSE :now END,
    first_try_at = CASE WHEN tries > 0 THEN first_try_at END
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'claimed'
  AND (lease_until < :now OR lease_until > :latest);

-- name: doubt_sending
-- DATA may have begun: only a person may send it again. The claim stays, so that its holder, if it lives, can
-- still say how it ended.
UPDATE messages SET state = 'in_doubt', reason = :reason, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'sending'
  AND (lease_until < :now OR lease_until > :latest);

-- name: cancel_invitation
-- By the shop's own hand.
UPDATE messages SET state = 'cancelled', reason = :reason
WHERE shop_id = :shop_id AND message_id = :message_id AND state IN ('scheduled', 'in_doubt');

-- name: waiting_of_key
-- The scheduled invitations of the orders that a key sent, a page at a time; reads the shop's orders behind the page
-- before.
SELECT m.message_id FROM orders o JOIN messages m ON m.shop_id = o.shop_id AND m.message_id = o.order_id
WHERE o.shop_id = :shop_id AND o.key_id = :key_id AND o.order_id > :after AND m.state = 'scheduled'
ORDER BY m.message_id LIMIT :most;

-- name: count_waiting_of_key
-- How many of them there are; reads the shop's orders.
SELECT count(*) FROM orders o JOIN messages m ON m.shop_id = o.shop_id AND m.message_id = o.order_id
WHERE o.shop_id = :shop_id AND o.key_id = :key_id AND m.state = 'scheduled';

-- name: move_invitation
-- By the shop's own hand: another due time.
UPDATE messages SET due_at = :due_at, next_try_at = :due_at
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'scheduled';

-- name: send_invitation
-- By the shop's own hand: now, whatever its state, unless it was sent or is in a transport's hands.
UPDATE messages
SET state = 'scheduled', next_try_at = :now,
    due_at = CASE WHEN state = 'scheduled' OR due_at > :now THEN :now ELSE due_at END,
    tries = 0, first_try_at = NULL, claim = NULL, lease_until = NULL, reason = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state IN ('scheduled', 'in_doubt', 'failed', 'cancelled');

-- name: answer_invitation
-- Its customer has written.
UPDATE messages SET state = 'answered' WHERE shop_id = :shop_id AND message_id = :order_id AND state = 'sent';

-- name: open_invitation
-- A person has pressed a button of its form, for the first time.
UPDATE messages SET opened_at = :now
WHERE shop_id = :shop_id AND message_id = :order_id AND queue = 0 AND opened_at IS NULL;

-- name: asked_at
-- When an order's invitation was sent, or else is due, and when a button of its form was first pressed.
SELECT coalesce(m.sent_at, m.due_at), m.opened_at FROM messages m WHERE m.shop_id = :shop_id AND m.message_id = :order_id;

-- name: digests
-- Those of a shop that are on their way, or were sent last.
SELECT m.message_id, m.state, m.sent_at FROM messages m
WHERE m.shop_id = :shop_id AND m.live = :live AND m.kind = 'digest' AND m.queue > 0;

-- name: messages_of_order
-- Those of a kind about the reviews of an order that are on their way, or were sent last.
SELECT m.message_id, m.state, m.sent_at, m.payload
FROM reviews r JOIN messages m ON m.shop_id = r.shop_id AND m.review_id = r.review_id
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0 AND m.queue > 0 AND m.kind = :kind;

-- name: replace_payload
-- Unless it was claimed a moment before.
UPDATE messages SET payload = :payload
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'scheduled' AND queue > 0;

-- name: forget_payload
-- It was sent: only when is still of use.
UPDATE messages SET payload = NULL WHERE shop_id = :shop_id AND message_id = :message_id AND queue > 0;

-- name: remove_other_digests
-- One that is about to be sent says all that they would.
DELETE FROM messages
WHERE shop_id = :shop_id AND live = :live AND kind = 'digest' AND queue > 0 AND state = 'scheduled'
  AND message_id <> :message_id;

-- name: gathered_about
-- E-mails that list reviews of one order, of which this one was the first. Those that were sent have lost their list.
SELECT m.message_id, m.payload FROM messages m
WHERE m.shop_id = :shop_id AND m.review_id = :review_id AND m.queue > 0 AND m.kind IN ('receipt', 'withdrawal')
  AND m.payload IS NOT NULL;

-- name: change_gathered
UPDATE messages SET review_id = :review_id, payload = :payload
WHERE shop_id = :shop_id AND message_id = :message_id AND queue > 0;

-- name: forget_review
-- Messages about a review have its words.
DELETE FROM messages WHERE shop_id = :shop_id AND review_id = :review_id AND queue > 0;

-- name: delete_deliveries
DELETE FROM messages WHERE shop_id = :shop_id AND webhook_id = :webhook_id AND queue > 0;

-- name: list_invitations
-- A page of a shop's invitations, the newest first. No other message has the number of an order.
SELECT m.message_id AS number, m.shop_id, o.id_order, o.order_date, m.live, m.state, m.due_at, m.next_try_at,
       m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND (:state IS NULL OR m.state = :state) AND m.message_id < :before
ORDER BY m.message_id DESC LIMIT :most;

-- name: invitations_behind
-- How many more such a list has, counted no further than :most.
SELECT count(*) FROM (
    SELECT 1 FROM messages m
    WHERE m.shop_id = :shop_id AND m.kind = 'invitation' AND (:state IS NULL OR m.state = :state)
      AND m.message_id < :before
    LIMIT :most) AS behind;

-- name: addresses_of_orders
-- Where a page of a shop's invitations goes, the newest first: an address has no index.
SELECT m.message_id, o.email FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.message_id < :before
ORDER BY m.message_id DESC LIMIT :most;

-- name: invitation_of_order
SELECT m.message_id AS number, m.shop_id, o.id_order, o.order_date, m.live, m.state, m.due_at, m.next_try_at,
       m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.message_id = :order_id;

-- name: emails_about_review
-- E-mails other than invitations that wait or have failed; one that was sent is gone.
SELECT m.kind, m.state, m.due_at, m.next_try_at, m.tries, m.reason FROM messages m
WHERE m.shop_id = :shop_id AND m.review_id = :review_id AND m.queue > 0 AND m.webhook_id = 0 ORDER BY m.message_id;

-- name: show_invitation
-- One invitation, wherever it is: one look into each shop.
SELECT m.message_id AS number, m.shop_id, o.id_order, o.order_date, m.live, m.state, m.due_at, m.next_try_at,
       m.sent_at, m.tries, m.reason
FROM shops s CROSS JOIN messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = s.shop_id AND m.message_id = :message_id;

-- name: doubtful_invitations
-- What only a person can settle, the oldest first; reads every row, for doctor.
SELECT m.message_id AS number, m.shop_id, o.id_order, o.order_date, m.live, m.state, m.due_at, m.next_try_at,
       m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.state = 'in_doubt'
ORDER BY m.message_id LIMIT :most;

-- name: doubts
-- A shop's messages in doubt, of every kind, with what their fingerprints are made of.
SELECT m.message_id, m.live, m.kind, m.created_at, o.id_order
FROM messages m LEFT JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.state = 'in_doubt' AND m.message_id > :after
ORDER BY m.message_id LIMIT :most;

-- name: doubt_arrived
-- A person says that it arrived.
UPDATE messages SET state = 'sent', sent_at = :now, reason = NULL, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'in_doubt';

-- name: doubt_lost
-- A person says that it did not: it is due now, or, after the clock was set back, when it is due.
UPDATE messages
SET state = 'scheduled', next_try_at = CASE WHEN :now < due_at THEN due_at ELSE :now END,
    tries = 0, first_try_at = NULL, reason = NULL, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state = 'in_doubt';

-- name: count_invitations
-- How many there are in each state; reads every row, for doctor.
SELECT m.state, count(*) FROM messages m WHERE m.kind = 'invitation' GROUP BY m.state;

-- name: oldest_due
-- When the live invitation that waits longest was due.
SELECT m.next_try_at FROM messages m
WHERE m.live = 1 AND m.queue = 0 AND m.state = 'scheduled' AND m.next_try_at <= :now
  /* without a node: AND m.shop_id = ANY(:here::bigint[]) */
ORDER BY m.next_try_at LIMIT 1;

-- name: due_until
-- How many of a shop's invitations are due until then, counted no further than :most, and when the first is.
SELECT count(*), min(due.next_try_at) FROM (
    SELECT m.next_try_at FROM messages m
    WHERE m.shop_id = :shop_id AND m.live = :live AND m.queue = 0 AND m.webhook_id = 0 AND m.state = 'scheduled'
      AND m.next_try_at <= :until
    ORDER BY m.next_try_at LIMIT :most) AS due;

-- name: count_due
-- How many live invitations wait, counted no further than :most.
SELECT count(*) FROM (
    SELECT 1 FROM messages m
    WHERE m.live = 1 AND m.queue = 0 AND m.state = 'scheduled' AND m.next_try_at <= :now
      /* without a node: AND m.shop_id = ANY(:here::bigint[]) */
    ORDER BY m.next_try_at LIMIT :most) AS due;

-- name: count_deliveries
-- How a shop's webhook deliveries go.
SELECT m.webhook_id, m.state, count(*) FROM messages m
WHERE m.shop_id = :shop_id AND m.queue > 0 AND m.webhook_id > 0 GROUP BY m.webhook_id, m.state;

-- name: unsent_messages
-- How it goes with those of all shops, but for invitations, that could not be sent yet, or never; for doctor.
SELECT m.shop_id, m.webhook_id, m.state, count(*) AS amount, max(m.tries) AS tries, max(m.reason) AS error
FROM messages m WHERE m.queue > 0 AND m.reason IS NOT NULL
GROUP BY m.shop_id, m.webhook_id, m.state ORDER BY m.shop_id, m.webhook_id, m.state;

-- name: in_hand
-- The e-mails that are claimed or being sent, by any dispatcher.
SELECT m.shop_id, m.message_id FROM messages m WHERE m.state IN ('claimed', 'sending') AND m.webhook_id = 0;

-- name: doubt_in_hand
-- The journal that knew whether DATA had begun is lost.
UPDATE messages SET state = 'in_doubt', reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state IN ('claimed', 'sending');

-- name: message_identity
-- What a message's fingerprint is made of, and where its days begin.
SELECT m.live, m.kind, m.created_at, o.id_order, s.salt, s.timezone
FROM messages m JOIN shops s ON s.shop_id = m.shop_id
LEFT JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.message_id = :message_id;

-- name: settle_from_journal
-- What the send journal knows better than a restored database.
UPDATE messages
SET state = :state, sent_at = coalesce(:sent_at, sent_at), reason = :reason, claim = NULL, lease_until = NULL
WHERE shop_id = :shop_id AND message_id = :message_id AND state IN ('scheduled', 'claimed', 'sending', 'in_doubt');

-- name: journaled_outcome
-- What the journal said of a message before this database was restored.
SELECT j.outcome, j.happened_at FROM journaled j WHERE j.shop_id = :shop_id AND j.fingerprint = :fingerprint;

-- name: forget_journaled
-- It was carried over to the message, or a person let it go.
DELETE FROM journaled WHERE shop_id = :shop_id AND fingerprint = :fingerprint;

-- name: any_journaled
-- Whether the journal said anything of this shop's messages.
SELECT 1 FROM journaled j WHERE j.shop_id = :shop_id LIMIT 1;

-- name: insert_journaled
INSERT INTO journaled (shop_id, fingerprint, outcome, happened_at)
VALUES (:shop_id, :fingerprint, :outcome, :happened_at)
ON CONFLICT (shop_id, fingerprint) DO UPDATE SET outcome = excluded.outcome, happened_at = excluded.happened_at;

-- name: sent_orders
-- A page of a shop's live orders with their invitations, the newest first.
SELECT m.message_id AS number, o.id_order, o.reference, o.received_at, o.firstname, o.lastname, o.email, m.state,
       m.due_at, m.next_try_at, m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.live = 1 AND m.queue = 0 AND m.message_id < :before
ORDER BY m.message_id DESC LIMIT :most;

-- name: sent_test_orders
-- The same of its test orders, by an index of theirs.
SELECT m.message_id AS number, o.id_order, o.reference, o.received_at, o.firstname, o.lastname, o.email, m.state,
       m.due_at, m.next_try_at, m.sent_at, m.tries, m.reason
FROM messages m /* sqlite: INDEXED BY messages_of_test */ JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.live = 0 AND m.queue = 0 AND m.message_id < :before
ORDER BY m.message_id DESC LIMIT :most;

-- name: sent_order
-- The same of one order.
SELECT m.message_id AS number, o.id_order, o.reference, o.received_at, o.firstname, o.lastname, o.email, m.state,
       m.due_at, m.next_try_at, m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.live = :live AND m.message_id = :message_id;

-- name: ended_orders
-- The same of those whose invitations are in a state that few are in.
SELECT m.message_id AS number, o.id_order, o.reference, o.received_at, o.firstname, o.lastname, o.email, m.state,
       m.due_at, m.next_try_at, m.sent_at, m.tries, m.reason
FROM messages m JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id
WHERE m.shop_id = :shop_id AND m.live = :live AND m.queue = 0 AND m.state = :state AND m.message_id < :before
  AND m.state IN ('in_doubt', 'failed', 'cancelled', 'answered')
ORDER BY m.message_id DESC LIMIT :most;
