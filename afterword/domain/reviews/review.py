"""A review: of the shop, or of one product; written by a customer who was invited, about what they bought.

Guarantee 10: nobody edits a review but its author, whose change is a new version. Others can only publish it, or
reject it for a listed reason (`domain.moderation`). The states and the ways between them are drawn in
docs/architecture.md.
"""

import hashlib
import re
import unicodedata
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from afterword.domain.orders.fields import UnfitError
from afterword.domain.values import MOST_MARKS

ReviewState = Literal["waiting", "published", "rejected", "withdrawn", "erased"]

SITE = "site"
"""The scope of a review of the shop; that of a product is its id, in digits (docs/reviews-api.md)."""

PRODUCTS = "products"
"""Where the reviews of all products are counted together."""

LONGEST_REVIEW = 5_000
"""Characters of a review, and of a reply."""

MOST_ORDERS = 3
"""Orders of one address that may be reviewed before a person looks at the next."""

SHORTEST_COPY = 50
"""Letters and digits of a text that is compared with others: "Very good!" two people say by themselves."""

WRITE_FOR = 180 * 86_400
"""Seconds after its letter for which a customer can write, or change what was written."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x01-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile("[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")


UNFIT = ("not 1 to 5 stars", "no words", "too long", "not text", "too many marks", "emptied")
"""The codes of what can be wrong with stars and words; emptied: its author took every word out of a review."""


class Unfit(UnfitError):
    """What is wrong: one of UNFIT, with the limit that was passed, if it is one. As text, for programs."""

    def __init__(self, code: str, limit: int = 0) -> None:
        super().__init__(f"{code} (at most {limit:,})" if limit else code)
        self.code = code
        self.limit = limit


class Review(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A review as it is kept. Times are epoch seconds, `experience_date` is `YYYY-MM-DD`.

    `number` is its place in the sequence of all reviews, `id` what is shown instead (`domain.numbers`).
    `line` is the place of its order line, from 1; 0 for the shop. `order_id` is 0 where there is no order of ours.
    `author` is the name as the public sees it; `imported_from` says where it came from when we did not collect it
    ourselves. `salt` (hex) and the words make the commitment in the chain. `flags` are what the checks found.
    """

    shop_id: int
    id: int
    number: int
    order_id: int
    line: int
    live: bool
    scope: str
    product_name: str | None = None
    state: ReviewState
    version: int
    rating: int
    text: str
    author: str
    lang: str
    experience_date: str
    imported_from: str | None = None
    salt: str
    written_at: int
    changed_at: int
    published_at: int | None = None
    publish_at: int | None = None
    flags: tuple[str, ...] = ()
    reason: str | None = None
    reply: str | None = None
    replied_at: int | None = None
    wants_reply: bool = False
    doubt: str | None = None
    doubted_at: int | None = None
    text_hash: str
    address_hash: str

    @property
    def is_shown_to_author(self) -> bool:
        """Whether its author sees words of it that they could withdraw."""
        return self.state not in ("withdrawn", "erased")

    def unpublished(self, state: ReviewState, at: int) -> "Review":
        """As it is when it is not public any more."""
        return replace(self, state=state, published_at=None, publish_at=None, reason=None, changed_at=at)


class Words(NamedTuple):
    """What an author says: 1 to 5 stars, and a text."""

    rating: int
    text: str


class Ratings(NamedTuple):
    """The published reviews of one scope: how many have 1 to 5 stars."""

    distribution: tuple[int, int, int, int, int]

    @property
    def total(self) -> int:
        return sum(self.distribution)

    @property
    def average(self) -> float:
        """The mean, to one decimal, halves up; 0 where there is none."""
        if not self.total:
            return 0.0
        stars = sum(rating * count for rating, count in enumerate(self.distribution, 1))
        return (20 * stars + self.total) // (2 * self.total) / 10


def read_rating(value: object) -> int:
    """1 to 5. Raises Unfit."""
    text = value.strip() if isinstance(value, str) else str(value)
    if text not in ("1", "2", "3", "4", "5"):
        raise Unfit("not 1 to 5 stars")
    return int(text)


def read_words(value: str) -> str:
    """The text of a review or a reply, which keeps its lines: NFC, no control characters, no marks that turn the
    writing direction, at most one empty line in a row, trimmed, then measured. Raises Unfit."""
    if len(value) > 4 * LONGEST_REVIEW:
        raise Unfit("too long", LONGEST_REVIEW)
    if _NOT_TEXT.search(value):
        raise Unfit("not text")
    text = _UNSEEN.sub(" ", _LINE_ENDS.sub("\n", _DIRECTIONS.sub("", value)))
    if most_marks(text) > MOST_MARKS:
        raise Unfit("too many marks", MOST_MARKS)
    lines = [_BLANKS.sub(" ", line).strip() for line in unicodedata.normalize("NFC", text).split("\n")]
    text = re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in text):
        raise Unfit("no words")
    if len(text) > LONGEST_REVIEW:
        raise Unfit("too long", LONGEST_REVIEW)
    return text


def most_marks(text: str) -> int:
    """The most combining marks on one letter."""
    most = run = 0
    for sign in text:
        run = run + 1 if unicodedata.category(sign) in ("Mn", "Me") else 0
        most = max(most, run)
    return most


def text_hash(text: str) -> str:
    """32 hex digits by which copies are found: letters and digits alone count, whatever their case."""
    return hashlib.blake2b(_letters(text).encode(), digest_size=16).hexdigest()


def is_worth_comparing(text: str) -> bool:
    """Whether the same words elsewhere are likely to be copied."""
    return len(_letters(text)) >= SHORTEST_COPY


def _letters(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
