-- name: waiting_by_shop
-- How many live reviews of each shop wait for a person, since when, and since when those do that are never published
-- automatically, because of their flags; reads the small index of waiting reviews.
SELECT r.shop_id, count(*), min(r.written_at), min(CASE WHEN r.publish_at IS NULL THEN r.written_at END)
FROM reviews r WHERE r.state = 'waiting' AND r.live = 1 GROUP BY r.shop_id ORDER BY r.shop_id;

-- name: waiting_tests_by_shop
-- How many test reviews of each shop wait for a person.
SELECT r.shop_id, count(*) FROM reviews r WHERE r.state = 'waiting' AND r.live = 0
GROUP BY r.shop_id ORDER BY r.shop_id;

-- name: try_write
-- A write that changes nothing, and is rolled back.
UPDATE schema_versions SET version = version WHERE version > 0;
