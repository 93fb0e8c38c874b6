"""The feed for Google is as its schema wants it, whatever the texts hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.google_feed import Feed
from afterword.domain.reviews.review import SITE, Review
from tests.google_feed import Reviewed, check_feed

RYE = OrderLine(
    id=100,
    name="Rye bread",
    mpn="RYE-1",
    ean13="4006381333931",
    sku="SKU100",
    upc="036000291452",
    url="https://alba.example/rye?size=1&cut=no",
)

OUR_PAGE = "https://reviews.example/s/7/products/100"

REVIEW = Review(
    shop_id=7,
    id=1_048_577,
    order_id=1_024,
    line=1,
    number=1,
    live=True,
    scope="100",
    product_name="Rye bread",
    state="published",
    version=1,
    rating=4,
    text="Good crust.\nKeeps for days.",
    author="Clara N.",
    lang="en",
    experience_date="2026-02-10",
    salt="00",
    written_at=1_772_374_326,
    changed_at=1_772_400_000,
    published_at=1_772_400_000,
    text_hash="",
    address_hash="",
)


def feed_of(
    *pages: list[tuple[Review, OrderLine | None]], shop: str = "Alba's bakery", live: bool = True
) -> str:
    feed = Feed(7, shop, "https://reviews.example", live=live)
    return "".join((feed.start(), *(feed.add(page) for page in pages), feed.end()))


def told(review: Review = REVIEW, product: OrderLine | None = RYE) -> Reviewed:
    """What the feed says of one review."""
    [found] = check_feed(feed_of([(review, product)]))
    return found


def test_a_review_is_told_with_its_author_its_stars_its_words_and_when_it_was_written() -> None:
    found = told()
    assert found.id == REVIEW.id
    said = {
        "reviewer/name": "Clara N.",
        "content": "Good crust.\nKeeps for days.",
        "ratings/overall": "4",
        "is_verified_purchase": "true",
        "is_incentivized_review": "false",
        "collection_method": "post_fulfillment",
        "review_timestamp": "2026-03-01T14:12:06Z",
        "review_url": OUR_PAGE,
    }
    assert {path: found.text(path) for path in said} == said
    assert found.element.find("review_url").attrib == {"type": "group"}  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["", "\ufffe"])
def test_stars_without_words_are_left_out_since_the_schema_requires_them(text: str) -> None:
    assert check_feed(feed_of([(replace(REVIEW, text=text), RYE)])) == []
    assert [
        found.id for found in check_feed(feed_of([(replace(REVIEW, text=text), RYE), (REVIEW, RYE)]))
    ] == [REVIEW.id]


def test_the_page_of_a_test_review_is_that_of_the_test_reviews() -> None:
    [found] = check_feed(feed_of([(REVIEW, None)], live=False))
    assert found.text("review_url") == "https://reviews.example/s/7/test?product=100"


def test_a_product_is_told_with_all_that_google_may_find_it_by() -> None:
    found = told()
    product = "products/product/"
    assert found.texts(product + "product_ids/gtins/gtin") == ["4006381333931", "036000291452"]
    assert found.text(product + "product_ids/mpns/mpn") == "RYE-1"
    assert found.text(product + "product_ids/skus/sku") == "SKU100"
    assert found.text(product + "product_name") == "Rye bread"
    assert found.text(product + "product_url") == "https://alba.example/rye?size=1&cut=no"


@pytest.mark.parametrize(
    ("ean13", "upc", "gtins"),
    [
        ("400-6381 333931", None, ["4006381333931"]),
        ("96385074", "96385074", ["96385074"]),
        ("4006381333930", "UPCCODE", []),
        ("0000000000000", "1234567", []),
        ("４００６３８１３３３９３１", None, []),
        (None, None, []),
    ],
)
def test_a_gtin_is_told_if_its_last_digit_checks(
    ean13: str | None, upc: str | None, gtins: list[str]
) -> None:
    product = OrderLine(id=100, name="Rye bread", ean13=ean13, upc=upc)
    assert told(product=product).texts("products/product/product_ids/gtins/gtin") == gtins


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://alba.example/rye bread", "https://alba.example/rye%20bread"),
        ("https://alba.example/50%-off", "https://alba.example/50%25-off"),
        ("https://alba.example/caf%C3%A9", "https://alba.example/caf%C3%A9"),
        ('https://alba.example/é?q="<&', "https://alba.example/%C3%A9?q=%22%3C&"),
        ("https://müller.example/bröd", "https://xn--mller-kva.example/br%C3%B6d"),
        ("https://Bücher.example:8443/?q=ä", "https://xn--bcher-kva.example:8443/?q=%C3%A4"),
        *(
            (url, OUR_PAGE)
            for url in (None, "http://localhost/rye", "https://ä", f"https://{'ü' * 200}.example/")
        ),
    ],
)
def test_an_address_is_escaped_once_or_else_it_is_our_page(url: str | None, written: str) -> None:
    found = told(product=OrderLine(id=100, name="Rye bread", url=url))
    assert found.text("products/product/product_url") == written
    assert found.text("products/product/product_ids") is None


def test_an_author_without_a_name_is_anonymous() -> None:
    found = told(replace(REVIEW, author=""))
    assert found.text("reviewer/name") == "Anonymous"
    assert found.element.find("reviewer/name").attrib == {"is_anonymous": "true"}  # type: ignore[union-attr]


def test_what_was_imported_is_no_verified_purchase_and_nobody_knows_how_it_was_collected() -> None:
    found = told(replace(REVIEW, imported_from="Old Reviews Ltd"), None)
    assert found.text("is_verified_purchase") == "false"
    assert found.text("collection_method") is None


@pytest.mark.parametrize(
    "other",
    [*({"state": state} for state in ("waiting", "rejected", "withdrawn", "erased")), {"scope": SITE}],
)
def test_what_is_not_published_or_of_no_product_is_in_no_feed(other: dict[str, str]) -> None:
    assert check_feed(feed_of([(replace(REVIEW, **other), RYE)])) == []


def test_a_feed_without_reviews_is_one_too() -> None:
    assert check_feed(feed_of()) == []


def test_many_pages_are_one_feed() -> None:
    pages = [[(replace(REVIEW, id=number), RYE)] for number in (1, 2, 3)]
    assert [each.id for each in check_feed(feed_of([], *pages[:2], [], pages[2]))] == [1, 2, 3]


ANY = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["]]>", "<!--", "&#0;", "\ufffe\uffff", "\x0b\x1b", "<![CDATA[", "\r\n", "\u202eevil", "é" * 60, "🍞"]
)


@given(text=ANY, author=ANY, shop=ANY, name=ANY, mpn=ANY, sku=ANY, url=ANY, ean13=ANY)
def test_whatever_the_texts_hold_the_feed_is_whole(
    text: str, author: str, shop: str, name: str, mpn: str, sku: str, url: str, ean13: str
) -> None:
    product = OrderLine(id=1, name=name, mpn=mpn, sku=sku, url=f"https://a.example/{url}", ean13=ean13)
    review = replace(REVIEW, text=f"Good {text}", author=author, product_name=name)
    content = feed_of([(review, product)], shop=f"Alba {shop}")
    [found] = check_feed(content.encode())
    written = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", f"Good {text}")
    assert found.text("content") == written.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    ("there", "instead", "why"),
    [
        ("<version>2.4</version>\n", "", "0 version"),
        ("2.4</version>", "2.3</version>", "version is '2.3'"),
        ("<content>Good", "<title>Good</title><content>Good", ""),
        ("<content>", "<x>1</x><content>", "0 content"),
        ("Good crust.\nKeeps for days.", " \n", "content is"),
        ("<content>", "text <content>", "has text"),
        ("T14:12:06Z", "T14:12:06", "review_timestamp is"),
        ('min="1" ', "", "the attributes"),
        (">4</overall>", ">6</overall>", "overall"),
        ('type="group"', 'type="all"', "has type"),
        ("true</is_verified_purchase>", "yes</is_verified_purchase>", "is_verified_purchase is"),
        ("post_fulfillment", "by_post", "collection_method is"),
        ("<gtin>4006381333931", "<gtin>40063813e", "gtin is"),
        ("https://alba.example/rye?", "https://alba.example/rye ?", "product_url is"),
        ("<mpns><mpn>RYE-1</mpn></mpns>", "<mpns></mpns>", "0 mpn"),
        ("<skus>", "<mpns><mpn>2</mpn></mpns><skus>", "2 mpns"),
        ("</review>", "</review><review/>", "0 review_id"),
        ("product_reviews.xsd", "other.xsd", "other.xsd"),
    ],
)
def test_the_validator_sees_what_the_schema_refuses(there: str, instead: str, why: str) -> None:
    feed = feed_of([(REVIEW, RYE)])
    assert there in feed
    changed = feed.replace(there, instead, 1)
    if not why:
        assert check_feed(changed)
        return
    with pytest.raises(AssertionError, match=re.escape(why)):
        check_feed(changed)


def test_the_validator_sees_a_number_that_stands_twice() -> None:
    with pytest.raises(AssertionError, match="stands twice"):
        check_feed(feed_of([(REVIEW, RYE), (REVIEW, RYE)]))
