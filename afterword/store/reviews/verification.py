"""Verifies everything stored about a shop's reviews: the chain, each review against its entries, and the counts.

It reads in short pages while reviews are written and changed, so neither memory nor the duration of a read grows with
the number of reviews.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.review import PRODUCTS, SITE, Review
from afterword.domain.reviews.verification import (
    START,
    Finding,
    Keys,
    Position,
    check_head,
    check_review,
    read_details,
    read_entry,
    starts_review,
)
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Database, Progress, Transaction
from afterword.store.queries import query
from afterword.store.reviews.chain import as_entry, chain_head, entries_from, entries_of_review, keys_of_chain
from afterword.store.reviews.rows import as_review
from afterword.store.reviews.writing import past_versions, review_of

T = TypeVar("T")

ENTRIES_A_PAGE = 500
"""Rows per read."""

KINDS_AT_ONCE = 100_000
"""Kinds of reviews whose counts are held in memory at once; with more kinds, counting takes more rounds."""

TRIES = 5
"""Tries for what is read in several steps and may change in between."""

_FIRST, _LAST = -(2**63), 2**63 - 1
"""The smallest and the largest integer that a column can hold."""

_Kind = tuple[str, str, str, int]
"""Scope, state, reason and rating."""

_ID, _CHANGED_AT = (Review.__struct_fields__.index(name) for name in ("id", "changed_at"))
_ABOUT = Entry._fields.index("review_id")


class Tail(NamedTuple):
    """The last entries of a chain, the position before them, and the chain's stored head."""

    start: Position
    entries: list[Entry]
    seq: int
    hash: str
    public_key: str


@dataclass
class Verification:
    """One verification of a shop's reviews in one mode. `end` and `reviews` say how far it has come.

    `allowed` are the keys that may sign; None allows any key that the chain introduces.
    """

    database: Database
    shop_id: int
    _: KW_ONLY
    live: bool
    allowed: Keys | None = None
    progress: Progress = lambda what, done, of: None
    end: Position = field(default=START, init=False)
    reviews: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._mode = {"shop_id": self.shop_id, "live": int(self.live)}
        self._next = _FIRST

    def findings(self) -> Iterator[Finding]:
        """Yields faults as they are found. Raises StoreUnavailable."""
        yield from self._check_chain()
        yield from self._check_reviews()
        yield from self._check_versions()
        yield from self._check_counts()

    def _check_chain(self) -> Iterator[Finding]:
        while True:
            yield from self._check_entries()
            seq, hashed, key = self._head()
            if type(seq) is not int or seq <= self.end.seq or not self._entries(1):
                break  # otherwise new entries were stored together with this head
        yield from check_head(self.end, seq, hashed, key)
        if any(type(entry.seq) is not int for entry in self._entries_as_they_are(1)):
            yield Finding("head", "an entry after it has a position that is not a number")

    def _check_entries(self) -> Iterator[Finding]:
        """Checks entries up to the current end of the chain."""
        while entries := self._entries(ENTRIES_A_PAGE):
            self._next = entries[-1].seq + 1
            for entry in entries:
                self.end, found = read_entry(self.end, entry, self.allowed)
                yield from found
            yield from self._missing_reviews(entries)
            self.progress("entries", self.end.seq, max(self._head_seq(), self.end.seq))

    def _entries(self, most: int) -> list[Entry]:
        return list(takewhile(lambda entry: type(entry.seq) is int, self._entries_as_they_are(most)))

    def _entries_as_they_are(self, most: int) -> list[Entry]:
        if self._next > _LAST:
            return []
        return self._ask(entries_from, live=self.live, seq=self._next, most=most)

    def _head(self) -> tuple[int, str, str]:
        return self._ask(chain_head, live=self.live)

    def _head_seq(self) -> int:
        seq = self._head()[0]
        return seq if type(seq) is int else 0

    def _missing_reviews(self, entries: Sequence[Entry]) -> Iterator[Finding]:
        """Reviews whose first entry is among these, but that are missing."""
        first = [entry for entry in entries if starts_review(entry)]
        self.reviews += len(first)
        for entry, found in zip(first, self._of_each("mode_of_review", first, _ABOUT), strict=True):
            if not any(live == self.live for live, _ in found):
                yield Finding(f"review {entry.review_id}", f"begins with entry {entry.seq} and is missing")

    def _check_reviews(self) -> Iterator[Finding]:
        done = 0
        start = {"changed_at": _FIRST, "review_id": _FIRST}
        for page in self._pages("reviews_in_turn", start, (_CHANGED_AT, _ID)):
            for row, entries in zip(page, self._of_each("entries_of_review", page, _ID), strict=True):
                yield from self._check_row(row, entries)
            done += len(page)
            self.progress("reviews", min(done, self.reviews), self.reviews)

    def _pages(
        self, name: str, start: dict[str, Any], columns: Sequence[int] | None = None
    ) -> Iterator[list[Row]]:
        """All rows of a query, page after page. `start` is before the first row; `columns` are the indexes of its
        values in a row, if they are not the first ones."""
        values = self._mode | start | {"most": ENTRIES_A_PAGE}
        while page := self._rows(name, values):
            yield page
            values.update(zip(start, (page[-1][at] for at in columns or range(len(start))), strict=True))

    def _rows(self, name: str, values: dict[str, Any]) -> list[Row]:
        return self.database.read_now(lambda tx: tx.rows(query(name), values))

    def _of_each(self, name: str, rows: Iterable[Row], index: int = 0) -> list[list[Row]]:
        """What a query finds of each of these rows' reviews, whose ids are at this index."""
        asked = [{"shop_id": self.shop_id, "review_id": row[index]} for row in rows]
        return self.database.read_now(lambda tx: tx.rows_each(query(name), asked))

    def _check_row(self, row: Row, entries: list[Row]) -> list[Finding]:
        try:
            review = as_review(row)
        except (AttributeError, TypeError):
            return [Finding(f"review {row[_ID]}", "has a field that is not text")]
        past = [] if review.version == 1 else self.database.read_now(lambda tx: past_versions(tx, review))
        found = check_review(review, past, [as_entry(entry) for entry in entries])
        return found and self._check_again(review)

    def _check_again(self, review: Review) -> list[Finding]:
        """Reads a review that seems wrong again: it may have changed between reading its row and its entries."""
        found: list[Finding] = []
        for _ in range(TRIES):
            before, found = self._ask(check_now, review.id)
            if not found or before == self._ask(review_of, review.id):
                break
        return found

    def _check_versions(self) -> Iterator[Finding]:
        """Finds past versions without a later version."""
        for page in self._pages("versions_in_turn", {"review_id": _FIRST, "version": _FIRST}):
            for (review_id, version), found in zip(page, self._of_each("mode_of_review", page), strict=True):
                if not any(type(version) is type(last) is int and 0 < version < last for _, last in found):
                    yield Finding(f"review {review_id}", f"has a past version {version} but no later one")

    def _check_counts(self) -> Iterator[Finding]:
        """Recounts all reviews, in as many rounds as needed to hold few kinds in memory."""
        [(kinds,)] = self._rows("kinds_counted", self._mode)
        parts = 1 + kinds // KINDS_AT_ONCE
        for part in range(parts):
            yield from self._check_part_of_counts(part, parts)

    def _check_part_of_counts(self, part: int, parts: int) -> list[Finding]:
        for _ in range(TRIES):
            before = self._head_seq()
            stored = _sum(self._stored_counts(), part, parts)
            actual = _sum(self._actual_kinds(), part, parts)
            if before == self._head_seq() or stored == actual:
                return list(_wrong_counts(stored, actual))
        words = "reviews kept changing while they were counted; try again at a quieter time"
        return [Finding("counts", words, is_fault=False)]

    def _stored_counts(self) -> Iterator[tuple[_Kind, int]]:
        start = {"scope": "", "state": "", "reason": "", "rating": _FIRST}
        for page in self._pages("counts_in_turn", start):
            yield from ((row[:-1], row[-1]) for row in page)

    def _actual_kinds(self) -> Iterator[tuple[_Kind, int]]:
        for page in self._pages("kinds_in_turn", {"changed_at": _FIRST, "review_id": _FIRST}):
            for _, _, scope, state, reason, rating in page:
                for each in (scope,) if scope == SITE else (scope, PRODUCTS):
                    yield (each, state, reason or "", rating), 1

    def _ask(self, question: Callable[..., T], *values: int, **named: int) -> T:
        """What a function of the store reads of this shop."""
        return self.database.read_now(lambda tx: question(tx, self.shop_id, *values, **named))


def check_now(tx: Transaction, shop_id: int, review_id: int) -> tuple[Review | None, list[Finding]]:
    """A review and its faults, read in one transaction."""
    review = review_of(tx, shop_id, review_id)
    if review is None:
        return None, [Finding(f"review {review_id}", "is missing")]
    past = past_versions(tx, review)
    return review, check_review(review, past, entries_of_review(tx, shop_id, review_id))


def last_entries(tx: Transaction, shop_id: int, *, live: bool, most: int) -> Tail:
    """The last `most` entries, and the position before them."""
    seq, hashed, public_key = chain_head(tx, shop_id, live=live)
    if type(seq) is not int:
        return Tail(START, [], seq, hashed, public_key)
    first = max(1, seq - most + 1)
    entries = entries_from(tx, shop_id, live=live, seq=first - 1, most=seq - first + 2)
    start = START
    if first > 1:
        keys = keys_of_chain(tx, shop_id, live=live, seq=first - 1, most=1)
        key = str(read_details(keys[0].details).get("public_key")) if keys else ""
        before = entries.pop(0) if entries and entries[0].seq == first - 1 else None
        start = Position(first - 1, before.hash if before else "", key, before.happened_at if before else 0)
    return Tail(start, entries, seq, hashed, public_key)


def _sum(amounts: Iterable[tuple[_Kind, int]], part: int, parts: int) -> Counter[_Kind]:
    """Adds up the amounts of the scopes that belong to this part."""
    total: Counter[_Kind] = Counter()
    for kind, amount in amounts:
        if parts == 1 or crc32(repr(kind[0]).encode()) % parts == part:
            total[kind] += amount if type(amount) is int else -1
    return total


def _wrong_counts(stored: Counter[_Kind], actual: Counter[_Kind]) -> Iterator[Finding]:
    for kind in sorted(stored.keys() | actual.keys(), key=repr):
        if stored[kind] != actual[kind]:
            scope, state, reason, rating = kind
            named = " ".join(filter(None, (str(state), str(reason), f"rated {rating}")))
            says = f"{stored[kind]} {named} are counted, but {actual[kind]} exist"
            yield Finding(f"counts of {scope}", says)
