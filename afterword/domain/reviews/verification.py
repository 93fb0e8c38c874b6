"""Verifies a chain entry by entry, and each review against its entries.

Nothing read here is trusted: an attacker may have changed any value. docs/verifying.md says what verification proves,
and against whom.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from afterword.domain.reviews.chain import (
    FIRST,
    Entry,
    EntryKind,
    canonical,
    fixes,
    is_signed_by,
    is_whole,
    subject_of,
    words_of,
)
from afterword.domain.reviews.review import Review

Keys = Collection[str]

_SHAPE = Entry(0, True, 0, 0, 0, 0, "key", "", "", "", "")


class Finding(NamedTuple):
    """A fault, or something worth knowing (`is_fault` is False), and where it is: `entry 17`, `review 5`, `counts of
    site`."""

    place: str
    words: str
    is_fault: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


class Position(NamedTuple):
    """How far a chain has been read: `seq`, hash and time of the last entry, and the key that signs the next one."""

    seq: int
    hash: str
    public_key: str
    happened_at: int


START = Position(0, FIRST, "", 0)
"""Before the first entry."""


def read_entry(at: Position, entry: Entry, allowed: Keys | None = None) -> tuple[Position, list[Finding]]:
    """The position after this entry, and what is wrong with the entry. `allowed` are the keys that may sign; None
    allows any key that the chain introduces.

    Each fault is reported once: the entry after a faulty one is compared with that entry as it is.
    """
    if not _is_shaped(entry):
        seq = entry.seq if type(entry.seq) is int else at.seq + 1
        return at._replace(seq=seq), [_of(entry, "has a field that is neither a number nor text")]
    key = at.public_key
    if entry.kind == "key":
        key = str(read_details(entry.details).get("public_key"))
    found = [*_order_of(at, entry), *_content_of(entry), *_signature_of(at, entry, key, allowed)]
    return Position(entry.seq, entry.hash, key, entry.happened_at), found


def _is_shaped(entry: Entry) -> bool:
    return all(type(value) is type(usual) for value, usual in zip(entry, _SHAPE, strict=True))


def _order_of(at: Position, entry: Entry) -> Iterator[Finding]:
    expected = at.seq + 1
    if entry.seq == expected + 1:
        yield Finding(f"entry {expected}", "is missing")
    elif entry.seq > expected:
        yield Finding(f"entry {expected}", f"is missing, and so is everything up to entry {entry.seq - 1}")
    elif entry.seq < expected:
        yield _of(entry, f"follows entry {at.seq}")
    if entry.previous != at.hash:
        yield _of(entry, "does not name the hash of the entry before it")
    if entry.happened_at < at.happened_at:
        seconds = at.happened_at - entry.happened_at
        yield _of(entry, f"is {seconds} s earlier than the entry before it", is_fault=False)


def _content_of(entry: Entry) -> Iterator[Finding]:
    if not is_whole(entry):
        yield _of(entry, "its hash is not that of its content")
    if canonical(read_details(entry.details)) != entry.details:
        yield _of(entry, "its details are not canonical JSON")
    if entry.kind not in get_args(EntryKind):
        yield _of(entry, "is of an unknown kind")


def _signature_of(at: Position, entry: Entry, key: str, allowed: Keys | None) -> Iterator[Finding]:
    if not key:
        yield _of(entry, "no key was introduced before it")
    elif not is_signed_by(entry, key):
        yield _of(entry, "is not signed with the key in use")
    if entry.kind != "key":
        return
    if allowed is not None and key not in allowed:
        yield _of(entry, f"introduces a key that may not sign here, {key}")
    elif at.public_key not in ("", key):
        yield _of(entry, f"another key signs from here on, {key}", is_fault=False)


def _of(entry: Entry, words: str, is_fault: bool = True) -> Finding:
    return Finding(f"entry {entry.seq}", words, is_fault)


def check_head(end: Position, seq: int, hashed: str, public_key: str) -> list[Finding]:
    """Compares the end of a chain with its stored head."""
    if (seq, hashed, public_key) == (end.seq, end.hash, end.public_key):
        return []
    said = f"entry {seq}, hash {hashed}, key {public_key}"
    ends = f"entry {end.seq}, hash {end.hash}, key {end.public_key}"
    return [Finding("head", f"the chain should end with {said}; it ends with {ends}")]


def read_details(text: str) -> Mapping[str, object]:
    """The details of an entry; empty if they are not a JSON object."""
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_line(line: bytes) -> Entry | None:
    """Parses a line of a downloaded chain: a JSON object with the fields of an entry and no others. None if it is
    not."""
    try:
        fields = json.loads(line.decode("ascii"), parse_constant=_no_constant)
        entry = Entry(**fields)
    except (RecursionError, TypeError, ValueError):
        return None
    return entry if _is_shaped(entry) else None


def written_line(entry: Entry) -> str:
    """The line of an entry in a downloaded chain."""
    return canonical(entry._asdict()) + "\n"


def starts_review(entry: Entry) -> bool:
    """Whether this is the first entry of a review."""
    return entry.kind == "imported" or (entry.kind == "written" and entry.version == 1)


@dataclass
class ReplayedReview:
    """A review as its entries describe it. `words`, `reply` and `dispute` are commitments; `past` maps each past
    version to its commitment and the time when it was written."""

    version: int = 0
    state: str = ""
    reason: object = None
    words: object = None
    order: object = None
    written_at: object = None
    published_at: object = None
    reply: object = None
    replied_at: object = None
    dispute: object = None
    disputed_at: object = None
    past: dict[int, tuple[object, object, object]] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Applies the review's next entry."""
        details = read_details(entry.details)
        at = entry.happened_at
        if entry.kind in ("written", "imported"):
            self._write(entry, details)
        if entry.kind == "published":
            self.state, self.published_at, self.reason = "published", at, None
        elif entry.kind in ("rejected", "withdrawn", "erased"):
            self.state, self.published_at, self.reason = entry.kind, None, details.get("reason")
        elif entry.kind == "replied":
            self.reply = details.get("commitment")
            self.replied_at = None if self.reply is None else at
        elif entry.kind == "disputed":
            self.dispute, self.disputed_at = details.get("commitment"), at
        if entry.kind == "erased":
            self.words, self.order = details.get("commitment"), details.get("order")
            self.reply = self.replied_at = self.dispute = self.disputed_at = None

    def _write(self, entry: Entry, details: Mapping[str, object]) -> None:
        """Starts a new version: reply, dispute and rejection of the old one no longer apply."""
        if self.version:
            self.past[self.version] = (self.words, self.order, self.written_at)
        self.version, self.words, self.order = entry.version, details.get("commitment"), details.get("order")
        self.state, self.written_at, self.published_at = "waiting", entry.happened_at, None
        self.reason = self.reply = self.replied_at = self.dispute = self.disputed_at = None
        if entry.kind == "imported":
            self.written_at, self.published_at = details.get("written_at"), details.get("published_at")
            self.state = "waiting" if self.published_at is None else "published"
            self.reply, self.replied_at = details.get("reply"), details.get("replied_at")


def check_review(review: Review, past: list[Review], entries: list[Entry]) -> list[Finding]:
    """Compares a review and its past versions with the entries. Empty if they match."""
    replayed = ReplayedReview()
    wrong: list[str] = []
    for entry in filter(_is_shaped, entries):
        wrong += _entry_in_turn(review, replayed, entry)
        replayed.take(entry)
    if not replayed.version:
        return [Finding(f"review {review.id}", "is not in the chain")]
    wrong += _wrong_words(review, replayed)
    wrong += _wrong_columns(review, replayed)
    wrong += _wrong_past(review, past, replayed)
    return [Finding(f"review {review.id}", words) for words in wrong]


def _entry_in_turn(review: Review, replayed: ReplayedReview, entry: Entry) -> Iterator[str]:
    version = replayed.version + (entry.kind in ("written", "imported"))
    if entry.version != version:
        yield f"entry {entry.seq} is of version {entry.version}, where version {version} is due"
    if entry.live != review.live:
        yield f"entry {entry.seq} is of the other mode"


def _wrong_words(review: Review, replayed: ReplayedReview) -> Iterator[str]:
    """Compares the texts with the commitments."""
    if not fixes(replayed.words, review.salt, words_of(review)):
        yield "what was written is not what the chain commits to"
    if not fixes(replayed.order, review.salt, subject_of(review)):
        yield "its order is not the one that the chain commits to"
    for name in ("reply", "dispute"):
        text, committed = getattr(review, name), getattr(replayed, name)
        same = fixes(committed, review.salt, {name: text}) if text is not None else committed is None
        if not same:
            yield f"the {name} is not what the chain commits to"


def _wrong_columns(review: Review, replayed: ReplayedReview) -> Iterator[str]:
    """Compares the columns that the chain contains in plain text."""
    names = ("state", "version", "reason", "written_at", "published_at", "replied_at", "disputed_at")
    for name in names:
        is_now, was = getattr(review, name), getattr(replayed, name)
        if (type(is_now), is_now) != (type(was), was):
            yield f"its {name} is {is_now!r}, but the chain says {was!r}"


def _wrong_past(review: Review, past: list[Review], replayed: ReplayedReview) -> Iterator[str]:
    for number in replayed.past.keys() - {old.version for old in past}:
        yield f"version {number} is missing"
    for old in past:
        words, order, written_at = replayed.past.get(old.version, (None, None, None))
        if replayed.state == "erased":
            same = (old.rating, old.text, old.salt) == (0, "", "") and old.version in replayed.past
        else:
            same = fixes(words, old.salt, words_of(old)) and fixes(order, old.salt, subject_of(old))
        if not same:
            yield f"version {old.version} is not what the chain commits to"
        if old.written_at != written_at:
            yield f"version {old.version} has another time than the chain says"
