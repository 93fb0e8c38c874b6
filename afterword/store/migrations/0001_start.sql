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

-- An invitation has the number of its order: there is exactly one for each.
CREATE TABLE invitations (
    shop_id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,  -- sqlite:     order_id INTEGER NOT NULL PRIMARY KEY,
    live BIGINT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    first_try_at BIGINT,
    claim TEXT,
    lease_until BIGINT,
    sent_at BIGINT,
    reason TEXT,  -- sqlite:     reason TEXT
    PRIMARY KEY (shop_id, order_id)  -- sqlite:
);

-- On SQLite the rows lie in the order in which they came, whichever shop's they are, so what is due lies together.
  -- sqlite: CREATE INDEX invitations_of_shop ON invitations (shop_id);

-- Three of four versions of a row are dead soon after. 20 % of a large table, the default, would be a lot of them.
ALTER TABLE invitations SET (autovacuum_vacuum_scale_factor = 0.02);  -- sqlite:

-- Finding what is due reads the front of these, whatever waits behind it.
CREATE INDEX invitations_due ON invitations (shop_id, live, next_try_at) WHERE state = 'scheduled';
CREATE INDEX invitations_held ON invitations (lease_until) WHERE state IN ('claimed', 'sending');

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

-- What the journal says of orders that this database does not have, because it was restored.
CREATE TABLE remembered (
    shop_id BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcome TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    PRIMARY KEY (shop_id, fingerprint)
);
