-- Reviews, what is counted of them, the chain of what became of them, and who is told. As in the tables before, live
-- is 1 or 0, times are epoch seconds, hashes are hex, and what belongs to a shop has shop_id first in its key.

-- How reviews come to be published: 'checks' (at once, when the checks find nothing) or 'by hand'; and the seconds
-- after which one that waits for no other reason is published by itself.
ALTER TABLE shops ADD COLUMN moderation TEXT NOT NULL DEFAULT 'checks';
ALTER TABLE shops ADD COLUMN publish_after BIGINT NOT NULL DEFAULT 604800;

-- number is a place in the sequence `reviews`, which others never see; review_id, which everyone sees, is what a keyed
-- permutation makes of it, and says nothing of how many reviews there are. line is the order line's place from 1, or 0 for the shop. A review of no order of ours (an imported one)
-- has the order_id 0. scope is 'site' or the product's id, in digits.
CREATE TABLE reviews (
    shop_id BIGINT NOT NULL,
    review_id BIGINT NOT NULL,  -- sqlite:     review_id INTEGER NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    live BIGINT NOT NULL,
    scope TEXT NOT NULL,
    product_name TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    rating BIGINT NOT NULL,
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    lang TEXT NOT NULL,
    experience_date TEXT NOT NULL,
    imported_from TEXT,
    salt TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    published_at BIGINT,
    publish_at BIGINT,
    flags TEXT NOT NULL,
    reason TEXT,
    reply TEXT,
    replied_at BIGINT,
    wants_reply BIGINT NOT NULL,
    doubt TEXT,
    doubted_at BIGINT,
    text_hash TEXT NOT NULL,
    address_hash TEXT NOT NULL,  -- sqlite:     address_hash TEXT NOT NULL
    PRIMARY KEY (shop_id, review_id)  -- sqlite:
);

-- One review of each order line, and one of the shop.
CREATE UNIQUE INDEX reviews_of_line ON reviews (shop_id, order_id, line) WHERE order_id > 0;

-- What is shown: the newest first, or by stars.
CREATE INDEX reviews_newest ON reviews (shop_id, live, scope, published_at, review_id) WHERE state = 'published';
CREATE INDEX reviews_by_rating ON reviews (shop_id, live, scope, rating, published_at, review_id)
    WHERE state = 'published';

-- What a program or a person of the shop lists: by its last change, or by the date of its words; of all, of one scope,
-- or of what is not shown. What is asked of a review beside that stands behind, so that a page far behind is found
-- without a look at the rows before it.
CREATE INDEX reviews_changed ON reviews (shop_id, live, changed_at, review_id, written_at, scope, state);
CREATE INDEX reviews_dated ON reviews (shop_id, live, written_at, review_id, scope, state);
CREATE INDEX reviews_dated_of_scope ON reviews (shop_id, live, scope, written_at, review_id, state);
CREATE INDEX reviews_unpublished ON reviews (shop_id, live, written_at, review_id, scope, state)
    WHERE state <> 'published';
CREATE INDEX reviews_waiting ON reviews (shop_id, live, written_at, review_id, publish_at) WHERE state = 'waiting';

-- What is read from end to end, in an order that nothing changes: feeds and exports.
CREATE INDEX reviews_by_number ON reviews (shop_id, live, number);

-- What publishes itself.
CREATE INDEX reviews_to_publish ON reviews (publish_at) WHERE state = 'waiting' AND publish_at IS NOT NULL;

-- What the checks compare a new review with.
CREATE INDEX reviews_by_text ON reviews (shop_id, live, text_hash);
CREATE INDEX reviews_by_address ON reviews (shop_id, live, address_hash);

-- What an author wrote before: of each review every version but the last.
CREATE TABLE past_versions (
    shop_id BIGINT NOT NULL,
    review_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    rating BIGINT NOT NULL,
    text TEXT NOT NULL,
    salt TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, review_id, version)
);

-- What was imported from elsewhere before. source_key is a hash of the source's name and of what it calls a review.
CREATE TABLE imports (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    source_key TEXT NOT NULL,
    review_id BIGINT NOT NULL,
    PRIMARY KEY (shop_id, live, source_key)
);

-- How many reviews there are of each kind, changed together with them. scope is that of the reviews, or 'products' for
-- those of all products together; reason is '' unless they were rejected.
CREATE TABLE review_counts (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    scope TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    rating BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (shop_id, live, scope, state, reason, rating)
);

-- The chain: what became of reviews, each entry with the hash of the one before it, and signed. Only ever added to.
-- details is JSON; review_id and version are 0 where an entry is about no review.
CREATE TABLE chain (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    review_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    happened_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    details TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (shop_id, live, seq)
);

CREATE INDEX chain_by_review ON chain (shop_id, review_id, seq);
CREATE INDEX chain_by_hash ON chain (shop_id, hash);
CREATE INDEX chain_keys ON chain (shop_id, live, seq) WHERE kind = 'key';

CREATE TABLE chain_heads (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    public_key TEXT NOT NULL,
    PRIMARY KEY (shop_id, live)
);

INSERT INTO counters (name, next_id) VALUES ('webhooks', 1), ('notices', 1), ('reviews', 1);

-- Programs of a shop that are told what becomes of its reviews. answered_at is when one last took something; stopped
-- says why nothing is sent to it any more.
CREATE TABLE webhooks (
    shop_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    answered_at BIGINT,
    stopped TEXT,
    PRIMARY KEY (shop_id, webhook_id)
);

-- Who is still to be told: a person by mail (webhook_id is 0) or a program. What was told is removed; what was given
-- up stays, with its error. state is 'waiting', 'sending' (it may have left) or 'failed'; payload is JSON. While claim is
-- there, next_try_at is the end of its lease.
CREATE TABLE notices (
    shop_id BIGINT NOT NULL,
    notice_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    kind TEXT NOT NULL,
    webhook_id BIGINT NOT NULL,
    review_id BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    claim TEXT,
    error TEXT,
    PRIMARY KEY (shop_id, notice_id)
);

CREATE INDEX notices_due ON notices (next_try_at) WHERE state IN ('waiting', 'sending');

-- What a shop is told by mail ('told': that it was, a moment ago), so that it is told of many things in one letter.
CREATE INDEX notices_to_shop ON notices (shop_id, live) WHERE kind IN ('waiting', 'told');

-- Whose public key it is: that alone is shown with a request.
CREATE INDEX keys_public ON keys (secret) WHERE kind = 'public';
