"""A validator for Google's product review feeds (schema 2.4), written from the published description and sample,
since no XSD validator is available: which elements, in which order, how often, of which type.

    reviews = check_feed(content)      # fails with a sentence, or returns the reviews
"""

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

MANY = 10**9

Occurs = tuple[str, int, int]


def _once(*names: str) -> list[Occurs]:
    return [(name, 1, 1) for name in names]


def _perhaps(*names: str) -> list[Occurs]:
    return [(name, 0, 1) for name in names]


CHILDREN: dict[str, list[Occurs]] = {
    "feed": [*_once("version"), *_perhaps("aggregator"), *_once("publisher"), *_perhaps("reviews")],
    "aggregator": _once("name"),
    "publisher": [*_once("name"), *_perhaps("favicon")],
    "reviews": [("review", 1, MANY)],
    "review": [
        *_once("review_id", "reviewer"),
        *_perhaps("is_verified_purchase", "is_incentivized_review"),
        *_once("review_timestamp"),
        *_perhaps("title"),
        *_once("content"),
        *_perhaps("review_language", "review_country", "pros", "cons"),
        *_once("review_url"),
        *_perhaps("reviewer_images"),
        *_once("ratings", "products"),
        *_perhaps("is_spam", "collection_method", "transaction_id"),
    ],
    "reviewer": [*_once("name"), *_perhaps("reviewer_id")],
    "ratings": _once("overall"),
    "products": [("product", 1, MANY)],
    "product": [*_perhaps("product_ids", "product_name"), *_once("product_url")],
    "product_ids": _perhaps("gtins", "mpns", "skus", "brands", "asins"),
    **{f"{name}s": [(name, 1, MANY)] for name in ("gtin", "mpn", "sku", "brand", "asin")},
}
"""The children of elements that have children: in order, with minimum and maximum occurrences."""

TEXT = r"[ \t\n\r]*[^ \t\n\r][\s\S]*"
ADDRESS = r"(https?://)?[^ \t\n\r]+\.[^ \t\n\r]+"
BOOLEAN = "true|false|1|0"

TYPES = {
    "version": r"2\.4",
    "review_timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "review_url": ADDRESS,
    "product_url": ADDRESS,
    "favicon": ADDRESS,
    "is_verified_purchase": BOOLEAN,
    "is_incentivized_review": BOOLEAN,
    "is_spam": BOOLEAN,
    "overall": r"[+-]?\d+(\.\d+)?",
    "gtin": r"[\d xX-]{7,}",
    "collection_method": "unsolicited|post_fulfillment",
}
"""The types of elements with text, where any text is not allowed."""

ATTRIBUTES = {
    "overall": ({"min", "max"}, set[str]()),
    "review_url": ({"type"}, set[str]()),
    "name": (set[str](), {"is_anonymous"}),
}
"""The attributes that an element must have, and those that it may have."""

ATTRIBUTE_TYPES = {"min": r"[+-]?\d+", "max": r"[+-]?\d+", "type": "singleton|group", "is_anonymous": BOOLEAN}

SCHEMA = "http://www.google.com/shopping/reviews/schema/product/2.4/product_reviews.xsd"
LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"


class Reviewed(NamedTuple):
    """A review in a feed."""

    id: int
    element: ET.Element

    def text(self, path: str) -> str | None:
        return self.element.findtext(path)

    def texts(self, path: str) -> list[str]:
        return [found.text or "" for found in self.element.iterfind(path)]


def check_feed(content: bytes | str) -> list[Reviewed]:
    """The reviews of a valid feed. Fails with the first violation of the schema."""
    root = ET.fromstring(content)
    assert root.tag == "feed"
    assert root.attrib == {LOCATION: SCHEMA}, root.attrib
    root.attrib.clear()
    _check(root, "")
    reviews = [
        Reviewed(int(each.findtext("review_id") or 0), each) for each in root.iterfind("reviews/review")
    ]
    assert len({each.id for each in reviews}) == len(reviews), "a review_id stands twice"
    return reviews


def _check(element: ET.Element, within: str) -> None:
    place = f"{within}/{element.tag}"
    _check_attributes(element, place)
    if element.tag in CHILDREN:
        assert not (element.text or "").strip(), f"{place} has text"
        _check_children(element, place)
        return
    assert not len(element), f"{place} has elements"
    wanted = TYPES.get(element.tag, TEXT)
    assert re.fullmatch(wanted, element.text or ""), f"{place} is {element.text!r}"
    if element.tag == "overall":
        assert int(element.attrib["min"]) <= float(element.text or "") <= int(element.attrib["max"]), place


def _check_children(element: ET.Element, place: str) -> None:
    """Checks the order and the number of children."""
    left = [child.tag for child in element]
    for name, least, most in CHILDREN[element.tag]:
        found = 0
        while left[:1] == [name]:
            left.pop(0)
            found += 1
        assert least <= found <= most, f"{place} has {found} {name}"
    assert not left, f"{place} has {left[0]} where it may not be"
    for child in element:
        assert not (child.tail or "").strip(), f"{place} has text"
        _check(child, place)


def _check_attributes(element: ET.Element, place: str) -> None:
    must, may = ATTRIBUTES.get(element.tag, (set(), set()))
    names = set(element.attrib)
    assert must <= names <= must | may, f"{place} has the attributes {names}"
    for name, value in element.attrib.items():
        assert re.fullmatch(ATTRIBUTE_TYPES[name], value), f"{place} has {name}={value!r}"
