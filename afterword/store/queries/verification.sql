-- name: reviews_in_turn
-- All reviews of a world, a page at a time. One that changes meanwhile comes again, since its change is its last.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) > (:changed_at, :review_id)
ORDER BY r.changed_at, r.review_id LIMIT :most;

-- name: kinds_in_turn
-- What all reviews of a world count as, a page at a time.
SELECT r.changed_at, r.review_id, r.scope, r.state, r.reason, r.rating FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) > (:changed_at, :review_id)
ORDER BY r.changed_at, r.review_id LIMIT :most;

-- name: world_of_review
-- Whether a review is there, in which world, and how often it was written.
SELECT r.live, r.version FROM reviews r WHERE r.shop_id = :shop_id AND r.review_id = :review_id;

-- name: versions_in_turn
-- All past versions of a shop, a page at a time.
SELECT p.review_id, p.version FROM past_versions p
WHERE p.shop_id = :shop_id AND (p.review_id, p.version) > (:review_id, :version)
ORDER BY p.review_id, p.version LIMIT :most;

-- name: counts_in_turn
-- All that is counted in a world, a page at a time.
SELECT c.scope, c.state, c.reason, c.rating, c.amount FROM review_counts c
WHERE c.shop_id = :shop_id AND c.live = :live
  AND (c.scope, c.state, c.reason, c.rating) > (:scope, :state, :reason, :rating)
ORDER BY c.scope, c.state, c.reason, c.rating LIMIT :most;

-- name: kinds_counted
-- How many kinds of reviews are counted in a world.
SELECT count(*) FROM review_counts c WHERE c.shop_id = :shop_id AND c.live = :live;
