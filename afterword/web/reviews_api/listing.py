"""Reads the query parameters of a request for a list of reviews (docs/reviews-api.md)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from afterword.domain.orders.fields import LONGEST_KEY, UnfitError, read_product_id
from afterword.domain.reviews.review import PRODUCTS, SITE, ReviewState
from afterword.store.reviews.pages import LISTED, Selection
from afterword.web.authentication import Sender
from afterword.web.reviews_api.answers import Refusal

MOST_A_PAGE = 1_000
USUAL_A_PAGE = 100

STATES: dict[str, tuple[ReviewState, ...]] = {
    "": LISTED,
    "0": ("waiting",),
    "1": ("published",),
    "2": ("rejected", "withdrawn"),
}
"""States by the `status` parameter."""

STATUS = {state: int(status) for status, states in STATES.items() if status for state in states}

_SCOPES = {"": None, "both": None, "site": SITE, "product": PRODUCTS}
_NEWEST_FIRST = {"": True, "desc": True, "asc": False}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?")


class ListingQuery(NamedTuple):
    """Which reviews, how many per page, and which page, from 1."""

    selection: Selection
    limit: int
    page: int

    @property
    def before(self) -> int:
        """The number of reviews on the previous pages."""
        return (self.page - 1) * self.limit


def read_query(query_string: bytes) -> dict[str, str]:
    """The parameters, without surrounding white space. If one is repeated, its last value counts.

    Raises Refusal (400).
    """
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), max_num_fields=100)
    except ValueError:
        raise wrong("the address", "has too many parameters") from None
    return {name: value.strip() for name, value in pairs}


def read_listing(query: Mapping[str, str], sender: Sender) -> ListingQuery:
    """The query of a request. An empty parameter counts as missing. Raises Refusal (400), which names the
    parameter."""
    scope = _one_of(query, "review_type", _SCOPES)
    product = query.get("product_id", "")
    selection = Selection(
        sender.shop.id,
        sender.key.live,
        read_product(product, "product_id") if product else scope,
        _one_of(query, "status", STATES),
        _read_date(query, "update_from", ZoneInfo(sender.shop.timezone)),
        _one_of(query, "sort", _NEWEST_FIRST),
    )
    limit = _read_number(query, "limit", USUAL_A_PAGE, MOST_A_PAGE)
    return ListingQuery(selection, limit, _read_number(query, "page", 1, 10**15))


def read_product(text: str, name: str) -> str:
    """A product's id as a scope. Raises Refusal (400)."""
    try:
        return str(read_product_id(text))
    except UnfitError:
        raise wrong(name, f"must be a product's id, of at most {LONGEST_KEY} characters") from None


def wrong(name: str, rule: str) -> Refusal:
    return Refusal(400, "invalid_parameter", f"{name} {rule}")


def _one_of(query: Mapping[str, str], name: str, known: Mapping[str, Any]) -> Any:
    value = query.get(name, "")
    if value not in known:
        raise wrong(name, f"must be one of {', '.join(filter(None, known))}")
    return known[value]


def _read_number(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name, "") or str(usual)
    if not re.fullmatch("[0-9]{1,18}", text) or not 1 <= int(text) <= most:
        raise wrong(name, f"must be a number from 1 to {most}")
    return int(text)


def _read_date(query: Mapping[str, str], name: str, zone: ZoneInfo) -> int | None:
    """Epoch seconds of a time in the shop's time zone; a date alone means the beginning of that day, and the one of
    databases that have none means none."""
    text = query.get(name, "")
    if not text or text.startswith("0000-00-00"):
        return None
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        raise wrong(name, "must be a date such as 2026-03-01") from None
