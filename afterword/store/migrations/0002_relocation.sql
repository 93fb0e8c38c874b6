-- A database that is being moved to another one says so here: the one that it leaves in the role `source` (copying,
-- draining, closed, moved), the one that it comes to in the role `destination` (filling, open). Empty in normal life.
-- Both ends of a move have the same `move`; `run` is of the one command that may go on with it.

CREATE TABLE relocation (
    role TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    move TEXT NOT NULL,
    run TEXT NOT NULL,
    peer TEXT NOT NULL,
    since BIGINT NOT NULL
);
