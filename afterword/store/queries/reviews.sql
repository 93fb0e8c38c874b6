-- name: insert_review
-- Inserts a review; does nothing if there is one of its order line.
INSERT INTO reviews (shop_id, review_id, number, order_id, line, live, scope, product_name, state, version, rating, text,
                     author, lang, experience_date, imported_from, salt, written_at, changed_at, published_at, publish_at,
                     flags, reason, reply, replied_at, wants_reply, dispute, disputed_at, text_hash,
                     address_hash)
VALUES (:shop_id, :review_id, :number, :order_id, :line, :live, :scope, :product_name, :state, :version, :rating, :text,
        :author, :lang, :experience_date, :imported_from, :salt, :written_at, :changed_at, :published_at, :publish_at,
        :flags, :reason, :reply, :replied_at, :wants_reply, :dispute, :disputed_at, :text_hash,
        :address_hash)
ON CONFLICT DO NOTHING;

-- name: change_review
-- Replaces a review if it has not changed since it was read (compare-and-swap).
UPDATE reviews
SET state = :state, version = :version, rating = :rating, text = :text, author = :author,
    product_name = :product_name, salt = :salt, written_at = :written_at, changed_at = :changed_at,
    published_at = :published_at, publish_at = :publish_at, flags = :flags, reason = :reason, reply = :reply,
    replied_at = :replied_at, wants_reply = :wants_reply, dispute = :dispute,
    disputed_at = :disputed_at, text_hash = :text_hash, address_hash = :address_hash
WHERE shop_id = :shop_id AND review_id = :review_id AND version = :old_version AND state = :old_state
  AND changed_at = :old_changed_at;

-- name: insert_past_version
INSERT INTO past_versions (shop_id, review_id, version, rating, text, salt, written_at)
VALUES (:shop_id, :review_id, :version, :rating, :text, :salt, :written_at);

-- name: past_versions
-- The earlier versions of a review, oldest first.
SELECT p.version, p.rating, p.text, p.salt, p.written_at FROM past_versions p
WHERE p.shop_id = :shop_id AND p.review_id = :review_id ORDER BY p.version;

-- name: erase_past_versions
UPDATE past_versions SET rating = 0, text = '', salt = '' WHERE shop_id = :shop_id AND review_id = :review_id;

-- name: review_of_shop
SELECT * FROM reviews r WHERE r.shop_id = :shop_id AND r.review_id = :review_id;

-- name: reviews_of_order
-- At most one per order line, and one for the shop (line 0).
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0 AND r.line >= :first AND r.line <= :last
ORDER BY r.line;

-- name: outlines_of_order
-- The reviews of an order without their texts.
SELECT r.line, r.version, r.state, r.written_at, r.text_hash FROM reviews r
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0;

-- name: show_review
-- A review of any shop: one index lookup per shop.
SELECT r.* FROM shops s CROSS JOIN reviews r WHERE r.shop_id = s.shop_id AND r.review_id = :review_id;

-- name: copies_of_text
-- Whether a review of another order has the same text.
SELECT r.order_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.text_hash = :text_hash AND r.order_id <> :order_id LIMIT 1;

-- name: same_text
SELECT r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.text_hash = :text_hash AND r.review_id <> :review_id
ORDER BY r.written_at, r.review_id LIMIT :most;

-- name: changes_of_order
-- How many versions of an order's reviews were replaced that are no first ones and were written since a moment.
SELECT count(*) FROM reviews r JOIN past_versions p ON p.shop_id = r.shop_id AND p.review_id = r.review_id
WHERE r.shop_id = :shop_id AND r.order_id = :order_id AND r.order_id > 0 AND p.version > 1 AND p.written_at > :since;

-- name: orders_of_address
-- The orders of one address that were reviewed since a moment, from at most :most reviews.
SELECT r.order_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.address_hash = :address_hash AND r.order_id <> :order_id
  AND r.written_at > :since
ORDER BY r.written_at DESC LIMIT :most;

-- name: newest_reviews
-- Published reviews of a scope before a cursor, newest first.
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
-- Published reviews of a scope with a rating, newest first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published' AND r.rating = :rating
  AND (r.published_at, r.review_id) < (:published_at, :review_id)
ORDER BY r.published_at DESC, r.review_id DESC LIMIT :most;

-- name: waiting_reviews
-- Reviews that wait for a person, oldest first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.state = 'waiting'
  AND (r.written_at, r.review_id) > (:written_at, :review_id)
ORDER BY r.written_at, r.review_id LIMIT :most;

-- name: changed_reviews
-- Reviews in one state or in any, most recently changed first.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.changed_at, r.review_id) < (:changed_at, :review_id)
  AND (:state IS NULL OR r.state = :state)
ORDER BY r.changed_at DESC, r.review_id DESC LIMIT :most;

-- name: changed_unpublished
-- The same of a state that is not shown, which few are in.
SELECT * FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.state = :state AND r.state <> 'published'
  AND (r.changed_at, r.review_id) < (:changed_at, :review_id)
ORDER BY r.changed_at DESC, r.review_id DESC LIMIT :most;

-- name: shown_reviews
-- The public columns of the published reviews of a scope, newest first.
SELECT r.review_id, r.author, r.rating, r.text, r.published_at, r.experience_date, r.reply, r.replied_at, r.lang,
       r.imported_from
FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.scope = :scope AND r.state = 'published'
ORDER BY r.published_at DESC, r.review_id DESC LIMIT :most;

-- name: reviewer
-- The customer of an order, as the shop sent it.
SELECT o.order_id, o.id_order, o.firstname, o.lastname, o.email
FROM orders o WHERE o.shop_id = :shop_id AND o.order_id = :order_id;

-- name: longest_unchanged
-- The earliest time of a last change.
SELECT r.changed_at FROM reviews r WHERE r.shop_id = :shop_id AND r.live = :live ORDER BY r.changed_at LIMIT 1;

-- name: count_changed
-- The number of reviews of these states and scopes that have changed since a time.
SELECT count(*) FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND r.changed_at >= :changed_from
  AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out;

-- name: cursors_newest
-- Cursors by the time of writing, from one index alone: of all scopes, or of all but one.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope <> :left_out
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: cursors_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope <> :left_out
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: cursors_of_scope_newest
-- The same for one scope.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope = :scope
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: cursors_of_scope_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state IN (:one, :two, :three, :four) AND r.scope = :scope
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: cursors_unpublished_newest
-- The same for unpublished reviews, of which there are few.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) < (:written_at, :review_id)
  AND r.state <> 'published' AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: cursors_unpublished_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at, r.review_id) > (:written_at, :review_id)
  AND r.state <> 'published' AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at, r.review_id LIMIT :most OFFSET :skipped;

-- name: cursors_changed_newest
-- The same for reviews that have changed since a time. They are sorted: "+ 0" keeps planners from scanning all
-- reviews in the order of an index instead.
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at + 0, r.review_id) < (:written_at, :review_id)
  AND r.changed_at >= :changed_from AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at + 0 DESC, r.review_id DESC LIMIT :most OFFSET :skipped;

-- name: cursors_changed_oldest
SELECT r.written_at, r.review_id FROM reviews r
WHERE r.shop_id = :shop_id AND r.live = :live AND (r.written_at + 0, r.review_id) > (:written_at, :review_id)
  AND r.changed_at >= :changed_from AND r.state IN (:one, :two, :three, :four)
  AND (:scope IS NULL OR r.scope = :scope) AND r.scope <> :left_out
ORDER BY r.written_at + 0, r.review_id LIMIT :most OFFSET :skipped;

-- name: reviews_to_publish
-- Waiting reviews whose time to be published has come.
SELECT r.shop_id, r.review_id FROM reviews r
WHERE r.state = 'waiting' AND r.publish_at <= :now /* without a node: AND r.shop_id = ANY(:here::bigint[]) */
ORDER BY r.publish_at LIMIT :most;

-- name: count_reviews
-- Adds to the count of one kind of review.
INSERT INTO review_counts (shop_id, live, scope, state, reason, rating, amount)
VALUES (:shop_id, :live, :scope, :state, :reason, :rating, :amount)
ON CONFLICT (shop_id, live, scope, state, reason, rating) DO UPDATE SET amount = review_counts.amount + excluded.amount;

-- name: review_counts
-- The counts of one scope.
SELECT c.state, c.reason, c.rating, c.amount FROM review_counts c
WHERE c.shop_id = :shop_id AND c.live = :live AND c.scope = :scope;
