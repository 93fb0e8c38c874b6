"""The headings of tables of reviews that were collected elsewhere: which column has what (docs/feeds.md, "Import").

They are those of the exports of BigCommerce, Judge.me, Kudobuzz, Loox, Okendo, PowerReviews, Shopify, Trustpilot,
WooCommerce, X-Cart and Yotpo, and of this server's own export and API.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

COLUMNS = {
    "id": ("id", "comment_id"),
    "rating": ("rating", "stars", "score"),
    "title": ("title", "headline"),
    "text": ("text", "content", "body", "review", "message", "comment", "comment_content"),
    "author": (
        *("author", "name", "reviewer", "reviewer_name", "customer", "nickname", "display_name"),
        *(
            "reviewer_display_name",
            "author_name",
            "customer_name",
            "username",
            "consumer_name",
            "comment_author",
        ),
    ),
    "full_name": ("full_name",),
    "firstname": ("firstname", "first_name", "reviewer_first_name", "customer_first_name"),
    "lastname": ("lastname", "last_name", "reviewer_lastname", "reviewer_last_name", "customer_last_name"),
    "date": (
        *("date", "published_at", "created_at", "written_at", "date_created", "creation_date", "created"),
        *("date_time", "addition_date", "comment_date"),
    ),
    "product_id": ("product_id", "product", "comment_post_id"),
    "product_name": ("product_name", "product_title"),
    "lang": ("lang", "language", "locale"),
    "experience_date": ("experience_date", "order_date"),
    "reply": (
        "reply",
        "answer",
        "response",
        "answer_text",
        "company_reply",
        "company_response",
        "comment_content",
    ),
    "replied_at": (
        *("replied_at", "reply_date", "answer_date_time", "response_date", "company_reply_date"),
        *("business_reply_date", "comment_date"),
    ),
    "reply_state": ("comment_public",),
}
"""Each field and the names that its column may have, as `_name` spells them; the first name that is present wins. No
column is taken twice: where the text has its own, `comment_content` is the shop's reply."""

NEEDED = ("rating", "text", "date")
"""Fields that must have a column."""

_ABOUT = {"review", "reviews", "comment", "is", "was"}
_MOMENTS = {"at", "on", "date"}
_STATES = {
    *("state", "status", "statut", "published", "publish", "publication", "curated", "curation", "approved"),
    *("approval", "visible", "visibility", "moderation", "public", "shown", "active", "enabled", "displayed"),
}
_HIDING = {
    *("hidden", "hide", "unpublished", "unapproved", "disapproved", "rejected", "spam", "deleted", "removed"),
    *("archived", "blocked", "trash", "trashed", "private", "draft", "disabled", "invisible", "not"),
}
"""Words of the headings that say whether the source shows a review, and of those that say whether it does not."""

_CODES = {"sku", "handle", "asin", "ean", "ean13", "gtin", "upc", "isbn", "mpn"}
"""Words of the headings of columns that name a product, next to those that begin with `product`."""

_YES = {"yes", "true", "1", "y", "t", "on", "vrai", "wahr", "verdadero", "vero"}
_NO = {"no", "false", "0", "n", "f", "off", "faux", "falsch", "falso"}
_SHOWN = _YES | {
    *(
        "ok",
        "published",
        "publish",
        "approved",
        "approve",
        "accepted",
        "visible",
        "shown",
        "active",
        "public",
    ),
    *("enabled", "displayed", "live", "online", "featured"),
}
_NOT_SHOWN = (
    _NO
    | _HIDING
    | {"2", "waiting", "pending", "hold", "on hold", "withdrawn", "erased", "declined", "denied", "inactive"}
    | {"not published", "not approved", "not shown", "not visible", "offline", "reject", "unpublish"}
)
"""`2` is what the reviews API and the shop systems that number their states call a review that is not shown."""


class Head(NamedTuple):
    """What the first line says. `indexes` has the cell of each field, `states` the cells that say whether the source
    shows the review, and whether they say so by the opposite (`hidden`); `in_utc` the fields whose heading names UTC.
    `columns` has the headings of each field, `ignored` all others, as they are written."""

    indexes: dict[str, int]
    states: tuple[tuple[int, bool], ...]
    in_utc: frozenset[str]
    names_products: bool
    width: int
    columns: dict[str, tuple[str, ...]]
    ignored: tuple[str, ...]


def read_head(cells: Sequence[str]) -> Head:
    """The columns of the header row, in any order. Raises ValueError with a sentence."""
    spelled = [_name(cell) for cell in cells]
    names = [re.sub("_(?:utc|gmt)$", "", name) for name in spelled]
    indexes = _indexes(names)
    if missing := [field for field in NEEDED if field not in indexes]:
        raise ValueError(f"the first line names no column {' or '.join(missing)}")
    states = tuple(
        (at, bool(words & _HIDING))
        for at, words in enumerate(map(_state_words, names))
        if words and at not in indexes.values()
    )
    columns: dict[str, tuple[str, ...]] = {field: (cells[at],) for field, at in indexes.items()}
    if states:
        columns["state"] = tuple(cells[at] for at, _ in states)
    taken = {*indexes.values(), *(at for at, _ in states)}
    return Head(
        indexes=indexes,
        states=states,
        in_utc=frozenset(field for field, at in indexes.items() if names[at] != spelled[at]),
        names_products="product_id" in indexes or any(map(_names_a_product, names)),
        width=len(cells),
        columns=columns,
        ignored=tuple(cells[at] for at, name in enumerate(names) if name and at not in taken),
    )


def is_shown(head: Head, cells: Sequence[str]) -> bool | None:
    """Whether the source shows the review of a row: False if any column says that it does not, None if one has a
    value that is not known."""
    said = [_says_shown(cells[at] if at < len(cells) else "", hides=hides) for at, hides in head.states]
    return False if False in said else None if None in said else True


def is_reply_shown(head: Head, cells: Sequence[str]) -> bool:
    """Whether the source shows the shop's reply; only a column that is known to say so takes it back."""
    at = head.indexes.get("reply_state")
    return at is None or (at < len(cells) and _says_shown(cells[at], hides=False) is True)


def _name(heading: str) -> str:
    """`productId`, `Product ID` and `product-id` are `product_id`; `Review Score` and `reviewScore` are `score`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", heading.strip())
    return re.sub(r"[\W_]+", "_", words.casefold()).strip("_").removeprefix("review_")


def _indexes(names: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for field, known in COLUMNS.items():
        free = {name: at for at, name in reversed([*enumerate(names)]) if at not in found.values()}
        if name := next(filter(free.__contains__, known), None):
            found[field] = free[name]
    return found


def _state_words(name: str) -> set[str]:
    """The words of a heading that says whether the review is shown; none for any other heading."""
    words = {*name.split("_")} - _ABOUT - {""}
    if words & _HIDING:
        words -= _MOMENTS
    return words if words <= _STATES | _HIDING else set()


def _names_a_product(name: str) -> bool:
    return any(word.startswith("product") or word in _CODES for word in name.split("_"))


def _says_shown(cell: str, *, hides: bool) -> bool | None:
    said = re.sub(r"[\W_]+", " ", cell.casefold()).strip()
    if hides:
        return True if not said or said in _NO else False if said in _YES | _HIDING else None
    return True if said in _SHOWN else False if said in _NOT_SHOWN else None
