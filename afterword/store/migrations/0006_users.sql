-- A shop's people, who sign in to the dashboard. Accounts are of the installation: a person may serve many shops, so none
-- of these tables is spread over a cluster by shop, and a shop's number has another name here. email is in lower case.
CREATE TABLE users (
    user_id BIGINT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

INSERT INTO counters (name, next_id) VALUES ('users', 1), ('sign_ins', 1), ('sessions', 1);

-- role is 'owner', 'moderator' or 'reader'.
CREATE TABLE roles (
    user_id BIGINT NOT NULL,
    of_shop BIGINT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, of_shop)
);

CREATE INDEX roles_of_shop ON roles (of_shop, user_id);

-- Links that sign in once. Such a link is signed for its nonce, so nothing here is enough to make one.
CREATE TABLE sign_ins (
    sign_in_id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    nonce TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE INDEX sign_ins_of_user ON sign_ins (user_id, expires_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);

-- secret is the SHA-256 of what the browser holds in its cookie; agent is what the browser calls itself.
CREATE TABLE sessions (
    session_id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    secret TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);
