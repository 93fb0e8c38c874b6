"""What benchmark h measures Afterword beside does the same work: it stores what it acknowledges, once, durably."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from benchmarks.against import DEFAULT_STACK
from benchmarks.default_stack.app import ALREADY_SENT, make_app
from benchmarks.default_stack.models import make_engine
from benchmarks.default_stack.prepared import count_stored, database_of, prepare
from benchmarks.ground import CONTENT_TYPE, WrongResultError, example_order, form
from benchmarks.serving import Client, serving
from tests.server import FOUR_KEYS, ORDERS, SERVE, Answer, Server

KEY = "1/en/" + 64 * "a"
FORM = {"Content-Type": CONTENT_TYPE}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    prepare(tmp_path, KEY)
    return tmp_path


@pytest.fixture
def app(data: Path) -> FastAPI:
    return make_app(database_of(data))


def post(app: FastAPI, orders: Any, key: str = KEY) -> Answer:
    return asyncio.run(send(app, [form(key, orders)]))[0]


async def send(app: FastAPI, bodies: list[bytes], method: str = "POST", path: str = ORDERS) -> list[Answer]:
    """The answers to requests that come all at once."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://default") as client:
        asked = (client.request(method, path, content=body, headers=FORM) for body in bodies)
        answers = await asyncio.gather(*asked)
    return [Answer(each.status_code, dict(each.headers), each.content) for each in answers]


def rows(data: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(database_of(data))) as database:
        return database.execute(sql).fetchall()


def test_an_acknowledged_order_is_stored_with_its_invitation(app: FastAPI, data: Path) -> None:
    answer = post(app, [example_order(1), example_order(2)])
    assert answer.body == {"success": 1, "orders_count": 2, "orders_imported": 2, "message": None}
    assert rows(data, "SELECT id_order, reference, email, lang FROM orders ORDER BY id") == [
        ("1", "R1", "john.doe.1@example.com", "en"),
        ("2", "R2", "john.doe.2@example.com", "en"),
    ]
    sql = "SELECT received_at, due_at FROM orders JOIN invitations ON order_id = id WHERE state = 'scheduled'"
    times = [tuple(map(datetime.fromisoformat, each)) for each in rows(data, sql)]
    assert [due - received for received, due in times] == 2 * [timedelta(days=10)]


def test_what_is_acknowledged_outlives_a_killed_process(data: Path) -> None:
    with pytest.raises(WrongResultError, match="ended with -9"), serving(DEFAULT_STACK, data) as served:
        Client(served.port).send(form(KEY, [example_order(number) for number in range(1_000)]), 1_000)
        os.kill(served.pid, signal.SIGKILL)
    assert count_stored(data) == 1_000


@pytest.mark.parametrize("changed", ["id_order", "reference"])
def test_an_order_sent_before_is_a_duplicate(app: FastAPI, data: Path, changed: str) -> None:
    post(app, [example_order(1)])
    answer = post(app, [example_order(1) | {changed: "another"}, example_order(2)])
    assert answer.body == {"success": 1, "orders_count": 2, "orders_imported": 1, "message": ALREADY_SENT}
    assert count_stored(data) == 2


def test_orders_without_a_reference_are_no_duplicates(app: FastAPI, data: Path) -> None:
    answer = post(app, [example_order(number) | {"reference": ""} for number in range(3)])
    assert answer.counts == (1, 3, 3)
    assert count_stored(data) == 3


def test_of_requests_that_race_with_one_order_one_imports_it(app: FastAPI, data: Path) -> None:
    answers = asyncio.run(send(app, [form(KEY, [example_order(number // 8)]) for number in range(64)]))
    assert sum(answer.body["orders_imported"] for answer in answers) == count_stored(data) == 8


def test_every_commit_is_on_the_disk_before_it_is_answered(data: Path) -> None:
    with make_engine(database_of(data)).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


BATCHES: dict[str, Any] = {
    "good ones": [example_order(1), example_order(2)],
    "one sent before": [example_order(2), example_order(3)],
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
        prepare(alba.data, key)
        app = make_app(database_of(alba.data))
        for name, orders in BATCHES.items():
            ours = alba.request("POST", ORDERS, form(key, orders), FORM)
            theirs = post(app, orders, key)
            assert (theirs.status, theirs.counts) == (ours.status, ours.counts), name
            assert first_words(theirs) == first_words(ours), name
        assert count_stored(alba.data) == len(alba.invitations())


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
