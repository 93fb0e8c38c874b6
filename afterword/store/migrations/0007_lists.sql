-- The invitations that a person looks for by their state: none is in it while it waits or is sent.
CREATE INDEX messages_ended ON messages (shop_id, live, state, message_id)
    WHERE queue = 0 AND state IN ('in_doubt', 'failed', 'cancelled', 'answered');

-- The do-not-e-mail list, the newest first.
CREATE INDEX suppressions_newest ON suppressions (shop_id, created_at);
