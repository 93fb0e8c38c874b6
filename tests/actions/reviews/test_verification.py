"""What a check finds, and what a receipt or a downloaded chain is worth."""

from pathlib import Path
from typing import NamedTuple

import pytest

from afterword.actions.reviews.verification import (
    MOST_FINDINGS,
    Chain,
    Receipt,
    Verified,
    check_file,
    check_shop,
    own_keys,
)
from afterword.domain.reviews.verification import written_line
from afterword.store.engine.database import Database
from afterword.store.reviews.chain import entries_from
from tests.store.cast import SIGNER, Customer, Member
from tests.store.databases import ask


class Bakery(NamedTuple):
    """Alba's bakery with two reviews, and the receipt of the first."""

    database: Database
    alba: Member
    review: int
    receipt: Receipt

    def check(self, receipt: Receipt | None = None, keys: set[str] | None = None) -> Verified:
        shop = self.alba.shop
        chain = Chain(shop, True, keys or own_keys(SIGNER, shop))
        return check_shop(self.database, chain, receipt, lambda what, done, of: None)

    def download(self, folder: Path) -> Path:
        entries = ask(self.database, entries_from, self.alba.shop.id, live=True)
        file = folder / "chain.jsonl"
        file.write_text("".join(map(written_line, entries)))
        return file


@pytest.fixture
def bakery(database: Database, alba: Member, clara: Customer) -> Bakery:
    about = alba.order("A-1")
    first = clara.writes(about, text="Stale.", rating=1)
    clara.reviews(about, 1)
    assert first.entry is not None
    return Bakery(database, alba, first.review.id, Receipt(first.entry.hash, first.review.salt))


def check(file: Path, receipt: str | None = None) -> Verified:
    return check_file(file, None, Receipt(receipt) if receipt else None, lambda what, done, of: None)


def test_only_the_first_findings_are_listed_and_all_faults_counted(bakery: Bakery, tmp_path: Path) -> None:
    file = tmp_path / "chain.jsonl"
    file.write_text("?\n" * (MOST_FINDINGS + 20))
    found = check(file)
    assert (len(found.findings), found.faults) == (MOST_FINDINGS, MOST_FINDINGS + 20)


def test_another_installations_key_is_a_fault_unless_it_is_named(bakery: Bakery) -> None:
    """Someone who can write to the database could have signed everything again."""
    own = own_keys(SIGNER, bakery.alba.shop)
    assert not bakery.check(keys={"0" * 64}).is_intact
    assert bakery.check(keys={"0" * 64, *own}).is_intact


def test_a_receipt_is_kept_while_its_words_are(bakery: Bakery) -> None:
    found = bakery.check(bakery.receipt)
    assert found.receipt is not None and found.is_intact
    assert (found.receipt.entry.review_id, found.receipt.status) == (bakery.review, "published")
    assert (found.receipt.has_words, bakery.check(Receipt(bakery.receipt.hash)).is_intact) == (True, True)
    assert not bakery.check(Receipt(bakery.receipt.hash, "0" * 32)).is_intact
    assert not bakery.check(Receipt("0" * 64)).is_intact


def test_the_status_of_a_receipt_is_read_from_a_downloaded_chain(
    bakery: Bakery, clara: Customer, tmp_path: Path
) -> None:
    bad = clara.writes(bakery.alba.order("A-2"), text="Bad.")
    bakery.alba.rejects(bad.review)
    assert bad.entry is not None
    file = bakery.download(tmp_path)
    found = check(file, bad.entry.hash)
    assert found.receipt is not None and found.receipt.status == "rejected"
    assert not check(file, "0" * 64).is_intact


def test_a_changed_or_cut_line_of_a_download_is_found(bakery: Bakery, tmp_path: Path) -> None:
    file = bakery.download(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    for finding, content in (
        ("entry 3: its hash is not that of its content", [line.replace("checks", "shop") for line in lines]),
        ("line 5: is not an entry of a chain", [*lines[:4], lines[4][:-20]]),
        ("entry 3: is missing", lines[:2] + lines[3:]),
        ("line 1: is not an entry of a chain", ["x" * 25_000 + "\n", *lines]),
    ):
        file.write_text("".join(content))
        found = check(file)
        assert not found.is_intact and finding in map(str, found.findings)
