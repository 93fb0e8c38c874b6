"""Check that no review, and nothing that happened to it, was changed afterwards (docs/verifying.md)."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain as joined
from pathlib import Path
from typing import Any, NamedTuple

from afterword.domain.reviews.chain import Entry, Signer
from afterword.domain.reviews.receipts import ReceiptStatus, is_receipt
from afterword.domain.reviews.verification import (
    START,
    Finding,
    Keys,
    Position,
    ReplayedReview,
    read_entry,
    read_line,
    starts_review,
)
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Progress
from afterword.store.reviews.heads import accept_head, check_heads
from afterword.store.reviews.receipts import FoundReceipt, find_receipt
from afterword.store.reviews.verification import Verification

MOST_FINDINGS = 100
"""Findings that are listed; the faults among the others are counted."""

LONGEST_LINE = 10_000
"""Bytes of an entry in a file, and more than any has."""

WRONG: tuple[ReceiptStatus, ...] = ("lost", "other words")


class Receipt(NamedTuple):
    """What an author keeps: the hash of an entry, and its salt."""

    hash: str
    salt: str | None = None


class Verified(NamedTuple):
    """What a check found: where the chain ends, how many reviews it has, the first findings, how many faults there
    are in all, and what was asked for of a receipt."""

    end: Position
    reviews: int
    findings: list[Finding]
    faults: int
    asked: Receipt | None
    receipt: FoundReceipt | None

    @property
    def is_intact(self) -> bool:
        found = self.receipt
        is_kept = found is not None and found.status not in WRONG and found.has_words is not False
        return not self.faults and (self.asked is None or is_kept)


class Chain(NamedTuple):
    """One of the two chains of a shop, and the keys that may sign it."""

    shop: Shop
    live: bool
    keys: Keys


def own_keys(signer: Signer, shop: Shop) -> Keys:
    """The one key with which this installation signs for the shop."""
    return {signer.public_key(shop.id)}


def check_shop(database: Database, chain: Chain, receipt: Receipt | None, progress: Progress) -> Verified:
    """Checks the chain, each review against its entries, the counts, and the end of the chain against the send
    journal."""
    shop, live, keys = chain
    check = Verification(database, shop.id, live=live, allowed=keys, progress=progress)
    findings, faults = _first(joined(check.findings(), check_heads(database, shop.id, live=live)))
    found = None
    if receipt:
        hashed, salt = receipt
        found = database.read_now(lambda tx: find_receipt(tx, shop.id, hashed, live=live, salt=salt))
    return Verified(check.end, check.reviews, findings, faults, receipt, found)


def accept_end(database: Database, chain: Chain) -> None:
    """The operator knows why the chain lacks entries that the send journal has noted: a backup was restored. Raises
    Refused without a journal."""
    database.write_now(lambda tx: accept_head(tx, chain.shop.id, live=chain.live))


def check_file(file: Path, keys: Keys | None, receipt: Receipt | None, progress: Progress) -> Verified:
    """Checks the entries of a downloaded chain, without any database. `keys` may sign; None: whichever the chain
    introduces."""
    check = _FileCheck(file, keys, receipt.hash if receipt else None)
    findings, faults = _first(check.findings(progress))
    return Verified(check.end, check.reviews, findings, faults, receipt, check.found)


class _FileCheck:
    """A chain as it was downloaded: its entries alone, one a line."""

    def __init__(self, file: Path, keys: Keys | None, receipt: str | None) -> None:
        self._file, self._keys, self._receipt = file, keys, receipt
        self._entry: Entry | None = None
        self._replayed = ReplayedReview()
        self.end = START
        self.reviews = 0

    def findings(self, progress: Progress) -> Iterator[Finding]:
        size = self._file.stat().st_size
        done = 0
        with self._file.open("rb") as lines:
            for number, line in enumerate(iter(partial(lines.readline, LONGEST_LINE), b""), 1):
                entry = read_line(line)
                done += len(line)
                if entry is None:
                    yield Finding(f"line {number}", "is not an entry of a chain")
                    continue
                self.end, found = read_entry(self.end, entry, self._keys)
                yield from found
                self._look(entry)
                if number % 10_000 == 0:
                    progress("bytes", done, size)

    def _look(self, entry: Entry) -> None:
        self.reviews += starts_review(entry)
        if entry.hash == self._receipt and is_receipt(entry):
            self._entry = entry
        if self._entry and entry.review_id == self._entry.review_id:
            self._replayed.take(entry)

    @property
    def found(self) -> FoundReceipt | None:
        """The review's status, as far as this file goes."""
        if self._entry is None:
            return None
        is_last = self._replayed.version == self._entry.version
        status: Any = self._replayed.state if is_last or self._replayed.state == "erased" else "changed"
        return FoundReceipt(self._entry, status, None)


def _first(findings: Iterable[Finding]) -> tuple[list[Finding], int]:
    """The first of them, and how many faults there are."""
    listed: list[Finding] = []
    faults = 0
    for found in findings:
        faults += found.is_fault
        if len(listed) < MOST_FINDINGS:
            listed.append(found)
    return listed, faults
