-- The invitations that a person looks for by their state: none is in it while it waits or is sent.
CREATE INDEX messages_ended ON messages (shop_id, live, state, message_id)
    WHERE queue = 0 AND state IN ('in_doubt', 'failed', 'cancelled', 'answered');

-- The few test orders among many live ones.
CREATE INDEX messages_of_test ON messages (shop_id, message_id) WHERE live = 0 AND queue = 0;

-- Reviews of a state that is not shown, by their last change.
CREATE INDEX reviews_unpublished_changed ON reviews (shop_id, live, state, changed_at, review_id)
    WHERE state <> 'published';

-- The do-not-e-mail list, the newest first.
CREATE INDEX suppressions_newest ON suppressions (shop_id, created_at);
