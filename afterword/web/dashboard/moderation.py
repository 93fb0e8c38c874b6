"""The queue of reviews that wait for a person, and the decision about each.

Nothing here shows how many stars a waiting review has: they appear once it is decided.
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from afterword.actions.reviews import moderation, reading
from afterword.actions.reviews.checking import CHECKS
from afterword.actions.reviews.reading import ReviewDetails, as_read
from afterword.actions.reviews.writing import Submission
from afterword.base.errors import Refused
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.checks.flags import COPIED, UNSURE, Checked
from afterword.domain.reviews.checks.own import own_of
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.reviews.rows import waiting_reviews
from afterword.store.reviews.writing import review_of
from afterword.web.dashboard.access import Button, NotTakenHere, Page, PageOrForm, Place, number_in, redirect
from afterword.web.dashboard.frame import Frame, asked

MOST_WAITING_SHOWN = 50

REJECTIONS = (
    ("abuse", "Insulting, hateful or threatening"),
    ("personal data", "Another person’s data, or contact details"),
    ("off topic", "Not about this shop or product"),
    ("unlawful", "Unlawful or confidential"),
    ("advertising", "Advertising, or a link to another site"),
    ("no experience", "Not about something bought here"),
    ("unreadable", "Unreadable"),
)
"""The listed reasons, as they end "reject it, because it is"; a form sends their number."""

FOUND = {
    "link": ("Web address", "A link to another site can be advertising."),
    "e-mail address": ("E-mail address", "Contact details can be a reason to reject."),
    "phone number": ("Phone number", "Contact details can be a reason to reject."),
    "abuse": ("Insult", "A word that is on the list of insults."),
    "threat": ("Threat", "A phrase that is on the list of threats."),
    COPIED: ("Copied text", "The same words are in another review."),
    "many orders": ("Many orders", "Five other orders of this address were reviewed within three days."),
    UNSURE: ("Unknown state", "Imported, and its source does not clearly say that it shows this review."),
}
"""What the checks found: its name, and what it means for a moderator."""

LONGEST_FOUND = 7
"""Words of the longest passage that is looked for: a phone number in groups of digits."""

MOST_LOOKS = 200
"""Times that the checks look at a part of one text, to find which part it is: each takes some 50 µs."""


class Copy(NamedTuple):
    """A review with the same text, and its order, if it has one."""

    review: Review
    order: StoredOrder | None


class Passage(NamedTuple):
    """A piece of a text; together the pieces are the text."""

    text: str
    is_marked: bool


class _Queue(NamedTuple):
    """The reviews that wait, and the one that is shown in full, if there is any; `last` was decided just now."""

    waiting: list[Review]
    chosen: ReviewDetails | None
    copies: list[Copy]
    last: Review | None


class Moderation:
    def __init__(self, database: Database, frame: Frame, signer: Signer) -> None:
        self._database = database
        self._frame = frame
        self._signer = signer

    def pages(self) -> list[PageOrForm]:
        return [Page("/moderation", self.queue), Button("/moderation", self.decide, "moderator")]

    async def queue(self, place: Place) -> Response:
        """The oldest review that waits, or the one that `?review=` names."""
        given = asked(place)
        read = partial(
            _read_queue,
            shop=place.shop,
            live=place.live,
            wanted=number_in(given.get("review", "")),
            last=number_in(given.get("last", "")),
        )
        found = await self._database.read(read)
        chosen = found.chosen
        passages = marked(chosen) if chosen else []
        before, after = _neighbours(found)
        return await self._frame.page(
            place,
            "moderation.html",
            at="/moderation",
            waiting=found.waiting,
            chosen=chosen,
            copies=found.copies,
            passages=passages,
            has_marks=any(passage.is_marked for passage in passages),
            before=before,
            after=after,
            last=found.last,
            found=FOUND,
            reasons=REJECTIONS,
        )

    async def decide(self, place: Place) -> Response:
        """Publishes the review of the form, or rejects it, if it still waits and is the version that was read."""
        review = await review_here(self._database, place, place.form.get("review", ""))
        reason = None if place.form.get("do") == "publish" else reason_of(place)
        version = version_of(place)
        await self._database.write(
            partial(
                _decide,
                review_id=review.id,
                version=version,
                reason=reason,
                signer=self._signer,
                now=place.now,
            ),
            place.shop.id,
        )
        done = urlencode({"done": "rejected" if reason else "published", "last": review.id})
        return redirect(place.request, f"{place.path}/moderation?{done}")


def _read_queue(tx: Transaction, shop: Shop, *, live: bool, wanted: int, last: int) -> _Queue:
    waiting = waiting_reviews(tx, shop.id, live=live, most=MOST_WAITING_SHOWN)
    named = review_of(tx, shop.id, wanted)
    chosen = named if named and named.live == live and named.state == "waiting" else None
    chosen = chosen or (waiting[0] if waiting else None)
    decided = review_of(tx, shop.id, last)
    if decided and (decided.live != live or decided.state not in ("published", "rejected")):
        decided = None
    details = reading.found(tx, chosen.id) if chosen else None
    return _Queue(waiting, details, read_copies(tx, details) if details else [], decided)


def read_copies(tx: Transaction, details: ReviewDetails) -> list[Copy]:
    """The reviews with the same text, where the checks found it copied."""
    found = [review_of(tx, details.shop.id, each) for each in details.copies]
    return [Copy(review, order_of(tx, details.shop, review.order_id)) for review in found if review]


def _neighbours(found: _Queue) -> tuple[int | None, int | None]:
    """The ids of the reviews before and after the chosen one, for those who go through the queue by keyboard."""
    if not found.chosen:
        return None, None
    ids = [None, *(review.id for review in found.waiting), None]
    places = zip(pairwise(ids), ids[2:], strict=False)
    here = found.chosen.review.id
    return next(((before, after) for (before, each), after in places if each == here), (None, ids[1]))


def _decide(
    tx: Transaction, review_id: int, version: int, reason: str | None, signer: Signer, now: float
) -> None:
    with as_read(tx, review_id, version) as review:
        if review.state != "waiting":
            raise Refused(f"This review is not waiting any more: it is {review.state}.")
        if reason is None:
            moderation.publish(tx, review, "shop", signer, now)
        else:
            moderation.reject(tx, review, reason, signer, now)


# For all pages about a review.


def reason_of(place: Place) -> str:
    """The code of the chosen reason. Raises Refused."""
    number = number_in(place.form.get("reason", ""))
    if place.form.get("do", "reject") != "reject" or not 1 <= number <= len(REJECTIONS):
        raise Refused("Choose one of the listed reasons.")
    return REJECTIONS[number - 1][0]


def version_of(place: Place) -> int:
    """The version of the review that the form was made for. Raises NotTakenHere."""
    version = number_in(place.form.get("version", ""))
    if not version:
        raise NotTakenHere(400, "This form did not arrive whole.")
    return version


async def review_here(database: Database, place: Place, named: str) -> Review:
    """The review with this number, of the shop and mode of the page (guarantee 8). Raises HTTPException 404."""
    review = await database.read(lambda tx: review_of(tx, place.shop.id, number_in(named)))
    if review is None or review.live != place.live:
        raise HTTPException(404)
    return review


def marked(details: ReviewDetails) -> list[Passage]:
    """The text in pieces, marked where the checks find something, as far as it is found again."""
    review, shop = details.review, details.shop
    if details.order:
        checked = Submission(details.order, ()).checked("")._replace(author="")
    else:
        checked = Checked("", lang=review.lang, own=own_of(shop.name, [shop.site or ""], shop.phones or ""))
    spans = sorted(_found_in(review.text, checked, set(review.flags))) if review.flags else []
    passages, done = [], 0
    for begin, end in spans:
        if end > done:
            passages += [Passage(review.text[done : max(begin, done)], False)]
            passages += [Passage(review.text[max(begin, done) : end], True)]
            done = end
    passages.append(Passage(review.text[done:], False))
    return [passage for passage in passages if passage.text]


def _found_in(text: str, checked: Checked, flags: set[str]) -> Iterator[tuple[int, int]]:
    """Where the checks find each flag: the fewest words in which they still do.

    They look at overlapping chunks first, so that most of a long text is looked at once or twice.
    """
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", text)]
    looks = MOST_LOOKS

    def flags_in(begin: int, size: int) -> set[str]:
        nonlocal looks
        looks -= 1
        part = text[words[begin][0] : words[min(begin + size, len(words)) - 1][1]]
        return flags.intersection(CHECKS(checked._replace(text=part))) if looks > 0 else set()

    for chunk in range(0, len(words), LONGEST_FOUND):
        left = flags_in(chunk, 2 * LONGEST_FOUND)
        for size in range(1, LONGEST_FOUND + 1):
            if not left:
                break
            hits = [
                (begin, here)
                for begin in range(chunk, min(chunk + 2 * LONGEST_FOUND, len(words)) - size + 1)
                if (here := flags_in(begin, size) & left)
            ]
            for begin, here in hits:
                left = left - here
                yield _trimmed(text, words[begin][0], words[begin + size - 1][1])


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    """Without the punctuation around."""
    part = text[begin:end]
    end -= len(part) - len(part.rstrip(".,;:!?)]}»”’\"'"))
    return begin + len(part) - len(part.lstrip("([{«“‘\"'¡¿")), end
