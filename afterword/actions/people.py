"""Everything that is kept of the person with an address: shown, exported, and erased wherever this machine has it.

An address stands for a person within one shop: what other shops keep is theirs.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from afterword.actions import orders, present
from afterword.actions.orders import OrderDetails
from afterword.actions.reviews.moderation import erase
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.mail.outbox import find_emails, remove_emails
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import SentOrder, sent_orders_of
from afterword.store.orders import StoredOrder, void_links
from afterword.store.people import (
    erase_orders,
    erased_to,
    forget_address,
    next_orders,
    numbers_of_person,
    orders_of_person,
    retentions,
    set_erased_to,
)
from afterword.store.reviews.writing import past_versions, reviews_of_order
from afterword.store.shops import hold_shop, shops_of
from afterword.store.suppressions import Suppression, suppress, suppressions_of

MOST_SEARCHED = 1_000
"""Orders of an address that a search looks at, the newest of them."""

SHOPS_A_LOOK = 100
"""Shops that one read looks at for orders whose time is over: a millisecond or two on SQLite."""

STEP = 25
"""Orders whose time is over that one transaction erases: some ten milliseconds on PostgreSQL, two on SQLite."""


class PersonsOrder(NamedTuple):
    """An order with what its customer wrote before: the past versions of each review."""

    details: OrderDetails
    versions: Mapping[int, list[Review]]


class Person(NamedTuple):
    """What a shop keeps of an address: the orders of both modes, the oldest first, and why it gets no e-mails."""

    email: str
    orders: list[PersonsOrder]
    suppressions: list[Suppression]

    @property
    def is_known(self) -> bool:
        return bool(self.orders or self.suppressions)


def person(tx: Transaction, shop: Shop, email: str, *, most: int) -> Person:
    """With the first `most` of the orders."""
    found = [_with_versions(tx, shop, order) for order in orders_of_person(tx, shop, email, most=most)]
    return Person(email, found, suppressions_of(tx, shop, email))


def _with_versions(tx: Transaction, shop: Shop, order: StoredOrder) -> PersonsOrder:
    details = orders.found(tx, shop, order.id_order, live=order.live)
    return PersonsOrder(details, {review.id: past_versions(tx, review) for review in details.reviews})


def orders_to(tx: Transaction, shop: Shop, email: str, *, live: bool, most: int) -> list[SentOrder]:
    """The newest orders of an address and their e-mails, in one mode."""
    newest = reversed(numbers_of_person(tx, shop, email)[-MOST_SEARCHED:])
    return sent_orders_of(tx, shop, newest, live=live)[:most]


def kept_until(shop: Shop, received_at: int) -> int:
    """When an order's name and address are erased without anyone's asking (epoch seconds)."""
    return received_at + shop.keep_for


def exported(found: Person, shop: Shop, outbox: Path | None, now: float) -> present.Fields:
    """All of it as one JSON object, with the e-mails that the outbox has. Raises OSError."""
    return {
        "address": found.email,
        "shop": {"id": shop.id, "name": shop.name},
        "exported_at": f"{datetime.fromtimestamp(int(now), UTC):%Y-%m-%dT%H:%M:%SZ}",
        "orders": [_exported(each, outbox) for each in found.orders],
        "suppressions": [present.suppression(each) for each in found.suppressions],
    }


def _exported(found: PersonsOrder, outbox: Path | None) -> present.Fields:
    order, more = found.details.order, found.details.more
    emails = find_emails(outbox, order.id_order, order.email) if outbox else []
    return {
        **present.whole_order(order, more),
        "invitation": present.invitation(found.details.invitation),
        "unsent_emails": [present.unsent_email(each) for each in found.details.unsent],
        "emails_in_outbox": [
            {"file": file.name, "content": file.read_text("utf-8", "replace")} for file in emails
        ],
        "reviews": [
            {
                **present.review(review),
                "flags": list(review.flags),
                "versions": [present.past_version(each) for each in found.versions[review.id]],
            }
            for review in found.details.reviews
        ],
    }


def stop_writing_to(tx: Transaction, shop: Shop, email: str, now: float) -> None:
    """The first step of an erasure: no e-mail goes to this address any more, of which a keyed hash stays."""
    suppress(tx, shop, email, live=True, reason="erased", now=now)
    forget_address(tx, shop, email)


def next_order_of(tx: Transaction, shop: Shop, email: str) -> StoredOrder | None:
    """The next order to erase; None when the person has none left."""
    return next(iter(orders_of_person(tx, shop, email, most=1)), None)


def erase_order(tx: Transaction, order: StoredOrder, signer: Signer, now: float) -> int:
    """Erases an order with its reviews, and returns how many these were. Files of its e-mails are removed before: its
    address finds them.

    What stays: the order's number, by which it is not imported again; the stars, dates and subject of its reviews,
    without words or a name, and what the chain says of them.
    """
    hold_shop(tx, order.shop.id)
    found = reviews_of_order(tx, order.shop.id, order.order_id).values()
    reviews = [review for review in found if review.state != "erased"]
    for review in reviews:
        erase(tx, review, signer, now)
    void_links(tx, order)
    erase_orders(tx, order.shop, [order.order_id])
    return len(reviews)


class ErasedPerson(NamedTuple):
    """How many orders, reviews and e-mails in the outbox were erased, and a sentence about what may be left in the
    database's files."""

    orders: int
    reviews: int
    emails: int
    left: str | None


def erase_person(
    database: Database, shop: Shop, email: str, outbox: Path, signer: Signer, now: float
) -> ErasedPerson:
    """Erases all that this machine has of a person. It can be repeated after whatever has interrupted it. Raises
    StoreUnavailable, and OSError for the outbox."""
    database.write_now(partial(stop_writing_to, shop=shop, email=email, now=now))
    orders = reviews = emails = 0
    while order := database.read_now(partial(next_order_of, shop=shop, email=email)):
        emails += remove_emails(outbox, order.id_order, order.email)
        reviews += database.write_now(partial(erase_order, order=order, signer=signer, now=now))
        orders += 1
    return ErasedPerson(orders, reviews, emails, database.scrub())


class LookedAt(NamedTuple):
    """Shops that have orders whose time is over, and the last one that was looked at; None after all."""

    shops: list[int]
    last: int | None


def shops_with_old_orders(tx: Transaction, now: float, after: int) -> LookedAt:
    """Looks at the next SHOPS_A_LOOK behind a number."""
    kept = retentions(tx, after, most=SHOPS_A_LOOK)
    found = []
    for each in kept:
        first = next_orders(tx, each.shop_id, each.erased_to, most=1)
        if first and first[0].received_at < now - each.keep_for:
            found.append(each.shop_id)
    return LookedAt(found, kept[-1].shop_id if len(kept) == SHOPS_A_LOOK else None)


def erase_old(tx: Transaction, shop_id: int, now: float) -> bool:
    """Erases the names and addresses of a step of a shop's orders whose time is over. Reviews and figures stay.
    Returns whether there may be more.

    Numbers of orders rise with time but for a day: one that was received later than its successors holds them up.
    """
    [shop] = shops_of(tx, [shop_id])
    orders = next_orders(tx, shop_id, erased_to(tx, shop), most=STEP)
    old = list(takewhile(lambda order: order.received_at < now - shop.keep_for, orders))
    if not old:
        return False
    erase_orders(tx, shop, [order.order_id for order in old if order.has_address])
    set_erased_to(tx, shop_id, old[-1].order_id)
    return len(old) == len(orders)
