"""All reviews in any state, one review with its history, and what a person does with it."""

import asyncio
import json
import re
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote, urlencode

from starlette.responses import Response

from afterword.actions.reviews import moderation, reading
from afterword.actions.reviews.reading import as_read
from afterword.base.errors import Refused, StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Entry, Signer
from afterword.domain.reviews.review import SITE, Review, ReviewState, Unfit, read_words
from afterword.i18n.catalogue import ENGLISH, catalogues
from afterword.i18n.codes import REASONS_IN_WORDS, UNFIT_IN_WORDS
from afterword.i18n.dates import english_name
from afterword.mail.outbox import remove_emails
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.pages import LISTED, Selection, count_selected
from afterword.store.reviews.rows import NEWEST_START, Cursor, changed_reviews
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, number_in, redirect
from afterword.web.dashboard.frame import Frame, Moments, asked
from afterword.web.dashboard.moderation import (
    FOUND,
    REJECTIONS,
    reason_of,
    review_here,
    version_of,
)

REVIEWS_ON_A_PAGE = 25

REVIEW_STATES: dict[ReviewState, tuple[str, str]] = {
    "published": ("good", "Published"),
    "waiting": ("warn", "Waiting"),
    "rejected": ("bad", "Rejected"),
    "withdrawn": ("", "Withdrawn"),
    "erased": ("", "Erased"),
}
"""What a state means by its colour, and its word."""

MOST_COMPARED = 5
"""Versions, from the current one back, that are each compared with the one before."""

MOST_PAIRS = 40_000
"""Words of one version times those of the next, beyond which the two are shown whole: comparing takes too long."""

Piece = tuple[Literal["same", "del", "ins"], str]

log = log_for("web")


class Step(NamedTuple):
    """One entry in the history of a review: symbol, meaning, what happened, and when."""

    symbol: str
    meaning: str
    title: str
    note: str


class Reviews:
    """Without an `outbox`, where e-mails are written as files, nothing is erased here: they would keep the words."""

    def __init__(self, database: Database, frame: Frame, signer: Signer, outbox: Path | None = None) -> None:
        self._database = database
        self._frame = frame
        self._signer = signer
        self._outbox = outbox

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/reviews", self.listed),
            Page("/reviews/{review}", self.one),
            Button("/reviews/{review}/reply", self.reply, "moderator"),
            Button("/reviews/{review}/dispute", self.dispute, "moderator"),
            Button("/reviews/{review}/publish", self.publish, "moderator"),
            Button("/reviews/{review}/reject", self.reject, "moderator"),
            Button("/reviews/{review}/erase", self.erase, "owner"),
        ]

    async def listed(self, place: Place) -> Response:
        """The last changed first: all, or those in one state."""
        given = asked(place)
        state = next((state for state in LISTED if state == given.get("state")), None)
        read = partial(
            changed_reviews,
            shop_id=place.shop.id,
            live=place.live,
            state=state,
            behind=_cursor(given.get("before", "")),
            most=REVIEWS_ON_A_PAGE + 1,
        )
        rows = await self._database.read(read)
        shown = rows[:REVIEWS_ON_A_PAGE]
        only = {"state": state} if state else {}
        more = len(rows) > REVIEWS_ON_A_PAGE
        older = {"before": f"{shown[-1].changed_at}-{shown[-1].id}"} if more else {}
        return await self._frame.page(
            place,
            "reviews.html",
            at="/reviews",
            rows=shown,
            state=state,
            amounts=await self._database.read(partial(_amounts, shop_id=place.shop.id, live=place.live)),
            states=REVIEW_STATES,
            older="?" + urlencode(older | only) if more else "",
            newest="?" + urlencode(only) if "before" in given else "",
            is_empty=not rows and not state and "before" not in given,
        )

    async def one(self, place: Place) -> Response:
        review = await self._here(place)
        found = await self._database.read(lambda tx: reading.found(tx, review.id))
        review, moment = found.review, Moments(place.shop.timezone, place.now)
        return await self._frame.page(
            place,
            "review.html",
            at="/reviews",
            review=review,
            order=found.order,
            badge=REVIEW_STATES[review.state],
            changes=_changes([*found.past_versions, review]) if review.state != "erased" else [],
            story=[_step(entry, review, moment) for entry in found.entries],
            found=FOUND,
            reasons=REJECTIONS,
            why=REASONS_IN_WORDS.get(review.reason or "", review.reason),
            language=english_name(review.lang),
            public=_public_page(place, review),
            can={
                "reply": review.state in ("waiting", "published", "rejected"),
                "dispute": review.state in ("waiting", "published"),
                "publish": review.state in ("waiting", "rejected"),
                "reject": review.state in ("waiting", "published"),
                "erase": review.state != "erased",
            },
            erases_here=self._outbox is not None,
        )

    async def _here(self, place: Place) -> Review:
        return await review_here(self._database, place, place.request.path_params["review"])

    async def reply(self, place: Place) -> Response:
        """Saves the shop's reply, or removes it."""
        text = None if place.form.get("do") == "remove" else _words(place, "A reply")
        return await self._act(place, "replied" if text else "unreplied", moderation.answer, text)

    async def dispute(self, place: Place) -> Response:
        return await self._act(place, "disputed", moderation.dispute, _words(place, "A dispute"))

    async def publish(self, place: Place) -> Response:
        return await self._act(place, "published", moderation.publish, "shop")

    async def reject(self, place: Place) -> Response:
        return await self._act(place, "rejected", moderation.reject, reason_of(place))

    async def erase(self, place: Place) -> Response:
        """As `actions.reviews.erasure` does it, but beside other writes of this process."""
        outbox = self._outbox
        review = await self._here(place)
        if outbox is None:
            raise Refused(f"To erase this review, run: afterword review erase {review.id}")
        if place.form.get("sure", "").strip().casefold() != "erase":
            raise Refused("Type “erase” to confirm.")
        order = (await self._database.read(lambda tx: reading.found(tx, review.id))).order
        await self._act(place, "erased", moderation.erase)
        left = None
        try:
            if order:
                await asyncio.to_thread(remove_emails, outbox, order.id_order, order.email)
            left = await asyncio.to_thread(self._database.scrub)
        except (OSError, StoreUnavailable) as error:
            left = str(error)
        log.info("review erased", shop=place.shop.id, review=review.id, live=place.live, left=left)
        done = "erased-but-files" if left else "erased"
        return redirect(place.request, f"{place.path}/reviews/{review.id}?done={done}")

    async def _act(
        self, place: Place, done: str, action: Callable[..., Review], *values: str | None
    ) -> Response:
        """Acts on the review of the page, if it still is the version that the form was made for."""
        review, version = await self._here(place), version_of(place)
        act = partial(_change, action, review.id, version, (*values, self._signer, place.now))
        await self._database.write(act, place.shop.id)
        return redirect(place.request, f"{place.path}/reviews/{review.id}?done={done}")


def _change(
    action: Callable[..., Review], review_id: int, version: int, values: tuple[object, ...], tx: Transaction
) -> None:
    with as_read(tx, review_id, version) as review:
        action(tx, review, *values)


def _cursor(text: str) -> Cursor:
    """Where a page begins; at the newest, where the text is no cursor."""
    at, _, review_id = text.partition("-")
    given = Cursor(number_in(at), number_in(review_id))
    return given if all(given) else NEWEST_START


def _amounts(tx: Transaction, shop_id: int, live: bool) -> dict[str, int]:
    """How many reviews are in each state that the list can be narrowed to."""
    return {
        state: count_selected(tx, Selection(shop_id, live, states=(state,)))
        for state in REVIEW_STATES
        if state in LISTED
    }


def _words(place: Place, what: str) -> str:
    """The words of a reply or a dispute. Raises Refused."""
    try:
        return read_words(place.form.get("text", ""))
    except Unfit as error:
        why = catalogues()[ENGLISH].say(UNFIT_IN_WORDS[error.code], limit=error.limit)
        raise Refused(f"{what} was not saved. {why}") from error


def _public_page(place: Place, review: Review) -> str:
    """Where everybody reads it, from the top."""
    mode = "" if place.live else "/test"
    product = "" if review.scope == SITE else f"?product={quote(review.scope, safe='')}"
    return f"s/{place.shop.id}{mode}{product}"


def _changes(versions: list[Review]) -> list[tuple[int, list[Piece]]]:
    """The latest changes first: the number of the version before, and the words with what was changed since then."""
    pairs = list(pairwise(versions))[-MOST_COMPARED:]
    return [(before.version, compared(before.text, after.text)) for before, after in reversed(pairs)]


def compared(before: str, after: str) -> list[Piece]:
    """The words of both texts in order: those that stayed, that were deleted, and that were inserted."""
    old, new = (_WORD.findall(text) for text in (before, after))
    if len(old) * len(new) > MOST_PAIRS:
        return [("del", before), ("same", "\n\n"), ("ins", after)]
    pieces: list[Piece] = []
    of_words = SequenceMatcher(None, [word for word, _ in old], [word for word, _ in new])
    for kind, begin, end, new_begin, new_end in of_words.get_opcodes():
        if kind != "equal":
            pieces += _changed("del", old[begin:end], " " if end == len(old) and new_begin < new_end else "")
        pieces += _changed("same" if kind == "equal" else "ins", new[new_begin:new_end])
    return [piece for piece in pieces if piece[1]]


_WORD = re.compile(r"([^\W_]+|[^\s\w]|_)(\s*)")
"""A word or a character between words, and the space after it."""


def _changed(
    kind: Literal["same", "del", "ins"], words: list[tuple[str, str]], more: str = ""
) -> list[Piece]:
    """The words in a piece, and the space after them, which is never marked, in another."""
    text = "".join(word + space for word, space in words)
    return [(kind, text.rstrip()), ("same", text[len(text.rstrip()) :] + (more if text else ""))]


def _step(entry: Entry, review: Review, moment: Moments) -> Step:
    """What an entry of the chain says of the review."""
    details = json.loads(entry.details)
    by = {"checks": "by the checks", "shop": "by the shop", "time": "automatically"}.get(
        details.get("by"), ""
    )
    reason = details.get("reason", "")
    symbol, meaning, title = {
        "written": ("pen", "good", "Written" if entry.version == 1 else "Changed by its author"),
        "imported": ("upload", "good", f"Imported from {review.imported_from}"),
        "published": ("check", "good", f"Published {by}".rstrip()),
        "rejected": ("cross", "bad", f"Rejected: {REASONS_IN_WORDS.get(reason, reason)}"),
        "withdrawn": ("ban", "", "Withdrawn by its author"),
        "replied": ("reply", "good", "Replied" if details.get("commitment") else "Reply removed"),
        "disputed": ("flag", "warn", "Disputed by the shop"),
        "erased": ("bin", "", "Erased"),
    }.get(entry.kind, ("chain", "", entry.kind.capitalize()))
    return Step(symbol, meaning, title, f"{moment.short(entry.happened_at)} · entry {entry.seq:,}")
