-- Every table of a shop has shop_id first in its key, so that the rows can be spread over nodes by shop.
-- Where a line has `-- sqlite:`, that engine gets the text behind it instead of the line. Its rows have a number of
-- their own anyhow, which is faster to find and to append than a key of two columns: an order's is its order_id.
-- Times are epoch seconds (UTC), delays are seconds, hashes are hex, live is 1 or 0.

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    next_id BIGINT NOT NULL
);

INSERT INTO counters (name, next_id) VALUES ('shops', 1), ('keys', 1), ('orders', 1), ('reviews', 1), ('webhooks', 1);

-- Where transactions run beside each other, a row would have each wait for the one that took numbers before it.
CREATE SEQUENCE order_ids INCREMENT BY 1000;  -- sqlite:

-- The keys of the permutations by which numbers are shown, hex, never changed: another key would give out numbers that
-- are taken.
CREATE TABLE number_keys (
    name TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL
);

INSERT INTO number_keys (name, secret)
SELECT name, replace(cast(gen_random_uuid() AS TEXT) || cast(gen_random_uuid() AS TEXT), '-', '')  -- sqlite: SELECT name, lower(hex(randomblob(32)))
FROM counters WHERE name IN ('orders', 'reviews');

-- delay is from an order's receipt to its invitation. moderation is how reviews are published: 'checks' (at once, when
-- the checks find nothing) or 'by hand'; publish_after is when one that waits for no other reason is published by itself.
CREATE TABLE shops (
    shop_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lang TEXT NOT NULL,
    site TEXT,
    timezone TEXT NOT NULL,
    email TEXT,
    delay BIGINT NOT NULL,
    salt TEXT NOT NULL,
    moderation TEXT NOT NULL,
    publish_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- secret is the SHA-256 of a private key, or a public key as it is.
CREATE TABLE keys (
    shop_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    live BIGINT NOT NULL,
    lang TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (shop_id, key_id)
);

CREATE UNIQUE INDEX keys_by_secret ON keys (shop_id, secret);

-- Whose public key it is: that alone is shown with a request.
CREATE INDEX keys_public ON keys (secret) WHERE kind = 'public';

CREATE TABLE orders (
    shop_id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,  -- sqlite:     order_id INTEGER NOT NULL PRIMARY KEY,
    live BIGINT NOT NULL,
    id_order TEXT NOT NULL,
    reference TEXT,
    order_date TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    firstname TEXT NOT NULL,
    lastname TEXT NOT NULL,
    email TEXT NOT NULL,
    lang TEXT NOT NULL,
    phone TEXT,
    store_id BIGINT,
    lines TEXT NOT NULL,  -- sqlite:     lines TEXT NOT NULL
    PRIMARY KEY (shop_id, order_id)  -- sqlite:
);

CREATE UNIQUE INDEX orders_by_id_order ON orders (shop_id, live, id_order);
CREATE UNIQUE INDEX orders_by_reference ON orders (shop_id, live, reference) WHERE reference IS NOT NULL;

-- What is due: e-mails, and deliveries to webhooks. An invitation has the number of its order, so there is exactly one
-- for each; the others take numbers from the same blocks. queue is 0 for invitations, 1 for other e-mails, 2 for
-- deliveries, whose webhook_id is not 0. The columns after reason are NULL where a kind does not need them: payload is
-- JSON, created_at is an invitation's order's received_at, and recipient, where there is an order, is its e-mail.
CREATE TABLE messages (
    shop_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,  -- sqlite:     message_id INTEGER NOT NULL PRIMARY KEY,
    live BIGINT NOT NULL,
    kind TEXT NOT NULL,
    queue BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL DEFAULT 0,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    first_try_at BIGINT,
    claim TEXT,
    lease_until BIGINT,
    sent_at BIGINT,
    reason TEXT,
    order_id BIGINT,
    review_id BIGINT,
    recipient TEXT,
    payload TEXT,
    created_at BIGINT,  -- sqlite:     created_at BIGINT
    PRIMARY KEY (shop_id, message_id)  -- sqlite:
);

-- On SQLite the rows lie in the order in which they came, whichever shop's they are, so what is due lies together.
  -- sqlite: CREATE INDEX messages_of_shop ON messages (shop_id);

-- Three of four versions of a row are dead soon after. 20 % of a large table, the default, would be a lot of them.
ALTER TABLE messages SET (autovacuum_vacuum_scale_factor = 0.02);  -- sqlite:

-- Finding what is due reads the front of these, whatever waits behind it or in another queue: of one shop or webhook;
-- and, however many shops there are, of all. On SQLite the second also has the source, so that no row is read. On
-- PostgreSQL it has not: the planner would then look through all that is due to find one shop's.
CREATE INDEX messages_due ON messages (shop_id, live, queue, webhook_id, next_try_at) WHERE state = 'scheduled';
CREATE INDEX messages_by_time ON messages (live, queue, next_try_at) WHERE state = 'scheduled';  -- sqlite:
  -- sqlite: CREATE INDEX messages_by_time ON messages (live, queue, next_try_at, shop_id, webhook_id)
  -- sqlite:     WHERE state = 'scheduled';
CREATE INDEX messages_held ON messages (lease_until) WHERE state IN ('claimed', 'sending');

-- The few that are no invitations.
CREATE INDEX messages_of_review ON messages (shop_id, review_id) WHERE queue > 0;

CREATE TABLE suppressions (
    shop_id BIGINT NOT NULL,
    live BIGINT NOT NULL,
    address_hash TEXT NOT NULL,
    address TEXT,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, live, address_hash)
);

-- How much of the send journal this database knows.
CREATE TABLE journals (
    journal TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

-- What the journal says of messages that this database does not have, because it was restored.
CREATE TABLE journaled (
    shop_id BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcome TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, fingerprint)
);

-- number is a place in the sequence `reviews`, which others never see; review_id, which everyone sees, is what a keyed
-- permutation makes of it, and says nothing of how many reviews there are. SQLite lays rows by their numbers, so that
-- the newest are on neighbouring pages. line is the order line's place from 1, or 0 for the shop. A review of no order
-- of ours (an imported one) has the order_id 0. scope is 'site' or the product's id, in digits.
CREATE TABLE reviews (
    shop_id BIGINT NOT NULL,
    review_id BIGINT NOT NULL,  -- sqlite:     review_id BIGINT NOT NULL UNIQUE,
    number BIGINT NOT NULL,  -- sqlite:     number INTEGER NOT NULL PRIMARY KEY,
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
    dispute TEXT,
    disputed_at BIGINT,
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
-- or of what is not shown. The other columns that such a list filters by come last in the index, so that a page
-- far behind is found without a look at the rows before it.
CREATE INDEX reviews_changed ON reviews (shop_id, live, changed_at, review_id, written_at, scope, state);
CREATE INDEX reviews_dated ON reviews (shop_id, live, written_at, review_id, scope, state);
CREATE INDEX reviews_dated_of_scope ON reviews (shop_id, live, scope, written_at, review_id, state);
CREATE INDEX reviews_unpublished ON reviews (shop_id, live, written_at, review_id, scope, state)
    WHERE state <> 'published';
CREATE INDEX reviews_waiting ON reviews (shop_id, live, written_at, review_id, publish_at) WHERE state = 'waiting';

-- What is read from end to end, in an order that nothing changes: feeds and exports.
CREATE INDEX reviews_by_number ON reviews (shop_id, number, live);

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

-- The chain: what happened to reviews, each entry with the hash of the one before it, and signed. Only ever added to.
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

-- Programs of a shop that are notified of events of its reviews. answered_at is when one last took something; stopped
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
