-- name: insert_import
-- Says that a review of elsewhere is imported; nothing happens for one that was before.
INSERT INTO imports (shop_id, live, source_key, review_id)
VALUES (:shop_id, :live, :source_key, :review_id)
ON CONFLICT DO NOTHING;

-- name: imported_before
SELECT i.review_id FROM imports i WHERE i.shop_id = :shop_id AND i.live = :live AND i.source_key = :source_key;
