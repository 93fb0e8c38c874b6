"""Orders as shops, modules and scripts are known to send them, over HTTP: what is kept of each, and what is told."""

import json
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest

from afterword.store.shops import change_shop, find_shop
from afterword.web.forms import URLENCODED
from tests.server import Answer, an_order
from tests.store.databases import act, rows
from tests.store.databases import ask as asked
from tests.web.conftest import Site
from tests.web.customer.forms import MULTIPART, multipart, post

JSON = "application/json"
ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"

RYE: dict[str, Any] = {"id": 100, "name": "Rye bread"}


def of_line(**fields: object) -> dict[str, Any]:
    """The changes to an order that make these the fields of its one product."""
    return {"products": [RYE | fields]}


class Sender(NamedTuple):
    """A shop of its own on the running server."""

    site: Site
    key: str

    @classmethod
    def new(cls, site: Site, orders: str = "strict") -> "Sender":
        key = site.new_shop(timezone="Europe/Paris").private_key
        if orders != "strict":
            shop = asked(site, find_shop, key.partition("/")[0])
            act(site, change_shop, shop, orders=orders)
        return cls(site, key)

    def sends(self, *orders: object) -> Answer:
        return self.site.post_orders(list(orders), key=self.key)

    def stored(self) -> list[dict[str, Any]]:
        """The orders of this shop, in the order of their arrival; `lines` are its products."""
        names = "id_order, reference, order_date, firstname, lastname, email, phone, store_id, lines"
        sql = f"SELECT {names} FROM orders WHERE shop_id = :shop_id ORDER BY order_id"
        found = rows(self.site, sql, {"shop_id": int(self.key.partition("/")[0])})
        return [
            dict(zip(names.split(", "), row, strict=True)) | {"lines": json.loads(row[-1])} for row in found
        ]


@pytest.fixture
def shop(site: Site) -> Sender:
    return Sender.new(site)


@pytest.fixture
def tolerant(site: Site) -> Sender:
    return Sender.new(site, "tolerant")


def line(**fields: object) -> dict[str, Any]:
    """What is stored of an order whose one product has these fields beside its id and name."""
    return {"lines": [RYE | fields]}


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the vendor's PrestaShop module": (
        {"id_order": 1234, "phone": None} | of_line(unit_price=25.9, image_url=None, category_id=0, qty=1),
        {"id_order": "1234", "phone": None} | line(category_id="0", qty=1, unit_price="25.90"),
    ),
    "the vendor's WooCommerce module": (
        of_line(variant_id=None, unit_price="25.900000", image_url=False, qty=2),
        line(qty=2, unit_price="25.90"),
    ),
    "goods by weight": (of_line(qty=1.5), line(qty=1.5)),
    "goods by weight, as text": (of_line(qty="0.5"), line(qty=0.5)),
    "a script's defaults": (
        {"id_order": "17", "reference": "17", "store_id": 0},
        {"reference": "17", "store_id": "0"},
    ),
    "an article's name as its id, a number as its name": (
        {"products": [{"id": "Rye, sliced", "name": 42}]},
        {"lines": [{"id": "Rye, sliced", "name": "42"}]},
    ),
    "PHP's thousands separator": (of_line(unit_price="1,234.50"), line(unit_price="1234.50")),
    "a decimal comma": (of_line(unit_price="25,90"), line(unit_price="25.90")),
    "a decimal comma and a currency": (of_line(unit_price="25.90 €"), line(unit_price="25.90")),
    "34,90 of a helper": (of_line(unit_price="34,90"), line(unit_price="34.90")),
    "an id of Shopware 6": (
        of_line(id="01bd7e70f5a84d5fb7b1a1c9d7b3f4b2"),
        line(id="01bd7e70f5a84d5fb7b1a1c9d7b3f4b2"),
    ),
    "an id of Shopify": (
        of_line(id="gid://shopify/Product/8123456789012"),
        line(id="gid://shopify/Product/8123456789012"),
    ),
    "an SKU as id": (of_line(id="SKU-100"), line(id="SKU-100")),
    "JSON_NUMERIC_CHECK": (
        {"id_order": 123, "phone": 33612345678} | of_line(ean13=12345678905),
        {"id_order": "123", "phone": "33612345678"} | line(ean13="12345678905"),
    ),
    "Magento's store": ({"store_id": "default"}, {"store_id": "default"}),
    "no reference, written 0": ({"reference": 0}, {"reference": None}),
    "no reference, written -": ({"reference": "-"}, {"reference": None}),
    "docomo, a point before the @": ({"email": "clara.@docomo.example"}, {"email": "clara.@docomo.example"}),
    "docomo, two points": ({"email": "a..b@docomo.example"}, {"email": "a..b@docomo.example"}),
    "an invisible character after the address": (
        {"email": "clara@mail.example\u200b"},
        {"email": "clara@mail.example"},
    ),
    "invisible characters around the address": (
        {"email": "\ufeff\u200eclara@mail.example\u200e"},
        {"email": "clara@mail.example"},
    ),
    "blanks around the address": (
        {"email": "\u00a0\tclara@mail.example \r\n"},
        {"email": "clara@mail.example"},
    ),
    "a Japanese keyboard": (
        {"email": "ｃｌａｒａ@mail.example"},
        {"email": "clara@mail.example"},
    ),
    "ISO 8601, UTC": ({"order_date": "2026-03-01T14:05:26Z"}, {"order_date": "2026-03-01 15:05:26"}),
    "ISO 8601, milliseconds": (
        {"order_date": "2026-03-01T14:05:26.123+0100"},
        {"order_date": "2026-03-01 14:05:26"},
    ),
    "ISO 8601, an offset": (
        {"order_date": "2026-03-01T14:05:26+01:00"},
        {"order_date": "2026-03-01 14:05:26"},
    ),
    "Sylius, two blanks": ({"order_date": "2026-03-01  9:05:26"}, {"order_date": "2026-03-01 09:05:26"}),
    "a day alone": ({"order_date": "2026-03-01"}, {"order_date": "2026-03-01 00:00:00"}),
    "Ruby's Time#to_s": ({"order_date": "2026-03-01 14:05:26 UTC"}, {"order_date": "2026-03-01 15:05:26"}),
    "an hour that summer time skips": (
        {"order_date": "2026-03-29 02:30:00"},
        {"order_date": "2026-03-29 02:30:00"},
    ),
    "PHP's DateTime": (
        {
            "order_date": {
                "date": "2026-03-01 14:05:26.000000",
                "timezone_type": 3,
                "timezone": "Europe/Paris",
            }
        },
        {"order_date": "2026-03-01 14:05:26"},
    ),
    "entities in names": (
        {"lastname": "O&#039;Brien"}
        | of_line(name="Cerv&eacute;lo &#8211; &amp; more", category_name="Soin &amp; Beauté"),
        {"lastname": "O'Brien"} | line(name="Cervélo – & more", category_name="Soin & Beauté"),
    ),
    "tags in a product's name": (
        of_line(name="Rye <em>bread</em><br/>1 kg"),
        line(name="Rye bread 1 kg"),
    ),
    "an escaped address": (
        of_line(url="https://shop.example/p?id=1&amp;lang=fr"),
        line(url="https://shop.example/p?id=1&lang=fr"),
    ),
    "a theme's placeholder": (of_line(image_url="data:image/png;base64," + "A" * 3_000), line()),
    "a theme's short placeholder": (of_line(image_url="data:image/png;base64," + "A" * 300), line()),
    "products as JSON text": ({"products": json.dumps([RYE])}, line()),
    "no products as JSON text": ({"products": "[]"}, {"lines": []}),
    "empty elements among the products": ({"products": [[], {}, RYE]}, line()),
    "a code too large for a number": ({"id_order": 2**53 + 1}, {"id_order": str(2**53 + 1)}),
    "odd numbers of orders": ({"id_order": "#FR/2026/000123 “é”"}, {"id_order": "#FR/2026/000123 “é”"}),
}
"""By sender: what is changed in an order, and what is stored. Nothing of these is ignored, so nothing is told."""


@pytest.mark.parametrize("name", TAKEN)
def test_an_order_is_taken_as_it_was_meant(shop: Sender, name: str) -> None:
    changes, kept = TAKEN[name]
    answer = shop.sends(an_order("A-1") | changes)
    assert (answer.status, answer.counts, answer.body["message"]) == (200, (1, 1, 1), None)
    [found] = shop.stored()
    assert found | kept == found


IGNORED: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "a discount as a line": (of_line(unit_price=-5.0), "products[0].unit_price (not a decimal)", line()),
    "1,234 means two prices": (of_line(unit_price="1,234"), "products[0].unit_price (not a decimal)", line()),
    "goods that came back": (of_line(qty=-1), "products[0].qty (not a decimal)", line()),
    "a list of pictures": (
        of_line(image_url=["https://a.example/1"]),
        "products[0].image_url (not text)",
        line(),
    ),
    "a list of codes": (of_line(sku=["R-1", "R-2"]), "products[0].sku (not text)", line()),
    "an object for a phone": ({"phone": {"number": "06"}}, "phone (not text)", {"phone": None}),
    "a list for a store": ({"store_id": [1]}, "store_id (not text)", {"store_id": None}),
    "a sentence for products": ({"products": "rye bread"}, "products (not an array)", {"lines": []}),
}
"""By sender: what is changed in an order, what the answer says was ignored, and what is stored."""


@pytest.mark.parametrize("name", IGNORED)
def test_what_no_e_mail_needs_costs_no_order_and_is_told(shop: Sender, name: str) -> None:
    changes, told, kept = IGNORED[name]
    answer = shop.sends(an_order("A-1") | changes)
    assert answer.counts == (1, 1, 1)
    assert answer.body["message"] == f"Ignored fields: orders[0].{told}"
    [found] = shop.stored()
    assert found | kept == found


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no date": ({"order_date": ""}, "Missing fields for array: orders[0].order_date"),
    "a date of no day": (
        {"order_date": "0000-00-00 00:00:00"},
        "Missing fields for array: orders[0].order_date",
    ),
    "a date that no year has": (
        {"order_date": "2026-02-29 10:00:00"},
        "Invalid fields: orders[0].order_date (not a date and time: write 2026-03-01 14:05:26)",
    ),
    "a date of another country": (
        {"order_date": "20/11/2026"},
        "Invalid fields: orders[0].order_date (not a date and time: write 2026-03-01 14:05:26)",
    ),
    "no address": ({"email": None}, "Missing fields for array: orders[0].email"),
    "the order again as its product": (
        {"products": an_order("A-1", products=[RYE])},
        "Missing fields for array: orders[0].products[0].id, orders[0].products[0].name",
    ),
    "a stump with products alone": (
        dict.fromkeys(("id_order", "order_date", "firstname", "lastname", "email")),
        "Missing fields for array: orders[0].id_order, orders[0].order_date, orders[0].firstname, "
        "orders[0].lastname, orders[0].email",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_e_mail_needs_refuses_the_order_alone_and_is_named(shop: Sender, name: str) -> None:
    changes, told = REFUSED[name]
    answer = shop.sends(an_order("A-1") | changes, an_order("A-2"))
    assert (answer.status, answer.counts, answer.body["message"]) == (200, (1, 2, 1), told)
    assert [found["id_order"] for found in shop.stored()] == ["A-2"]


LACKING: dict[str, tuple[dict[str, Any], str, str | None, dict[str, Any]]] = {
    "an empty last name": ({"lastname": ""}, "lastname", None, {"lastname": ""}),
    "a wallet's last name": ({"lastname": None}, "lastname", None, {"lastname": ""}),
    "no first name": ({"firstname": None}, "firstname", None, {"firstname": ""}),
    "a free line": (
        {"products": [{"id": None, "name": "Gift wrap"}, RYE]},
        "products[0].id",
        "products[0].id (missing)",
        line(),
    ),
    "a deleted product": (
        {"products": [{"id": "", "name": "Gone"}, RYE]},
        "products[0].id",
        "products[0].id (missing)",
        line(),
    ),
    "a deleted product's stub": (
        {"products": [{"id": 7, "name": None}, RYE]},
        "products[0].name",
        "products[0].name (missing)",
        line(),
    ),
}
"""By sender: what is changed in an order, the field for whose lack a strict shop's order is refused, what a tolerant
shop is told that was ignored, and what it stores."""


@pytest.mark.parametrize("name", LACKING)
def test_what_an_order_lacks_is_up_to_the_shop(shop: Sender, tolerant: Sender, name: str) -> None:
    changes, missing, ignored, kept = LACKING[name]
    strict = shop.sends(an_order("A-1") | changes)
    assert (strict.counts, strict.body["message"]) == (
        (0, 1, 0),
        f"Missing fields for array: orders[0].{missing}",
    )
    answer = tolerant.sends(an_order("A-1") | changes)
    told = ignored and f"Ignored fields: orders[0].{ignored}"
    assert (answer.counts, answer.body["message"]) == ((1, 1, 1), told)
    [found] = tolerant.stored()
    assert found | kept == found and shop.stored() == []


def test_placeholders_for_a_reference_make_no_duplicates_and_a_shared_one_does(shop: Sender) -> None:
    """The published text decides about a reference that two orders of one cart share."""
    placeholders = [
        an_order(f"A-{n}", reference=none) for n, none in enumerate((0, 0, "0", "-", "-", "", None))
    ]
    assert shop.sends(*placeholders).counts == (1, 7, 7)
    answer = shop.sends(an_order("B-1", reference="XKBKNABJK"), an_order("B-2", reference="XKBKNABJK"))
    assert (answer.counts, answer.body["message"]) == ((1, 2, 1), ALREADY_SENT)


def test_the_spellings_of_one_number_are_one_order(shop: Sender) -> None:
    assert shop.sends(*(an_order(n) for n in (1234, "1234", 1234.0, "1234 "))).counts == (1, 4, 1)


def test_an_array_with_a_hole_and_a_stump_imports_the_good_and_names_the_rest(shop: Sender) -> None:
    stump = {"products": [RYE]}
    answer = shop.site.post_orders({"0": an_order("A-1"), "2": stump}, key=shop.key)
    assert answer.counts == (1, 2, 1)
    assert answer.body["message"].startswith("Missing fields for array: orders[1].id_order, ")


# How they are sent.


def in_latin_1(shop: Sender) -> tuple[bytes, str]:
    orders = json.dumps([an_order("A-1", firstname="René", lastname="Nunez")], ensure_ascii=False)
    return f"api_key={quote(shop.key)}&orders={quote(orders, encoding='latin-1')}".encode(), URLENCODED


def with_a_mark(shop: Sender) -> tuple[bytes, str]:
    return b"\xef\xbb\xbf" + json.dumps({"api_key": shop.key, "orders": [an_order("A-1")]}).encode(), JSON


def with_a_mark_in_the_field(shop: Sender) -> tuple[bytes, str]:
    return multipart({"api_key": shop.key, "orders": "\ufeff" + json.dumps([an_order("A-1")])}), MULTIPART


def without_a_type(shop: Sender) -> tuple[bytes, str]:
    return json.dumps({"api_key": shop.key, "orders": [an_order("A-1")]}).encode(), URLENCODED


def encoded_twice(shop: Sender) -> tuple[bytes, str]:
    orders = json.dumps(json.dumps([an_order("A-1")]))
    return urlencode({"api_key": shop.key, "orders": orders}).encode(), URLENCODED


@pytest.mark.parametrize("write", [with_a_mark, with_a_mark_in_the_field, without_a_type, encoded_twice])
def test_a_body_is_read_as_it_was_meant(shop: Sender, write: Any) -> None:
    answer = post(shop.site, *write(shop))
    assert (answer.status, answer.counts, answer.body["message"]) == (200, (1, 1, 1), None)


def test_latin_1_is_called_what_it_is(shop: Sender) -> None:
    answer = post(shop.site, *in_latin_1(shop))
    assert answer.body["message"] == "Invalid fields: orders[0].firstname (not text in UTF-8)"


def nested(shop: Sender) -> tuple[bytes, str]:
    return urlencode({"api_key": shop.key, "orders[0][id_order]": "A-1"}).encode(), URLENCODED


def in_brackets(shop: Sender) -> tuple[bytes, str]:
    return urlencode({"api_key": shop.key, "orders[]": "[]"}).encode(), URLENCODED


def twice(shop: Sender) -> tuple[bytes, str]:
    return b"api_key=x&orders=%5B%5D&orders=%5B1%5D", URLENCODED


def with_slashes(shop: Sender) -> tuple[bytes, str]:
    return urlencode({"api_key": shop.key, "orders": r"[{\"id_order\": \"A-1\"}]"}).encode(), URLENCODED


def in_utf_16(shop: Sender) -> tuple[bytes, str]:
    return json.dumps({"api_key": shop.key, "orders": []}).encode("utf-16"), JSON


def with_bare_line_feeds(shop: Sender) -> tuple[bytes, str]:
    return multipart({"api_key": shop.key, "orders": "[]"}).replace(b"\r\n", b"\n"), MULTIPART


def in_base_64(shop: Sender) -> tuple[bytes, str]:
    coded = "Content-Transfer-Encoding: base64\r\n"
    return multipart({"api_key": shop.key, "orders": "W10="}, coded), MULTIPART


def of_another_boundary(shop: Sender) -> tuple[bytes, str]:
    return multipart({"api_key": shop.key, "orders": "[]"}), MULTIPART.upper()


NOT_READ = {
    nested: "orders is JSON text in one field, not fields such as orders[0][id_order]",
    in_brackets: "orders is JSON text in one field, not fields such as orders[0][id_order]",
    twice: "the form has the field 'orders' twice, with different values",
    with_slashes: "orders is not JSON: expecting property name enclosed in double quotes (byte 2)",
    in_utf_16: "the body is UTF-16: send JSON in UTF-8",
    with_bare_line_feeds: "the form cannot be read: ",
    in_base_64: "orders is not JSON: ",
    of_another_boundary: "the form cannot be read: ",
}


@pytest.mark.parametrize("write", NOT_READ, ids=lambda write: write.__name__)
def test_a_body_that_cannot_be_read_is_told_what_is_wrong_nearest_to_its_sender(
    shop: Sender, write: Any
) -> None:
    answer = post(shop.site, *write(shop))
    assert (answer.status, answer.counts) == (400, (0, 0, 0))
    assert answer.body["message"].startswith(NOT_READ[write])


HEADS = {
    "HTTP/1.0 without a host": ("POST /private/v3/orders HTTP/1.0",),
    "an absolute address": ("POST http://shops.example/private/v3/orders HTTP/1.1", "Host: shops.example"),
    "a doubled slash": ("POST //private/v3/orders HTTP/1.1", "Host: a"),
    "a slash at the end": ("POST /private/v3/orders/ HTTP/1.1", "Host: a"),
    "two types": ("POST /private/v3/orders HTTP/1.1", "Host: a", f"Content-Type: {MULTIPART}"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_request_is_taken_from_whichever_program(shop: Sender, name: str) -> None:
    body = multipart({"api_key": shop.key, "orders": json.dumps([an_order("A-1")])})
    head = (*HEADS[name], f"Content-Type: {MULTIPART}", f"Content-Length: {len(body)}", "Connection: close")
    answer = shop.site.send_raw("\r\n".join((*head, "", "")).encode() + body)
    assert b" 200 OK\r\n" in answer and b'"orders_imported": 1' in answer


def test_a_key_has_two_letters_of_language_whatever_the_shops_is(site: Site) -> None:
    keys = site.new_shop(lang="pt-br")
    assert keys.private_key.split("/")[1] == keys.test_key.split("/")[1] == "pt"
    assert site.post_orders([an_order("A-1")], key=keys.private_key).counts == (1, 1, 1)
