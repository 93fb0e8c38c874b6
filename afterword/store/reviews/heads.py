"""The ends of chains as the send journal knows them (docs/verifying.md).

A chain proves that nothing in it was changed, but not that it was not longer: someone who can write to the database
can cut off its end, and the head with it. The journal lies elsewhere, and notes the head soon after each commit
that moved it.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from afterword.base.errors import Refused, StoreUnavailable
from afterword.domain.reviews.verification import Finding
from afterword.store.engine.database import Database, Transaction
from afterword.store.journal.journal import HEAD_WORDS, HEADER_SIZE, Journal, events, head_line
from afterword.store.journal.place import journal_place
from afterword.store.queries import query
from afterword.store.reviews.chain import chain_head

HEADS_AT_ONCE = 500
"""Heads that are compared in one read."""

UNKNOWN = Finding(
    "head",
    "the send journal is missing or cannot be read, so whether the end of the chain was cut off is unknown",
    is_fault=False,
)


class Head(NamedTuple):
    """The last entry that a chain had at some time. `hash` is the first half of the entry's, 32 hex digits."""

    word: str
    hash: str
    shop_id: int
    live: int
    seq: int


def check_heads(database: Database, shop_id: int, *, live: bool) -> Iterator[Finding]:
    """Finds the entries of a chain that the journal has noted as its head, and that the chain does not have.

    Those before the operator accepted it (`accept_head`) do not count. A restored backup looks the same as an end
    that was cut off, so the finding names both. Reads the whole journal.
    """
    try:
        journal = _journal(database)
    except (OSError, StoreUnavailable):
        yield UNKNOWN
        return
    with closing(journal):
        missing = _missing(database, (head for head in _heads(journal) if head[2:4] == (shop_id, live)))
    for head in missing:
        option = "" if live else " --test"
        words = (
            f"the send journal has noted entry {head.seq} with a hash of {head.hash}…, which the chain does not "
            "have: a backup from before that entry was restored, or the end of the chain was cut off. If you have "
            f"restored a backup, accept it: afterword verify {shop_id}{option} --accept"
        )
        yield Finding("head", words)


def chains_cut(database: Database) -> list[Head]:
    """Of each chain, the last head that the journal has noted, where the chain does not have it. Reads the whole
    journal. Raises OSError and StoreUnavailable where it cannot be read."""
    with closing(_journal(database)) as journal:
        last = {head[2:4]: head for head in _heads(journal)}
    return [head for (head, is_there) in _compared(database, list(last.values())) if not is_there]


def accept_head(tx: Transaction, shop_id: int, *, live: bool) -> None:
    """The operator accepts what the chain lacks: from now on it is compared from the head that it has. Raises
    Refused."""
    if not tx.has_journal:
        raise Refused("the send journal is missing, so nothing can be accepted: see afterword doctor")
    seq, hashed, _ = chain_head(tx, shop_id, live=live)
    tx.journal(head_line(shop_id, live, seq, hashed, HEAD_WORDS[1]))


def _journal(database: Database) -> Journal:
    """This database's own. Raises StoreUnavailable, OSError."""
    found = None if database.is_held else journal_place(database.journal.address).find()
    if found is None:
        raise StoreUnavailable("the send journal is missing")
    return found


def _heads(journal: Journal) -> Iterator[Head]:
    for line in events(line for line in journal.lines_from(HEADER_SIZE) if line.startswith(HEAD_WORDS)):
        word, hashed, *numbers = line
        if word in HEAD_WORDS:
            yield Head(word, hashed, *map(int, numbers))


def _missing(database: Database, heads: Iterator[Head]) -> list[Head]:
    """The first of those since the last that was accepted, or none."""
    missing: list[Head] = []
    while some := list(islice(heads, HEADS_AT_ONCE)):
        for head, is_there in _compared(database, some):
            if head.word == HEAD_WORDS[1]:
                missing = []
            if not is_there and not missing:
                missing = [head]
    return missing


def _compared(database: Database, heads: list[Head]) -> list[tuple[Head, bool]]:
    """Each with whether its chain has it."""
    asked: list[Mapping[str, int]] = [
        {"shop_id": head.shop_id, "live": head.live, "seq": head.seq} for head in heads
    ]
    found = database.read_now(lambda tx: tx.rows_each(query("hash_of_entry"), asked))
    return [
        (head, head.seq == 0 or any(str(hashed).startswith(head.hash) for (hashed,) in rows))
        for head, rows in zip(heads, found, strict=True)
    ]
