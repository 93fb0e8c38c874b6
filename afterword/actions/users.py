"""Sign in to the dashboard, and who may do what there."""

from typing import NamedTuple

from afterword.base.errors import Refused
from afterword.domain.people.users import Role, Session, SignIn, User, folded
from afterword.domain.shops import Shop
from afterword.mail.links import is_sign_in_link, sign_in_link, sign_in_of
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import send_sign_in
from afterword.store.shops import hold_shop, shops_of
from afterword.store.users import (
    PROLONGED_EVERY,
    add_session,
    add_sign_in,
    count_sign_ins,
    find_session,
    find_sign_in,
    find_user,
    prolong_session,
    put_role,
    put_user,
    remove_role,
    roles_of,
    team_of,
    use_sign_in,
)

MOST_LINKS = 5
"""E-mails with a link that a person gets within the ten minutes for which it works. Earlier ones still work, so
asking again and again in another's name locks no one out."""


class Visitor(NamedTuple):
    """Who is signed in, and the shops that they serve. `is_prolonged`: the session lasts longer than before."""

    session: Session
    roles: dict[Shop, Role]
    is_prolonged: bool = False


def make_owner(tx: Transaction, shop: Shop, email: str, now: float) -> User:
    """Gives the person with this address the right to sign in, and to do everything in this shop."""
    user = put_user(tx, email, now)
    put_role(tx, user, shop, "owner", now)
    return user


def link_for(tx: Transaction, email: str, url: str, secret: str, now: float) -> str:
    """A link below `url` that signs in once, within ten minutes. Raises Refused."""
    user = find_user(tx, email)
    if user is None or not roles_of(tx, user.id):
        raise Refused(
            f"no shop has a person with the address {email!r}: make them the owner of one with "
            "afterword shop set SHOP --email ADDRESS"
        )
    return sign_in_link(add_sign_in(tx, user, now), url, secret)


def signs_in(tx: Transaction, email: str) -> bool:
    """Whether there is someone with this address who has a role in a shop."""
    user = find_user(tx, email)
    return user is not None and bool(roles_of(tx, user.id))


def send_link(tx: Transaction, email: str, now: float) -> bool:
    """Whether this address gets an e-mail with a link. The one who asked does not learn it."""
    user = find_user(tx, email)
    shops = list(roles_of(tx, user.id)) if user else []
    if user is None or not shops or count_sign_ins(tx, user, now) >= MOST_LINKS:
        return False
    send_sign_in(tx, shops[0], add_sign_in(tx, user, now), now)
    return True


def link_of(tx: Transaction, token: str, secret: str) -> SignIn | None:
    """The link with this token, whether or not it still works."""
    number = sign_in_of(token, secret)
    link = find_sign_in(tx, number) if number is not None else None
    return link if link is not None and is_sign_in_link(token, link, secret) else None


def sign_in(tx: Transaction, token: str, secret: str, agent: str, now: float) -> str | None:
    """What the browser keeps of a new session; None if the link does not work any more."""
    link = link_of(tx, token, secret)
    if link is None or not use_sign_in(tx, link, now):
        return None
    return add_session(tx, link.user_id, agent, now)


def visitor(tx: Transaction, token: str, now: float) -> Visitor | None:
    """Who keeps this token; None if the session has ended, or they serve no shop any more."""
    session = find_session(tx, token, now)
    roles = roles_of(tx, session.user_id) if session else {}
    shops = shops_of(tx, list(roles))
    return Visitor(session, {shop: roles[shop.id] for shop in shops}) if session and shops else None


def is_to_be_prolonged(session: Session, now: float) -> bool:
    return session.used_at <= now - PROLONGED_EVERY


def prolong(tx: Transaction, session: Session, now: float) -> None:
    """A session lasts for thirty days from its last use."""
    prolong_session(tx, session, now)


def invite(tx: Transaction, shop: Shop, email: str, role: Role, now: float) -> User:
    """Gives the person with this address this role in the shop, in place of another one. Raises Refused for the last
    owner."""
    hold_shop(tx, shop.id)
    if role != "owner":
        _keep_an_owner(tx, shop, email)
    user = put_user(tx, email, now)
    put_role(tx, user, shop, role, now)
    return user


def remove(tx: Transaction, shop: Shop, email: str) -> User | None:
    """Takes the role in the shop from the person with this address; None if they had none. Raises Refused for the
    last owner."""
    hold_shop(tx, shop.id)
    _keep_an_owner(tx, shop, email)
    user = find_user(tx, email)
    return user if user and remove_role(tx, user, shop) else None


def _keep_an_owner(tx: Transaction, shop: Shop, email: str) -> None:
    """Raises Refused if this person is the shop's only owner."""
    owners = [each.user.email for each in team_of(tx, shop) if each.role == "owner"]
    if owners == [folded(email)]:
        raise Refused("A shop keeps at least one owner: make someone else an owner first.")
