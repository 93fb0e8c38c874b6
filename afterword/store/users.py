"""The rows of a shop's people: their roles, the links that sign them in, and their sessions."""

import secrets
from hashlib import sha256

from afterword.domain.people.users import Role, Session, SignIn, Teammate, User, folded
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.numbers import next_number
from afterword.store.queries import query

LINK_COUNTS_FOR = 600
"""Seconds that a link signs in."""

SESSION_COUNTS_FOR = 30 * 86_400
"""Seconds that a session lasts after it was used last."""

PROLONGED_EVERY = 3_600
"""Seconds between two writes of when a session was used."""

LONGEST_AGENT = 200
"""Characters that are kept of what a browser calls itself."""


def put_user(tx: Transaction, email: str, now: float) -> User:
    """The user with this address, who is added if there is none."""
    found = find_user(tx, email)
    if found is None:
        row = {"user_id": next_number(tx, "users"), "email": folded(email), "created_at": int(now)}
        tx.run(query("insert_user"), row)
        found = find_user(tx, email)
        assert found is not None, "it was added, here or by another process"
    return found


def find_user(tx: Transaction, email: str) -> User | None:
    rows = tx.rows(query("user_by_email"), {"email": folded(email)})
    return User(*rows[0]) if rows else None


def put_role(tx: Transaction, user: User, shop: Shop, role: Role, now: float) -> None:
    """Gives this role in a shop, in place of the one before."""
    row = {"user_id": user.id, "of_shop": shop.id, "role": role, "created_at": int(now)}
    tx.run(query("put_role"), row)


def remove_role(tx: Transaction, user: User, shop: Shop) -> bool:
    """Whether there was one."""
    return tx.run(query("remove_role"), {"user_id": user.id, "of_shop": shop.id}) > 0


def roles_of(tx: Transaction, user_id: int) -> dict[int, Role]:
    """By the numbers of the shops, in their order."""
    return dict(tx.rows(query("roles_of_user"), {"user_id": user_id}))


def team_of(tx: Transaction, shop: Shop) -> list[Teammate]:
    """Everyone with a role in this shop, in the order in which they came."""
    rows = tx.rows(query("team_of_shop"), {"of_shop": shop.id})
    return [Teammate(User(*user), role) for *user, role in rows]


def add_sign_in(tx: Transaction, user: User, now: float) -> SignIn:
    """A new link, which works for LINK_COUNTS_FOR."""
    nonce, ends = secrets.token_hex(16), int(now) + LINK_COUNTS_FOR
    number = next_number(tx, "sign_ins")
    row = {"sign_in_id": number, "user_id": user.id, "nonce": nonce, "expires_at": ends}
    tx.run(query("insert_sign_in"), row)
    return SignIn(number, user.id, nonce, ends, None, user.email)


def count_sign_ins(tx: Transaction, user: User, now: float) -> int:
    """How many links a user got within LINK_COUNTS_FOR."""
    [(amount,)] = tx.rows(query("count_sign_ins"), {"user_id": user.id, "now": int(now)})
    return int(amount)


def find_sign_in(tx: Transaction, number: int) -> SignIn | None:
    rows = tx.rows(query("sign_in_by_id"), {"sign_in_id": number})
    return SignIn(*rows[0]) if rows else None


def use_sign_in(tx: Transaction, link: SignIn, now: float) -> bool:
    """Whether the link still worked: of two that race for it, one signs in."""
    return tx.run(query("use_sign_in"), {"sign_in_id": link.id, "now": int(now)}) > 0


def add_session(tx: Transaction, user_id: int, agent: str, now: float) -> str:
    """What the browser keeps as the proof of a new session. Only its hash is stored."""
    token = secrets.token_urlsafe(32)
    row = {
        "session_id": next_number(tx, "sessions"),
        "user_id": user_id,
        "secret": _hash(token),
        "agent": agent[:LONGEST_AGENT],
        "now": int(now),
        "expires_at": int(now) + SESSION_COUNTS_FOR,
    }
    tx.run(query("insert_session"), row)
    return token


def find_session(tx: Transaction, token: str, now: float) -> Session | None:
    rows = tx.rows(query("session_by_secret"), {"secret": _hash(token), "now": int(now)})
    return Session(*rows[0]) if rows else None


def sessions_of(tx: Transaction, user_id: int, now: float) -> list[Session]:
    """Those that last, the one used last first."""
    return [
        Session(*row) for row in tx.rows(query("sessions_of_user"), {"user_id": user_id, "now": int(now)})
    ]


def prolong_session(tx: Transaction, session: Session, now: float) -> None:
    ends = int(now) + SESSION_COUNTS_FOR
    tx.run(query("prolong_session"), {"session_id": session.id, "now": int(now), "expires_at": ends})


def end_session(tx: Transaction, session_id: int, user_id: int) -> bool:
    """Whether this user had it."""
    return tx.run(query("end_session"), {"session_id": session_id, "user_id": user_id}) > 0


def forget_ended(tx: Transaction, now: float) -> None:
    """Deletes the sessions and links whose time is over."""
    tx.run(query("delete_ended_sessions"), {"now": int(now)})
    tx.run(query("delete_ended_sign_ins"), {"now": int(now)})


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
