"""The whole life of orders, reviews and messages of every kind against a model: any mixture of imports, reviews,
deliveries, crashes, clock steps, suppressions and restored backups, and the guarantees hold after each step.

The store, the rows and the send journal are real. The clock is a number, and the mailboxes are a counter.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from afterword.base.errors import Refused
from afterword.domain.messages import Queue
from afterword.domain.shops import TEST_DELAY
from afterword.store.messages.claims import Claim
from afterword.store.messages.invitations import cancel_invitation, move_invitation, send_invitation
from afterword.store.messages.steps import rescue_lapsed
from afterword.store.orders import order_of
from afterword.store.reviews.writing import reviews_of_order
from tests.needs import scale
from tests.store.cast import NOW, Customer, Member, id_order_of, new_member, open_database, order
from tests.store.databases import act
from tests.store.kinds import hook

LEASE = 40
FINGERPRINT = 32
Name = tuple[int, bool, str]
"""A message for ever: its shop, whether it is live, and the order's id_order or, of another kind, its fingerprint."""

numbers = st.integers(0, 4).map(str)
references = st.sampled_from([None, None, "R1", "R2"])
addresses = st.sampled_from([f"{name}{n}@mail.example" for name in ("clara", "Clara") for n in range(8)])
queues = st.sampled_from([Queue.INVITATIONS, Queue.INVITATIONS, Queue.MAIL, Queue.WEBHOOKS])
worlds = st.sampled_from([True, True, True, False])
shops = st.sampled_from([0, 0, 0, 1])
picks = st.integers(0, 10**6)
steps = st.sampled_from([0.5, 1, 2, 11, 41, 300, 4_000, 864_000, -0.5, -1, -3_600, -864_000])
ends = st.sampled_from(["sent", "sent", "deferred", "failed", "lost", "delivered, no answer", "trouble"])
DELAY = 2
"""Seconds, so that much becomes due in a short life."""


class Life(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.database = open_database(self.folder)
        self.shops = [
            new_member(self.database, name, DELAY).changes(email=f"{name[0]}@shop.example").moderates()
            for name in ("Alba's bakery", "Bruno's books")
        ]
        for live in (True, False):
            hook(self.shops[0], live=live)
        self.now = float(NOW)
        self.orders: dict[Name, tuple[int, str | None, str]] = {}
        """What the database knows: each order's earliest second, reference and address."""
        self.in_hand: list[Claim] = []
        self.letters: Counter[Name] = Counter()
        self.sent_by_hand: Counter[Name] = Counter()
        self.suppressed: set[tuple[int, bool, str]] = set()
        self.unsettled: set[Name] = set()
        self.backups: list[tuple[Path, dict[Name, tuple[int, str | None, str]]]] = []
        self.dispatchers = self.reviews = 0
        self.back_up()
        self.import_several(0, live=True, first=0)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.everything_uncertain_is_shown()
            self.database.close_now()
            shutil.rmtree(self.folder)

    @rule(shop=shops, live=worlds, number=numbers, reference=references, email=addresses)
    def import_order(self, shop: int, live: bool, number: str, reference: str | None, email: str) -> None:
        member = self.shops[shop]
        mine = {name[2]: known for name, known in self.orders.items() if name[:2] == (member.shop.id, live)}
        was_sent_before = number in mine or (
            reference is not None and reference in [known[1] for known in mine.values()]
        )
        [imported] = member.sends_batch(order(number, reference, email), live=live, at=self.now)
        assert (imported is None) == was_sent_before
        if imported is not None:
            assert 0 <= imported.due_at - (self.now + (DELAY if live else TEST_DELAY)) < 1
            self.orders[member.shop.id, live, number] = (imported.due_at, reference, email)

    @rule(shop=shops, live=worlds, first=st.integers(0, 9))
    def import_several(self, shop: int, live: bool, first: int) -> None:
        for number in range(first, first + 4):
            self.import_order(shop, live, f"{number}", None, f"Clara{number}@mail.example")

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def review(self, pick: int) -> None:
        """A customer writes, or writes again: a receipt, a digest and, at Alba's, a delivery."""
        name = sorted(self.orders)[pick % len(self.orders)]
        member, number = self.member(name[0]), self.number_of(name)
        if member.state(number) in ("sent", "in_doubt"):
            self.unsettled.discard(name)
        self.reviews += 1
        about = member.asks(order_of, member.shop, number)
        assert about is not None
        before = member.asks(reviews_of_order, member.shop.id, number)
        seen = before[0].version if before else 0
        Customer(self.database).writes(about, text=f"No. {self.reviews}", seen=seen, now=self.now)

    @rule(shop=shops, live=worlds, most=st.integers(1, 4), seconds=st.sampled_from([0, 2, 11]), queue=queues)
    def claim_what_is_due(
        self, shop: int, live: bool, most: int, seconds: int = 0, queue: Queue = Queue.INVITATIONS
    ) -> None:
        self.step_the_clock(seconds)
        member, holder = self.shops[shop], f"dispatcher {self.dispatchers}"
        for one in member.claims(self.now, holder=holder, live=live, most=most, queue=queue):
            due_at = self.orders[self.name(one)][0] if queue == Queue.INVITATIONS else one.message.due_at
            assert due_at <= self.now, "it is claimed before it is due"
            assert not self.is_suppressed(one)
            self.in_hand.append(one)

    @precondition(lambda self: self.in_hand)
    @rule(pick=picks, ends=ends, wait=st.integers(1, 300))
    def deliver(self, pick: int, ends: str, wait: int) -> None:
        one, now = self.in_hand.pop(pick % len(self.in_hand)), self.now
        member, later = self.member(one.shop.id), int(now) + wait
        if ends == "trouble":
            member.releases(one, at=int(now) + 1, reason="no courier")
        elif one.delivery is not None:
            member.records(one, "sent" if ends == "sent" else "deferred", now=now, again=later)
        elif self.mark(one):
            self.unsettled.discard(self.name(one))
            kind = "in_doubt" if ends in ("lost", "delivered, no answer") else ends
            self.letters[self.name(one)] += ends in ("sent", "delivered, no answer")
            state = member.records(one, kind, "250 ok", now=now, again=later)
            assert state == ("scheduled" if kind == "deferred" else kind)
            if kind == "in_doubt":
                self.unsettled.add(self.name(one))

    @rule(shop=shops, live=worlds, ends=ends, seconds=st.sampled_from([0, 2, 11, 300]))
    def work_through_what_is_due(self, shop: int, live: bool, ends: str, seconds: int) -> None:
        self.step_the_clock(seconds)
        for queue in Queue:
            self.claim_what_is_due(shop, live, 4, 0, queue)
        while self.in_hand:
            self.deliver(0, ends, wait=60)

    @precondition(lambda self: self.in_hand)
    @rule(pick=picks, delivered=st.booleans(), committed=st.booleans(), works_on=st.booleans())
    def crash_after_the_mark(self, pick: int, delivered: bool, committed: bool, works_on: bool) -> None:
        """The machine dies with a message on the line, or between the journal's line and its commit."""
        one = self.in_hand.pop(pick % len(self.in_hand))
        if one.delivery is not None:
            pass
        elif committed:
            if self.mark(one):
                self.letters[self.name(one)] += delivered
        else:
            with (self.folder / "send.journal").open("a") as journal:
                journal.write(one.journal_line("sending", self.now) + "\n")
            self.unsettled.add(self.name(one))
        self.crash()
        if works_on:
            self.keep_house(LEASE + 1)
            self.work_through_what_is_due(self.place_of(one.shop.id), one.message.live, "sent", 0)

    @rule()
    def crash(self) -> None:
        self.database.close_now()
        self.start()

    @rule(seconds=steps)
    def step_the_clock(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from([0, LEASE + 1]))
    def keep_house(self, seconds: int) -> None:
        self.step_the_clock(seconds)
        act(self.database, rescue_lapsed, {one.message.id for one in self.in_hand}, now=self.now)

    @rule(shop=shops, live=worlds, email=addresses)
    def suppress(self, shop: int, live: bool, email: str) -> None:
        member = self.shops[shop]
        member.suppresses(email, live=live, now=self.now)
        self.suppressed.add((member.shop.id, live, email.casefold()))

    @precondition(lambda self: self.in_hand)
    @rule(pick=picks)
    def suppress_somebody_whose_letter_is_in_hand(self, pick: int) -> None:
        one = self.in_hand[pick % len(self.in_hand)]
        if one.message.order is not None:
            self.suppress(self.place_of(one.shop.id), one.message.live, one.message.recipient.email.upper())

    @rule(shop=shops, email=addresses)
    def allow(self, shop: int, email: str) -> None:
        member = self.shops[shop]
        both = {(member.shop.id, live, email.casefold()) for live in (True, False)}
        assert member.allows(email, self.now) == bool(self.suppressed & both)
        self.suppressed -= both

    @precondition(lambda self: self.orders)
    @rule(pick=picks, what=st.sampled_from(["cancel", "move", "send"]), wait=st.integers(0, 1_000))
    def decide_by_hand(self, pick: int, what: str, wait: int) -> None:
        name = sorted(self.orders)[pick % len(self.orders)]
        invitation, at = self.member(name[0]).sees(self.number_of(name)).id, int(self.now) + wait
        try:
            match what:
                case "cancel":
                    act(self.database, cancel_invitation, invitation, "returned", self.now)
                    self.unsettled.discard(name)
                case "move":
                    act(self.database, move_invitation, invitation, at)
                    self.orders[name] = (at, *self.orders[name][1:])
                case "send":
                    at = int(self.now)
                    act(self.database, send_invitation, invitation, at)
                    self.orders[name] = (at, *self.orders[name][1:])
                    self.sent_by_hand[name] += 1
                    self.unsettled.discard(name)
        except Refused:
            return

    @rule()
    def back_up(self) -> None:
        target = self.folder / f"{len(self.backups)}.backup"
        self.database.backup(target, lambda done, pages: None)
        self.backups.append((target, dict(self.orders)))

    @rule(pick=picks, sends_all_again=st.booleans())
    def restore(self, pick: int, sends_all_again: bool) -> None:
        """An old backup is laid over the database, and perhaps the shops send all their orders once more."""
        backup, orders = self.backups[pick % len(self.backups)]
        self.database.close_now()
        shutil.copy(backup, self.folder / "afterword.db")
        self.orders = dict(orders)
        self.start()
        lost = [name for name in self.letters if name not in self.orders and len(name[2]) < FINGERPRINT]
        for shop_id, live, number in lost if sends_all_again else ():
            self.import_order(self.place_of(shop_id), live, number, None, "clara@mail.example")
            self.work_through_what_is_due(self.place_of(shop_id), live, "sent", 11)

    @invariant()
    def no_letter_goes_twice_unless_a_person_said_so(self) -> None:
        for name, count in self.letters.items():
            assert count <= 1 + self.sent_by_hand[name], name

    @invariant()
    def every_order_has_one_invitation_and_none_is_missing(self) -> None:
        rows = self.rows(
            "SELECT o.shop_id, o.live, o.id_order FROM orders o JOIN messages i"
            " ON i.shop_id = o.shop_id AND i.message_id = o.order_id AND i.live = o.live AND i.queue = 0"
        )
        assert sorted((shop_id, bool(live), id_order) for shop_id, live, id_order in rows) == sorted(
            self.orders
        )
        assert self.rows("SELECT count(*) FROM messages WHERE queue = 0") == [(len(rows),)]

    @invariant()
    def no_delivery_is_ever_marked(self) -> None:
        ever = "state NOT IN ('scheduled', 'claimed', 'failed')"
        assert self.rows(f"SELECT count(*) FROM messages WHERE queue = 2 AND {ever}") == [(0,)]

    @invariant()
    def figures_are_what_counting_the_rows_says(self) -> None:
        counted = {
            "orders": "FROM orders",
            "sent": "FROM messages WHERE queue = 0 AND sent_at IS NOT NULL",
            "opened": "FROM messages WHERE opened_at IS NOT NULL",
            "reviews": "FROM reviews",
            "reviewed": "FROM (SELECT DISTINCT shop_id, live, order_id FROM reviews)",
            "scored": "FROM reviews WHERE state = 'published' AND scope = 'site'",
        }
        for name, rows in counted.items():
            figures = (
                "SELECT shop_id, live, sum(amount) FROM figures WHERE name = :name GROUP BY shop_id, live"
            )
            found = [row for row in self.rows(figures, {"name": name}) if row[2]]
            assert found == self.rows(f"SELECT shop_id, live, count(*) {rows} GROUP BY shop_id, live"), name

    def everything_uncertain_is_shown(self) -> None:
        """In the end, whatever was marked and has no outcome is in the list of what is in doubt."""
        act(self.database, rescue_lapsed, frozenset(), now=self.now + 10**7)
        still_there = {name for name in self.unsettled if name in self.orders}
        assert still_there <= self.shown("in_doubt") | self.remembered()

    def remembered(self) -> set[Name]:
        """Those that were imported again after a restore: they are shown once they would be due."""
        for member in self.shops:
            for live in (True, False):
                member.claims(self.now + 10**7, holder="the end", live=live)
        return self.shown("in_doubt", "cancelled", "failed")

    def shown(self, *states: str) -> set[Name]:
        rows = [row for member in self.shops for state in states for row in member.lists(state)]
        return {(row.shop_id, row.live, row.id_order) for row in rows}

    def mark(self, one: Claim) -> bool:
        if not self.member(one.shop.id).marks(one, self.now):
            return False
        assert not self.is_suppressed(one), "a suppressed address is written to"
        self.unsettled.add(self.name(one))
        return True

    def start(self) -> None:
        self.database = open_database(self.folder)
        self.shops = [member.on(self.database) for member in self.shops]
        assert not self.database.is_held
        self.in_hand.clear()
        self.dispatchers += 1

    def place_of(self, shop_id: int) -> int:
        return shop_id - self.shops[0].shop.id

    def member(self, shop_id: int) -> Member:
        return self.shops[self.place_of(shop_id)]

    def rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return self.shops[0].rows(sql, values)

    def is_suppressed(self, one: Claim) -> bool:
        shop_id, live, email = one.shop.id, one.message.live, one.message.recipient.email.casefold()
        return (shop_id, True, email) in self.suppressed or (shop_id, live, email) in self.suppressed

    def number_of(self, name: Name) -> int:
        shop_id, live, id_order = name
        key = {"shop_id": shop_id, "live": int(live), "id_order": id_order}
        sql = "SELECT order_id FROM orders WHERE shop_id = :shop_id AND live = :live AND id_order = :id_order"
        return int(self.rows(sql, key)[0][0])

    @staticmethod
    def name(one: Claim) -> Name:
        is_invitation = one.message.kind == "invitation"
        return one.shop.id, one.message.live, id_order_of(one) if is_invitation else one.fingerprint


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=80 * scale(),
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
