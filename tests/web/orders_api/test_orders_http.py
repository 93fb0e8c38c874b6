"""The Orders API over real HTTP: docs/orders-api.md, sentence by sentence, as clients meet it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server import FOUR_KEYS, ORDERS, Answer, Server, an_order
from tests.web.customer.forms import BOUNDARY, FORM, chunked, fields_of, multipart, post, post_form, raw_form

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"
BODY_LIMIT = 300_000


@pytest.fixture(scope="module")
def alba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Alba's bakery, which takes bodies of at most 300,000 bytes."""
    folder = tmp_path_factory.mktemp("alba")
    with Server(folder, AFTERWORD_BODY_LIMIT=str(BODY_LIMIT)) as server:
        yield server


# The request.


def test_a_multipart_form_is_taken(alba: Server) -> None:
    assert post_form(alba, fields_of(alba, an_order("form"))).counts == (1, 1, 1)


def test_parts_may_name_their_charset_and_transfer_encoding(alba: Server) -> None:
    headers = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    fields = fields_of(alba, an_order("symfony"))
    fields["orders"] = json.dumps([an_order("symfony", lastname="Núñez")], ensure_ascii=False)
    answer = post_form(alba, fields, part_headers=headers)
    assert answer.counts == (1, 1, 1)
    rows = alba.read(lambda tx: tx.rows("SELECT lastname FROM orders WHERE id_order = 'symfony'"))
    assert rows == [("Núñez",)]


def test_a_urlencoded_form_is_taken(alba: Server) -> None:
    assert post(alba, urlencode(fields_of(alba, an_order("urlencoded"))), FORM).counts == (1, 1, 1)


def test_a_json_object_is_taken_with_unknown_keys_beside_the_orders(alba: Server) -> None:
    body = {"api_key": alba.keys.private_key, "source": "module", "orders": [an_order("json")]}
    answer = post(alba, json.dumps(body), "application/json; charset=utf-8")
    assert answer.counts == (1, 1, 1)


def test_orders_may_be_json_text_within_json(alba: Server) -> None:
    body = json.dumps(fields_of(alba, an_order("text in json")))
    assert post(alba, body, "application/json").counts == (1, 1, 1)


@pytest.mark.parametrize("path", ["//private/v3/orders", "/private/v3/orders/", "/private//v3///orders//"])
def test_doubled_and_trailing_slashes_reach_the_same_place(alba: Server, path: str) -> None:
    answer = post_form(alba, fields_of(alba, an_order(f"slashes {path}")), path)
    assert (answer.status, answer.counts) == (200, (1, 1, 1))


def test_a_chunked_body_without_a_length_is_taken(alba: Server) -> None:
    head, body = raw_form(alba, an_order("chunked"), "Transfer-Encoding: chunked", "Connection: close")
    assert b'"orders_imported": 1' in alba.send_raw(head + chunked(body, 100))


def test_expect_100_continue_is_answered_before_the_body(alba: Server) -> None:
    order = an_order("expect")
    length = len(raw_form(alba, order)[1])
    head, body = raw_form(
        alba, order, f"Content-Length: {length}", "Expect: 100-continue", "Connection: close"
    )
    with socket.create_connection(("127.0.0.1", alba.port), 10) as line:
        line.sendall(head)
        assert line.recv(1_000).startswith(b"HTTP/1.1 100")
        line.sendall(body)
        assert b'"orders_imported": 1' in line.recv(65_536)


def test_orders_of_php_arrays_with_holes_and_one_order_alone_are_taken(alba: Server) -> None:
    holes = {"0": an_order("hole 0"), "2": an_order("hole 2")}
    assert alba.post_orders(holes).counts == (1, 2, 2)
    assert alba.post_orders(an_order("alone")).counts == (1, 1, 1)


# Keys.


def test_a_bearer_key_is_taken_in_place_of_api_key(alba: Server) -> None:
    body = json.dumps({"orders": [an_order("bearer")]})
    answer = post(alba, body, "application/json", Authorization=f"Bearer {alba.keys.private_key}")
    assert answer.counts == (1, 1, 1)


def test_a_key_in_the_body_wins_over_one_in_the_header(alba: Server) -> None:
    body = json.dumps({"api_key": "1/en/wrong", "orders": [an_order("two keys")]})
    answer = post(alba, body, "application/json", Authorization=f"Bearer {alba.keys.private_key}")
    assert answer.status == 401
    body = json.dumps({"api_key": alba.keys.private_key, "orders": [an_order("two keys")]})
    assert post(alba, body, "application/json", Authorization="Bearer 1/en/wrong").status == 200


def test_a_key_in_the_address_is_not_taken_and_not_logged(alba: Server) -> None:
    path = f"{ORDERS}?api_key={alba.keys.private_key}"
    answer = post(alba, json.dumps({"orders": [an_order("address")]}), "application/json", path)
    assert answer.status == 401
    assert alba.keys.private_key.rpartition("/")[2] not in alba.log


def test_white_space_around_a_key_is_cut_off(alba: Server) -> None:
    assert alba.post_orders([an_order("white")], key=f" \t{alba.keys.private_key}\r\n").counts == (1, 1, 1)


@pytest.mark.parametrize("key", ["", "   ", "1/en/wrong", "nonsense", "9" * 30 + "/en/00", "١/en/00"])
def test_a_missing_or_wrong_key_is_401(alba: Server, key: str) -> None:
    answer = alba.request(
        "POST", ORDERS, json.dumps({"api_key": key, "orders": []}), {"Content-Type": "application/json"}
    )
    assert (answer.status, answer.counts) == (401, (0, 0, 0))
    assert answer.body["message"]


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
    headers = {"Content-Type": how.get("type", "application/json")}
    return alba.request(how.get("method", "POST"), ORDERS, body + "]" * ("broken" in how), headers)


@pytest.mark.parametrize("first", range(5))
def test_405_then_415_then_413_then_400_then_401(alba: Server, first: int) -> None:
    remaining = list(WRONG)[first:]
    answer = wrong_in_many_ways(alba, *remaining)
    assert answer.status == remaining[0]
    assert answer.body.keys() == FOUR_KEYS
    assert answer.counts == (0, 0, 0)
    assert isinstance(answer.body["message"], str)
    assert answer.headers["content-type"].startswith("application/json")


def test_a_wrong_key_comes_before_what_is_wrong_with_the_orders(alba: Server) -> None:
    assert alba.post_orders("no json", key="1/en/wrong").status == 401
    assert alba.post_orders("no json").status == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405_with_allow(alba: Server, method: str) -> None:
    answer = alba.request(method, ORDERS)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.counts == (0, 0, 0)


def test_an_unknown_media_type_names_the_three(alba: Server) -> None:
    for content_type in ("text/plain", "application/xml", ""):
        answer = post(alba, b"{}", content_type)
        assert answer.status == 415
        for known in ("multipart/form-data", FORM, "application/json"):
            assert known in answer.body["message"]


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ("", "orders is missing"),
        ("null", "orders is missing"),
        ('"x"', "not an array"),
        ("12", "not an array"),
        ('{"a": 1}', "not an array"),
        ("[{}, {]", "byte 6"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("[" * 5_000 + "]" * 5_000, "nested more than"),
    ],
)
def test_orders_that_are_no_orders_are_400_and_the_message_says_why(
    alba: Server, orders: str, said: str
) -> None:
    answer = post_form(alba, {"api_key": alba.keys.private_key, "orders": orders})
    assert (answer.status, answer.counts) == (400, (0, 0, 0))
    assert said in answer.body["message"]


def test_a_form_without_orders_is_400(alba: Server) -> None:
    answer = post_form(alba, {"api_key": alba.keys.private_key})
    assert (answer.status, answer.body["message"]) == (400, "orders is missing")


@pytest.mark.parametrize("cut", [20, 150, 250, -4])
def test_a_malformed_multipart_is_400(alba: Server, cut: int) -> None:
    body = multipart(fields_of(alba, an_order("malformed")))[:cut]
    answer = post(alba, body, f"multipart/form-data; boundary={BOUNDARY}")
    assert (answer.status, answer.counts) == (400, (0, 0, 0))


def test_a_multipart_without_a_boundary_is_400(alba: Server) -> None:
    answer = post(alba, multipart(fields_of(alba, an_order("none"))), "multipart/form-data")
    assert (answer.status, "boundary" in answer.body["message"]) == (400, True)


@pytest.mark.parametrize("told", [True, False])
def test_a_body_above_the_limit_is_413_and_the_message_names_the_limit(alba: Server, told: bool) -> None:
    order = an_order("too large", note="." * BODY_LIMIT)
    headers = [f"Content-Length: {len(raw_form(alba, order)[1])}"] if told else ["Transfer-Encoding: chunked"]
    head, body = raw_form(alba, order, *headers)
    with socket.create_connection(("127.0.0.1", alba.port), 10) as line:
        sending = threading.Thread(
            target=_send_all, args=(line, head + (body if told else chunked(body, 8_000)))
        )
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


def test_the_answer_has_the_four_keys_alone(alba: Server) -> None:
    answer = alba.post_orders([an_order("four keys")])
    assert answer.body == {"success": 1, "orders_count": 1, "orders_imported": 1, "message": None}
    assert answer.headers["content-type"].startswith("application/json")


def test_an_empty_batch_is_a_valid_request_with_nothing_in_it(alba: Server) -> None:
    answer = alba.post_orders([])
    assert answer.status == 200
    assert answer.body == {"success": 0, "orders_count": 0, "orders_imported": 0, "message": None}


def test_good_orders_are_imported_and_bad_ones_told(alba: Server) -> None:
    alba.post_orders([an_order("sent before")])
    orders = [
        an_order("good neighbour"),
        an_order("no name", lastname=""),
        an_order("no address", email="clara at mail.example"),
        an_order("sent before"),
        "no order at all",
        an_order("a nameless product", products=[{"id": 1}]),
        an_order("good neighbour"),
    ]
    answer = alba.post_orders(orders)
    assert (answer.status, answer.counts) == (200, (1, 7, 1))
    assert answer.body["message"] == (
        f"{ALREADY_SENT} Missing fields for array: orders[1].lastname, orders[5].products[0].name"
        " Invalid fields: orders[2].email (not an e-mail address), orders[4] (not an object)"
    )
    assert alba.states().keys() & {"no name", "no address", "a nameless product"} == set()


def test_details_say_what_became_of_each_order_when_asked(alba: Server) -> None:
    alba.post_orders([an_order("details 1")])
    before = int(time.time())
    orders = [an_order("details 0"), an_order("details 1"), an_order("details 2", email="")]
    by_form = post_form(alba, fields_of(alba, *orders, details="1")).body["orders"]
    assert [(one["index"], one["id_order"], one["status"]) for one in by_form] == [
        (0, "details 0", "imported"),
        (1, "details 1", "duplicate"),
        (2, "details 2", "refused"),
    ]
    assert by_form[2]["errors"] == [{"field": "orders[2].email", "message": "missing"}]
    [invitation] = [one for one in alba.invitations() if one.id_order == "details 0"]
    due = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(invitation.due_at))
    assert by_form[0]["invitation"] == {"id": invitation.id, "due_at": due}
    assert before + 864_000 <= invitation.due_at <= time.time() + 864_001
    assert "orders" in alba.post_orders([an_order("details 3")], details=True).body


def test_a_repeated_reference_is_not_imported_but_none_never_equals_none(alba: Server) -> None:
    assert alba.post_orders([an_order("ref 1", reference="R-1")]).counts == (1, 1, 1)
    assert alba.post_orders([an_order("ref 2", reference="R-1")]).counts == (0, 1, 0)
    none = [an_order("ref 3", reference=""), an_order("ref 4", reference=None), an_order("ref 5")]
    assert alba.post_orders(none).counts == (1, 3, 3)


def test_an_integer_and_its_digits_are_one_order(alba: Server) -> None:
    assert alba.post_orders([an_order(991_234)]).counts == (1, 1, 1)
    answer = alba.post_orders([an_order("991234")])
    assert (answer.counts, answer.body["message"]) == ((0, 1, 0), ALREADY_SENT)
