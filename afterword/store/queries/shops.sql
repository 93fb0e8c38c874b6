-- name: next_ids
-- Reserves a block of ids, which begins with the former value.
UPDATE counters SET next_id = next_id + :size WHERE name = :name RETURNING next_id;

-- name: number_key
SELECT k.secret FROM number_keys k WHERE k.name = :name;

-- name: next_order_ids
-- On PostgreSQL: reserves a block and returns its first id, without waiting for other transactions.
SELECT nextval('order_ids');

-- name: next_review_number
-- The same for one review.
SELECT nextval('review_numbers');

-- name: insert_shop
INSERT INTO shops (shop_id, name, lang, site, timezone, email, delay, salt, created_at, moderation, publish_after,
                   orders, phones, keep_for)
VALUES (:shop_id, :name, :lang, :site, :timezone, :email, :delay, :salt, :created_at, :moderation, :publish_after,
        :orders, :phones, :keep_for);

-- name: update_shop
UPDATE shops SET name = :name, lang = :lang, site = :site, timezone = :timezone, email = :email, delay = :delay,
    moderation = :moderation, publish_after = :publish_after, orders = :orders, phones = :phones,
    keep_for = :keep_for
WHERE shop_id = :shop_id;

-- name: hold_shop
-- Others that hold it wait until this transaction ends.
SELECT shop_id, name, lang, site, timezone, email, delay, salt, moderation, publish_after, orders, phones,
       keep_for
FROM shops WHERE shop_id = :shop_id /* postgres: FOR UPDATE */;

-- name: shop_by_id
SELECT shop_id, name, lang, site, timezone, email, delay, salt, moderation, publish_after, orders, phones,
       keep_for
FROM shops WHERE shop_id = :shop_id;

-- name: shop_by_name
SELECT shop_id, name, lang, site, timezone, email, delay, salt, moderation, publish_after, orders, phones,
       keep_for
FROM shops WHERE name = :name;

-- name: list_shops
SELECT shop_id, name, lang, site, timezone, email, delay, salt, moderation, publish_after, orders, phones,
       keep_for
FROM shops ORDER BY shop_id;

-- name: insert_key
INSERT INTO keys (shop_id, key_id, kind, live, lang, scopes, secret, created_at)
VALUES (:shop_id, :key_id, :kind, :live, :lang, :scopes, :secret, :created_at);

-- name: private_key
-- A private key with its shop, also when it was revoked: the security log tells the two apart.
SELECT k.key_id, k.shop_id, k.kind, k.live, k.lang, k.created_at, k.revoked_at, k.scopes, k.used_at, k.secret,
       s.name, s.lang, s.site, s.timezone, s.email, s.delay, s.salt, s.moderation, s.publish_after,
       s.orders, s.phones, s.keep_for
FROM keys k JOIN shops s ON s.shop_id = k.shop_id
WHERE k.shop_id = :shop_id AND k.secret = :secret AND k.kind = 'private';

-- name: public_key
-- A public key with its shop. It does not contain the shop's id, so this reads the index of public keys.
SELECT k.key_id, k.shop_id, k.kind, k.live, k.lang, k.created_at, k.revoked_at, k.scopes, k.used_at,
       s.name, s.lang, s.site, s.timezone, s.email, s.delay, s.salt, s.moderation, s.publish_after,
       s.orders, s.phones, s.keep_for
FROM keys k JOIN shops s ON s.shop_id = k.shop_id
WHERE k.secret = :secret AND k.kind = 'public' AND k.revoked_at IS NULL
  /* without a node: AND k.shop_id = ANY(:here::bigint[]) */;

-- name: list_keys
SELECT key_id, shop_id, kind, live, lang, created_at, revoked_at, scopes, used_at
FROM keys WHERE shop_id = :shop_id ORDER BY key_id;

-- name: revoke_key
UPDATE keys SET revoked_at = :now WHERE shop_id = :shop_id AND key_id = :key_id AND revoked_at IS NULL;

-- name: key_by_id
SELECT key_id, shop_id, kind, live, lang, created_at, revoked_at, scopes, used_at FROM keys WHERE key_id = :key_id;

-- name: note_use
-- Written once an hour at most, however many processes a key is used with.
UPDATE keys SET used_at = :now
WHERE shop_id = :shop_id AND secret = :secret AND kind = 'private' AND (used_at IS NULL OR used_at <= :latest);

-- name: public_keys
-- Only public keys are stored in plain text.
SELECT key_id, secret FROM keys WHERE shop_id = :shop_id AND kind = 'public';

-- name: cache_key
-- What a public answer depends on: the mode, the shop's time zone, and the last entry of the chain, to which every
-- change of a review adds one.
SELECT k.live, s.timezone, coalesce((SELECT h.hash FROM chain_heads h WHERE h.shop_id = :shop_id AND h.live = k.live), '')
FROM keys k JOIN shops s ON s.shop_id = k.shop_id
WHERE k.shop_id = :shop_id AND k.secret = :secret AND k.kind = 'public' AND k.revoked_at IS NULL;

-- name: current_public_key
-- The newest public key of a mode that is not revoked.
SELECT k.secret FROM keys k
WHERE k.shop_id = :shop_id AND k.live = :live AND k.kind = 'public' AND k.revoked_at IS NULL
ORDER BY k.key_id DESC LIMIT 1;
