-- name: look_for_a_move
-- Why nothing may be written here, or nothing be claimed (draining), asked first thing in every transaction that writes.
-- FOR SHARE: PostgreSQL holds the table until the transaction's end, and who shuts the database waits for that; who
-- asks meanwhile waits until it is shut, and then sees it, since the rows are looked at after the wait.
SELECT r.role, r.state, r.peer FROM relocation r
WHERE r.state IN ('draining', 'closed', 'moved', 'filling') /* postgres: FOR SHARE */;

-- name: relocation
SELECT state, move, run, peer, since FROM relocation WHERE role = :role /* postgres: FOR UPDATE */;

-- name: unfinished_relocation
-- For whoever only looks.
SELECT state, peer, since FROM relocation WHERE role = 'source' AND state <> 'moved';

-- name: begin_relocation
INSERT INTO relocation (role, state, move, run, peer, since) VALUES (:role, :state, :move, :run, :peer, :since)
ON CONFLICT (role) DO UPDATE
SET state = excluded.state, move = excluded.move, run = excluded.run, peer = excluded.peer, since = excluded.since;

-- name: take_over
-- From now on only this run goes on.
UPDATE relocation SET run = :run, peer = :peer WHERE role = :role AND move = :move;

-- name: relocate
-- From one state to the next, or to the same one. Nothing happens when another run has taken over.
UPDATE relocation SET state = :to_state, since = :since
WHERE role = :role AND run = :run AND state = :from_state;

-- name: held_now
-- What is in the hands of holders who may be alive.
SELECT count(*) FROM messages m
WHERE m.state IN ('claimed', 'sending') AND m.lease_until >= :now AND m.lease_until <= :latest;

-- name: last_order
-- One look into each shop.
SELECT max((SELECT max(m.message_id) FROM messages m WHERE m.shop_id = s.shop_id)) FROM shops s;
