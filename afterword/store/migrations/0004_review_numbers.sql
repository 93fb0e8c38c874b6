-- Numbers of reviews come from a sequence, as those of orders do: at the row of a counter, reviews of all shops took turns.
CREATE SEQUENCE review_numbers;  -- sqlite:
SELECT setval('review_numbers', next_id, false) FROM counters WHERE name = 'reviews';  -- sqlite:
DELETE FROM counters WHERE name = 'reviews';  -- sqlite:
