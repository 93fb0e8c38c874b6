-- name: insert_review
-- A review that is not there yet; nothing happens for one that is.
INSERT INTO reviews (shop_id, review_id, number, order_id, line, live, scope, product_name, state, version, rating, text,
                     author, lang, experience_date, imported_from, salt, written_at, changed_at, published_at, publish_at,
                     flags, reason, reply, replied_at, wants_reply, doubt, doubted_at, text_hash,
                     address_hash)
VALUES (:shop_id, :review_id, :number, :order_id, :line, :live, :scope, :product_name, :state, :version, :rating, :text,
        :author, :lang, :experience_date, :imported_from, :salt, :written_at, :changed_at, :published_at, :publish_at,
        :flags, :reason, :reply, :replied_at, :wants_reply, :doubt, :doubted_at, :text_hash,
        :address_hash)
ON CONFLICT DO NOTHING;

-- name: change_review
-- What became of a review, if it still is as it was when that was decided (a compare-and-swap).
UPDATE reviews
SET state = :state, version = :version, rating = :rating, text = :text, author = :author,
    product_name = :product_name, salt = :salt, written_at = :written_at, changed_at = :changed_at,
    published_at = :published_at, publish_at = :publish_at, flags = :flags, reason = :reason, reply = :reply,
    replied_at = :replied_at, wants_reply = :wants_reply, doubt = :doubt,
    doubted_at = :doubted_at, text_hash = :text_hash, address_hash = :address_hash
WHERE shop_id = :shop_id AND review_id = :review_id AND version = :old_version AND state = :old_state
  AND changed_at = :old_changed_at;

-- name: insert_past_version
INSERT INTO past_versions (shop_id, review_id, version, rating, text, salt, written_at)
VALUES (:shop_id, :review_id, :version, :rating, :text, :salt, :written_at);

-- name: past_versions
-- What an author wrote before, the oldest first.
SELECT p.version, p.rating, p.text, p.salt, p.written_at FROM past_versions p
WHERE p.shop_id = :shop_id AND p.review_id = :review_id ORDER BY p.version;

-- name: erase_past_versions
UPDATE past_versions SET rating = 0, text = '', salt = '' WHERE shop_id = :shop_id AND review_id = :review_id;

-- name: forget_notices
-- What is still to be told of a review has its words.
DELETE FROM notices WHERE shop_id = :shop_id AND review_id = :review_id;

-- name: review_of_shop
SELECT * FROM reviews r WHERE r.shop_id = :shop_id AND r.review_id = :review_id;

-- name: reviews_of_order
-- At most one for each order line, and one for the shop.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0 ORDER BY r.line;

-- name: show_review
-- One review, wherever it is: one look into each shop.
SELECT r.* FROM shops s CROSS JOIN reviews r WHERE r.shop_id = s.shop_id AND r.review_id = :review_id;

-- name: answer_invitation
-- Its customer has written: the letter arrived, whatever was known of it.
UPDATE invitations SET state = 'answered', sent_at = coalesce(sent_at, :now), reason = NULL
WHERE shop_id = :shop_id AND order_id = :order_id AND state IN ('sent', 'in_doubt');

-- name: copies_of_text
-- Whether another review of this shop has the same words.
SELECT r.order_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.text_hash = :text_hash AND r.order_id <> :order_id LIMIT 1;

-- name: orders_of_address
-- The orders of one address that were reviewed, counted no further than :most reviews.
SELECT r.order_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.address_hash = :address_hash AND r.order_id <> :order_id
ORDER BY r.written_at DESC LIMIT :most;

-- name: newest_reviews
-- Published ones of a scope, the newest first; before :published_at and :review_id, where those are given.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published'
  AND (r.published_at, r.review_id) < (:published_at, :review_id)
ORDER BY r.published_at DESC, r.review_id DESC LIMIT :most;

-- name: oldest_reviews
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published'
  AND (r.published_at, r.review_id) > (:published_at, :review_id)
ORDER BY r.published_at, r.review_id LIMIT :most;

-- name: reviews_of_rating
-- Published ones of a scope with so many stars, the newest first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published' AND r.rating = :rating
  AND (r.published_at, r.review_id) < (:published_at, :review_id)
ORDER BY r.published_at DESC, r.review_id DESC LIMIT :most;

-- name: waiting_reviews
-- What a person is to look at, the oldest first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.state = 'waiting'
  AND (r.written_at, r.review_id) > (:written_at, :review_id)
ORDER BY r.written_at, r.review_id LIMIT :most;

-- name: changed_reviews
-- Of whatever state, the last changed first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) < (:changed_at, :review_id)
  AND (:state IS NULL OR r.state = :state)
ORDER BY r.changed_at DESC, r.review_id DESC LIMIT :most;

-- name: shown_reviews
-- What a shop's pages show of the published ones of a scope, the newest first.
SELECT r.review_id, r.author, r.rating, r.text, r.published_at, r.experience_date, r.reply, r.replied_at, r.lang,
       r.imported_from
FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published'
ORDER BY r.published_at DESC, r.review_id DESC LIMIT :most;

-- name: reviewer
-- Who wrote about an order, as the shop sent it.
SELECT o.order_id, o.id_order, o.firstname, o.lastname, o.email
FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: longest_unchanged
-- When the review was changed that has stayed as it is for longest.
SELECT r.changed_at FROM reviews r WHERE r.shop_id = :shop_id AND r.live = :live ORDER BY r.changed_at LIMIT 1;

-- name: count_changed
-- How many have changed since then, of these states and scopes.
SELECT count(*) FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.changed_at >= :changed_from
  AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out;

-- name: places_newest
-- Where reviews stand by the date of their words, from one index alone: of all scopes, or of all but one.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope <> :left_out
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: places_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope <> :left_out
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: places_of_scope_newest
-- The same of one scope.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope = :scope
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: places_of_scope_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope = :scope
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: places_unpublished_newest
-- The same of what is not shown, of which there is little.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state <> 'published' AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: places_unpublished_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state <> 'published' AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: places_changed_newest
-- The same of what has changed since then, which is sorted: the sums keep planners from going through all others by
-- their dates instead.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at + 0, r.review_id) < (:written_at, :review_id)
  AND r.changed_at >= :changed_from AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at + 0 DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: places_changed_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at + 0, r.review_id) > (:written_at, :review_id)
  AND r.changed_at >= :changed_from AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at + 0, r.review_id LIMIT :most OFFSET :skipped;

-- name: reviews_to_publish
-- What has waited long enough.
SELECT r.shop_id, r.review_id FROM reviews r
WHERE r.state = 'waiting' AND r.publish_at <= :now ORDER BY r.publish_at LIMIT :most;

-- name: count_reviews
-- Adds to what is counted of one kind of review.
INSERT INTO review_counts (shop_id, live, scope, state, reason, rating, amount)
VALUES (:shop_id, :live, :scope, :state, :reason, :rating, :amount)
ON CONFLICT (shop_id, live, scope, state, reason, rating) DO UPDATE SET amount = review_counts.amount + excluded.amount;

-- name: review_counts
-- What is counted of one scope.
SELECT c.state, c.reason, c.rating, c.amount FROM review_counts c
WHERE c.shop_id = :shop_id AND c.live = :live AND c.scope = :scope;
