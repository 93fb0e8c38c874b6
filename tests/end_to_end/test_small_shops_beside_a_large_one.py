"""A shop with thousands of due letters holds up nobody: shops with a few are done at once."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from afterword.base.settings import read_settings
from afterword.store.opening import open_database
from tests.conftest import closing_now
from tests.end_to_end.beside import Beside
from tests.end_to_end.mailing import WatchedRelay, mailing_server
from tests.needs import scale
from tests.postgres import new_database
from tests.server import Server
from tests.store.cast import add_member, order

LARGE = 5_000 * scale()
"""Due letters of the large shop. With AFTERWORD_TEST_SCALE=40 they are 200,000."""

SMALL = 10
"""Due letters of each of the nine small shops."""

WITHIN = 5.0
"""Seconds from the first letter of all to the last one of the nine."""


@pytest.fixture
def relay() -> Iterator[WatchedRelay]:
    with WatchedRelay(seconds=0.005) as started:
        yield started


@contextmanager
def standing(
    engine: str, request: pytest.FixtureRequest, folder: Path, relay: WatchedRelay
) -> Iterator[Server]:
    """A shop with its data, and nobody who serves it yet."""
    if engine == "sqlite":
        yield mailing_server(folder, relay)
    else:
        with new_database(request.getfixturevalue("postgres")) as url:
            yield mailing_server(folder, relay, AFTERWORD_DATABASE=url)


def test_nine_small_shops_are_done_within_five_seconds(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, relay: WatchedRelay
) -> None:
    with standing(engine, request, tmp_path, relay) as alba:
        fill(alba, "The large shop", LARGE)
        for number in range(9):
            fill(alba, f"Small shop {number}", SMALL)
        with closing(Beside(alba, "dispatch")) as dispatcher:
            deadline = time.monotonic() + 60
            while sum(is_small(recipient) for recipient, _ in list(relay.accepted)) < 9 * SMALL:
                assert time.monotonic() < deadline, dispatcher.said
                time.sleep(0.02)
            accepted = sorted(at for _, at in relay.accepted)
    last = max(at for recipient, at in relay.accepted if is_small(recipient))
    seconds = (last - accepted[0]) / 1e9
    meanwhile = sum(at < last for at in accepted) - 9 * SMALL
    print(
        f"\n{engine}: {seconds:.2f} s from the first letter to the last of the nine; {meanwhile} of the large shop"
    )
    assert seconds < WITHIN
    assert meanwhile < LARGE / 2, "it was speed, not fairness"


def is_small(recipient: str) -> bool:
    return recipient.startswith("small")


def fill(alba: Server, name: str, due: int) -> None:
    """A shop whose orders were received so long ago that their letters are due since a minute."""
    address = f"{name.split()[0].lower()}-{name[-1]}"
    with closing_now(open_database(read_settings(alba.environment()))) as database:
        member = database.write_now(lambda tx: add_member(tx, name))
        received = time.time() - member.shop.delay - 60
        for first in range(0, due, 1_000):
            numbers = range(first, min(first + 1_000, due))
            orders = [order(f"{n}", email=f"{address}-{n}@mail.example") for n in numbers]
            member.on(database).sends_batch(*orders, at=received)
