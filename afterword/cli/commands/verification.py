"""`afterword verify`: whether reviews and what became of them are what they were when it happened."""

import re
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from afterword.base.settings import read_settings
from afterword.cli.options import checked, json_option, named_shop, opened
from afterword.cli.output import progress, say, say_json, shown, time_text, world
from afterword.domain.reviews.chain import Entry, Signer
from afterword.domain.reviews.receipts import ReceiptStatus, is_receipt
from afterword.domain.reviews.verification import (
    START,
    Finding,
    Position,
    ReplayedReview,
    read_entry,
    read_line,
    starts_review,
)
from afterword.store.reviews.receipts import FoundReceipt, find_receipt
from afterword.store.reviews.verification import Verification

MOST_NAMED = 100
"""Faults that are told one by one."""

LONGEST_LINE = 10_000
"""Bytes of an entry in a file, and more than any has."""

SINCE: dict[ReceiptStatus, str] = {
    "waiting": "waits to be published, as it was written",
    "published": "is published, as it was written",
    "rejected": "is rejected; its words are as they were written",
    "withdrawn": "was withdrawn by its author",
    "erased": "was erased, so its words are gone",
    "changed": "has a newer version by its author",
    "lost": "IS GONE",
    "other words": "HAS OTHER WORDS THAN WERE WRITTEN",
}
WRONG: tuple[ReceiptStatus, ...] = ("lost", "other words")


class Result(NamedTuple):
    """What a check found; `faults` is how many there are, of which `findings` has the first."""

    of: str
    end: Position
    reviews: int
    findings: list[Finding]
    faults: int
    receipt: FoundReceipt | None


def _hex(digits: int) -> Any:
    def check(text: str) -> str:
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text.strip().lower()):
            raise ValueError(f"write {digits} hex digits")
        return text.strip().lower()

    return checked(check)


def _keys(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> set[str]:
    return {_hex(64)(ctx, param, value) for value in values}


@click.command()
@click.argument("id_or_name", metavar="[SHOP]", required=False)
@click.option("--test", is_flag=True, help="The chain of test reviews.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="A downloaded chain.jsonl.")
@click.option(
    "--key", "keys", multiple=True, metavar="HEX", callback=_keys, help="A key that may sign; again for more."
)
@click.option("--receipt", metavar="HASH", callback=_hex(64), help="Look for what an author's receipt names.")
@click.option("--salt", metavar="HEX", callback=_hex(32), help="The receipt's salt: are the words those?")
@json_option
def verify(
    id_or_name: str | None,
    test: bool,
    file: Path | None,
    keys: set[str],
    receipt: str | None,
    salt: str | None,
    as_json: bool,
) -> None:
    """Check that no review and nothing of what became of them was changed.

    Reads a shop's chain, its reviews and what is counted of them; or with --file a chain that was downloaded, without
    any database. Exit code 0 when all is whole, 1 when it is not, or the receipt is not found.
    """
    if salt and not receipt:
        raise click.UsageError("--salt goes with --receipt")
    if (file is None) == (id_or_name is None) or (file and (test or salt)):
        raise click.UsageError("name a SHOP, or a --file alone, which has neither a world nor words")
    if file:
        result = _check_file(file, keys or None, receipt)
    else:
        result = _check_shop(id_or_name or "", not test, keys, receipt, salt)
    wrong = result.faults > 0 or (receipt is not None and _is_wrong(result.receipt))
    if as_json:
        say_json(_fields(result, whole=not wrong, asked=receipt))
    else:
        _tell(result, asked=receipt is not None)
    if wrong:
        sys.exit(1)


def _check_shop(id_or_name: str, live: bool, keys: set[str], receipt: str | None, salt: str | None) -> Result:
    """Unless keys are named, the one of this installation must have signed all."""
    secret = read_settings().link_secret()
    with opened() as database:
        shop = database.read_now(lambda tx: named_shop(tx, id_or_name))
        allowed = keys or {Signer(secret).public_key(shop.id)}
        check = Verification(database, shop.id, live=live, allowed=allowed, progress=progress)
        findings, count = _first(check.findings())
        found = (
            database.read_now(lambda tx: find_receipt(tx, shop.id, receipt, live=live, salt=salt))
            if receipt
            else None
        )
    return Result(f"{shop.name} ({world(live)} reviews)", check.end, check.reviews, findings, count, found)


def _check_file(file: Path, keys: set[str] | None, receipt: str | None) -> Result:
    check = _FileCheck(file, keys, receipt)
    findings, count = _first(check.findings())
    return Result(str(file), check.end, check.reviews, findings, count, check.found)


class _FileCheck:
    """A chain as it was downloaded: its entries alone, one a line."""

    def __init__(self, file: Path, keys: set[str] | None, receipt: str | None) -> None:
        self._file, self._keys, self._receipt = file, keys, receipt
        self._entry: Entry | None = None
        self._told = ReplayedReview()
        self.end = START
        self.reviews = 0

    def findings(self) -> Iterator[Finding]:
        size = self._file.stat().st_size
        done = 0
        with self._file.open("rb") as lines:
            for number, line in enumerate(iter(partial(lines.readline, LONGEST_LINE), b""), 1):
                entry = read_line(line)
                done += len(line)
                if entry is None:
                    yield Finding(f"line {number}", "is no entry of a chain")
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
            self._told.take(entry)

    @property
    def found(self) -> FoundReceipt | None:
        """What became of the review since, as far as this file goes."""
        if self._entry is None:
            return None
        is_last = self._told.version == self._entry.version
        became: Any = self._told.state if is_last or self._told.state == "erased" else "changed"
        return FoundReceipt(self._entry, became, None)


def _first(findings: Iterable[Finding]) -> tuple[list[Finding], int]:
    """The first of them, and how many faults there are."""
    kept: list[Finding] = []
    count = 0
    for found in findings:
        count += found.is_fault
        if len(kept) < MOST_NAMED:
            kept.append(found)
    return kept, count


def _is_wrong(found: FoundReceipt | None) -> bool:
    return found is None or found.status in WRONG or found.has_words is False


def _tell(result: Result, *, asked: bool) -> None:
    for found in result.findings:
        say(("" if found.is_fault else "note: ") + shown(str(found)))
    if result.faults > len(result.findings):
        say(f"… and more: {result.faults:,} faults in all.")
    verdict = f"{result.faults:,} FAULT{'S' if result.faults > 1 else ''}" if result.faults else "Whole"
    say(f"{verdict}: {shown(result.of)}, {result.end.seq:,} entries, {result.reviews:,} reviews.")
    if result.end.seq:
        say(f"Last entry: {shown(result.end.hash)}, of {time_text(result.end.happened_at)}")
        say(f"Signed with: {shown(result.end.public_key)}")
    if asked:
        say(_receipt_words(result.receipt))


def _receipt_words(found: FoundReceipt | None) -> str:
    if found is None:
        return "Receipt: NOT FOUND. No author's entry has this hash."
    entry = found.entry
    told = (
        f"Receipt: entry {entry.seq}, of {time_text(entry.happened_at)}: version {entry.version} of review "
    )
    told += f"{entry.review_id}. The review {SINCE[found.status]}."
    if found.has_words is not None:
        told += " The salt fits the words." if found.has_words else " THE SALT DOES NOT FIT THE WORDS."
    return told


def _fields(result: Result, *, whole: bool, asked: str | None) -> dict[str, object]:
    """The fields that other programs rely on."""
    receipt: dict[str, object] | None = None
    if result.receipt:
        entry = result.receipt.entry
        receipt = {"entry": entry.seq, "review": entry.review_id, "version": entry.version}
        receipt |= {"became": result.receipt.status, "has_words": result.receipt.has_words}
    return {
        "whole": whole,
        "entries": result.end.seq,
        "reviews": result.reviews,
        "head": result.end.hash,
        "public_key": result.end.public_key,
        "faults": result.faults,
        "findings": [found._asdict() for found in result.findings],
    } | ({"receipt": receipt} if asked else {})
