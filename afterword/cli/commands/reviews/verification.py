"""`afterword verify`: whether reviews, and what happened to them, were changed afterwards."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from afterword.actions import present
from afterword.actions.reviews import verification
from afterword.actions.reviews.verification import Chain, Receipt, Verified
from afterword.cli.options import checked, json_option, opened_for, signer_of
from afterword.cli.output import mode, progress, say, say_json, shown
from afterword.domain.reviews.receipts import ReceiptStatus
from afterword.domain.values import counted, utc_text
from afterword.store.reviews.receipts import FoundReceipt

STATUS: dict[ReceiptStatus, str] = {
    "waiting": "is waiting to be published, as it was written",
    "published": "is published, as it was written",
    "rejected": "was rejected; its text is as it was written",
    "withdrawn": "was withdrawn by its author",
    "erased": "was erased, so its text is gone",
    "changed": "has a newer version by its author",
    "lost": "IS MISSING",
    "other words": "DIFFERS FROM WHAT WAS WRITTEN",
}


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
    "--key", "keys", multiple=True, metavar="HEX", callback=_keys, help="A key that may sign; repeatable."
)
@click.option("--receipt", "hashed", metavar="HASH", callback=_hex(64), help="Find the entry of a receipt.")
@click.option("--salt", metavar="HEX", callback=_hex(32), help="The receipt's salt: check the text too.")
@click.option("--accept", is_flag=True, help="Accept what the chain lacks since a backup was restored.")
@json_option
def verify(
    id_or_name: str | None, test: bool, file: Path | None, hashed: str | None, salt: str | None, **more: Any
) -> None:
    """Verify that reviews and their history have not been tampered with.

    Checks a shop's chain, its reviews and their counts; or, with --file, a downloaded chain without any database.
    Exit code 1 if something was changed or the receipt was not found.
    """
    if salt and not hashed:
        raise click.UsageError("--salt needs --receipt")
    if (file is None) == (id_or_name is None) or (file and (test or salt or more["accept"])):
        raise click.UsageError("give a SHOP, or a --file without --test, --salt and --accept")
    receipt = Receipt(hashed, salt) if hashed else None
    if file:
        of, result = str(file), verification.check_file(file, more["keys"] or None, receipt, progress)
    else:
        of, result = _check_shop(id_or_name or "", not test, receipt, **more)
    if more["as_json"]:
        say_json(_fields(result))
    else:
        _say(of, result)
    if not result.is_intact:
        sys.exit(1)


def _check_shop(
    id_or_name: str, live: bool, receipt: Receipt | None, *, keys: set[str], accept: bool, **_: Any
) -> tuple[str, Verified]:
    """What was checked, and the result. Unless keys are given, this installation must have signed everything."""
    with opened_for(id_or_name) as (database, shop):
        chain = Chain(shop, live, keys or verification.own_keys(signer_of(database), shop))
        if accept:
            verification.accept_end(database, chain)
        result = verification.check_shop(database, chain, receipt, progress)
    return f"{shop.name} ({mode(live)} reviews)", result


def _say(of: str, result: Verified) -> None:
    for found in result.findings:
        say(("" if found.is_fault else "note: ") + shown(str(found)))
    faults = counted(result.faults, "fault")
    if result.faults > len(result.findings):
        say(f"… and more: {faults} in all.")
    verdict = faults.upper() if result.faults else "Intact"
    entries = counted(result.end.seq, "entry", "entries")
    say(f"{verdict}: {shown(of)}, {entries}, {counted(result.reviews, 'review')}.")
    if result.end.seq:
        say(f"Last entry: {shown(result.end.hash)} ({utc_text(result.end.happened_at)})")
        say(f"Signed with: {shown(result.end.public_key)}")
    if result.asked:
        say(_receipt_words(result.receipt))


def _receipt_words(found: FoundReceipt | None) -> str:
    if found is None:
        return "Receipt: NOT FOUND. No author's entry has this hash."
    entry = found.entry
    sentence = (
        f"Receipt: entry {entry.seq} ({utc_text(entry.happened_at)}), version {entry.version} of review "
        f"{entry.review_id}. The review {STATUS[found.status]}."
    )
    matches = {None: "", True: " The salt matches the text.", False: " THE SALT DOES NOT MATCH THE TEXT."}
    return sentence + matches[found.has_words]


def _fields(result: Verified) -> present.Fields:
    receipt = present.receipt(result.receipt) if result.receipt else None
    return {
        "intact": result.is_intact,
        "entries": result.end.seq,
        "reviews": result.reviews,
        "head": result.end.hash,
        "public_key": result.end.public_key,
        "faults": result.faults,
        "findings": [found._asdict() for found in result.findings],
        **({"receipt": receipt} if result.asked else {}),
    }
