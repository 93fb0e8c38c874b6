-- name: insert_user
INSERT INTO users (user_id, email, created_at) VALUES (:user_id, :email, :created_at) ON CONFLICT DO NOTHING;

-- name: user_by_email
SELECT u.user_id, u.email, u.created_at FROM users u WHERE u.email = :email;

-- name: put_role
INSERT INTO roles (user_id, of_shop, role, created_at) VALUES (:user_id, :of_shop, :role, :created_at)
ON CONFLICT (user_id, of_shop) DO UPDATE SET role = excluded.role;

-- name: remove_role
DELETE FROM roles WHERE user_id = :user_id AND of_shop = :of_shop;

-- name: roles_of_user
SELECT r.of_shop, r.role FROM roles r WHERE r.user_id = :user_id ORDER BY r.of_shop;

-- name: team_of_shop
-- Everyone with a role in a shop, in the order in which they came.
SELECT u.user_id, u.email, u.created_at, r.role FROM roles r JOIN users u ON u.user_id = r.user_id
WHERE r.of_shop = :of_shop ORDER BY u.user_id;

-- name: insert_sign_in
INSERT INTO sign_ins (sign_in_id, user_id, nonce, expires_at) VALUES (:sign_in_id, :user_id, :nonce, :expires_at);

-- name: count_sign_ins
-- How many of a person's links still work or were used within their time.
SELECT count(*) FROM sign_ins s WHERE s.user_id = :user_id AND s.expires_at > :now;

-- name: sign_in_by_id
SELECT s.sign_in_id, s.user_id, s.nonce, s.expires_at, s.used_at, u.email FROM sign_ins s
JOIN users u ON u.user_id = s.user_id WHERE s.sign_in_id = :sign_in_id;

-- name: use_sign_in
UPDATE sign_ins SET used_at = :now WHERE sign_in_id = :sign_in_id AND used_at IS NULL AND expires_at > :now;

-- name: insert_session
INSERT INTO sessions (session_id, user_id, secret, agent, created_at, used_at, expires_at)
VALUES (:session_id, :user_id, :secret, :agent, :now, :now, :expires_at);

-- name: session_by_secret
SELECT s.session_id, s.user_id, s.agent, s.created_at, s.used_at, u.email FROM sessions s
JOIN users u ON u.user_id = s.user_id WHERE s.secret = :secret AND s.expires_at > :now;

-- name: sessions_of_user
SELECT s.session_id, s.user_id, s.agent, s.created_at, s.used_at, u.email FROM sessions s
JOIN users u ON u.user_id = s.user_id WHERE s.user_id = :user_id AND s.expires_at > :now
ORDER BY s.used_at DESC, s.session_id DESC;

-- name: prolong_session
UPDATE sessions SET used_at = :now, expires_at = :expires_at WHERE session_id = :session_id;

-- name: end_session
DELETE FROM sessions WHERE session_id = :session_id AND user_id = :user_id;

-- name: delete_ended_sessions
DELETE FROM sessions WHERE expires_at <= :now;

-- name: delete_ended_sign_ins
DELETE FROM sign_ins WHERE expires_at <= :now;
