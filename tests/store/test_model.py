"""The whole life of orders, reviews and messages of every kind against a model: any mixture of imports, reviews,
deliveries, crashes, clock steps, suppressions and restored backups, and the guarantees hold after each step.

The store, the rows and the send journal are real. The clock is a number, and the mailboxes are a counter.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from afterword.base.errors import Refused
from afterword.domain.messages import Outcome, Queue
from afterword.domain.shops import TEST_DELAY
from afterword.store.engine.database import Transaction
from afterword.store.messages.claims import Claim
from afterword.store.messages.invitations import (
    cancel_invitation,
    list_invitations,
    move_invitation,
    send_invitation,
)
from afterword.store.messages.steps import release, rescue_lapsed
from afterword.store.orders import order_of
from afterword.store.reviews.writing import reviews_of_order
from afterword.store.suppressions import allow, suppress
from tests.needs import scale
from tests.store.cast import (
    NOW,
    claim,
    id_order_of,
    import_batch,
    mark_sending,
    new_member,
    open_database,
    order,
    record_outcome,
    write,
)
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
        one, now = order(number, reference, email), self.now
        [imported] = self.database.write_now(lambda tx: import_batch(tx, member, one, live=live, at=now))
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
        member, number, now = self.shops[name[0] - self.shops[0].shop.id], self.number_of(name), self.now
        self.reviews += 1
        text = f"No. {self.reviews}"

        def work(tx: Transaction) -> None:
            about = order_of(tx, member.shop, number)
            assert about is not None
            before = reviews_of_order(tx, member.shop.id, number)
            write(tx, about, text=text, seen=before[0].version if before else 0, now=now)

        if member.on(self.database).state(number) in ("sent", "in_doubt"):
            self.unsettled.discard(name)
        self.database.write_now(work)

    @rule(shop=shops, live=worlds, most=st.integers(1, 4), seconds=st.sampled_from([0, 2, 11]), queue=queues)
    def claim_what_is_due(
        self, shop: int, live: bool, most: int, seconds: int = 0, queue: Queue = Queue.INVITATIONS
    ) -> None:
        self.step_the_clock(seconds)
        member, now, holder = self.shops[shop], self.now, f"dispatcher {self.dispatchers}"
        for one in self.database.write_now(
            lambda tx: claim(tx, member, now, holder=holder, live=live, most=most, queue=queue)
        ):
            due_at = self.orders[self.name(one)][0] if queue == Queue.INVITATIONS else one.message.due_at
            assert due_at <= self.now, "it is claimed before it is due"
            assert not self.is_suppressed(one)
            self.in_hand.append(one)

    @precondition(lambda self: self.in_hand)
    @rule(pick=picks, ends=ends, wait=st.integers(1, 300))
    def deliver(self, pick: int, ends: str, wait: int) -> None:
        one, now = self.in_hand.pop(pick % len(self.in_hand)), self.now
        if ends == "trouble":
            later = int(now) + 1
            self.database.write_now(lambda tx: release(tx, [one], next_try_at=later, reason="no courier"))
        elif one.delivery is not None:
            outcome = Outcome("sent" if ends == "sent" else "deferred")
            self.database.write_now(
                lambda tx: record_outcome(tx, one, outcome, now=now, next_try_at=int(now) + wait)
            )
        elif self.mark(one):
            self.unsettled.discard(self.name(one))
            kind = "in_doubt" if ends in ("lost", "delivered, no answer") else ends
            self.letters[self.name(one)] += ends in ("sent", "delivered, no answer")
            outcome, later = Outcome(kind, "250 ok"), int(now) + wait  # type: ignore[arg-type]
            state = self.database.write_now(
                lambda tx: record_outcome(tx, one, outcome, now=now, next_try_at=later)
            )
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
            self.work_through_what_is_due(self.place_of(one), one.message.live, "sent", 0)

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
        in_hand, now = {one.message.id for one in self.in_hand}, self.now
        self.database.write_now(lambda tx: rescue_lapsed(tx, in_hand, now=now))

    @rule(shop=shops, live=worlds, email=addresses)
    def suppress(self, shop: int, live: bool, email: str) -> None:
        owner, now = self.shops[shop].shop, self.now
        self.database.write_now(
            lambda tx: suppress(tx, owner, email, live=live, reason="unsubscribed", now=now)
        )
        self.suppressed.add((owner.id, live, email.casefold()))

    @precondition(lambda self: self.in_hand)
    @rule(pick=picks)
    def suppress_somebody_whose_letter_is_in_hand(self, pick: int) -> None:
        one = self.in_hand[pick % len(self.in_hand)]
        if one.message.order is not None:
            self.suppress(self.place_of(one), one.message.live, one.message.recipient.email.upper())

    @rule(shop=shops, email=addresses)
    def allow(self, shop: int, email: str) -> None:
        owner, now = self.shops[shop].shop, self.now
        was_there = self.database.write_now(lambda tx: allow(tx, owner, email, now))
        both = {(owner.id, live, email.casefold()) for live in (True, False)}
        assert was_there == bool(self.suppressed & both)
        self.suppressed -= both

    @precondition(lambda self: self.orders)
    @rule(pick=picks, what=st.sampled_from(["cancel", "move", "send"]), wait=st.integers(0, 1_000))
    def decide_by_hand(self, pick: int, what: str, wait: int) -> None:
        name = sorted(self.orders)[pick % len(self.orders)]
        member, at = self.shops[name[0] - self.shops[0].shop.id], int(self.now) + wait
        invitation = member.on(self.database).sees(self.number_of(name)).id
        try:
            match what:
                case "cancel":
                    self.database.write_now(lambda tx: cancel_invitation(tx, invitation, "returned"))
                    self.unsettled.discard(name)
                case "move":
                    self.database.write_now(lambda tx: move_invitation(tx, invitation, at))
                    self.orders[name] = (at, *self.orders[name][1:])
                case "send":
                    at = int(self.now)
                    self.database.write_now(lambda tx: send_invitation(tx, invitation, at))
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
            self.import_order(shop_id - self.shops[0].shop.id, live, number, None, "clara@mail.example")
            self.work_through_what_is_due(shop_id - self.shops[0].shop.id, live, "sent", 11)

    @invariant()
    def no_letter_goes_twice_unless_a_person_said_so(self) -> None:
        for name, count in self.letters.items():
            assert count <= 1 + self.sent_by_hand[name], name

    @invariant()
    def every_order_has_one_invitation_and_none_is_missing(self) -> None:
        rows = self.database.read_now(
            lambda tx: tx.rows(
                "SELECT o.shop_id, o.live, o.id_order FROM orders o JOIN messages i"
                " ON i.shop_id = o.shop_id AND i.message_id = o.order_id AND i.live = o.live AND i.queue = 0"
            )
        )
        found = [(shop_id, bool(live), id_order) for shop_id, live, id_order in rows]
        assert sorted(found) == sorted(self.orders)
        [(count,)] = self.database.read_now(
            lambda tx: tx.rows("SELECT count(*) FROM messages WHERE queue = 0")
        )
        assert count == len(found)

    @invariant()
    def no_delivery_is_ever_marked(self) -> None:
        asked = "SELECT count(*) FROM messages WHERE queue = 2 AND state NOT IN ('scheduled', 'claimed', 'failed')"
        assert self.database.read_now(lambda tx: tx.rows(asked)) == [(0,)]

    def everything_uncertain_is_shown(self) -> None:
        """In the end, whatever was marked and has no outcome is in the list of what is in doubt."""
        far = self.now + 10**7
        self.database.write_now(lambda tx: rescue_lapsed(tx, frozenset(), now=far))
        shown = {
            (row.shop_id, row.live, row.id_order)
            for member in self.shops
            for row in self.database.read_now(lambda tx, of=member.shop: list_invitations(tx, of, "in_doubt"))
        }
        still_there = {name for name in self.unsettled if name in self.orders}
        assert still_there <= shown | self.remembered()

    def remembered(self) -> set[Name]:
        """Those that were imported again after a restore: they are shown once they would be due."""
        now = self.now + 10**7
        for member in self.shops:
            for live in (True, False):
                self.database.write_now(
                    lambda tx, member=member, live=live: claim(tx, member, now, holder="the end", live=live)
                )
        return {
            (row.shop_id, row.live, row.id_order)
            for member in self.shops
            for row in self.database.read_now(lambda tx, of=member.shop: list_invitations(tx, of))
            if row.state in ("in_doubt", "cancelled", "failed")
        }

    def mark(self, one: Claim) -> bool:
        now = self.now
        if not self.database.write_now(
            lambda tx: mark_sending(tx, one, now=now, lease_until=int(now) + LEASE)
        ):
            return False
        assert not self.is_suppressed(one), "a suppressed address is written to"
        self.unsettled.add(self.name(one))
        return True

    def start(self) -> None:
        self.database = open_database(self.folder)
        assert not self.database.is_held
        self.in_hand.clear()
        self.dispatchers += 1

    def place_of(self, one: Claim) -> int:
        return one.shop.id - self.shops[0].shop.id

    def is_suppressed(self, one: Claim) -> bool:
        shop_id, live, email = one.shop.id, one.message.live, one.message.recipient.email.casefold()
        return (shop_id, True, email) in self.suppressed or (shop_id, live, email) in self.suppressed

    def number_of(self, name: Name) -> int:
        shop_id, live, id_order = name
        key = {"shop_id": shop_id, "live": int(live), "id_order": id_order}
        sql = "SELECT order_id FROM orders WHERE shop_id = :shop_id AND live = :live AND id_order = :id_order"
        [(number,)] = self.database.read_now(lambda tx: tx.rows(sql, key))
        return number  # type: ignore[no-any-return]

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
