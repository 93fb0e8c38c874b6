"""Each field of an order and each of its tolerances."""

from zoneinfo import ZoneInfo

import pytest

from afterword.domain.orders.dates import NO_DATE
from afterword.domain.orders.order import OrderLine, decode_lines
from tests.domain.reading import RULES, claras, good, ignored, wrong

VERY_LONG = pytest.param(10**5_000, id="5,001 digits")


def line(**fields: object) -> OrderLine:
    (only,) = decode_lines(good(claras(products=[{"id": 1, "name": "Rye", **fields}])).lines)
    return only


def wrong_line(**fields: object) -> list[tuple[str, str | None]]:
    return wrong(claras(products=[{"id": 1, "name": "Rye", **fields}]))


def ignored_of_line(**fields: object) -> list[tuple[str, str | None]]:
    return ignored(claras(products=[{"id": 1, "name": "Rye", **fields}]))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  Clara  ", "Clara"),
        ("Soin &amp; Beauté", "Soin & Beauté"),
        ("&amp;eacute;", "&eacute;"),
        ("Caf&eacute; &#233; &#xE9;", "Café é é"),
        ("AT&T R&D &copy &nosuch;", "AT&T R&D &copy &nosuch;"),
        ("a&#10;b", "a b"),
        ("&lt;b&gt;", "<b>"),
        ("e\u0301", "é"),
        ("a\nb\r\nc\td\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029e", "a b  c d" + " " * 8 + "e"),
        ("a\x7fb\x9fc", "a b c"),
        ("a\ufffeb\uffffc", "a b c"),
        ("\u00a0\u3000Clara\u2003", "Clara"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        ("=?utf-8?q?=0d=0aBcc:_e=40x?=", "=?utf-8?q?=0d=0aBcc:_e=40x?="),
        (" " * 50_000 + "Clara" + "\n" * 50_000, "Clara"),
    ],
)
def test_a_name_is_cleaned_in_the_order_of_the_contract(sent: str, kept: str) -> None:
    assert good(claras(firstname=sent)).firstname == kept
    if "<" not in kept:
        assert line(name=sent, category_name=sent).name == kept
        assert line(category_name=sent).category_name == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Rye <em>bread</em><br/>1 kg", "Rye bread 1 kg"),
        ("Gâteau <em>aux</em> pommes", "Gâteau aux pommes"),
        ("&lt;b&gt;Rye&lt;/b&gt;", "Rye"),
        ('<p class="x">Rye</p><p>Bun</p>', "Rye  Bun"),
        ("Rye<BR>Bun", "Rye Bun"),
        ("1 < 2 > 0, a<b, <3, <-", "1 < 2 > 0, a<b, <3, <-"),
        ("<a<b" * 400 + "Rye", "<a<b" * 400 + "Rye"),
    ],
)
def test_a_products_name_has_no_tags(sent: str, kept: str) -> None:
    assert line(name=sent).name == line(category_name=sent).category_name == kept
    assert good(claras(firstname="<em>Clara</em>")).firstname == "<em>Clara</em>"


def test_a_name_of_tags_alone_is_missing() -> None:
    assert wrong_line(name="<br/>") == [("products[0].name", None)]


def test_entities_are_decoded_in_names_alone() -> None:
    assert good(claras(phone="1 &amp; 2")).phone == "1 &amp; 2"
    assert line(sku="A&amp;B").sku == "A&amp;B"


NUL_OR_HALF = "not text: it has a NUL or an incomplete character"


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        *((bad, NUL_OR_HALF) for bad in ("a\0b", "\0", "\ud800", "x\udfffx")),
        ("Ren\udce9", "not text in UTF-8"),
    ],
)
def test_what_cannot_be_text_refuses_the_order_only_where_it_is_mandatory(bad: str, expected: str) -> None:
    for field in ("id_order", "firstname", "lastname", "email", "order_date"):
        assert wrong(claras(**{field: bad})) == [(field, expected)]
    for field in ("reference", "phone", "store_id"):
        assert ignored(claras(**{field: bad})) == [(field, expected)]
    for field in ("id", "name"):
        assert wrong_line(**{field: bad}) == [(f"products[0].{field}", expected)]
    for field in LABELS:
        assert ignored_of_line(**{field: bad}) == [(f"products[0].{field}", expected)]
    for field in ("url", "image_url"):
        assert ignored_of_line(**{field: f"https://{bad}"}) == [(f"products[0].{field}", expected)]


def test_a_text_of_2000_characters_is_the_longest() -> None:
    assert good(claras(phone=" " + "e\u0301" * 2_000)).phone == "é" * 2_000
    for longer in ("x" * 2_001, "é" * 2_001, "é" * 9_000, "&amp;" * 2_001, "&amp;" * 100_000):
        assert wrong(claras(firstname=longer)) == [("firstname", "longer than 2,000 characters")]
        assert ignored_of_line(sku=longer) == [("products[0].sku", "longer than 2,000 characters")]
    assert good(claras(firstname="&amp;" * 2_000)).firstname == "&" * 2_000


def test_marks_stacked_without_end_are_refused_before_they_cost_anything() -> None:
    assert wrong(claras(firstname="e" + "\u0301\u0323" * 3_000)) == [
        ("firstname", "not text: more than 30 combining marks in a row")
    ]
    assert good(claras(firstname="e" + "\u0301\u0323" * 15)).firstname.startswith("ẹ")


@pytest.mark.parametrize(
    ("kept", "spellings"),
    [
        ("2026-03-01 14:05:26", ["2026-03-01T14:05:26", "2026-03-01    14:05:26", " 2026-03-01\t14:05:26 "]),
        ("2026-03-01 09:05:26", ["2026-03-01 9:05:26"]),
        ("2026-03-01 14:05:00", ["2026-03-01 14:05"]),
        ("2026-03-01 09:05:00", ["2026-03-01T9:05"]),
        (
            "2026-03-01 15:05:26",
            ["2026-03-01T14:05:26Z", "2026-03-01T14:05:26.123Z", "2026-03-01 14:05:26+00:00"],
        ),
        ("2026-07-01 16:05:26", ["2026-07-01T14:05:26Z", "2026-07-01 14:05:26 UTC", "2026-07-01t14:05:26z"]),
        ("2026-07-01 16:05:00", ["2026-07-01 14:05 gmt"]),
        ("2026-03-01 00:00:00", ["2026-03-01", " 2026-03-01 "]),
        ("2026-03-01 20:05:26", ["2026-03-01 14:05:26 -0500"]),
        ("2026-03-01 10:05:26", ["2026-03-01 14:05:26+05"]),
        ("2026-02-28 20:00:00", ["2026-03-01T00:30:00+05:30"]),
        (
            "2026-03-01 14:05:26",
            [
                {"date": "2026-03-01 14:05:26.000000", "timezone_type": 3, "timezone": "Europe/Paris"},
                {"date": "2026-03-01 13:05:26.000000", "timezone_type": 3, "timezone": "UTC"},
                {"date": "2026-03-01 08:05:26.000000", "timezone_type": 1, "timezone": "-05:00"},
                {"date": "2026-03-01 14:05:26"},
            ],
        ),
        ("2024-02-29 00:00:00", []),
        ("2026-03-29 02:30:00", []),
    ],
)
def test_an_order_date_is_kept_in_the_shops_local_time(kept: str, spellings: list[object]) -> None:
    for sent in (kept, *spellings):
        assert good(claras(order_date=sent)).order_date == kept


def test_an_offset_counts_in_the_time_zone_of_the_shop() -> None:
    sent = claras(order_date="2026-03-01T14:05:26Z")
    assert good(sent, RULES._replace(zone=ZoneInfo("Asia/Tokyo"))).order_date == "2026-03-01 23:05:26"


@pytest.mark.parametrize("sent", ["0000-00-00 00:00:00", "0000-00-00", "0000-00-00T00:00:00"])
def test_the_date_of_no_day_is_missing(sent: str) -> None:
    assert wrong(claras(order_date=sent)) == [("order_date", None)]


NO_DAYS = ["2026-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "0000-01-01", "01/03/2026", "٢٠٢٦-03-01"]
NO_TIMES = ["24:00:00", "12:60:00", "12:00:60", "12:00:00 Europe/Paris", "12:00:00+99:00"]
BEYOND_ALL_YEARS = ["0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59-12:00"]
OTHERWISE = [
    "20260301T120000.123",
    "2026-W01-1T12:00:00",
    "yesterday",
    1772373926,
    "2026-03-01 UTC",
    "2026-03-01T",
]
OF_PHP = [
    {"date": "2026-03-01 14:05:26", "timezone": zone}
    for zone in ("Europe/Nowhere", "../../etc/passwd", "Europe/", "CEST")
]


@pytest.mark.parametrize(
    "sent",
    [
        *(f"{day} 12:00:00" for day in NO_DAYS),
        *(f"2026-03-01 {time}" for time in NO_TIMES),
        *(*BEYOND_ALL_YEARS, *OTHERWISE, *OF_PHP, {"timezone": "UTC"}, []),
    ],
)
def test_what_is_no_real_date_is_refused(sent: object) -> None:
    assert wrong(claras(order_date=sent)) == [("order_date", NO_DATE)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        *((sent, 100) for sent in ("100", 100, 100.0, " 100 ")),
        *((number, number) for number in (0, -5, 2**63 - 1, -(2**63))),
        *(
            (text, text)
            for text in ("00100", "007", "-0", "SKU-100", "1e2", "１００", "gid://shopify/Product/8123456789")
        ),
        *((text, text) for text in ("01bd7e70f5a84d5fb7b1a1c9d7b3f4b2", str(2**63), "é" * 191)),
        *((2**70, str(2**70)), ("-5", -5), ("no-1", "no-1"), ("Site", "Site")),
    ],
)
@pytest.mark.parametrize("field", ["id", "variant_id"])
def test_an_id_is_an_integer_or_text_as_it_was_sent(field: str, sent: object, kept: object) -> None:
    assert getattr(line(**{field: sent}), field) == kept


@pytest.mark.parametrize("sent", [1.5, True, [1], float("inf"), VERY_LONG, "x" * 192, "no", "site", " no "])
def test_what_is_no_id_refuses_its_order(sent: object) -> None:
    [(field, expected)] = wrong_line(id=sent)
    assert field == "products[0].id" and expected


@pytest.mark.parametrize("field", ["id", "name"])
@pytest.mark.parametrize("nothing", [None, "", " ", False])
def test_a_product_needs_an_id_and_a_name(field: str, nothing: object) -> None:
    assert wrong_line(**{field: nothing}) == [(f"products[0].{field}", None)]


LABELS = ["category_id", "category_name", "mpn", "ean13", "sku", "upc"]


@pytest.mark.parametrize("field", ["name", *LABELS])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [(1234567890123, "1234567890123"), (12.5, "12.5"), (3.0, "3"), (0, "0"), (1e-5, "0.00001"), (-1, "-1")],
)
def test_a_number_is_taken_as_its_digits(field: str, sent: object, kept: str) -> None:
    assert getattr(line(**{field: sent}), field) == kept


@pytest.mark.parametrize("field", [*LABELS, "url", "image_url"])
@pytest.mark.parametrize("sent", [True, ["x"], {"x": 1}, float("inf"), VERY_LONG])
def test_what_is_neither_text_nor_number_is_no_label(field: str, sent: object) -> None:
    assert ignored_of_line(**{field: sent}) == [(f"products[0].{field}", "not text")]


@pytest.mark.parametrize("field", [*LABELS, "url", "image_url", "qty", "unit_price", "variant_id"])
@pytest.mark.parametrize("nothing", [None, False, "", "   "])
def test_nothing_in_an_optional_field_of_a_product_means_none(field: str, nothing: object) -> None:
    assert line(**{field: nothing}) == OrderLine(1, "Rye")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://bakery.example/rye?a=1&amp;b=2", "https://bakery.example/rye?a=1&b=2"),
        ("https://bakery.example/rye?a=1&copy=2", "https://bakery.example/rye?a=1&copy=2"),
        ("data:image/png;base64," + "A" * 3_000, None),
        ("HTTP://bakery.example", "HTTP://bakery.example"),
        (" https://bakery.example ", "https://bakery.example"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//bakery.example/rye", None),
        ("/rye", None),
        ("https://", None),
        ("https:///rye", None),
        (" java\nscript:alert(1)", None),
        (5, None),
    ],
)
@pytest.mark.parametrize("field", ["url", "image_url"])
def test_only_web_addresses_are_kept(field: str, sent: object, kept: str | None) -> None:
    assert getattr(line(**{field: sent}), field) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        *((sent, 1) for sent in ("1", 1, 1.0, "1.000000", " 1 ")),
        *((sent, 1.5) for sent in (1.5, "1.5", "1,50")),
        *((0, 0), ("0", 0), ("0.5", 0.5), (".5", 0.5), (10**15 - 1, 10**15 - 1)),
    ],
)
def test_a_quantity_counts_from_nought_and_goods_by_weight_have_decimals(sent: object, kept: object) -> None:
    assert line(qty=sent).qty == kept


@pytest.mark.parametrize(
    "sent", [-1, -1.0, -0.5, "-1", "two", "1,500", True, [], {}, 10**15, float("inf"), ".", "1.5 kg"]
)
def test_what_is_no_quantity_is_ignored(sent: object) -> None:
    assert ignored_of_line(qty=sent) == [("products[0].qty", "not a decimal")]


@pytest.mark.parametrize(
    ("kept", "spellings"),
    [
        ("25.90", [25.9, "25.900000", "25.9", " 25.90 ", "0025.9", 25.899999999999999]),
        ("25.00", [25, "25"]),
        ("0.00", [0, "0", "000.000", 0.0, -0.0]),
        ("0.00001", [1e-05]),
        ("0.002", ["2E-3"]),
        ("1500.00", ["1.5e3"]),
        ("0.125", []),
        ("0.1234567890123456789", []),
        ("999999999999999.99", []),
        (
            "1234.50",
            ["1,234.50", "1.234,50", "1 234,50", "1\u202f234,50 €", "1'234.50 CHF", "1234,5", "EUR 1,234.5"],
        ),
        ("12345678.90", ["1,23,45,678.90", "12.345.678,90"]),
        ("1234567.00", ["1,234,567", "1.234.567", "1 234 567"]),
        (
            "25.90",
            [
                "25,90",
                "25.90 €",
                "€25.90",
                "€ 25,9",
                "25.90EUR",
                "US$25.90",
                "25,90 zł",
                "kr. 25,90",
                "£25.90",
            ],
        ),
        ("1.234", []),
        ("0.50", [".5"]),
    ],
)
def test_a_price_has_one_spelling(kept: str, spellings: list[object]) -> None:
    for sent in (kept, *spellings):
        assert line(unit_price=sent).unit_price == kept


NO_PRICES = [
    "1,234",
    "25,900",
    "NaN",
    "Infinity",
    "٢٥",
    ".",
    "12,34.5.6",
    "1.2,3",
    "25 - 30",
    True,
    [25.9],
    {"amount": 25},
]
BELOW_NOUGHT = [-1, -0.5, "-1", "-5.00", "€-5", "- 5,00 €"]
TOO_LARGE = ["1e999999", "1e99", "1E+999999999999999999", 1e300, 10**15, VERY_LONG, "9" * 5_000, float("inf")]
TOO_LONG = ["0" * 1_000_000 + "x", "0." + "1" * 5_000, "1 " * 500_000, "1," * 500_000, "$" * 500_000 + "1"]


@pytest.mark.parametrize("sent", [*NO_PRICES, *BELOW_NOUGHT, *TOO_LARGE, *TOO_LONG, float("nan")])
def test_what_is_no_price_is_ignored(sent: object) -> None:
    assert ignored_of_line(unit_price=sent) == [("products[0].unit_price", "not a decimal")]
