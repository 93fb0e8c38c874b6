-- name: reviews_in_turn
-- All reviews of a mode in pages, by last change. A review that changes during the verification is returned again.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) > (:changed_at, :review_id)
ORDER BY r.changed_at, r.review_id LIMIT :most;

-- name: kinds_in_turn
-- The kinds of all reviews of a mode, in pages.
SELECT r.changed_at, r.review_id, r.scope, r.state, r.reason, r.rating FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) > (:changed_at, :review_id)
ORDER BY r.changed_at, r.review_id LIMIT :most;

-- name: mode_of_review
-- The mode and the version of a review, if it exists.
SELECT r.live, r.version FROM reviews r WHERE r.shop_id = :shop_id AND r.review_id = :review_id;

-- name: versions_in_turn
-- All past versions of a shop, in pages.
SELECT p.review_id, p.version FROM past_versions p
WHERE p.shop_id = :shop_id AND (p.review_id, p.version) > (:review_id, :version)
ORDER BY p.review_id, p.version LIMIT :most;

-- name: counts_in_turn
-- All counts of a mode, in pages.
SELECT c.scope, c.state, c.reason, c.rating, c.amount FROM review_counts c
WHERE c.shop_id = :shop_id AND c.live = :live
  AND (c.scope, c.state, c.reason, c.rating) > (:scope, :state, :reason, :rating)
ORDER BY c.scope, c.state, c.reason, c.rating LIMIT :most;

-- name: kinds_counted
-- The number of kinds of reviews that are counted in a mode.
SELECT count(*) FROM review_counts c WHERE c.shop_id = :shop_id AND c.live = :live;
