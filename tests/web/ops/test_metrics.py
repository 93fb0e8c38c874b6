"""`GET /metrics` says what was done and what waits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from afterword.base.metrics import DELIVERIES, REFUSALS
from afterword.store.engine.database import Database
from afterword.web.ops import metrics
from afterword.web.orders_api.endpoint import SMALL_BODY
from tests.processes import free_port
from tests.server import SERVE, Server, an_order
from tests.store.cast import Member, MovableClock, closing_now, open_database, order
from tests.web.asking import ask, is_safe, web_on

Samples = dict[tuple[str, str], float]
"""Values by a sample's name and the value of its label."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of its own for each test, which counts from zero."""
    with Server(tmp_path).start((*SERVE, "--no-dispatch")) as started:
        yield started


def read_samples(text: str) -> Samples:
    return {
        (sample.name.removeprefix("afterword_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def samples(server: Server) -> Samples:
    answer = server.get("/metrics")
    assert answer.status == 200, answer
    return read_samples(answer.content.decode())


def orders(server: Server) -> tuple[float, ...]:
    found = samples(server)
    return tuple(found["orders_total", result] for result in ("imported", "duplicate", "refused"))


# From a running server.


def test_it_is_prometheus_text_and_every_value_is_there_from_the_start(server: Server) -> None:
    answer = server.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store" and is_safe(answer)
    found = read_samples(answer.content.decode())
    assert {key: value for key, value in found.items() if "_bucket" not in key[0]} == {
        **{("orders_total", result): 0 for result in ("imported", "duplicate", "refused")},
        **{("orders_refused_total", reason): 0 for reason in REFUSALS},
        **{("messages_total", outcome): 0 for outcome in ("sent", "deferred", "failed", "in_doubt")},
        **{("deliveries_total", outcome): 0 for outcome in DELIVERIES},
        ("invitations_due", ""): 0,
        ("lateness_seconds", ""): 0,
        ("commit_size_sum", ""): 0,
        ("commit_size_count", ""): 0,
        ("commit_seconds_sum", ""): 0,
        ("commit_seconds_count", ""): 0,
        ("writes_waiting", ""): 0,
    }
    assert {("commit_size_bucket", "+Inf"), ("commit_seconds_bucket", "+Inf")} <= found.keys()


def test_orders_are_counted_by_what_became_of_them_and_named_nowhere(server: Server) -> None:
    assert server.post_orders([an_order("A-1")], key="1/en/wrong").status == 401
    assert server.post_orders("no array").status == 400
    assert orders(server) == (0, 0, 0)
    sent = [an_order("A-1"), an_order("A-1"), an_order("A-2", email="nobody")]
    assert server.post_orders(sent).counts == (1, 3, 1)
    assert orders(server) == (1, 1, 1)
    large = [*(an_order(number) for number in range(600)), *sent]
    assert len(json.dumps(large)) > 2 * SMALL_BODY
    assert server.post_orders(large, details=True).counts == (1, 603, 600)
    assert orders(server) == (601, 3, 2)
    text = server.get("/metrics").content.decode()
    for secret in ("Alba", "Clara", "@", "A-1", server.keys.private_key):
        assert secret not in text


def test_every_write_is_in_the_size_of_one_commit(server: Server) -> None:
    for number in range(20):
        server.post_orders([an_order(number)])
    found = samples(server)
    assert found["commit_size_sum", ""] == 20
    assert found["commit_size_count", ""] == found["commit_seconds_count", ""] == 20
    assert found["commit_size_bucket", "1.0"] == found["commit_size_bucket", "+Inf"] == 20
    assert 0 < found["commit_seconds_sum", ""] < 20
    assert found["writes_waiting", ""] == 0


# Without a network, with a clock to move.


def scrape(database: Database, clock: MovableClock) -> Samples:
    return read_samples(ask(web_on(database, clock), "/metrics").content.decode())


def due_and_late(database: Database, clock: MovableClock) -> tuple[float, float]:
    found = scrape(database, clock)
    return found["invitations_due", ""], found["lateness_seconds", ""]


def test_due_and_lateness_follow_the_clock(
    database: Database, alba: Member, bruno: Member, clock: MovableClock
) -> None:
    due_at = alba.sends().due_at
    alba.sends(live=False)
    bruno.sends(at=clock.now + 60)
    clock.now = due_at - 0.5
    assert due_and_late(database, clock) == (0, 0)
    clock.now = due_at + 0.5
    assert due_and_late(database, clock) == (1, 0.5)
    clock.now = due_at + 90
    assert due_and_late(database, clock) == (2, 90)
    alba.claims(clock.now)
    assert due_and_late(database, clock) == (1, 30)
    bruno.claims(clock.now)
    assert due_and_late(database, clock) == (0, 0)


def test_what_is_due_is_counted_no_further_than_said(
    database: Database, alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alba.sends_batch(*(order(str(number)) for number in range(5)))
    clock.step(alba.shop.delay + 10)
    assert due_and_late(database, clock) == (5, 10)
    monkeypatch.setattr(metrics, "MOST_COUNTED", 3)
    assert due_and_late(database, clock) == (3, 10)


def test_two_databases_of_one_process_count_for_themselves(
    database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    database.metrics.count_orders(1, 2, 3)
    (tmp_path / "other").mkdir()
    with closing_now(open_database(tmp_path / "other")) as other:
        assert scrape(database, clock)["orders_total", "refused"] == 3
        assert scrape(other, clock)["orders_total", "refused"] == 0


def test_they_can_listen_elsewhere_and_then_are_not_beside_the_pages(tmp_path: Path) -> None:
    elsewhere = free_port()
    with Server(tmp_path, AFTERWORD_METRICS=f"127.0.0.1:{elsewhere}").start() as alba:
        assert alba.get("/metrics").status == alba.get("/metrics/").status == 404
        alba.post_orders([an_order("M-1")])
        alba.port, port = elsewhere, alba.port
        assert samples(alba)["orders_total", "imported"] == 1
        assert alba.get("/healthz").status == 404
        alba.port = port
        assert alba.stop() == 0
