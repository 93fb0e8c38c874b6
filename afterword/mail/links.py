"""The links of a message: absolute http(s) addresses in ASCII, signed for the order that the message is about."""

import re
from typing import NamedTuple, Protocol

from markupsafe import escape

from afterword.base.ids import is_signed, order_id_of, sign_token
from afterword.domain.messages import Message, link_subject, order_fingerprint
from afterword.domain.people.users import SignIn
from afterword.domain.shops import Shop

LONGEST_LINK = 900
"""Octets of an address as HTML writes it, where `&` takes five."""

_LINK = re.compile(r"https?://[!#-;=?-~]+")


class LinkedOrder(Protocol):
    """What of an order its links are made of."""

    @property
    def order_id(self) -> int: ...
    @property
    def id_order(self) -> str: ...
    @property
    def voided(self) -> int: ...


class Links(NamedTuple):
    """To the customer's reviews, to unsubscribe (both empty in a message to the shop), and to the page that verifies
    a receipt; in a message to the shop, to the dashboard: to the page that it is about, or to sign in."""

    review: str
    unsubscribe: str
    verify: str
    dashboard: str = ""


def links_of(message: Message, shop: Shop, url: str, secret: str) -> Links:
    """Its links below `url`, which is `AFTERWORD_URL`, signed with this secret."""
    verify = f"{url}/s/{shop.id}{'' if message.live else '/test'}/verify"
    order = message.order
    if order is None:
        return Links("", "", verify, _to_dashboard(message, shop, url, secret))
    subject = order_fingerprint(shop.salt, live=message.live, id_order=order.id_order)
    unsubscribe = sign_token(secret, "u", order.order_id, subject)
    review = review_link(order, shop, url, secret, live=message.live)
    return Links(review, f"{url}/u/{shop.id}/{unsubscribe}", verify)


def harmless_links(shop: Shop, url: str) -> Links:
    """For an e-mail that is only looked at: all lead to the shop's public page, and none acts for a customer."""
    page = f"{url}/s/{shop.id}"
    return Links(page, page, page)


def review_link(order: LinkedOrder, shop: Shop, url: str, secret: str, *, live: bool) -> str:
    """To the reviews of an order, until its links are voided."""
    subject = link_subject(shop.salt, live=live, id_order=order.id_order, voided=order.voided)
    return f"{url}/r/{shop.id}/{sign_token(secret, 'r', order.order_id, subject)}"


def _to_dashboard(message: Message, shop: Shop, url: str, secret: str) -> str:
    if message.kind == "sign_in":
        return sign_in_link(SignIn(**message.details["sign_in"]), url, secret)
    return f"{url}/dashboard/{shop.id}{'' if message.live else '/test'}/moderation"


def sign_in_link(link: SignIn, url: str, secret: str) -> str:
    """To the page whose button signs in."""
    return f"{url}/dashboard/sign-in/{sign_token(secret, 's', link.id, link.subject)}"


def sign_in_of(token: str, secret: str) -> int | None:
    """The number of the link with this token, which may be forged; None if it is none."""
    return order_id_of(secret, token)


def is_sign_in_link(token: str, link: SignIn, secret: str) -> bool:
    """Whether this token is that of the link."""
    return is_signed(secret, "s", token, link.subject)


def check_link(link: str) -> str:
    """The link. Raises ValueError where it could end a line, a header field or an attribute."""
    if not _LINK.fullmatch(link) or len(escape(link)) > LONGEST_LINK:
        raise ValueError(
            "this link cannot be written in a message: it must be a short http(s) address in ASCII"
        )
    return link
