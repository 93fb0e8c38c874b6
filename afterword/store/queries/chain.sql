-- name: next_in_chain
-- Reserves the next entry's seq until this transaction ends, and returns it with the previous hash.
INSERT INTO chain_heads (shop_id, live, seq, hash, public_key) VALUES (:shop_id, :live, 1, :first, '')
ON CONFLICT (shop_id, live) DO UPDATE SET seq = chain_heads.seq + 1
RETURNING seq, hash, public_key;

-- name: move_chain_head
UPDATE chain_heads SET seq = :seq, hash = :hash, public_key = :public_key WHERE shop_id = :shop_id AND live = :live;

-- name: chain_head
SELECT h.seq, h.hash, h.public_key FROM chain_heads h WHERE h.shop_id = :shop_id AND h.live = :live;

-- name: all_heads
-- Of every chain, for a new send journal.
SELECT h.shop_id, h.live, h.seq, h.hash FROM chain_heads h ORDER BY h.shop_id, h.live;

-- name: hash_of_entry
SELECT c.hash FROM chain c WHERE c.shop_id = :shop_id AND c.live = :live AND c.seq = :seq;

-- name: any_entry
-- One row if any shop's chain has an entry.
SELECT 1 FROM chain_heads h LIMIT 1;

-- name: insert_entry
INSERT INTO chain (shop_id, live, seq, review_id, version, happened_at, kind, details, previous, hash,
                   signature)
VALUES (:shop_id, :live, :seq, :review_id, :version, :happened_at, :kind, :details, :previous, :hash,
        :signature);

-- name: entries_from
-- Entries of a chain in order.
SELECT c.shop_id, c.live, c.seq, c.review_id, c.version, c.happened_at, c.kind, c.details, c.previous,
       c.hash, c.signature
FROM chain c WHERE c.shop_id = :shop_id AND c.live = :live AND c.seq >= :seq ORDER BY c.seq LIMIT :most;

-- name: entries_of_review
SELECT c.shop_id, c.live, c.seq, c.review_id, c.version, c.happened_at, c.kind, c.details, c.previous,
       c.hash, c.signature
FROM chain c WHERE c.shop_id = :shop_id AND c.review_id = :review_id ORDER BY c.seq;

-- name: receipts_of_order
-- The entries that commit to the current texts of an order's reviews, of lines :first to :last.
SELECT r.line, c.hash FROM reviews r
JOIN chain c ON c.shop_id = r.shop_id AND c.review_id = r.review_id
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0 AND r.line >= :first AND r.line <= :last
  AND r.state <> 'erased' AND c.shop_id = :shop_id AND c.kind = 'written' AND c.version = r.version;

-- name: entry_by_hash
SELECT c.shop_id, c.live, c.seq, c.review_id, c.version, c.happened_at, c.kind, c.details, c.previous,
       c.hash, c.signature
FROM chain c WHERE c.shop_id = :shop_id AND c.hash = :hash;

-- name: keys_of_chain
-- The entries that introduce a key, up to one entry, newest first: few, and with their own index.
SELECT c.shop_id, c.live, c.seq, c.review_id, c.version, c.happened_at, c.kind, c.details, c.previous,
       c.hash, c.signature
FROM chain c WHERE c.shop_id = :shop_id AND c.live = :live AND c.kind = 'key' AND c.seq <= :seq
ORDER BY c.seq DESC LIMIT :most;
