"""Verification: whatever is changed, removed, added or put elsewhere, of a review or of its chain, is found."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import count, pairwise
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.actions.reviews.foreign import import_review
from afterword.actions.reviews.moderation import answer, doubt, erase, publish, reject
from afterword.actions.reviews.writing import Said, Submission, withdraw, write_reviews
from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.reviews import verification as checks
from afterword.domain.reviews.chain import Signer, is_signed_by
from afterword.domain.reviews.review import SITE, Review, Words
from afterword.domain.reviews.verification import START, read_entry
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.migrate import migrations
from afterword.store.orders import StoredOrder
from afterword.store.reviews import verification
from afterword.store.reviews.chain import chain_head, entries_from
from afterword.store.reviews.receipts import find_receipt
from afterword.store.reviews.verification import Verification, last_entries
from afterword.store.reviews.writing import review_of, reviews_of_order
from tests.needs import scale
from tests.store.cast import NOW, Member, add_member, another, closing_now, order
from tests.store.reviews.reviewing import LINES, SIGNER, nothing_found, reviewed_order, write

T = TypeVar("T")

LATER_SIGNER = Signer("the secret that came when the first one was lost")

COLUMNS = {
    "reviews": (
        "shop_id review_id order_id live scope product_name state version rating text author lang experience_date "
        "imported_from salt written_at published_at reason reply replied_at doubt doubted_at"
    ),
    "past_versions": "shop_id review_id version order_id rating text salt written_at",
    "review_counts": "shop_id live scope state reason rating amount",
    "chain": ("shop_id live seq order_id review_id version happened_at kind details previous hash signature"),
    "chain_heads": "shop_id live seq hash public_key",
}
"""All that is shown of reviews, or that what is shown hangs on."""

NOT_SHOWN = {"changed_at", "publish_at", "flags", "wants_reply", "text_hash", "address_hash"}

KEYS = {
    "reviews": "review_id",
    "past_versions": "review_id version",
    "review_counts": "live scope state reason rating",
    "chain": "live seq",
    "chain_heads": "live",
}


REMEMBERING = cache(is_signed_by)


class Inside:
    """The rows as a transaction sees them, so that what was done to them can be undone."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        return work(self._tx)


class Undone(Exception):
    """Undoes what a transaction did."""


def faults(
    database: object, shop_id: int, *, live: bool = True, keys: tuple[Signer, ...] = (SIGNER, LATER_SIGNER)
) -> list[str]:
    """All that verify says is wrong."""
    allowed = {signer.public_key(shop_id) for signer in keys}
    check = Verification(database, shop_id, live=live, allowed=allowed)  # type: ignore[arg-type]
    return [str(found) for found in check.findings() if found.is_fault]


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found of a signature holds for ever: most of the time would go into finding it again."""
    monkeypatch.setattr(checks, "is_signed_by", REMEMBERING)


@pytest.fixture
def shop(database: EngineDatabase, alba: Member) -> int:
    """Alba's bakery with reviews of every kind, and its secret was lost once."""
    database.write_now(lambda tx: every_kind(tx, alba))
    assert faults(database, alba.shop.id) == []
    return alba.shop.id


def every_kind(tx: Transaction, member: Member) -> None:
    def new(name: str, line: int = 0, **more: Any) -> tuple[StoredOrder, Review]:
        about = reviewed_order(tx, member, order(name, email=f"{name}@x.example", lines=LINES))
        return about, write(tx, about, line, 4, f"About {name}.", **more).review

    new("published")
    new("waiting", 1, look=lambda text: ("link",))
    reject(tx, new("rejected")[1], "abuse", SIGNER, NOW + 1)
    withdraw(tx, new("withdrawn")[1], SIGNER, NOW + 2)
    replied = answer(tx, new("replied", 2)[1], "Thank you!", SIGNER, NOW + 3)
    doubt(tx, replied, "This order was cancelled.", SIGNER, NOW + 4)
    about, _ = new("erased")
    erase(tx, write(tx, about, text="Other words.", seen=1).review, SIGNER, NOW + 6)
    about, _ = new("changed", 1)
    write(tx, about, 1, 2, "Second words.", seen=1, now=NOW + 7)
    write(tx, about, 1, 1, "Third words.", seen=2, now=NOW + 8)
    back = reject(tx, write(tx, about, text="Other.").review, "unreadable", SIGNER, NOW + 9)
    publish(tx, back, "shop", LATER_SIGNER, NOW + 10)
    import_elsewheres(tx, member, LATER_SIGNER)


def import_elsewheres(tx: Transaction, member: Member, signer: Signer) -> None:
    about = reviewed_order(tx, member, order("elsewhere", email="elsewhere@x.example"))
    one = write(tx, about, 0, 3, "Seen elsewhere.").review
    before = {"written_at": NOW - 900, "published_at": NOW - 800, "imported_from": "elsewhere.example"}
    answered = {"reply": "Thanks!", "replied_at": NOW - 700}
    import_review(tx, replace(one, id=one.id + 5, **before, **answered), signer, NOW + 11)
    waits = {"state": "waiting", "published_at": None}
    import_review(tx, replace(one, id=one.id + 6, **before | waits), signer, NOW + 12)


def rows_of(tx: Transaction, table: str) -> list[dict[str, Any]]:
    """The rows of Alba's live world that say anything: a count of nothing says what no count says."""
    keys = COLUMNS[table].split()
    return [
        row
        for values in tx.rows(f"SELECT {', '.join(keys)} FROM {table} ORDER BY {', '.join(keys)}")
        if (row := dict(zip(keys, values, strict=True))).get("amount") != 0
    ]


def where(table: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = KEYS[table].split()
    return " AND ".join(f"{name} = :k_{name}" for name in names), {f"k_{name}": row[name] for name in names}


def tampered(value: object, name: str) -> object:
    """Another value, as near as can be: one character, or a number that no neighbour has."""
    if value is None:
        return NOW if name.endswith("_at") else "x"
    if isinstance(value, int):
        return 2 if name == "live" and value else value + 1_000
    text = str(value)
    middle = len(text) // 2
    return text[:middle] + ("0" if text[middle : middle + 1] != "0" else "1") + text[middle + 1 :]


def found_after(database: EngineDatabase, shop: int, change: Callable[[Transaction], object]) -> list[str]:
    """What verify says after this was done to the rows; then it is undone."""
    said: list[str] = []

    def work(tx: Transaction) -> None:
        change(tx)
        said.extend(faults(Inside(tx), shop))
        raise Undone

    with pytest.raises(Undone):
        database.write_now(work)
    return said


# Every row and column.


def columns_of(table: str) -> set[str]:
    text = migrations()[-1][1]
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", text, re.DOTALL)
    assert body is not None
    return set(re.findall(r"^    ([a-z_]+) (?:BIGINT|TEXT)", body[1], re.MULTILINE))


def test_the_columns_are_all_that_there_are() -> None:
    """A new column is either fixed by the chain, or known to be shown to nobody."""
    for table, named in COLUMNS.items():
        columns = columns_of(table)
        assert columns == set(named.split()) | (NOT_SHOWN if table == "reviews" else set())


def rows_of_all(database: EngineDatabase) -> list[tuple[str, dict[str, Any]]]:
    """Every row of every table, with the table's name."""
    return [
        (table, row)
        for table in COLUMNS
        for row in database.read_now(lambda tx, table=table: rows_of(tx, table))
    ]


def test_any_changed_value_of_any_row_is_found(database: EngineDatabase, shop: int, engine: str) -> None:
    """Of every third one on PostgreSQL, where each takes longer and is found by the same lines."""
    changes = [(table, row, name) for table, row in rows_of_all(database) for name in row]
    assert {table for table, _, _ in changes} == set(COLUMNS) and len(changes) > 700
    for table, row, name in changes if engine == "sqlite" else changes[::3]:
        condition, keys = where(table, row)
        sql = f"UPDATE {table} SET {name} = :new WHERE {condition}"
        values = keys | {"new": tampered(row[name], name)}
        said = found_after(database, shop, lambda tx, sql=sql, values=values: tx.run(sql, values))
        assert said, (table, name, row)


def test_any_removed_row_is_found(database: EngineDatabase, shop: int) -> None:
    for table, row in rows_of_all(database):
        condition, keys = where(table, row)
        sql = f"DELETE FROM {table} WHERE {condition}"
        assert found_after(database, shop, lambda tx, sql=sql, keys=keys: tx.run(sql, keys)), (table, row)


def test_any_added_row_is_found(database: EngineDatabase, shop: int) -> None:
    """Each row once more, under a key that is free. (Of heads there is one for each world.)"""
    free = {"reviews": "review_id", "past_versions": "version", "review_counts": "rating", "chain": "seq"}
    for table, row in rows_of_all(database):
        if table in free:
            condition, keys = where(table, row)
            columns = all_columns(table)
            moved = [f"{name} + 300" if name == free[table] else name for name in columns]
            sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(moved)} FROM {table}"
            sql = f"{sql} WHERE {condition}"
            assert found_after(database, shop, lambda tx, sql=sql, keys=keys: tx.run(sql, keys)), (table, row)


def all_columns(table: str) -> list[str]:
    named = COLUMNS[table].split()
    return [*named, *sorted(NOT_SHOWN)] if table == "reviews" else named


def test_a_past_version_of_a_review_that_never_changed_is_found(database: EngineDatabase, shop: int) -> None:
    sql = (
        "INSERT INTO past_versions (shop_id, review_id, version, order_id, rating, text, salt, written_at) "
        "SELECT shop_id, review_id, :version, order_id, rating, text, salt, written_at FROM reviews "
        "WHERE version = 1"
    )
    for version in (-1, 0, 1, 2):
        assert found_after(database, shop, lambda tx, version=version: tx.run(sql, {"version": version}))


@pytest.mark.parametrize(
    "names", ["details previous hash signature", "happened_at", "review_id order_id version"]
)
def test_any_two_entries_that_change_places_are_found(
    database: EngineDatabase, shop: int, names: str
) -> None:
    entries = database.read_now(lambda tx: rows_of(tx, "chain"))
    for one, two in pairwise(entries):
        if all(one[name] == two[name] for name in names.split()):
            continue

        def swap(tx: Transaction, one: dict[str, Any] = one, two: dict[str, Any] = two) -> None:
            for here, there in ((one, two), (two, one)):
                assigned = ", ".join(f"{name} = :{name}" for name in names.split())
                values = {name: there[name] for name in names.split()} | {"at": here["seq"]}
                tx.run(f"UPDATE chain SET {assigned} WHERE seq = :at", values)

        assert found_after(database, shop, swap)


def test_two_reviews_that_change_words_are_found(database: EngineDatabase, shop: int) -> None:
    """With their salts, and then with whatever an entry could be found by."""
    rows = [row for row in database.read_now(lambda tx: rows_of(tx, "reviews")) if row["text"]]
    one, two = rows[0], rows[1]

    def swap(tx: Transaction) -> None:
        for here, there in ((one, two), (two, one)):
            values = {name: there[name] for name in ("text", "salt", "author", "rating")}
            sql = "UPDATE reviews SET text = :text, salt = :salt, author = :author, rating = :rating"
            tx.run(f"{sql} WHERE review_id = :at", values | {"at": here["review_id"]})

    assert len(found_after(database, shop, swap)) >= 2


@pytest.mark.sqlite
def test_any_changed_byte_of_an_entry_is_found(database: EngineDatabase, shop: int) -> None:
    """Of each kind of entry, every byte of its details, hashes and signature, as they lie in the file."""
    entries = database.read_now(lambda tx: entries_from(tx, shop, live=True))
    kinds = {entry.kind: entry for entry in entries[1:]}
    assert len(kinds) == 9
    at = START
    for entry in entries:
        for name in ("details", "previous", "hash", "signature") if kinds.get(entry.kind) is entry else ():
            text: str = getattr(entry, name)
            for place in range(len(text)):
                changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
                _, found = read_entry(at, entry._replace(**{name: changed}))
                assert any(each.is_fault for each in found), (entry, name, place)
        at, _ = read_entry(at, entry)


@pytest.mark.sqlite
@pytest.mark.parametrize("table", COLUMNS)
def test_a_value_of_another_kind_is_found_and_breaks_nothing(
    database: EngineDatabase, shop: int, table: str
) -> None:
    """SQLite lets anything stand in any column."""
    row = database.read_now(lambda tx: rows_of(tx, table))[-1]
    for name in row:
        for odd in (b"\x00\xff", "odd", 1.5, -(2**63), 2**63 - 1):
            if (table, name) == ("reviews", "review_id") and not isinstance(odd, int):
                continue  # the one column that takes numbers alone
            condition, keys = where(table, row)
            sql = f"UPDATE {table} SET {name} = :new WHERE {condition}"
            values = keys | {"new": odd}
            assert found_after(database, shop, lambda tx, sql=sql, values=values: tx.run(sql, values)), name


# What they say.


def test_a_fault_is_told_with_its_place(database: EngineDatabase, shop: int) -> None:
    review = database.read_now(lambda tx: rows_of(tx, "reviews"))[0]["review_id"]
    say = {
        "UPDATE reviews SET text = 'Bad.' WHERE review_id = :id": "what was written is not what the chain",
        "UPDATE reviews SET state = 'waiting' WHERE review_id = :id": "its state is 'waiting', and the chain says",
        "DELETE FROM reviews WHERE review_id = :id": "begins with entry 2, and is not there",
        "DELETE FROM chain WHERE review_id = :id": "the chain does not know it",
    }
    for sql, words in say.items():
        said = found_after(database, shop, lambda tx, sql=sql: tx.run(sql, {"id": review}))
        assert any(each.startswith(f"review {review}: {words}") for each in said), said


def test_a_cut_tail_is_found_by_the_head(database: EngineDatabase, shop: int) -> None:
    seq = database.read_now(lambda tx: chain_head(tx, shop, live=True))[0]
    said = found_after(database, shop, lambda tx: tx.run("DELETE FROM chain WHERE seq = :seq", {"seq": seq}))
    assert any(each.startswith(f"head: the chain is said to end with entry {seq}") for each in said)


def test_a_restored_backup_is_whole_and_only_a_receipt_tells(database: EngineDatabase, shop: int) -> None:
    """What docs/verifying.md says that verify cannot see: everything is as it was before the last review."""
    *_, before, last = database.read_now(lambda tx: entries_from(tx, shop, live=True))
    head = {"seq": before.seq, "hash": before.hash, "review": last.review_id, "last": last.seq}

    def restore(tx: Transaction) -> None:
        gone = review_of(tx, shop, last.review_id)
        assert gone is not None and last.kind == "imported"
        tx.run("DELETE FROM chain WHERE seq = :last", head)
        tx.run("UPDATE chain_heads SET seq = :seq, hash = :hash", head)
        tx.run("DELETE FROM reviews WHERE review_id = :review", head)
        tx.run(
            "UPDATE review_counts SET amount = amount - 1 WHERE state = 'waiting' AND rating = :r",
            [gone.rating],
        )
        assert find_receipt(tx, shop, before.hash, live=True) is not None
        assert find_receipt(tx, shop, last.hash, live=True) is None

    assert found_after(database, shop, restore) == []


def test_a_key_that_is_not_ours_is_found(database: EngineDatabase, shop: int) -> None:
    words = f"introduces a key that is not to sign here, {LATER_SIGNER.public_key(shop)}"
    said = faults(database, shop, keys=(SIGNER,))
    assert said and all(each.startswith("entry ") and each.endswith(words) for each in said)
    assert any(
        "introduces a key" in each for each in faults(database, shop, keys=(Signer("of somebody else"),))
    )


def test_a_shop_without_reviews_is_whole(database: EngineDatabase, bruno: Member) -> None:
    assert faults(database, bruno.shop.id) == []
    check = Verification(database, bruno.shop.id, live=True)
    assert (list(check.findings()), check.end, check.reviews) == ([], START, 0)


def test_each_world_and_shop_has_a_chain_of_its_own(
    database: EngineDatabase, shop: int, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> None:
        for member, live in ((alba, False), (bruno, True)):
            about = reviewed_order(tx, member, order("B-1", lines=LINES), live=live)
            write(tx, about, 1)

    database.write_now(work)
    worlds = [(shop, True), (shop, False), (bruno.shop.id, True), (bruno.shop.id, False)]
    assert [faults(database, each, live=live) for each, live in worlds] == [[], [], [], []]
    database.write_now(lambda tx: tx.run("UPDATE reviews SET rating = 1 WHERE live = 0"))
    assert [bool(faults(database, each, live=live)) for each, live in worlds] == [False, True, False, False]


def test_pages_are_read_one_after_the_other_and_kinds_in_rounds(
    database: EngineDatabase, shop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(verification, "ENTRIES_A_PAGE", 3)
    assert database.read_now(lambda tx: chain_head(tx, shop, live=True))[0] > 30
    monkeypatch.setattr(verification, "KINDS_AT_ONCE", 2)
    check = Verification(
        database, shop, live=True, progress=lambda what, done, of: told.append((what, done, of))
    )
    assert not [found for found in check.findings() if found.is_fault]
    assert {what for what, _, _ in told} == {"entries", "reviews"} and len(told) > 10
    assert all(done == of for what, done, of in told if (what, done) == ("entries", check.end.seq))
    database.write_now(lambda tx: tx.run("UPDATE review_counts SET amount = amount + 1 WHERE scope = 'site'"))
    assert all(each.startswith("counts of site: ") for each in faults(database, shop))


def test_the_end_of_a_chain_is_checked_without_the_rest(database: EngineDatabase, shop: int) -> None:
    seq, hashed, _ = database.read_now(lambda tx: chain_head(tx, shop, live=True))
    for most in (1, 3, seq - 1, seq, seq + 1, 1_000):
        tail = database.read_now(lambda tx, most=most: last_entries(tx, shop, live=True, most=most))
        at, found = tail.start, []
        for entry in tail.entries:
            at, more = read_entry(at, entry)
            found += [each for each in more if each.is_fault]
        assert (found, at.seq, at.hash, len(tail.entries)) == ([], seq, hashed, min(most, seq))


# Receipts.


def test_a_receipt_says_what_became_of_the_words(database: EngineDatabase, alba: Member) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-1")))
    first = database.write_now(lambda tx: write(tx, about, text="First words."))
    assert first.entry is not None
    hashed, shop, salt = first.entry.hash, alba.shop.id, first.review.salt

    def became() -> tuple[str, bool | None]:
        found = database.read_now(lambda tx: find_receipt(tx, shop, hashed, live=True, salt=salt))
        assert found is not None
        return found.status, found.has_words

    assert became() == ("published", True)
    rejected = database.write_now(lambda tx: reject(tx, first.review, "abuse", SIGNER, NOW))
    assert became() == ("rejected", True)
    second = database.write_now(lambda tx: write(tx, about, text="Second words.", seen=1, now=NOW + 9)).review
    assert rejected.version == 1 and became() == ("changed", True)
    database.write_now(lambda tx: erase(tx, second, SIGNER, NOW + 10))
    assert became() == ("erased", False)


def test_a_receipt_is_of_an_author_and_of_one_chain(
    database: EngineDatabase, shop: int, bruno: Member
) -> None:
    entries = database.read_now(lambda tx: entries_from(tx, shop, live=True))
    for entry in entries:
        found = database.read_now(lambda tx, entry=entry: find_receipt(tx, shop, entry.hash, live=True))
        assert (found is not None) == (entry.kind in ("written", "imported"))
        for other, live in ((bruno.shop.id, True), (shop, False)):
            asked = (other, entry.hash)
            assert (
                database.read_now(lambda tx, asked=asked, live=live: find_receipt(tx, *asked, live=live))
                is None
            )


def test_words_that_were_exchanged_are_not_those_of_the_receipt(
    database: EngineDatabase, alba: Member
) -> None:
    written = database.write_now(lambda tx: write(tx, reviewed_order(tx, alba, order("A-2")), text="Stale."))
    assert written.entry is not None
    hashed, salt = written.entry.hash, written.review.salt
    database.write_now(lambda tx: tx.run("UPDATE reviews SET text = 'Fresh.'"))
    found = database.read_now(lambda tx: find_receipt(tx, alba.shop.id, hashed, live=True, salt=salt))
    assert found is not None and (found.status, found.has_words) == ("other words", False)
    database.write_now(lambda tx: tx.run("DELETE FROM reviews"))
    found = database.read_now(lambda tx: find_receipt(tx, alba.shop.id, hashed, live=True))
    assert found is not None and (found.status, found.has_words) == ("lost", None)


# Whatever is done.

ACTS = ("write", "write", "write", "publish", "reject", "withdraw", "answer", "take back", "doubt", "erase")
acts = st.tuples(
    st.sampled_from(ACTS), st.integers(0, 2), st.integers(0, 2), st.integers(1, 5), st.booleans()
)
Act = tuple[str, int, int, int, bool]
names = count(1)


def do(tx: Transaction, orders: list[StoredOrder], act: Act, now: float) -> None:
    """One thing that somebody does. Raises Refused, ReviewChanged."""
    kind, which, line, rating, flag = act
    about = orders[which]
    review = reviews_of_order(tx, about.shop.id, about.order_id).get(line)
    if kind == "write":
        seen = review.version if review else 0
        said = [Said(line, Words(rating, f"Words of {rating}, {seen // 2}."), seen)]
        look = nothing_found if flag else lambda text: ("link",)
        write_reviews(tx, Submission(about, said, flag), look, signer=SIGNER, now=now)
    elif review is not None:
        become(tx, review, act, now)


def become(tx: Transaction, review: Review, act: Act, now: float) -> None:
    kind, _, _, rating, flag = act
    if kind == "publish":
        publish(tx, review, "shop", SIGNER, now)
    elif kind == "reject":
        reject(tx, review, "abuse" if flag else "unreadable", SIGNER, now)
    elif kind == "withdraw":
        withdraw(tx, review, SIGNER, now)
    elif kind == "answer":
        answer(tx, review, f"Thanks, {rating}.", SIGNER, now)
    elif kind == "take back":
        answer(tx, review, None, SIGNER, now)
    elif kind == "doubt":
        doubt(tx, review, f"Hardly, {rating}.", SIGNER, now)
    elif flag:
        erase(tx, review, SIGNER, now)


@pytest.mark.sqlite
@settings(
    max_examples=40 * scale(),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(series=st.lists(acts, max_size=30), clock=st.randoms(use_true_random=False))
def test_whatever_becomes_of_reviews_verify_finds_them_whole(
    database: EngineDatabase, series: list[Act], clock: Random
) -> None:
    """Chain, rows, past versions and counts agree, even when the clock runs backwards."""

    def work(tx: Transaction) -> int:
        member = add_member(tx, f"Shop {next(names)}")
        orders = [reviewed_order(tx, member, order(f"O-{number}", lines=LINES)) for number in range(3)]
        for act in series:
            with suppress(Refused, ReviewChanged):
                do(tx, orders, act, NOW + clock.randrange(-100, 1_000))
        return member.shop.id

    assert faults(database, database.write_now(work)) == []


def test_counts_and_chain_agree_while_many_change_the_same_reviews(
    database: EngineDatabase, alba: Member
) -> None:
    """And verify, which reads meanwhile, takes nobody's change for a fault."""
    orders = database.write_now(
        lambda tx: [reviewed_order(tx, alba, order(f"R-{number}", lines=LINES)) for number in range(3)]
    )
    said: list[list[str]] = []

    def race(mine: EngineDatabase, seed: int) -> None:
        random = Random(seed)
        for number in range(25):
            act = (random.choice(ACTS), random.randrange(3), random.randrange(3), random.randint(1, 5), False)
            with suppress(Refused, ReviewChanged):
                mine.write_now(lambda tx, act=act, number=number: do(tx, orders, act, NOW + number))

    with closing_now(another(database)) as other, closing_now(another(database)) as third:
        racers = [
            threading.Thread(target=race, args=((database, other)[seed % 2], seed)) for seed in range(4)
        ]
        for racer in racers:
            racer.start()
        while any(racer.is_alive() for racer in racers):
            said.append(faults(third, alba.shop.id))
        for racer in racers:
            racer.join()
    assert said and not any(said)
    assert faults(database, alba.shop.id) == []
    asked = "SELECT count(*) FROM reviews WHERE scope = :scope AND state = 'published'"
    counted = "SELECT sum(amount) FROM review_counts WHERE scope = :scope AND state = 'published'"
    there, kept = (
        database.read_now(lambda tx, sql=sql: tx.rows(sql, {"scope": SITE}))[0][0] for sql in (asked, counted)
    )
    assert there == (kept or 0)
