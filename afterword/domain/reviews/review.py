"""A review of a shop, or of one product, written by a customer who was invited.

Guarantee 10: only its author edits a review, and each edit is a new version. Others can only publish it, or reject it
for a listed reason (`domain.reviews.moderation`). docs/architecture.md has a diagram of the states.
"""

import hashlib
import re
import unicodedata
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from afterword.domain.folding import spelled_out
from afterword.domain.orders.fields import UnfitError, read_product_id
from afterword.domain.values import MOST_MARKS, without_towers

ReviewState = Literal["waiting", "published", "rejected", "withdrawn", "erased"]

HIDDEN_FROM_AUTHOR: tuple[ReviewState, ...] = ("withdrawn", "erased")

SITE = "site"
"""The scope of reviews of the shop. The scope of a product's reviews is its id as text (docs/reviews-api.md)."""

PRODUCTS = ""
"""The scope under which the reviews of all products are counted together: no product has an empty id."""

LONGEST_REVIEW = 5_000
"""Maximum length of a review, and of a reply, in characters."""

MOST_ORDERS = 5
"""Other orders of one address, reviewed within MOST_ORDERS_WITHIN, after which the next review is flagged."""

MOST_ORDERS_WITHIN = 3 * 86_400
"""Seconds. A loyal customer orders again and again; who invents orders reviews them all at once."""

MOST_ALIKE = 3
"""Reviews of one order that may have the same text: beyond it each of them counts as a copy."""

MOST_CHANGES = 20
"""Versions, but for first ones, that are taken from one link within CHANGES_WITHIN."""

CHANGES_WITHIN = 86_400
"""Seconds."""

SHORTEST_COPY = 50
"""Minimum letters and digits of a text that is checked for copies: two people may both write "Very good!"."""

WRITE_FOR = 180 * 86_400
"""Seconds after the invitation during which a customer can write reviews and edit them."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x01-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BLANKS = re.compile("[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")


UNFIT = ("not 1 to 5 stars", "no words", "too long", "not text", "too many marks", "emptied")
"""The codes of errors in ratings and texts. `emptied`: the author has emptied the fields of an existing review."""


class Unfit(UnfitError):
    """An invalid rating or text: `code` is one of UNFIT, `limit` the limit that was exceeded, or 0."""

    def __init__(self, code: str, limit: int = 0) -> None:
        super().__init__(f"{code} (at most {limit:,})" if limit else code)
        self.code = code
        self.limit = limit


def read_scope(text: str) -> str:
    """`site`, or a product's id, read as in orders. Raises UnfitError."""
    if text == SITE:
        return SITE
    product = read_product_id(text)
    if product is None:
        raise UnfitError("missing")
    return str(product)


class Review(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A review as stored. Times are epoch seconds, `experience_date` is `YYYY-MM-DD`. Of an imported review it may be
    empty, where it is unknown, and so may the text, where there were only stars.

    `number` is its position in the sequence of all reviews, `id` the number shown instead (`domain.numbers`). `line`
    is the number of its order line, from 1, or 0 for a review of the shop. `order_id` is 0 for imported reviews.
    `author` is the public name. `imported_from` names the source of an imported review. `salt` (hex) and the text
    make the commitment in the chain. `flags` are the findings of the checks.
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
    dispute: str | None = None
    disputed_at: int | None = None
    text_hash: str
    address_hash: str

    @property
    def is_shown_to_author(self) -> bool:
        """Whether its author sees its text, and can withdraw it."""
        return self.state not in HIDDEN_FROM_AUTHOR

    def unpublished(self, state: ReviewState, at: int) -> "Review":
        """The review in another state, without its times of publication."""
        return replace(self, state=state, published_at=None, publish_at=None, reason=None, changed_at=at)


class Words(NamedTuple):
    """What an author submits: 1 to 5 stars, and a text."""

    rating: int
    text: str


class Ratings(NamedTuple):
    """How many published reviews of one scope have 1, 2, 3, 4 and 5 stars."""

    distribution: tuple[int, int, int, int, int]

    @property
    def total(self) -> int:
        return sum(self.distribution)

    @property
    def average(self) -> float:
        """The mean, rounded half up to one decimal; 0 if there are no reviews."""
        if not self.total:
            return 0.0
        stars = sum(rating * count for rating, count in enumerate(self.distribution, 1))
        return (20 * stars + self.total) // (2 * self.total) / 10


def read_rating(text: str) -> int:
    """1 to 5. Raises Unfit."""
    if text.strip() not in ("1", "2", "3", "4", "5"):
        raise Unfit("not 1 to 5 stars")
    return int(text)


def read_words(text: str) -> str:
    """Normalizes the text of a review or a reply, keeping its line breaks: NFC, trimmed, without control characters
    and direction marks, with at most one empty line in a row. The limits apply to the result. Raises Unfit."""
    if len(text) > 4 * LONGEST_REVIEW:
        raise Unfit("too long", LONGEST_REVIEW)
    if _NOT_TEXT.search(text):
        raise Unfit("not text")
    text = _UNSEEN.sub(" ", _LINE_ENDS.sub("\n", _DIRECTIONS.sub("", text)))
    if without_towers(text) != text:
        raise Unfit("too many marks", MOST_MARKS)
    lines = [_BLANKS.sub(" ", line).strip() for line in unicodedata.normalize("NFC", text).split("\n")]
    text = re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        raise Unfit("no words")
    if len(text) > LONGEST_REVIEW:
        raise Unfit("too long", LONGEST_REVIEW)
    return text


def text_hash(text: str) -> str:
    """32 hex digits that are equal for copies: only letters and digits count, regardless of case."""
    return hashlib.blake2b(_letters(text).encode(), digest_size=16).hexdigest()


def is_worth_comparing(text: str) -> bool:
    """Whether the text is long enough that an equal one is likely a copy."""
    return len(_letters(text)) >= SHORTEST_COPY


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", spelled_out(text)).casefold()))
