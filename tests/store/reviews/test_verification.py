"""Verification: whatever is changed, removed, added or put elsewhere, of a review or of its chain, is found."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.verification import START, read_entry
from afterword.store.engine.database import Transaction
from afterword.store.engine.migrate import migrations
from afterword.store.reviews import verification
from afterword.store.reviews.chain import chain_head, entries_from
from afterword.store.reviews.receipts import find_receipt
from afterword.store.reviews.verification import Verification, last_entries
from afterword.store.reviews.writing import review_of
from tests.store.cast import NOW, SIGNER, Customer, Member
from tests.store.reviews.verifying import LATER_SIGNER, faults, found_after, found_after_work

COLUMNS = {
    "reviews": (
        "shop_id review_id order_id line live scope product_name state version rating text author lang "
        "experience_date imported_from salt written_at published_at reason reply replied_at dispute disputed_at"
    ),
    "past_versions": "shop_id review_id version rating text salt written_at",
    "review_counts": "shop_id live scope state reason rating amount",
    "chain": ("shop_id live seq review_id version happened_at kind details previous hash signature"),
    "chain_heads": "shop_id live seq hash public_key",
}
"""All that is shown of reviews, or that what is shown hangs on."""

NOT_SHOWN = {"number", "changed_at", "publish_at", "flags", "wants_reply", "text_hash", "address_hash"}

KEYS = {
    "reviews": "review_id",
    "past_versions": "review_id version",
    "review_counts": "live scope state reason rating",
    "chain": "live seq",
    "chain_heads": "live",
}


def rows_of(member: Member, table: str) -> list[dict[str, Any]]:
    """The rows of Alba's live reviews that say anything: a count of nothing says what no count says."""
    keys = COLUMNS[table].split()
    found = member.rows(f"SELECT {', '.join(keys)} FROM {table} ORDER BY {', '.join(keys)}")
    every = [dict(zip(keys, values, strict=True)) for values in found]
    return [row for row in every if row.get("amount") != 0]


def rows_of_all(member: Member) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of every table, with the table's name."""
    return ((table, row) for table in COLUMNS for row in rows_of(member, table))


def where(table: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    names = KEYS[table].split()
    condition = " AND ".join(f"{name} = :k_{name}" for name in names)
    return f"WHERE {condition}", {f"k_{name}": row[name] for name in names}


def found_after_setting(bakery: Member, table: str, row: dict[str, Any], name: str, new: object) -> list[str]:
    condition, keys = where(table, row)
    return found_after(bakery, f"UPDATE {table} SET {name} = :new {condition}", keys | {"new": new})


def found_after_swap(
    bakery: Member, table: str, key: str, names: str, pair: tuple[dict[str, Any], ...]
) -> list[str]:
    """What verification says when two rows have each other's values."""
    assigned = ", ".join(f"{name} = :{name}" for name in names.split())

    def swap(tx: Transaction) -> None:
        for here, there in (pair, pair[::-1]):
            values = {name: there[name] for name in names.split()} | {"at": here[key]}
            tx.run(f"UPDATE {table} SET {assigned} WHERE {key} = :at", values)

    return found_after_work(bakery, swap)


def tampered(value: object, name: str) -> object:
    """Another value, as near as can be: one character, or a number that no neighbour has."""
    if value is None:
        return NOW if name.endswith("_at") else "x"
    if isinstance(value, int):
        return 2 if name == "live" and value else value + 1_000
    text = str(value)
    middle = len(text) // 2
    return text[:middle] + ("0" if text[middle : middle + 1] != "0" else "1") + text[middle + 1 :]


# Every row and column.


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_are_all_that_there_are(table: str) -> None:
    """A new column is either fixed by the chain, or known to be shown to no one."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\);", migrations()[0][1], re.DOTALL)
    assert body is not None
    columns = set(re.findall(r"^    ([a-z_]+) (?:BIGINT|TEXT)", body[1], re.MULTILINE))
    assert columns == set(all_columns(table))


def all_columns(table: str) -> list[str]:
    named = COLUMNS[table].split()
    return [*named, *sorted(NOT_SHOWN)] if table == "reviews" else named


def test_any_changed_value_of_any_row_is_found(bakery: Member, engine: str) -> None:
    """Of every third one on PostgreSQL, where each takes longer and is found by the same lines. On a cluster no row
    can be moved to another shop."""
    fixed = ("shop_id",) if engine == "citus" else ()
    changes = [(table, row, name) for table, row in rows_of_all(bakery) for name in row if name not in fixed]
    assert {table for table, _, _ in changes} == set(COLUMNS) and len(changes) > 650
    for table, row, name in changes if engine == "sqlite" else changes[::3]:
        said = found_after_setting(bakery, table, row, name, tampered(row[name], name))
        assert said, (table, name, row)


def test_any_removed_row_is_found(bakery: Member) -> None:
    for table, row in rows_of_all(bakery):
        condition, keys = where(table, row)
        assert found_after(bakery, f"DELETE FROM {table} {condition}", keys), (table, row)


@pytest.mark.parametrize(
    ("table", "key"),
    [("reviews", "review_id"), ("past_versions", "version"), ("review_counts", "rating"), ("chain", "seq")],
)
def test_any_added_row_is_found(bakery: Member, table: str, key: str) -> None:
    """Each row once more, under a key that is free. (Of heads there is one for each mode.)"""
    columns = ", ".join(all_columns(table))
    keys = (key, "number", "order_id")
    moved = ", ".join(f"{name} + 300" if name in keys else name for name in all_columns(table))
    for row in rows_of(bakery, table):
        condition, values = where(table, row)
        sql = f"INSERT INTO {table} ({columns}) SELECT {moved} FROM {table} {condition}"
        assert found_after(bakery, sql, values), row


@pytest.mark.parametrize("version", [-1, 0, 1, 2])
def test_a_past_version_of_a_review_that_never_changed_is_found(bakery: Member, version: int) -> None:
    sql = (
        "INSERT INTO past_versions (shop_id, review_id, version, rating, text, salt, written_at) "
        "SELECT shop_id, review_id, :version, rating, text, salt, written_at FROM reviews "
        "WHERE version = 1"
    )
    assert found_after(bakery, sql, {"version": version})


@pytest.mark.parametrize("names", ["details previous hash signature", "happened_at", "review_id version"])
def test_any_two_entries_that_change_places_are_found(bakery: Member, names: str) -> None:
    for pair in pairwise(rows_of(bakery, "chain")):
        if any(pair[0][name] != pair[1][name] for name in names.split()):
            assert found_after_swap(bakery, "chain", "seq", names, pair)


def test_two_reviews_that_change_words_are_found(bakery: Member) -> None:
    """With their salts, and with whatever an entry could be found by."""
    one, two, *_ = {row["salt"]: row for row in rows_of(bakery, "reviews") if row["text"]}.values()
    names = "text salt author rating"
    assert len(found_after_swap(bakery, "reviews", "review_id", names, (one, two))) >= 2


@pytest.mark.sqlite
@pytest.mark.parametrize("table", COLUMNS)
def test_a_value_of_another_kind_is_found_and_breaks_nothing(bakery: Member, table: str) -> None:
    """SQLite lets anything stand in any column."""
    row = max(rows_of(bakery, table), key=lambda each: each.get("version", 0))
    for name in row:
        for odd in (b"\x00\xff", "odd", 1.5, -(2**63), 2**63 - 1):
            if (table, name) == ("reviews", "review_id") and not isinstance(odd, int):
                continue  # the one column that takes numbers alone
            assert found_after_setting(bakery, table, row, name, odd), name


# What they say.


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE reviews SET text = 'Bad.'", "what was written is not what the chain"),
        ("UPDATE reviews SET state = 'waiting'", "its state is 'waiting', but the chain says"),
        ("DELETE FROM reviews", "begins with entry 2 and is missing"),
        ("DELETE FROM chain", "is not in the chain"),
    ],
)
def test_a_fault_is_named_with_its_place(bakery: Member, sql: str, words: str) -> None:
    review = next(entry.review_id for entry in bakery.asks(entries_from, bakery.shop.id, live=True, seq=2))
    said = found_after(bakery, f"{sql} WHERE review_id = :id", {"id": review})
    assert any(each.startswith(f"review {review}: {words}") for each in said), said


def test_a_review_that_was_moved_to_the_other_mode_with_its_counts_is_missed(
    alba: Member, clara: Customer
) -> None:
    moved = clara.reviews(alba.order())

    def move(tx: Transaction) -> None:
        tx.run("UPDATE reviews SET live = 0 WHERE review_id = :id", {"id": moved.id})
        tx.run("DELETE FROM review_counts WHERE shop_id = :shop", {"shop": alba.shop.id})

    assert found_after_work(alba, move)


def test_a_cut_tail_is_found_by_the_head(bakery: Member) -> None:
    seq = bakery.asks(chain_head, bakery.shop.id, live=True)[0]
    said = found_after(bakery, "DELETE FROM chain WHERE seq = :seq", {"seq": seq})
    assert any(each.startswith(f"head: the chain should end with entry {seq}") for each in said)


def test_a_chain_whose_end_was_cut_off_is_whole_in_itself_and_a_receipt_tells(bakery: Member) -> None:
    """What only the send journal knows (`test_heads.py`): everything is as it was before the last review."""
    *_, before, last = bakery.asks(entries_from, bakery.shop.id, live=True)
    head = {"seq": before.seq, "hash": before.hash, "review": last.review_id, "last": last.seq}

    def restore(tx: Transaction) -> None:
        gone = review_of(tx, bakery.shop.id, last.review_id)
        assert gone is not None and last.kind == "imported"
        tx.run("DELETE FROM chain WHERE seq = :last", head)
        tx.run("UPDATE chain_heads SET seq = :seq, hash = :hash", head)
        tx.run("DELETE FROM reviews WHERE review_id = :review", head)
        counted = "UPDATE review_counts SET amount = amount - 1 WHERE state = 'waiting' AND rating = :r"
        tx.run(counted, [gone.rating])
        assert find_receipt(tx, bakery.shop.id, before.hash, live=True) is not None
        assert find_receipt(tx, bakery.shop.id, last.hash, live=True) is None

    assert found_after_work(bakery, restore) == []


def test_a_key_that_is_not_ours_is_found(bakery: Member) -> None:
    words = f"introduces a key that may not sign here, {LATER_SIGNER.public_key(bakery.shop.id)}"
    said = faults(bakery, keys=(SIGNER,))
    assert said and all(each.startswith("entry ") and each.endswith(words) for each in said)
    strangers = faults(bakery, keys=(Signer("the secret of another server"),))
    assert any("introduces a key" in each for each in strangers)


def test_a_shop_without_reviews_is_whole(bruno: Member) -> None:
    check = Verification(bruno.store, bruno.shop.id, live=True)
    assert (list(check.findings()), check.end, check.reviews) == ([], START, 0)


def test_each_mode_and_shop_has_a_chain_of_its_own(bakery: Member, bruno: Member, clara: Customer) -> None:
    def which_are_wrong() -> list[bool]:
        return [bool(faults(member, live=live)) for member in (bakery, bruno) for live in (True, False)]

    clara.reviews(bakery.order("B-1", live=False), 1)
    clara.reviews(bruno.order("B-1"), 1)
    assert which_are_wrong() == [False, False, False, False]
    bakery.executes("UPDATE reviews SET rating = 1 WHERE live = 0")
    assert which_are_wrong() == [False, True, False, False]


def test_pages_are_read_one_after_the_other_and_kinds_in_rounds(
    bakery: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int, int]] = []
    monkeypatch.setattr(verification, "ENTRIES_A_PAGE", 3)
    monkeypatch.setattr(verification, "KINDS_AT_ONCE", 2)
    assert bakery.asks(chain_head, bakery.shop.id, live=True)[0] > 30
    check = Verification(bakery.store, bakery.shop.id, live=True, progress=lambda *step: made.append(step))
    assert not [found for found in check.findings() if found.is_fault]
    assert {what for what, _, _ in made} == {"entries", "reviews"} and len(made) > 10
    assert all(done == of for what, done, of in made if (what, done) == ("entries", check.end.seq))
    bakery.executes("UPDATE review_counts SET amount = amount + 1 WHERE scope = 'site'")
    assert all(each.startswith("counts of site: ") for each in faults(bakery))


def test_the_end_of_a_chain_is_checked_without_the_rest(bakery: Member) -> None:
    seq, hashed, _ = bakery.asks(chain_head, bakery.shop.id, live=True)
    for most in (1, 3, seq - 1, seq, seq + 1, 1_000):
        tail = bakery.asks(last_entries, bakery.shop.id, live=True, most=most)
        at, found = tail.start, []
        for entry in tail.entries:
            at, more = read_entry(at, entry)
            found += [each for each in more if each.is_fault]
        assert (found, at.seq, at.hash, len(tail.entries)) == ([], seq, hashed, min(most, seq))
