"""`afterword review`: what customers wrote, and its moderation (docs/moderation.md)."""

import sys
from collections.abc import Callable
from functools import partial
from typing import get_args

import click

from afterword.actions import present
from afterword.actions.reviews import moderation, reading
from afterword.actions.reviews.erasure import erase_everywhere
from afterword.actions.reviews.reading import ReviewDetails
from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.settings import read_settings
from afterword.cli.options import checked, json_option, opened, opened_for, row_id, shop_argument, signer_of
from afterword.cli.output import (
    log_command,
    say,
    say_fields,
    say_json,
    say_list,
    say_result,
    say_table,
    say_text,
)
from afterword.cli.output import shown as in_terminal
from afterword.domain.reviews.checks.flags import COPIED
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import Review, ReviewState, Unfit, read_words
from afterword.domain.values import counted, utc_text
from afterword.domain.values import shown as one_line
from afterword.i18n.catalogue import ENGLISH, catalogues
from afterword.i18n.codes import REASONS_IN_WORDS, UNFIT_IN_WORDS
from afterword.store.engine.database import Database, Transaction

LONGEST_CELL = 40
"""Characters of a text, or of a product's name, in a list."""

LONGEST_STDIN = 100_000
"""Bytes that are read of a reply: more than one may have."""

BELOW = "-------- Write the reply above this line. An empty reply changes nothing. --------"
"""Divides a reply from the review in an editor."""


def _words(text: str) -> str:
    try:
        return read_words(text)
    except Unfit as error:
        words = catalogues()[ENGLISH].say(UNFIT_IN_WORDS[error.code], limit=error.limit)
        raise ValueError(words) from error


_id = click.argument("review_id", metavar="ID", type=row_id)
_version = click.option(
    "--version", type=click.IntRange(1), help="Only if this is still its current version."
)


@click.group()
def review() -> None:
    """List, show, publish, reject, reply to, dispute and erase reviews."""


@review.command("list")
@shop_argument
@click.option("--state", type=click.Choice(get_args(ReviewState)), help="Only reviews in this state.")
@click.option("--test", is_flag=True, help="Reviews of test orders instead of live ones.")
@json_option
def list_(id_or_name: str, state: str | None, test: bool, as_json: bool) -> None:
    """List a shop's reviews, last changed first.

    Waiting reviews (--state waiting) are listed oldest first.
    """
    with opened_for(id_or_name) as (database, shop):
        listed = reading.listed(database, shop, state, live=not test)
        copies = partial(_copies, database)
        rows = map(present.review if as_json else partial(_row, copies=copies), listed)
        say_list(rows, "id written state why stars author about text", "No reviews.", as_json=as_json)


def _copies(database: Database, review: Review) -> list[int]:
    return database.read_now(lambda tx: reading.copies(tx, review))


def _row(review: Review, copies: Callable[[Review], list[int]]) -> present.Fields:
    return {
        "id": review.id,
        "written": utc_text(review.written_at),
        "state": review.state,
        "why": review.reason or _flags_in_words(review, copies(review)),
        "stars": review.rating,
        "author": review.author,
        "about": one_line(review.product_name or "the shop", LONGEST_CELL),
        "text": one_line(review.text, LONGEST_CELL),
    }


def _flags_in_words(review: Review, copies: list[int]) -> str | None:
    """What the checks found, and which reviews have the same text."""
    of = f" (as review {', '.join(map(str, copies))})" if copies else ""
    return ", ".join(f"{flag}{of if flag == COPIED else ''}" for flag in review.flags) or None


@review.command()
@_id
@json_option
def show(review_id: int, as_json: bool) -> None:
    """Show a review, its earlier versions and its entries in the chain."""
    with opened() as database:
        found = database.read_now(lambda tx: reading.found(tx, review_id))
    if as_json:
        past = [present.past_version(each) for each in found.past_versions]
        say_json({**_fields(found), "past_versions": past, "chain": list(map(present.entry, found.entries))})
    else:
        _say_review(found)


def _fields(found: ReviewDetails) -> present.Fields:
    id_order = found.order.id_order if found.order else None
    more = {"shop": found.shop.name, "id_order": id_order, "invitation": found.invitation_id}
    return {**present.review(found.review), **more}


def _say_review(found: ReviewDetails) -> None:
    texts = {"text": found.review.text, "reply": found.review.reply, "dispute": found.review.dispute}
    short = {name: value for name, value in _fields(found).items() if name not in texts}
    flags = _flags_in_words(found.review, found.copies)
    say_fields(short | {"author": found.review.author or None, "flags": flags})
    for each in found.past_versions:
        title = f"version {each.version}, {counted(each.rating, 'star')}, {utc_text(each.written_at)}"
        texts[title] = each.text
    for title, text in texts.items():
        if text:
            say()
            say_text(title, text)
    say()
    entries = [list(present.entry(each).values()) for each in found.entries]
    say_table(("entry", "kind", "version", "time"), entries)


@review.command()
@_id
@_version
@json_option
def publish(review_id: int, version: int | None, as_json: bool) -> None:
    """Publish a waiting or rejected review."""
    _, new = _change(review_id, version, moderation.publish, "shop")
    say_result(present.review(new), f"Review {new.id} is published.", as_json=as_json)


@review.command()
@_id
@click.option(
    "--reason", required=True, type=click.Choice(REJECTION_REASONS), help="Why; its author is notified."
)
@_version
@json_option
def reject(review_id: int, reason: str, version: int | None, as_json: bool) -> None:
    """Reject a review for a listed reason. The rating is never a reason.

    Its author is notified of the reason and can edit the review. A rejected review is kept.
    """
    _, new = _change(review_id, version, moderation.reject, reason)
    sentence = f"Review {new.id} is rejected: {REASONS_IN_WORDS[reason]}."
    say_result(present.review(new), sentence, as_json=as_json)


@review.command()
@_id
@click.argument("text", required=False)
@click.option("--remove", is_flag=True, help="Remove the reply.")
@click.option("--yes", is_flag=True, help="Do not ask before it is published.")
@_version
@json_option
def reply(
    review_id: int, text: str | None, remove: bool, yes: bool, version: int | None, as_json: bool
) -> None:
    """Set the shop's one public reply to a review.

    Without TEXT, your editor opens (VISUAL, EDITOR, or vi); with - the reply is read from stdin. On a terminal it is
    shown, and you are asked, before it is published. An empty reply changes nothing.
    """
    if text is not None and remove:
        raise click.UsageError("give either a TEXT or --remove")
    if not remove:
        text, version = _written_reply(review_id, text, version)
        if _is_interactive() and not yes:
            _ask_about(text)
    _, new = _change(review_id, version, moderation.answer, None if remove else text)
    done = "removed" if remove else "saved"
    shown = " and shown with the review" if not remove and new.state == "published" else ""
    say_result(present.review(new), f"The reply is {done}{shown}.", as_json=as_json)


def _written_reply(review_id: int, text: str | None, version: int | None) -> tuple[str, int | None]:
    """The words of a reply, from the command line, stdin or an editor, and the version that they are about. Raises
    Refused for none, and BadParameter for wrong ones."""
    if text is None:
        text, version = _edited_reply(review_id, version)
    elif text == "-":
        text = sys.stdin.buffer.read(LONGEST_STDIN).decode("utf-8", "surrogateescape")
    if text.strip() in ("", "-"):
        raise Refused("the reply is empty: nothing was changed")
    try:
        return _words(text), version
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="TEXT") from error


def _edited_reply(review_id: int, version: int | None) -> tuple[str, int]:
    """What is written in the editor, above the review that is shown there, and the version of that."""
    if not _is_interactive():
        raise click.UsageError("give a TEXT, - to read it from stdin, or --remove")
    with opened() as database:
        found = database.read_now(lambda tx: reading.found(tx, review_id)).review
    title = f"{found.author or 'A customer'}, {counted(found.rating, 'star')}:"
    text = click.edit(f"{found.reply or ''}\n\n{BELOW}\n\n{title}\n{found.text}\n", extension=".txt")
    return (text or "").partition(BELOW)[0], version or found.version


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask_about(text: str) -> None:
    """Shows a reply as it will be read. Raises Refused unless the person at the terminal wants it."""
    for line in text.split("\n"):
        click.echo(f"    {in_terminal(line)}".rstrip(), err=True)
    if not click.confirm("Publish this reply?", err=True):
        raise Refused("not confirmed: nothing was changed")


@review.command()
@_id
@click.option("--reason", required=True, callback=checked(_words), help="Why; shown beside the review.")
@json_option
def dispute(review_id: int, reason: str, as_json: bool) -> None:
    """Dispute a review, and say why.

    The dispute is shown beside the review, which stays as it is.
    """
    _, new = _change(review_id, None, moderation.dispute, reason)
    sentence = f"The dispute of review {new.id} is saved and shown beside it."
    say_result(present.review(new), sentence, as_json=as_json)


@review.command()
@_id
@json_option
def erase(review_id: int, as_json: bool) -> None:
    """Erase a review's text and its author's name permanently.

    Use it only at the author's request. It does not ask for confirmation and cannot be undone. The rating stays,
    counted as erased, and the chain stays intact.
    """
    with opened() as database:
        outbox, signer = read_settings().outbox, signer_of(database)
        done = erase_everywhere(database, outbox, review_id, signer, system_clock())
    log_command("review erased", shop=done.new.shop_id, review=review_id, live=done.new.live)
    sentence = f"Review {review_id} is erased: {_removed(done.old)} are removed permanently."
    if done.emails:
        sentence += f" So {'is' if done.emails == 1 else 'are'} {counted(done.emails, 'e-mail')} in {outbox}."
    say_result(present.review(done.new), f"{sentence} {done.left or ''}".rstrip(), as_json=as_json)


def _removed(old: Review) -> str:
    removed = ["its text", "its author's name"]
    removed += ["its earlier versions"] if old.version > 1 else []
    removed += [what for what, was in (("the reply", old.reply), ("the dispute", old.dispute)) if was]
    return ", ".join(removed[:-1]) + " and " + removed[-1]


def _change(
    review_id: int, version: int | None, action: Callable[..., Review], *values: str | None
) -> tuple[Review, Review]:
    """The review before and after. Raises Refused; nothing is changed then."""

    def work(tx: Transaction) -> tuple[Review, Review]:
        with reading.as_read(tx, review_id, version) as review:
            return review, action(tx, review, *values, signer, system_clock())

    with opened() as database:
        signer = signer_of(database)
        return database.write_now(work)
