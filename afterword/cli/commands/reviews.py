"""`afterword review`: what customers wrote, and what becomes of it (docs/moderation.md)."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, get_args

import click

from afterword.actions.moderation import answer, doubt, erase, publish, reject
from afterword.base.clock import system_clock
from afterword.base.errors import Refused, ReviewChanged
from afterword.base.settings import read_settings
from afterword.cli.options import checked, json_option, named_shop, opened, row_id, shop_argument
from afterword.cli.output import say, say_fields, say_json, say_json_array, say_table, say_text, time_text
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import SITE, Review, ReviewState, Unfit, read_words
from afterword.domain.shops import Shop
from afterword.domain.values import shown as one_line
from afterword.i18n.catalogue import ENGLISH, catalogues
from afterword.i18n.codes import REASONS_IN_WORDS, UNFIT_IN_WORDS
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.orders import order_of
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.rows import NEWEST_START, OLDEST_START, Cursor, changed_reviews, waiting_reviews
from afterword.store.reviews.writing import find_review, past_versions

Act = Callable[[Transaction, Review, Signer, float], Review]

MOST_SHOWN = 40
"""Characters of a text, or of a product's name, in a list."""


def _words(text: str) -> str:
    try:
        return read_words(text)
    except Unfit as error:
        words = catalogues()[ENGLISH].say(UNFIT_IN_WORDS[error.code], limit=error.limit)
        raise ValueError(words) from error


_id = click.argument("review_id", metavar="ID", type=row_id)
_version = click.option(
    "--version", "seen", type=click.IntRange(1), help="Only if this is still the version that you have read."
)


@click.group()
def review() -> None:
    """See, publish, reject, reply to, doubt and erase reviews."""


@review.command("list")
@shop_argument
@click.option("--state", type=click.Choice(get_args(ReviewState)), help="Only those in this state.")
@click.option("--test", is_flag=True, help="The reviews of test orders, a world of their own.")
@json_option
def list_(id_or_name: str, state: str | None, test: bool, as_json: bool) -> None:
    """List a shop's reviews, the last changed first.

    Those that wait (--state waiting) come with the oldest first.
    """
    with opened() as database:
        shop = database.read_now(lambda tx: named_shop(tx, id_or_name))
        rows = _all_reviews(database, shop, state, live=not test)
        if as_json:
            say_json_array(review_fields(each) for each in rows)
        else:
            _say_rows(rows)


def _all_reviews(database: EngineDatabase, shop: Shop, state: str | None, *, live: bool) -> Iterator[Review]:
    """Page after page, so that no reader keeps a snapshot open for long."""
    waits = state == "waiting"
    behind = OLDEST_START if waits else NEWEST_START

    def page(tx: Transaction) -> list[Review]:
        if waits:
            return waiting_reviews(tx, shop.id, live=live, behind=behind)
        return changed_reviews(tx, shop.id, live=live, state=state, behind=behind)

    while rows := database.read_now(page):
        yield from rows
        behind = Cursor(rows[-1].written_at if waits else rows[-1].changed_at, rows[-1].id)


def _say_rows(rows: Iterator[Review]) -> None:
    head = ("id", "written", "state", "why", "stars", "author", "about", "text")
    cells = (
        (
            each.id,
            time_text(each.written_at),
            each.state,
            each.reason or ", ".join(each.flags) or None,
            each.rating,
            each.author,
            one_line(each.product_name or "the shop", MOST_SHOWN),
            one_line(each.text, MOST_SHOWN),
        )
        for each in rows
    )
    say_table(head, cells)


def review_fields(review: Review) -> dict[str, object]:
    """The fields that other programs rely on. `product` is null for a review of the shop; `flags` are what the checks
    found; `invitation` is the number of the order's invitation."""
    times = ("written_at", "changed_at", "published_at", "publish_at", "replied_at", "doubted_at")
    return {
        "id": review.id,
        "shop_id": review.shop_id,
        "invitation": review.order_id,
        "live": review.live,
        "product": None if review.scope == SITE else review.scope,
        "product_name": review.product_name,
        "state": review.state,
        "version": review.version,
        "rating": review.rating,
        "text": review.text,
        "author": review.author,
        "lang": review.lang,
        "experience_date": review.experience_date,
        "imported_from": review.imported_from,
        "flags": list(review.flags),
        "reason": review.reason,
        "reply": review.reply,
        "doubt": review.doubt,
        **{name: time_text(getattr(review, name)) for name in times},
    }


@review.command()
@_id
@json_option
def show(review_id: int, as_json: bool) -> None:
    """Show one review and all that became of it.

    With what its author wrote before, and its entries in the shop's chain.
    """
    with opened() as database:
        fields = database.read_now(lambda tx: _shown_fields(tx, review_id))
    if as_json:
        say_json(fields)
    else:
        _say_review(fields)


def _shown_fields(tx: Transaction, review_id: int) -> dict[str, Any]:
    shop, found = find_review(tx, review_id)
    order = order_of(tx, shop, found.order_id)
    return review_fields(found) | {
        "shop": shop.name,
        "id_order": order.id_order if order else None,
        "past_versions": [
            {
                "version": each.version,
                "rating": each.rating,
                "text": each.text,
                "written_at": time_text(each.written_at),
            }
            for each in past_versions(tx, found)
        ],
        "chain": [
            {
                "seq": entry.seq,
                "kind": entry.kind,
                "version": entry.version,
                "happened_at": time_text(entry.happened_at),
            }
            for entry in entries_of_review(tx, shop.id, found.id)
        ],
    }


_TEXTS = ("text", "reply", "doubt", "past_versions", "chain")


def _say_review(fields: dict[str, Any]) -> None:
    short = {name: value for name, value in fields.items() if name not in _TEXTS}
    say_fields(short | {"author": fields["author"] or None, "flags": ", ".join(fields["flags"]) or None})
    for name in ("text", "reply", "doubt"):
        if fields[name]:
            say()
            say_text(name, fields[name])
    for past in filter(itemgetter("text"), fields["past_versions"]):
        say()
        say_text(f"version {past['version']}, {past['rating']} stars, {past['written_at']}", past["text"])
    say()
    say_table(
        ("entry", "kind", "version", "happened"),
        ((each["seq"], each["kind"], each["version"], each["happened_at"]) for each in fields["chain"]),
    )


@review.command("publish")
@_id
@_version
@json_option
def publish_(review_id: int, seen: int | None, as_json: bool) -> None:
    """Publish a review that waits, or that was rejected."""

    def act(tx: Transaction, found: Review, signer: Signer, now: float) -> Review:
        return publish(tx, found, "shop", signer, now)

    _, new = _change(review_id, seen, act)
    _tell(new, f"Review {new.id} is published.", as_json=as_json)


@review.command("reject")
@_id
@click.option(
    "--reason", required=True, type=click.Choice(REJECTION_REASONS), help="One of these; the author is told."
)
@_version
@json_option
def reject_(review_id: int, reason: str, seen: int | None, as_json: bool) -> None:
    """Reject a review for one of the listed reasons. None of them is about the stars.

    The author is told the reason, and can write again. What is rejected is kept.
    """

    def act(tx: Transaction, found: Review, signer: Signer, now: float) -> Review:
        return reject(tx, found, reason, signer, now)

    _, new = _change(review_id, seen, act)
    _tell(new, f"Review {new.id} is rejected: {REASONS_IN_WORDS[reason]}.", as_json=as_json)


@review.command()
@_id
@click.argument("text", required=False, callback=checked(_words))
@click.option("--remove", is_flag=True, help="Take the reply back.")
@_version
@json_option
def reply(review_id: int, text: str | None, remove: bool, seen: int | None, as_json: bool) -> None:
    """Give the shop's one public reply, or another in its place."""
    if (text is None) != remove:
        raise click.UsageError("give either a TEXT or --remove")

    def act(tx: Transaction, found: Review, signer: Signer, now: float) -> Review:
        return answer(tx, found, text, signer, now)

    _, new = _change(review_id, seen, act)
    done = "The reply is taken back" if remove else "The reply is stored"
    shown = " and is shown with the review" if not remove and new.state == "published" else ""
    _tell(new, f"{done}{shown}.", as_json=as_json)


@review.command("doubt")
@_id
@click.option("--reason", required=True, callback=checked(_words), help="In words; shown beside the review.")
@json_option
def doubt_(review_id: int, reason: str, as_json: bool) -> None:
    """Report the shop's reasoned doubt about a review.

    The doubt is shown beside the review, which stays where it is.
    """

    def act(tx: Transaction, found: Review, signer: Signer, now: float) -> Review:
        return doubt(tx, found, reason, signer, now)

    _, new = _change(review_id, None, act)
    _tell(new, f"The doubt about review {new.id} is stored, and is shown beside it.", as_json=as_json)


@review.command("erase")
@_id
@json_option
def erase_(review_id: int, as_json: bool) -> None:
    """Remove a review's words and its author's name for good.

    On the author's request. It asks nothing, and nothing brings them back. The stars stay, counted among the erased;
    the chain stays whole.
    """
    old, new = _change(review_id, None, erase)
    removed = ["its text", "its author's name"]
    removed += ["what its author wrote before"] if old.version > 1 else []
    removed += [what for what, was in (("the reply", old.reply), ("the doubt", old.doubt)) if was]
    listed = ", ".join(removed[:-1]) + " and " + removed[-1]
    _tell(new, f"Review {new.id} is erased: {listed} are gone for good.", as_json=as_json)


def _change(review_id: int, seen: int | None, act: Act) -> tuple[Review, Review]:
    """The review before and after. Raises Refused; nothing is changed then."""
    signer = Signer(read_settings().link_secret())

    def work(tx: Transaction) -> tuple[Review, Review]:
        _, found = find_review(tx, review_id)
        if seen is not None and found.version != seen:
            raise ReviewChanged
        return found, act(tx, found, signer, system_clock())

    with opened() as database:
        try:
            return database.write_now(work)
        except ReviewChanged as error:
            raise Refused(f"review {review_id} was changed meanwhile: look at it again") from error


def _tell(review: Review, sentence: str, *, as_json: bool) -> None:
    if as_json:
        say_json(review_fields(review))
    else:
        say(sentence)
