-- Every table of a shop has shop_id first in its key, so that the rows can be spread over nodes by shop.
-- A line that ends in `-- sqlite:` is for that engine what stands behind it. Its rows have a number of their own
-- anyhow, which is quicker to find and to add at the end than a key of two columns: an order's is its order_id.
-- Times are epoch seconds (UTC), delays are seconds, hashes are hex, live is 1 or 0.

CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    next_id BIGINT NOT NULL
);

INSERT INTO counters (name, next_id) VALUES ('shops', 1), ('keys', 1), ('orders', 1);

-- Where transactions run beside each other, a row would have each wait for the one that took numbers before it.
CREATE SEQUENCE order_ids INCREMENT BY 1000;  -- sqlite:

-- The key of the permutations by which numbers are shown, hex; made when it is first needed, and never changed.
CREATE TABLE number_keys (
    name TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL
);

CREATE TABLE shops (
    shop_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lang TEXT NOT NULL,
    site TEXT,
    timezone TEXT NOT NULL,
    email TEXT,
    delay BIGINT NOT NULL,
    salt TEXT NOT NULL,
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
-- deliveries, whose webhook_id is not 0. What stands after reason is empty where a kind does not need it: payload is
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
-- and, however many shops there are, of all.
CREATE INDEX messages_due ON messages (shop_id, live, queue, webhook_id, next_try_at) WHERE state = 'scheduled';
CREATE INDEX messages_by_time ON messages (live, queue, next_try_at) WHERE state = 'scheduled';
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
