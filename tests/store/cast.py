"""The cast of the store's tests: two shops that never see each other, and Clara, who orders and reviews.

Each of them is bound to a database and has verbs: `alba.sends("A-1")`, `clara.reviews(alba.order("A-1"))`. A verb is
one transaction. To do several things in one transaction, use `alba.within(tx)`; to do them through another connection
or in a restored database, `alba.on(database)`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Self, TypeVar

from afterword.actions.reviews import moderation
from afterword.actions.reviews.writing import Said, Submission, Written, withdraw, write_reviews
from afterword.domain.invitations import Outcome, State
from afterword.domain.orders.order import Order
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review, Words
from afterword.domain.shops import DEFAULT_DELAY, Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.invitations import (
    Claim,
    InvitationRow,
    Mark,
    Record,
    claim_due,
    find_invitation,
    list_invitations,
    release,
    take_steps,
)
from afterword.store.orders import Arrival, StoredOrder, import_orders, order_of
from afterword.store.reviews.writing import find_review
from afterword.store.shops import NewKeys, add_shop, authenticate, change_shop
from afterword.store.suppressions import (
    Suppression,
    allow,
    list_suppressions,
    suppress,
    suppressed_because,
)
from tests.store.databases import Store
from tests.store.databases import another as another
from tests.store.databases import closing_now as closing_now
from tests.store.databases import count_commits as count_commits
from tests.store.databases import counted as counted
from tests.store.databases import open_database as open_database
from tests.store.databases import run as run
from tests.store.databases import writing as writing

T = TypeVar("T")

NOW = 1_772_374_326
"""2026-03-01 14:12:06 UTC, when these tests begin."""

DUE = NOW + DEFAULT_DELAY
"""When what was ordered at `NOW` is due."""

SIGNER = Signer("the secret from which this test's keys are made")

LINES = '[{"id":100,"name":"Rye bread"},{"id":200,"name":"Seed rolls"}]'


class MovableClock:
    """Tells the time that a test gave it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = float(now)

    def __call__(self) -> float:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += seconds


class Within:
    """One open transaction, so that several verbs are committed or undone together."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        return work(self._tx)

    write_now = read_now


class Member(NamedTuple):
    """A shop that acts: its private keys as rows, and all its keys as they are shown once."""

    shop: Shop
    live: Key
    test: Key
    shown: NewKeys
    store: Store

    def key(self, *, live: bool) -> Key:
        return self.live if live else self.test

    def on(self, store: Store) -> Self:
        """The same shop, acting through another connection or in a copy of the database."""
        return self._replace(store=store)

    def within(self, tx: Transaction) -> Self:
        return self.on(Within(tx))

    def changes(self, **changes: Any) -> Self:
        """The shop with other settings."""
        return self._replace(shop=self.store.write_now(lambda tx: change_shop(tx, self.shop, **changes)))

    def moderates(self, *, publish_after: int = 3_600) -> Self:
        """The shop once a person looks at all of its reviews."""
        return self.changes(moderation="by hand", publish_after=publish_after)

    # Orders and their invitations.

    def sends_batch(self, *orders: Order, live: bool = True, at: float = NOW) -> list["Imported | None"]:
        """The invitation of each order; None stands for a duplicate."""
        return self.store.write_now(lambda tx: import_batch(tx, self, *orders, live=live, at=at))

    def sends(
        self, one: Order | str = "1234", *, live: bool = True, at: float = NOW, **fields: Any
    ) -> "Imported":
        """The invitation of an order that is not a duplicate."""
        one = order(one, **fields) if isinstance(one, str) else one
        [imported] = self.sends_batch(one, live=live, at=at)
        assert imported is not None
        return imported

    def claims(
        self, now: float = DUE, *, holder: str = "first", live: bool = True, most: int = 100
    ) -> list[Claim]:
        return self.store.write_now(lambda tx: claim(tx, self, now, holder=holder, live=live, most=most))

    def claims_one(self, now: float = DUE, *, holder: str = "first", live: bool = True) -> Claim:
        """The claim of the only invitation that is due."""
        [only] = self.claims(now, holder=holder, live=live)
        return only

    def claims_each(self, now: float = DUE) -> list[Claim]:
        """The claims of all that is due, in the order in which the orders came."""
        return sorted(self.claims(now), key=lambda one: one.invitation.id)

    def marks(self, one: Claim, now: float = DUE) -> bool:
        """Whether DATA may begin."""
        return self.store.write_now(lambda tx: mark_sending(tx, one, now=now, lease_until=int(now) + 40))

    def records(
        self, one: Claim, kind: Any, reply: str = "", *, now: float = DUE, again: int | None = None
    ) -> State | None:
        """The state that an outcome leads to; None when the claim was not ours."""
        outcome = Outcome(kind, reply)
        return self.store.write_now(lambda tx: record_outcome(tx, one, outcome, now=now, next_try_at=again))

    def delivers(self, one: Claim, now: float = DUE) -> None:
        """Marks a claim and records it as sent."""
        assert self.marks(one, now)
        assert self.records(one, "sent", "250 ok", now=now) == "sent"

    def sends_due(self, now: float = DUE, *, live: bool = True) -> list[str]:
        """Delivers all that is due, and returns the `id_order` of each."""
        claims = self.claims(now, live=live)
        for one in claims:
            self.delivers(one, now)
        return sorted(one.invitation.id_order for one in claims)

    def releases(self, *claims: Claim, at: int = DUE, reason: str | None = "connection refused") -> int:
        return self.store.write_now(lambda tx: release(tx, claims, next_try_at=at, reason=reason))

    def sees(self, of: "Invited") -> InvitationRow:
        return self.store.read_now(lambda tx: find_invitation(tx, number_of(of)))

    def state(self, of: "Invited") -> State:
        return self.sees(of).state

    def states(self, *each: "Invited") -> list[State]:
        return [self.state(of) for of in each]

    def lists(self, state: str | None = None, **page: int) -> list[InvitationRow]:
        return self.store.read_now(lambda tx: list_invitations(tx, self.shop, state, **page))

    # Suppressions.

    def suppresses(
        self, email: str, *, live: bool = True, reason: str = "unsubscribed", now: float = NOW
    ) -> bool:
        return self.store.write_now(
            lambda tx: suppress(tx, self.shop, email, live=live, reason=reason, now=now)
        )

    def allows(self, email: str, now: float = NOW) -> bool:
        return self.store.write_now(lambda tx: allow(tx, self.shop, email, now))

    def why_not(self, email: str, *, live: bool = True) -> str | None:
        return self.store.read_now(lambda tx: suppressed_because(tx, self.shop, email, live=live))

    def suppressions(self) -> list[Suppression]:
        return self.store.read_now(lambda tx: list_suppressions(tx, self.shop))

    # Reviews.

    def order(self, name: str = "A-1", *, live: bool = True, **fields: Any) -> StoredOrder:
        """An order of two products that was just imported, as the customer who reviews it sees it."""
        number = self.sends(name, live=live, **{"lines": LINES, **fields}).invitation_id
        found = self.store.read_now(lambda tx: order_of(tx, self.shop, number))
        assert found is not None
        return found

    def publishes(
        self, review: Review, now: float = NOW, *, by: str = "shop", signer: Signer = SIGNER
    ) -> Review:
        return self.store.write_now(lambda tx: moderation.publish(tx, review, by, signer, now))

    def rejects(
        self, review: Review, reason: str = "abuse", now: float = NOW, *, signer: Signer = SIGNER
    ) -> Review:
        return self.store.write_now(lambda tx: moderation.reject(tx, review, reason, signer, now))

    def replies(self, review: Review, text: str | None = "Thank you!", now: float = NOW) -> Review:
        """The review with the shop's reply; with None the reply is taken back."""
        return self.store.write_now(lambda tx: moderation.answer(tx, review, text, SIGNER, now))

    def disputes(self, review: Review, why: str = "This order was cancelled.", now: float = NOW) -> Review:
        return self.store.write_now(lambda tx: moderation.doubt(tx, review, why, SIGNER, now))

    def erases(self, review: Review, now: float = NOW) -> Review:
        return self.store.write_now(lambda tx: moderation.erase(tx, review, SIGNER, now))

    def finds(self, review: Review) -> Review:
        """The review as it is now."""
        return self.store.read_now(lambda tx: find_review(tx, review.id))[1]


class Customer(NamedTuple):
    """A person who writes about what they ordered."""

    store: Store

    def on(self, store: Store) -> Self:
        return self._replace(store=store)

    def within(self, tx: Transaction) -> Self:
        return self.on(Within(tx))

    def writes(self, about: StoredOrder, line: int = 0, rating: int = 5, **more: Any) -> Written:
        """A review of one line (0 is the shop), and its receipt."""
        return self.store.write_now(lambda tx: write(tx, about, line, rating, **more))

    def reviews(self, about: StoredOrder, line: int = 0, rating: int = 5, **more: Any) -> Review:
        return self.writes(about, line, rating, **more).review

    def withdraws(self, review: Review, now: float = NOW) -> Review:
        return self.store.write_now(lambda tx: withdraw(tx, review, SIGNER, now))


def add_member(tx: Transaction, name: str, delay: int = DEFAULT_DELAY) -> Member:
    fields = {"lang": "en", "site": None, "timezone": "Europe/Paris", "email": None, "delay": delay}
    shop, shown = add_shop(tx, NOW, name=name, **fields)
    return Member(shop, _key(tx, shown.private_key), _key(tx, shown.test_key), shown, Within(tx))


def new_member(database: EngineDatabase, name: str, delay: int = DEFAULT_DELAY) -> Member:
    return database.write_now(lambda tx: add_member(tx, name, delay)).on(database)


def _key(tx: Transaction, shown: str) -> Key:
    found = authenticate(tx, shown)
    assert found is not None
    return found[1]


def order(
    id_order: str = "1234", reference: str | None = None, email: str = "clara@nunez.example", **fields: Any
) -> Order:
    """Clara's order, but for what is said otherwise."""
    usual = {
        "order_date": "2019-01-01 12:00:00",
        "firstname": "Clara",
        "lastname": "Nunez",
        "phone": None,
        "store_id": None,
        "lines": '[{"id":100,"name":"Rye bread"}]',
    }
    return Order(id_order=id_order, reference=reference, email=email, **usual | fields)


class Imported(NamedTuple):
    """The invitation that an order has earned."""

    invitation_id: int
    due_at: int


Invited = Imported | Claim | int
"""What an invitation is named by; an order that is reviewed has the number of its invitation."""


def number_of(of: Invited) -> int:
    if isinstance(of, Claim):
        return of.invitation.id
    return of.invitation_id if isinstance(of, Imported) else of


def import_batch(
    tx: Transaction, member: Member, *orders: Order, live: bool = True, at: float = NOW
) -> list[Imported | None]:
    """What became of each order; None stands for a duplicate."""
    arrival = Arrival(member.shop, member.key(live=live), list(enumerate(orders)), at)
    [stored] = import_orders(tx, [arrival])
    return [Imported(number, stored.due_at) if number else None for number in stored.numbers]


def import_one(
    tx: Transaction, member: Member, one: Order | None = None, *, live: bool = True, at: float = NOW
) -> Imported:
    """An order that must not be a duplicate."""
    [imported] = import_batch(tx, member, one or order(), live=live, at=at)
    assert imported is not None
    return imported


def claim(
    tx: Transaction, member: Member, now: float, *, holder: str = "first", live: bool = True, most: int = 100
) -> list[Claim]:
    until = int(now) + 40
    return claim_due(tx, [member.shop.id], holder, live=live, now=now, lease_until=until, most=most)


def mark_sending(tx: Transaction, claim: Claim, *, now: float, lease_until: int) -> bool:
    """The mark of one letter."""
    [marked] = take_steps(tx, [Mark(claim, now, lease_until)])
    return marked is True


def record_outcome(
    tx: Transaction, claim: Claim, outcome: Outcome, *, now: float, next_try_at: int | None
) -> State | None:
    """The outcome of one letter, and the state that it leads to."""
    [state] = take_steps(tx, [Record(claim, outcome, now, next_try_at)])
    assert not isinstance(state, bool)
    return state


def nothing_found(text: str) -> tuple[str, ...]:
    return ()


def link_found(text: str) -> tuple[str, ...]:
    return ("link",)


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
    **more: Any,
) -> Written:
    """What the author of an order says of one line (0 is the shop)."""
    submission = Submission(order, [Said(line, Words(rating, text), seen)], wants_reply)
    [written] = write_reviews(tx, submission, now=now, **{"look": nothing_found, "signer": SIGNER} | more)
    return written


def seen(database: EngineDatabase, invitation_id: int) -> InvitationRow:
    return database.read_now(lambda tx: find_invitation(tx, invitation_id))


def state(database: EngineDatabase, invitation_id: int) -> str:
    return seen(database, invitation_id).state
