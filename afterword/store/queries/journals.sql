-- name: journal_position
SELECT position FROM journals WHERE journal = :journal /* postgres: FOR UPDATE */;

-- name: any_journal
SELECT journal, position FROM journals;

-- name: insert_journal
INSERT INTO journals (journal, position) VALUES (:journal, :position);

-- name: advance_journal
UPDATE journals SET position = :position WHERE journal = :journal;

-- name: extend_journal
-- Advances and returns the position, for lines that are about to be appended. Locks the row for the transaction.
UPDATE journals SET position = position + :added WHERE journal = :journal RETURNING position;

-- name: forget_journals
DELETE FROM journals WHERE journal IS NOT NULL;
