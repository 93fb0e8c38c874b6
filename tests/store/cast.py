"""The cast of the store's tests: two shops that never see each other, and Clara, who orders and reviews.

Each of them is bound to a database and has verbs: `alba.sends("A-1")`, `clara.reviews(alba.order("A-1"))`. A verb is
one transaction. To do several things in one transaction, use `alba.within(tx)`; to do them through another connection
or in a restored database, `alba.on(database)`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from afterword.actions.reviews import moderation
from afterword.actions.reviews.checking import Look
from afterword.actions.reviews.writing import (
    Said,
    Submission,
    Written,
    prepare,
    unwritten,
    withdraw,
    write_reviews,
)
from afterword.domain.messages import Outcome, Queue, State
from afterword.domain.orders.order import Order
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review, Words
from afterword.domain.shops import DEFAULT_DELAY, Key, Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.claims import Claim, Source
from afterword.store.messages.due import Hold, claim_due, due_sources
from afterword.store.messages.invitations import InvitationRow, find_invitation, list_invitations
from afterword.store.messages.steps import Mark, Record, Settled, release, take_steps
from afterword.store.numbers import invitation_ids
from afterword.store.orders import Arrival, StoredOrder, import_orders, order_of
from afterword.store.reviews.writing import find_review
from afterword.store.shops import NewKeys, add_private_key, add_shop, change_shop, find_private_key
from afterword.store.suppressions import Suppression, allow, list_suppressions, suppress, suppressed_because
from tests.store.databases import Store
from tests.store.databases import another as another
from tests.store.databases import closing_now as closing_now
from tests.store.databases import count_commits as count_commits
from tests.store.databases import counted as counted
from tests.store.databases import open_database as open_database
from tests.store.databases import run as run
from tests.store.databases import writing as writing
from tests.store.given import DUE as DUE
from tests.store.given import LINES as LINES
from tests.store.given import NOW as NOW
from tests.store.given import SIGNER as SIGNER
from tests.store.given import Imported as Imported
from tests.store.given import Invited, nothing_found, number_of
from tests.store.given import MovableClock as MovableClock
from tests.store.given import link_found as link_found
from tests.store.given import order as order
from tests.store.given import phone_number_found as phone_number_found

T = TypeVar("T")


class Within:
    """One open transaction, so that several verbs are committed or undone together."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        return work(self._tx)

    write_now = read_now


@dataclass(frozen=True)
class Actor:
    """Who does things in a database, each of them in a transaction of its own."""

    store: Store

    def on(self, store: Store) -> Self:
        """The same, acting through another connection or in a copy of the database."""
        return replace(self, store=store)

    def within(self, tx: Transaction) -> Self:
        return self.on(Within(tx))

    def asks(self, question: Callable[..., T], *values: Any, **named: Any) -> T:
        """What a function of the store reads."""
        return self.store.read_now(lambda tx: question(tx, *values, **named))

    def acts(self, deed: Callable[..., T], *values: Any, **named: Any) -> T:
        """What a function of the store or an action does."""
        return self.store.write_now(lambda tx: deed(tx, *values, **named))

    def rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return self.store.read_now(lambda tx: tx.rows(sql, values))

    def executes(self, sql: str, values: Any = ()) -> int:
        """A statement behind the store's back; how many rows it changed."""
        return self.store.write_now(lambda tx: tx.run(sql, values))


@dataclass(frozen=True)
class Member(Actor):
    """A shop: its private keys as rows, and all its keys as they are shown once."""

    shop: Shop
    live: Key
    test: Key
    shown: NewKeys

    _replace = replace

    def key(self, *, live: bool) -> Key:
        return self.live if live else self.test

    def changes(self, **changes: Any) -> Self:
        """The shop with other settings."""
        return replace(self, shop=self.acts(change_shop, self.shop, **changes))

    def adds_key(self, **more: Any) -> Self:
        """The shop, with another live key from now on."""
        _, shown = self.acts(add_private_key, self.shop, live=True, **{"lang": "en", "now": NOW} | more)
        return replace(self, live=self.asks(_key, shown), shown=self.shown._replace(private_key=shown))

    def moderates(self) -> Self:
        """The shop once a person looks at all of its reviews, for an hour at most."""
        return self.changes(moderation="by hand", publish_after=3_600)

    # Orders and their invitations.

    def sends_batch(self, *orders: Order, live: bool = True, at: float = NOW) -> list[Imported | None]:
        """The invitation of each order; None stands for a duplicate."""
        arrival = Arrival(self.shop, self.key(live=live), list(enumerate(orders)), at)
        [stored] = self.acts(import_orders, [arrival])
        return [Imported(number, stored.due_at) if number else None for number in stored.numbers]

    def sends(
        self, one: Order | str = "1234", *, live: bool = True, at: float = NOW, **fields: Any
    ) -> Imported:
        """The invitation of an order that is not a duplicate."""
        one = order(one, **fields) if isinstance(one, str) else one
        [imported] = self.sends_batch(one, live=live, at=at)
        assert imported is not None
        return imported

    def claims(
        self,
        now: float = DUE,
        *,
        queue: Queue = Queue.INVITATIONS,
        holder: str = "first",
        live: bool = True,
        most: int = 100,
    ) -> list[Claim]:
        """What is due of one queue; of that of deliveries, to all webhooks of the shop."""
        sources = [Source(self.shop.id)]
        if queue == Queue.WEBHOOKS:
            due = self.asks(due_sources, queue, live=live, now=now)
            sources = [source for source in due if source.shop_id == self.shop.id]
        hold = Hold(holder, now, int(now) + 40)
        return self.acts(claim_due, queue, sources, hold, live=live, most=most) if sources else []

    def claims_one(self, now: float = DUE, *, holder: str = "first", live: bool = True) -> Claim:
        """The claim of the only invitation that is due."""
        [only] = self.claims(now, holder=holder, live=live)
        return only

    def claims_each(self, now: float = DUE) -> list[Claim]:
        """The claims of all that is due, in the order in which the orders came."""
        return sorted(self.claims(now), key=lambda one: one.message.id)

    def marks(self, one: Claim, now: float = DUE) -> bool:
        """Whether DATA may begin."""
        return self.acts(take_steps, [Mark(one, now, int(now) + 40)]) == [True]

    def records(
        self, one: Claim, kind: Any, reply: str = "", *, now: float = DUE, again: int | None = None
    ) -> Settled:
        """The state that an outcome leads to; None when the claim was not ours."""
        [state] = self.acts(take_steps, [Record(one, Outcome(kind, reply), now, again)])
        assert not isinstance(state, bool)
        return state

    def delivers(self, one: Claim, now: float = DUE) -> None:
        """Marks a claim and records it as sent."""
        assert self.marks(one, now)
        assert self.records(one, "sent", "250 ok", now=now) == "sent"

    def sends_due(self, now: float = DUE, *, live: bool = True) -> list[str]:
        """Delivers all that is due, and returns the `id_order` of each."""
        claims = self.claims(now, live=live)
        for one in claims:
            self.delivers(one, now)
        return sorted(id_order_of(one) for one in claims)

    def releases(self, *claims: Claim, at: int = DUE, reason: str | None = "connection refused") -> int:
        return self.acts(release, claims, next_try_at=at, reason=reason)

    def sees(self, of: Invited) -> InvitationRow:
        return self.asks(lambda tx: find_invitation(tx, invitation_ids(tx).shown(number_of(of))))

    def state(self, of: Invited) -> State:
        return self.sees(of).state

    def states(self, *each: Invited) -> list[State]:
        return [self.state(of) for of in each]

    def lists(self, state: str | None = None, **page: int) -> list[InvitationRow]:
        return self.asks(list_invitations, self.shop, state, **page)

    # Suppressions.

    def suppresses(
        self, email: str, *, live: bool = True, reason: str = "unsubscribed", now: float = NOW
    ) -> bool:
        return self.acts(suppress, self.shop, email, live=live, reason=reason, now=now)

    def allows(self, email: str, now: float = NOW) -> bool:
        return self.acts(allow, self.shop, email, now)

    def why_not(self, email: str, *, live: bool = True) -> str | None:
        return self.asks(suppressed_because, self.shop, email, live=live)

    def suppressions(self) -> list[Suppression]:
        return self.asks(list_suppressions, self.shop)

    # Reviews.

    def order(self, name: str = "A-1", *, live: bool = True, **fields: Any) -> StoredOrder:
        """An order of two products that was just imported, as the customer who reviews it sees it."""
        imported = self.sends(name, live=live, **{"lines": LINES, **fields})
        found = self.asks(order_of, self.shop, imported.number)
        assert found is not None
        return found

    def publishes(self, review: Review, now: float = NOW, signer: Signer = SIGNER) -> Review:
        return self.acts(moderation.publish, review, "shop", signer, now)

    def rejects(self, review: Review, reason: str = "abuse", now: float = NOW) -> Review:
        return self.acts(moderation.reject, review, reason, SIGNER, now)

    def replies(self, review: Review, text: str | None = "Thank you!", now: float = NOW) -> Review:
        """The review with the shop's reply; with None the reply is taken back."""
        return self.acts(moderation.answer, review, text, SIGNER, now)

    def disputes(self, review: Review, why: str = "This order was cancelled.", now: float = NOW) -> Review:
        return self.acts(moderation.dispute, review, why, SIGNER, now)

    def erases(self, review: Review, now: float = NOW) -> Review:
        return self.acts(moderation.erase, review, SIGNER, now)

    def finds(self, review: Review) -> Review:
        """The review as it is now."""
        return self.asks(find_review, review.id)[1]


class Customer(Actor):
    """A person who writes about what they ordered."""

    def writes(self, about: StoredOrder, line: int = 0, rating: int = 5, **more: Any) -> Written:
        """A review of one line (0 is the shop), and its receipt."""
        return self.acts(write, about, line, rating, **more)

    def reviews(self, about: StoredOrder, line: int = 0, rating: int = 5, **more: Any) -> Review:
        return self.writes(about, line, rating, **more).review

    def withdraws(self, review: Review, now: float = NOW) -> Review:
        return self.acts(withdraw, review, SIGNER, now)


def add_member(tx: Transaction, name: str, delay: int = DEFAULT_DELAY) -> Member:
    fields = {"lang": "en", "site": None, "timezone": "Europe/Paris", "email": None, "delay": delay}
    shop, shown = add_shop(tx, NOW, name=name, **fields)
    return Member(Within(tx), shop, _key(tx, shown.private_key), _key(tx, shown.test_key), shown)


def new_member(database: Database, name: str, delay: int = DEFAULT_DELAY) -> Member:
    return database.write_now(lambda tx: add_member(tx, name, delay)).on(database)


def _key(tx: Transaction, shown: str) -> Key:
    found = find_private_key(tx, shown)
    assert found is not None
    return found[1]


def write(
    tx: Transaction,
    order: StoredOrder,
    line: int = 0,
    rating: int = 5,
    text: str = "Good bread.",
    *,
    seen: int = 0,
    now: float = NOW,
    wants_reply: bool = False,
    look: Look = nothing_found,
    signer: Signer = SIGNER,
) -> Written:
    """What the author of an order says of one line (0 is the shop)."""
    submission = Submission(order, [Said(line, Words(rating, text), seen)], wants_reply)
    prepared = prepare(submission, unwritten(tx, submission, now), look)
    [written] = write_reviews(tx, submission, prepared, now=now, signer=signer)
    return written


def id_order_of(claim: Claim) -> str:
    assert claim.message.order is not None
    return claim.message.order.id_order
