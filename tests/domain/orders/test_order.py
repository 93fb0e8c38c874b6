import json

import msgspec
import pytest
from msgspec.structs import astuple

from afterword.domain.orders.order import OrderLine, decode_lines
from tests.domain.reading import PUBLISHED, TOLERANT, claras, good, ignored, read, wrong


def test_the_published_example_is_taken() -> None:
    [product] = PUBLISHED["products"]
    order = good(PUBLISHED)
    names = ("John", "Doe", "john.doe@shop.example")
    assert astuple(order)[:-1] == ("1234", "12345678", "2019-01-01 12:00:00", *names, None, None)
    assert decode_lines(order.lines) == (OrderLine(**product | {"id": 100, "qty": 1}),)


def test_what_shop_modules_send_is_taken() -> None:
    product = {"id": 42, "name": "Crème d&#039;Isigny", "category_name": "Soin &amp; Beauté", "qty": 2}
    product |= {"variant_id": None, "image_url": False, "unit_price": 25.9}
    order = good(claras(id_order=1234, reference="XKBKNABJK", phone=None, store_id=1, products=[product]))
    assert (order.id_order, order.reference, order.phone, order.store_id) == ("1234", "XKBKNABJK", None, "1")
    names = {"name": "Crème d'Isigny", "category_name": "Soin & Beauté"}
    assert decode_lines(order.lines) == (OrderLine(id=42, qty=2, unit_price="25.90", **names),)


def test_a_script_that_repeats_the_order_as_its_product_is_told_what_the_product_lacks() -> None:
    hand_written = claras(lastname="", reference="", products=claras())
    assert wrong(hand_written) == [("lastname", None), ("products[0].id", None), ("products[0].name", None)]


MANDATORY = ["id_order", "order_date", "firstname", "lastname", "email"]


@pytest.mark.parametrize("field", MANDATORY)
@pytest.mark.parametrize("nothing", [None, "", "  \t\n", "\u2028", False])
def test_a_mandatory_field_with_nothing_in_it_is_missing(field: str, nothing: object) -> None:
    assert wrong(claras(**{field: nothing})) == [(field, None)]


@pytest.mark.parametrize("field", MANDATORY)
def test_a_mandatory_field_that_is_not_there_is_missing(field: str) -> None:
    order = claras()
    del order[field]
    assert wrong(order) == [(field, None)]


WRONG_KINDS = [True, ["x"], {"x": 1}, "a\0b", "\ud800"]


@pytest.mark.parametrize("field", MANDATORY)
@pytest.mark.parametrize("value", [*WRONG_KINDS, 1.5])
def test_a_mandatory_field_of_a_wrong_kind_refuses_the_order(field: str, value: object) -> None:
    [(name, expected)] = wrong(claras(**{field: value}))
    assert name == field and expected


@pytest.mark.parametrize("field", ["reference", "phone", "store_id"])
@pytest.mark.parametrize("value", WRONG_KINDS)
def test_an_optional_field_of_a_wrong_kind_counts_as_none(field: str, value: object) -> None:
    order = claras(**{field: value})
    [(name, expected)] = ignored(order)
    assert name == field and expected
    assert read(order).order == good(claras())


@pytest.mark.parametrize("products", [True, 1.5, "x", "[", "a\0b", "\ud800", 5])
def test_products_that_are_no_list_count_as_none(products: object) -> None:
    order = claras(products=products)
    assert ignored(order) == [("products", "not an array")]
    assert read(order).order == good(claras())


@pytest.mark.parametrize("written", ['[{"id": 1, "name": "Rye"}]', ' {"0": {"id": 1, "name": "Rye"}} '])
def test_products_may_be_json_text_of_a_list(written: str) -> None:
    assert good(claras(products=written)) == good(claras(products=[{"id": 1, "name": "Rye"}]))
    assert good(claras(products="[]")) == good(claras(products="null")) == good(claras())


def test_everything_wrong_is_told_at_once() -> None:
    products = [{"id": "no"}, None, {"name": ""}, 5, {"id": 1, "name": "Rye", "qty": "some"}]
    order = claras(email="clara", lastname=None, phone=[], products=products)
    assert wrong(order) == [
        ("lastname", None),
        ("email", "not an e-mail address"),
        ("products[0].id", "not site or no, which mean the shop"),
        ("products[0].name", None),
        ("products[2].id", None),
        ("products[2].name", None),
        ("products[3]", "not an object"),
    ]
    assert [error.field for error in read(order).ignored] == ["phone", "products[4].qty"]


@pytest.mark.parametrize("name", ["firstname", "lastname"])
@pytest.mark.parametrize("nothing", [None, "", " ", False, ["x"], 7])
def test_tolerant_orders_need_no_names(name: str, nothing: object) -> None:
    order = read(claras(**{name: nothing}), TOLERANT).order
    assert order is not None and getattr(order, name) == ""
    assert wrong(claras(email="clara"), TOLERANT) == [("email", "not an e-mail address")]


def test_tolerant_orders_leave_out_products_that_lack_an_id_or_a_name() -> None:
    rye, nameless = {"id": 1, "name": "Rye"}, {"id": None, "name": "Free line", "qty": "x"}
    order = claras(products=[nameless, rye, 5, {"id": "no", "name": "Rye"}])
    assert ignored(order, TOLERANT) == [
        ("products[0].id", None),
        ("products[2]", "not an object"),
        ("products[3].id", "not site or no, which mean the shop"),
    ]
    assert read(order, TOLERANT).order == good(claras(products=[rye]))


@pytest.mark.parametrize("value", [None, 1, "order", [], [1], True, 1.5])
def test_what_is_no_object_is_no_order(value: object) -> None:
    assert wrong(value) == [("", "not an object")]


def test_unknown_fields_are_ignored() -> None:
    assert good(claras(newsletter={"deep": [1, "\ud800"]})) == good(claras())


@pytest.mark.parametrize("field", ["id_order", "reference"])
@pytest.mark.parametrize(
    ("kept", "spellings"),
    [("1234", [1234, "1234", 1234.0]), ("-5", [-5]), (str(2**70), [2**70]), ("A-1", [" A-1 "])],
)
def test_an_integer_and_its_digits_are_one_key(field: str, kept: str, spellings: list[object]) -> None:
    for sent in spellings:
        assert getattr(good(claras(**{field: sent})), field) == kept


@pytest.mark.parametrize("field", ["id_order", "reference"])
def test_a_key_has_at_most_191_characters(field: str) -> None:
    assert getattr(good(claras(**{field: "é" * 191})), field) == "é" * 191
    too_long = read(claras(**{field: "é" * 192}))
    [error] = too_long.errors if field == "id_order" else too_long.ignored
    assert (error.field, error.expected) == (field, "longer than 191 characters")


@pytest.mark.parametrize("placeholder", [0, "0", "-", " -- ", "#", "…"])
def test_a_reference_that_only_stands_for_none_is_none(placeholder: object) -> None:
    assert good(claras(reference=placeholder)).reference is None
    assert good(claras(id_order=0)).id_order == "0"


@pytest.mark.parametrize("nothing", [None, "", " ", False])
@pytest.mark.parametrize("field", ["reference", "phone", "store_id"])
def test_an_optional_field_with_nothing_in_it_is_none(field: str, nothing: object) -> None:
    assert getattr(good(claras(**{field: nothing})), field) is None


@pytest.mark.parametrize("nothing", [None, [], {}, False, ""])
def test_an_order_without_products_is_taken(nothing: object) -> None:
    assert good(claras(products=nothing)).lines == "[]"
    assert good(claras()).lines == "[]"


def test_an_object_with_digit_keys_is_the_list_of_its_values() -> None:
    rye, bun = {"id": 1, "name": "Rye"}, {"id": 2, "name": "Bun"}
    assert good(claras(products={"3": rye, "0": bun})) == good(claras(products=[rye, bun]))
    assert wrong(claras(products={"3": rye, "7": {"id": 2}})) == [("products[1].name", None)]


def test_an_object_with_other_keys_is_one_product() -> None:
    assert good(claras(products={"id": 1, "name": "Rye"})) == good(
        claras(products=[{"id": 1, "name": "Rye"}])
    )
    assert wrong(claras(products={"id": 1})) == [("products[0].name", None)]


def test_empty_elements_are_passed_over_but_keep_their_places() -> None:
    rye = {"id": 1, "name": "Rye"}
    assert good(claras(products=[[], {}, None, rye])) == good(claras(products=[rye]))
    assert wrong(claras(products=[[], rye, {"id": 1}])) == [("products[2].name", None)]


def test_an_order_has_at_most_1000_lines() -> None:
    rye = {"id": 1, "name": "Rye"}
    assert len(decode_lines(good(claras(products=[None, *[rye] * 1_000, {}])).lines)) == 1_000
    assert wrong(claras(products=[rye] * 1_001)) == [("products", "more than 1,000 products")]
    assert wrong(claras(products=[1] * 1_001)) == [("products", "more than 1,000 products")]


def test_a_field_sent_twice_counts_as_sent_last() -> None:
    text = json.dumps(claras())[:-1] + ', "firstname": "Clarissa"}'
    assert good(msgspec.json.decode(text)).firstname == "Clarissa"


def test_stored_lines_hold_only_what_was_sent() -> None:
    order = good(claras(products=[{"id": "1", "name": "Rye", "sku": None, "qty": "0"}]))
    assert order.lines == '[{"id":1,"name":"Rye","qty":0}]'


def test_errors_repeat_nothing_of_what_was_sent() -> None:
    errors = wrong(claras(email="<script>", phone="<script>" * 999, products={"<script>": 1}))
    assert len(errors) == 3
    assert "script" not in repr(errors)
