"""Hundreds of letters on their way to a real SMTP peer, and whom they reached."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.end_to_end.letters import SENDER, recipients
from tests.peers import Received, RelayPeer
from tests.server import Server, address_of, an_order

CONNECTIONS = 16
"""Letters that a server has in a courier's hands at the same time."""

LEASE_AND_ROUND = 60
"""Seconds after which what a crash left in hand is taken up."""


class WatchedRelay(RelayPeer):
    """A mail server that notes when it accepted each letter (`monotonic_ns`), and may take its time over it."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.accepted: list[tuple[str, int]] = []

    def accept(self, message: Received) -> None:
        self.accepted += [(recipient, time.monotonic_ns()) for recipient in message.recipients]
        super().accept(message)

    async def handle_DATA(self, *call: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        await asyncio.sleep(self.seconds)
        return await super().handle_DATA(*call)


def mailing_server(folder: Path, relay: RelayPeer, delay: int = 1, **settings: str) -> Server:
    return Server(folder, delay=delay, AFTERWORD_SMTP=relay.url, AFTERWORD_FROM=SENDER, **settings)


def import_orders(alba: Server, count: int) -> list[str]:
    """That many orders of as many customers; their `id_order`."""
    ids = [f"L-{n}" for n in range(count)]
    for first in range(0, count, 500):
        orders = [an_order(one) for one in ids[first : first + 500]]
        assert alba.post_orders(orders).counts == (1, len(orders), len(orders))
    return ids


def check_once(alba: Server, relay: RelayPeer, ids: list[str], most_in_doubt: int) -> int:
    """Guarantee 5: who is not in doubt has exactly one letter, who is has at most one. How many are in doubt."""
    letters = Counter(recipients(relay.messages))
    states = alba.states()
    assert states.keys() == set(ids)
    assert max(letters.values()) == 1, "a customer has two letters"
    for one in ids:
        assert states[one] in ("sent", "in_doubt"), (one, states[one])
        assert letters[address_of(one)] == 1 or states[one] == "in_doubt", f"{one} was forgotten"
    in_doubt = sum(state == "in_doubt" for state in states.values())
    assert in_doubt <= most_in_doubt
    return in_doubt


def is_settled(alba: Server) -> bool:
    return set(alba.states().values()) <= {"sent", "in_doubt"}
