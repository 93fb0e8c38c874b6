-- name: create_journal
-- The journal as rows, in a separate PostgreSQL database (store/journal/rows.py).
CREATE TABLE IF NOT EXISTS send_journal (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    identity TEXT NOT NULL);

-- name: create_journal_lines
CREATE TABLE IF NOT EXISTS send_journal_lines (
    starts_at BIGINT NOT NULL PRIMARY KEY,
    ends_at BIGINT NOT NULL,
    line TEXT NOT NULL);

-- name: journal_identity
SELECT identity FROM send_journal;

-- name: name_journal
INSERT INTO send_journal (one, identity) VALUES (1, :identity);

-- name: journal_size
SELECT ends_at FROM send_journal_lines ORDER BY starts_at DESC LIMIT 1;

-- name: append_to_journal
INSERT INTO send_journal_lines (starts_at, ends_at, line)
SELECT * FROM unnest(CAST(:starts AS BIGINT[]), CAST(:ends AS BIGINT[]), CAST(:lines AS TEXT[]))
ON CONFLICT DO NOTHING;

-- name: journal_lines
SELECT ends_at, line FROM send_journal_lines WHERE starts_at >= :position ORDER BY starts_at LIMIT :most;
