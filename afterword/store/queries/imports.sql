-- name: insert_import
-- Records that a review was imported; does nothing if it was imported before.
INSERT INTO imports (shop_id, live, source_key, review_id)
VALUES (:shop_id, :live, :source_key, :review_id)
ON CONFLICT DO NOTHING;

-- name: imported_before
SELECT i.review_id FROM imports i WHERE i.shop_id = :shop_id AND i.live = :live AND i.source_key = :source_key;
