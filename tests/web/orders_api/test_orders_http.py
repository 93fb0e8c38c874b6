"""The Orders API over real HTTP: docs/orders-api.md, sentence by sentence, as clients meet it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server import FOUR_KEYS, ORDERS, Answer, Server, an_order
from tests.web.customer.forms import FORM, MULTIPART, chunked, fields_of, multipart, post, post_form, raw_form

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"
BODY_LIMIT = 300_000
JSON = "application/json"


@pytest.fixture(scope="module")
def alba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Alba's bakery, which takes bodies of at most 300,000 bytes."""
    folder = tmp_path_factory.mktemp("alba")
    with Server(folder, AFTERWORD_BODY_LIMIT=str(BODY_LIMIT)) as server:
        yield server


# The request.


PART_HEADERS = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
BODIES: dict[str, tuple[Callable[[dict[str, str]], str | bytes], str]] = {
    "multipart": (multipart, MULTIPART),
    "parts with headers": (lambda fields: multipart(fields, PART_HEADERS), MULTIPART),
    "urlencoded": (urlencode, FORM),
    "text in json": (json.dumps, JSON),
    "json with more": (
        lambda fields: json.dumps({**fields, "source": "module", "orders": json.loads(fields["orders"])}),
        f"{JSON}; charset=utf-8",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_orders_are_taken_in_each_kind_of_body(alba: Server, name: str) -> None:
    write, content_type = BODIES[name]
    fields = fields_of(alba)
    fields["orders"] = json.dumps([an_order(name, lastname="Núñez")], ensure_ascii=False)
    answer = post(alba, write(fields), content_type)
    assert (answer.status, answer.counts) == (200, (1, 1, 1))
    rows = alba.read(lambda tx: tx.rows("SELECT lastname FROM orders WHERE id_order = ?", (name,)))
    assert rows == [("Núñez",)]


def test_a_chunked_body_without_a_length_is_taken(alba: Server) -> None:
    head, body = raw_form(alba, an_order("chunked"), "Transfer-Encoding: chunked", "Connection: close")
    assert b'"orders_imported": 1' in alba.send_raw(head + chunked(body, 100))


def test_expect_100_continue_is_answered_before_the_body(alba: Server) -> None:
    order = an_order("expect")
    length = f"Content-Length: {len(raw_form(alba, order)[1])}"
    head, body = raw_form(alba, order, length, "Expect: 100-continue", "Connection: close")
    with socket.create_connection(("127.0.0.1", alba.port), 10) as line:
        line.sendall(head)
        assert line.recv(1_000).startswith(b"HTTP/1.1 100")
        line.sendall(body)
        assert b'"orders_imported": 1' in line.recv(65_536)


# Keys.


@pytest.mark.parametrize(
    ("in_body", "in_header", "status"),
    [
        (None, "Bearer KEY", 200),
        ("1/en/wrong", "Bearer KEY", 401),
        ("KEY", "Bearer 1/en/wrong", 200),
        (" \tKEY\r\n", "", 200),
        (" ", "bEARER  KEY", 200),
        *((None, header, 401) for header in ("", "Basic KEY", "Bearer ")),
        ("", "", 401),
        ("   ", "", 401),
        ("nonsense", "", 401),
        ("9" * 30 + "/en/00", "", 401),
        ("١/en/00", "", 401),
    ],
)
def test_a_key_is_taken_from_the_body_or_else_from_the_header(
    alba: Server, in_body: str | None, in_header: str, status: int
) -> None:
    key = alba.keys.private_key
    body = {"orders": []} | ({} if in_body is None else {"api_key": in_body.replace("KEY", key)})
    answer = post(alba, json.dumps(body), JSON, Authorization=in_header.replace("KEY", key))
    assert (answer.status, answer.counts) == (status, (0, 0, 0))
    assert bool(answer.body["message"]) == (status == 401)


def test_a_key_in_the_address_is_not_taken_and_not_logged(alba: Server) -> None:
    path = f"{ORDERS}?api_key={alba.keys.private_key}"
    assert post(alba, json.dumps({"orders": [an_order("address")]}), JSON, path).status == 401
    assert alba.keys.private_key.rpartition("/")[2] not in alba.log


def test_the_worlds_of_test_and_live_keys_do_not_meet(alba: Server) -> None:
    order = an_order("both worlds")
    assert alba.post_orders([order]).counts == (1, 1, 1)
    assert alba.post_orders([order], key=alba.keys.test_key).counts == (1, 1, 1)
    assert alba.post_orders([order], key=alba.keys.test_key).counts == (0, 1, 0)


# What comes first, and the four keys whatever happens.

WRONG: dict[int, dict[str, Any]] = {
    405: {"method": "PUT"},
    415: {"type": "text/plain"},
    413: {"pad": BODY_LIMIT},
    400: {"broken": True},
    401: {"key": "1/en/wrong"},
}


def wrong_in_many_ways(alba: Server, *statuses: int) -> Answer:
    """A request to which each of the statuses would be an answer."""
    how: dict[str, Any] = {}
    for status in statuses:
        how |= WRONG[status]
    key = how.get("key", alba.keys.private_key)
    body = json.dumps({"api_key": key, "orders": [an_order("never")], "pad": "." * how.get("pad", 0)})
    headers = {"Content-Type": how.get("type", JSON)}
    return alba.request(how.get("method", "POST"), ORDERS, body + "]" * ("broken" in how), headers)


@pytest.mark.parametrize("first", range(5))
def test_405_then_415_then_413_then_400_then_401(alba: Server, first: int) -> None:
    remaining = list(WRONG)[first:]
    answer = wrong_in_many_ways(alba, *remaining)
    assert answer.status == remaining[0]
    assert answer.body.keys() == FOUR_KEYS
    assert answer.counts == (0, 0, 0)
    assert isinstance(answer.body["message"], str)
    assert answer.headers["content-type"].startswith(JSON)


def test_a_wrong_key_comes_before_what_is_wrong_with_the_orders(alba: Server) -> None:
    assert alba.post_orders("no json", key="1/en/wrong").status == 401
    assert alba.post_orders("no json").status == 400


def test_another_method_is_405_with_allow(alba: Server) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = alba.request(method, ORDERS)
        assert (answer.status, answer.headers["allow"], answer.counts) == (405, "POST", (0, 0, 0))


def test_an_unknown_media_type_names_the_three(alba: Server) -> None:
    for content_type in ("text/plain", "application/xml", ""):
        answer = post(alba, b"{}", content_type)
        assert answer.status == 415
        for known in ("multipart/form-data", FORM, JSON):
            assert known in answer.body["message"]


@pytest.mark.parametrize("more", [{}, {"orders": ""}, {"orders": "12"}, {"orders": "[{}, {]"}])
def test_a_form_without_an_array_of_orders_is_400(alba: Server, more: dict[str, str]) -> None:
    answer = post_form(alba, {"api_key": alba.keys.private_key, **more})
    assert (answer.status, answer.counts) == (400, (0, 0, 0))
    assert answer.body["message"].startswith("orders is ")


@pytest.mark.parametrize(("content_type", "cut"), [(MULTIPART, 150), ("multipart/form-data", None)])
def test_a_multipart_that_is_cut_off_or_has_no_boundary_is_400(
    alba: Server, content_type: str, cut: int | None
) -> None:
    answer = post(alba, multipart(fields_of(alba, an_order("malformed")))[:cut], content_type)
    assert (answer.status, answer.counts) == (400, (0, 0, 0))
    assert "boundary" in answer.body["message"]


@pytest.mark.parametrize("told", [True, False])
def test_a_body_above_the_limit_is_413_and_the_message_names_the_limit(alba: Server, told: bool) -> None:
    order = an_order("too large", note="." * BODY_LIMIT)
    length = len(raw_form(alba, order)[1])
    head, body = raw_form(alba, order, f"Content-Length: {length}" if told else "Transfer-Encoding: chunked")
    request = head + (body if told else chunked(body, 8_000))
    with socket.create_connection(("127.0.0.1", alba.port), 10) as line:
        sending = threading.Thread(target=_send_all, args=(line, request))
        sending.start()
        answer = line.recv(65_536)
        sending.join()
    assert answer.startswith(b"HTTP/1.1 413")
    assert str(BODY_LIMIT).encode() in answer
    assert alba.post_orders([an_order(f"after {told}")]).status == 200


def _send_all(line: socket.socket, content: bytes) -> None:
    try:
        line.sendall(content)
    except OSError:  # the server may stop listening once it has answered
        return


def test_a_body_within_the_limit_is_taken_however_large(alba: Server) -> None:
    order = an_order("large enough", note="." * (BODY_LIMIT - 1_000))
    assert alba.post_orders([order]).counts == (1, 1, 1)


# The answer.


def test_an_empty_batch_is_a_valid_request_with_nothing_in_it(alba: Server) -> None:
    answer = alba.post_orders([], details=True)
    assert answer.status == 200
    nothing = {"success": 0, "orders_count": 0, "orders_imported": 0, "message": None}
    assert answer.body == nothing | {"orders": []}


def test_good_orders_are_imported_and_bad_ones_told(alba: Server) -> None:
    alba.post_orders([an_order(991_234, reference="R-1")])
    orders = [
        an_order("good neighbour"),
        an_order("no name", lastname=""),
        an_order("no address", email="clara at mail.example"),
        an_order("991234"),
        "no order at all",
        an_order("a nameless product", products=[{"id": 1}]),
        an_order("good neighbour"),
        an_order("other", reference="R-1"),
    ]
    answer = alba.post_orders(orders)
    assert (answer.status, answer.counts) == (200, (1, 8, 1))
    assert answer.body.keys() == FOUR_KEYS
    assert answer.body["message"] == (
        f"{ALREADY_SENT} Missing fields for array: orders[1].lastname, orders[5].products[0].name"
        " Invalid fields: orders[2].email (not an e-mail address), orders[4] (not an object)"
    )
    assert {"no name", "no address", "a nameless product", "other"}.isdisjoint(alba.states())


def test_what_is_ignored_costs_no_order_and_is_told(alba: Server) -> None:
    products = [{"id": "SKU-100", "name": "Rye", "qty": 1.5, "unit_price": "1,234", "image_url": ["x"]}]
    answer = alba.post_orders([an_order("tolerated", phone=33612345678, products=products)], details=True)
    assert (answer.status, answer.counts) == (200, (1, 1, 1))
    assert answer.body["message"] == (
        "Ignored fields: orders[0].products[0].unit_price (not a decimal), orders[0].products[0].image_url (not text)"
    )
    assert [one["field"] for one in answer.body["orders"][0]["ignored"]] == [
        "orders[0].products[0].unit_price",
        "orders[0].products[0].image_url",
    ]
    stored = alba.read(lambda tx: tx.rows("SELECT phone, lines FROM orders WHERE id_order = 'tolerated'"))
    assert stored == [("33612345678", '[{"id":"SKU-100","name":"Rye","qty":1.5}]')]


def test_a_refused_order_leaves_a_trace_of_its_numbers_and_of_what_was_wrong(alba: Server) -> None:
    alba.post_orders([an_order("traced", reference="R-traced", lastname="", email="clara at mail.example")])
    rows = alba.read(
        lambda tx: tx.rows("SELECT reference, errors FROM refused_orders WHERE id_order = 'traced'")
    )
    assert rows == [("R-traced", '[["lastname", null], ["email", "not an e-mail address"]]')]
    [line] = [each for each in alba.log.splitlines() if 'event="orders refused"' in each and "shop=" in each][
        -1:
    ]
    assert 'orders=1 reasons="email_invalid 1, lastname_missing 1"' in line
    assert "traced" not in line and "clara" not in line


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_415_and_named(alba: Server, coding: str) -> None:
    answer = post(alba, b"\x1f\x8b", JSON, **{"Content-Encoding": coding})
    assert (answer.status, answer.counts) == (415, (0, 0, 0))
    assert coding in answer.body["message"]


def test_a_form_that_curl_labels_is_read_as_the_json_that_it_is(alba: Server) -> None:
    body = json.dumps({"api_key": alba.keys.private_key, "orders": [an_order("unlabelled")]})
    assert post(alba, body, FORM).counts == (1, 1, 1)
    alone = json.dumps([an_order("whole body")])
    bearer = {"Authorization": f"Bearer {alba.keys.private_key}"}
    assert post(alba, alone, JSON, **bearer).counts == (1, 1, 1)
    assert post(alba, alone, JSON).status == 401


def test_details_say_what_became_of_each_order_when_asked(alba: Server) -> None:
    alba.post_orders([an_order("details 1")])
    before = int(time.time())
    orders = [an_order("details 0"), an_order("details 1"), an_order("details 2", email="")]
    by_form = post_form(alba, fields_of(alba, *orders, details="1")).body["orders"]
    assert [one["status"] for one in by_form] == ["imported", "duplicate", "refused"]
    assert by_form[2]["errors"] == [{"field": "orders[2].email", "message": "missing"}]
    [invitation] = [one for one in alba.invitations() if one.id_order == "details 0"]
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(invitation.due_at))
    assert by_form[0]["invitation"] == {"id": invitation.id, "due_at": due}
    assert before + 864_000 <= invitation.due_at <= time.time() + 864_001
