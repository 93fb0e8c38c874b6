"""A shop with thousands of due letters holds up nobody: shops with a few are done at once."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from afterword.base.settings import read_settings
from afterword.store.opening import open_database
from tests.conftest import closing_now
from tests.end_to_end.beside import Beside
from tests.end_to_end.mailing import WatchedRelay, mailing_server
from tests.needs import scale
from tests.server import Server
from tests.store.cast import new_member, order

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


def test_nine_small_shops_are_done_within_five_seconds(
    engine: str, place: dict[str, str], tmp_path: Path, relay: WatchedRelay
) -> None:
    alba = mailing_server(tmp_path, relay, **place)
    fill(alba, "The large shop", LARGE)
    for number in range(9):
        fill(alba, f"Small shop {number}", SMALL)
    with closing(Beside(alba, "dispatch")) as dispatcher:
        deadline = time.monotonic() + 60
        while sum(is_small(one.recipient) for one in list(relay.taken)) < 9 * SMALL:
            assert time.monotonic() < deadline, dispatcher.said
            time.sleep(0.02)
        accepted = sorted(one.at for one in relay.taken)
    last = max(one.at for one in relay.taken if is_small(one.recipient))
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
        member = new_member(database, name)
        received = time.time() - member.shop.delay - 60
        for first in range(0, due, 1_000):
            numbers = range(first, min(first + 1_000, due))
            orders = [order(f"{n}", email=f"{address}-{n}@mail.example") for n in numbers]
            member.sends_batch(*orders, at=received)
