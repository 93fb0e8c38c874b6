"""What benchmark h measures Afterword beside does the same work: it stores what it acknowledges, once, durably."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Select, select

from benchmarks.against import DEFAULT_STACK
from benchmarks.default_stack.app import make_app
from benchmarks.default_stack.models import Invitation, Order, make_engine
from benchmarks.default_stack.prepared import address_of, count_stored, prepare
from benchmarks.ground import CONTENT_TYPE, WrongResultError, example_order, form, settings_of
from benchmarks.serving import Client, serving
from tests.postgres import new_database
from tests.server import FOUR_KEYS, ORDERS, SERVE, Answer, Server

KEY = "1/en/" + 64 * "a"
FORM = {"Content-Type": CONTENT_TYPE}


@pytest.fixture
def address(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Their database on each engine, with one shop."""
    with ExitStack() as stack:
        found = address_of(settings_of(tmp_path))
        if engine == "postgres":
            url = stack.enter_context(new_database(request.getfixturevalue("postgres")))
            found = address_of(settings_of(tmp_path, DATABASE=url))
        prepare(found, KEY)
        yield found


@pytest.fixture
def app(address: str) -> Iterator[FastAPI]:
    made = make_app(address)
    yield made
    made.state.sessions.kw["bind"].dispose()


def post(app: FastAPI, orders: Any, key: str = KEY) -> Answer:
    return asyncio.run(send(app, [form(key, orders)]))[0]


async def send(app: FastAPI, bodies: list[bytes], method: str = "POST", path: str = ORDERS) -> list[Answer]:
    """The answers to requests that come all at once."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://default") as client:
        asked = (client.request(method, path, content=body, headers=FORM) for body in bodies)
        answers = await asyncio.gather(*asked)
    return [Answer(each.status_code, dict(each.headers), each.content) for each in answers]


def rows(app: FastAPI, query: Select[Any]) -> list[Any]:
    with app.state.sessions() as session:
        return [tuple(row) for row in session.execute(query)]


def test_an_acknowledged_order_is_stored_with_its_invitation(app: FastAPI, address: str) -> None:
    answer = post(app, [example_order(1), example_order(2)])
    assert answer.body == {"success": 1, "orders_count": 2, "orders_imported": 2, "message": None}
    assert rows(app, select(Order.id_order, Order.reference, Order.email, Order.lang).order_by(Order.id)) == [
        ("1", "R1", "john.doe.1@example.com", "en"),
        ("2", "R2", "john.doe.2@example.com", "en"),
    ]
    times = select(Order.received_at, Invitation.due_at).join(Invitation, Invitation.order_id == Order.id)
    waiting = rows(app, times.where(Invitation.state == "scheduled"))
    assert [due - received for received, due in waiting] == 2 * [timedelta(days=10)]


def test_what_is_acknowledged_outlives_a_killed_process(tmp_path: Path) -> None:
    address = address_of(settings_of(tmp_path))
    prepare(address, KEY)
    with pytest.raises(WrongResultError, match="ended with -9"), serving(DEFAULT_STACK, tmp_path) as served:
        Client(served.port).send(form(KEY, [example_order(number) for number in range(1_000)]), 1_000)
        os.kill(served.pid, signal.SIGKILL)
    assert count_stored(address) == 1_000


def test_of_requests_that_race_with_one_order_one_imports_it(app: FastAPI, address: str) -> None:
    answers = asyncio.run(send(app, [form(KEY, [example_order(number // 8)]) for number in range(64)]))
    assert sum(answer.body["orders_imported"] for answer in answers) == count_stored(address) == 8


@pytest.mark.sqlite
def test_every_commit_is_on_the_disk_before_it_is_answered(address: str) -> None:
    with make_engine(address).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


BATCHES: dict[str, Any] = {
    "good ones": [example_order(1), example_order(2)],
    "one sent before": [example_order(2), example_order(3)],
    "one whose id_order was sent before": [example_order(2) | {"reference": "another"}],
    "one whose reference was sent before": [example_order(2) | {"id_order": "another"}, example_order(13)],
    "some without a reference": [example_order(number) | {"reference": ""} for number in (14, 15, 16)],
    "one twice in a batch": [example_order(4), example_order(4)],
    "one without a last name": [example_order(5), example_order(6) | {"lastname": ""}],
    "one with a wrong address": [example_order(7), example_order(8) | {"email": "john.doe@example"}],
    "one with a wrong date": [example_order(9) | {"order_date": "yesterday"}],
    "one with a long number": [example_order(10) | {"id_order": 192 * "1"}],
    "one with a product without a name": [example_order(11) | {"products": [{"id": 1}]}],
    "one with nothing bought": [example_order(12) | {"products": []}],
    "none": [],
    "no array": "orders",
}


def test_it_answers_as_afterword_does(tmp_path: Path) -> None:
    with Server(tmp_path).start((*SERVE, "--no-dispatch")) as alba:
        key = alba.keys.private_key
        address = address_of(settings_of(alba.data))
        prepare(address, key)
        app = make_app(address)
        for name, orders in BATCHES.items():
            ours = alba.request("POST", ORDERS, form(key, orders), FORM)
            theirs = post(app, orders, key)
            assert (theirs.status, theirs.counts) == (ours.status, ours.counts), name
            assert first_words(theirs) == first_words(ours), name
        assert count_stored(address) == len(alba.invitations())


def first_words(answer: Answer) -> str | None:
    """What clients look for in the message; the words of an error are each one's own."""
    message = answer.body["message"]
    return message.partition(":")[0] if message and answer.status == 200 else None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", ORDERS, form(f"{KEY}b", [example_order(1)]), 401),
        ("POST", ORDERS, b"", 400),
        ("GET", ORDERS, b"", 405),
        ("GET", "/nowhere", b"", 404),
    ],
)
def test_its_errors_have_the_four_keys(
    app: FastAPI, method: str, path: str, body: bytes, status: int
) -> None:
    [answer] = asyncio.run(send(app, [body], method, path))
    assert (answer.status, set(answer.body)) == (status, FOUR_KEYS)
