"""A shop's people: who signs in to the dashboard, and what they may do there."""

from typing import Literal, NamedTuple

import msgspec

Role = Literal["owner", "moderator", "reader"]
"""In a shop. A reader sees everything. A moderator also decides on reviews, replies, and cancels, moves and sends
e-mails. An owner may do everything, such as adding keys and people."""

ROLES: tuple[Role, ...] = ("owner", "moderator", "reader")
"""Each may do what those after it may."""


class User(msgspec.Struct, frozen=True):
    """Someone who can sign in, whatever shops they serve. `email` is in lower case."""

    id: int
    email: str
    created_at: int


class Teammate(NamedTuple):
    """A user and their role in one shop."""

    user: User
    role: Role


class SignIn(NamedTuple):
    """A link that signs in once. Times are epoch seconds."""

    id: int
    user_id: int
    nonce: str
    expires_at: int
    used_at: int | None
    email: str

    @property
    def subject(self) -> str:
        """What its link is signed for: a restored database gives the same numbers out again, and no nonce twice."""
        return f"{self.user_id} {self.nonce}"

    def works(self, now: float) -> bool:
        return self.used_at is None and self.expires_at > now


class Session(NamedTuple):
    """A browser in which someone is signed in. `agent` is what it calls itself; times are epoch seconds."""

    id: int
    user_id: int
    agent: str
    created_at: int
    used_at: int
    email: str


def may(role: Role, needed: Role) -> bool:
    """Whether this role may do what needs the other one."""
    return ROLES.index(role) <= ROLES.index(needed)


def folded(email: str) -> str:
    """An address as users are found by it: in lower case, and no character becomes another one."""
    return email.strip().lower()
