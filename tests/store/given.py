"""What the store's tests begin with: a moment, Clara's order, keys, and what the checks find."""

from typing import Any, NamedTuple

from afterword.domain.orders.order import Order
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.checks.flags import Checked
from afterword.domain.shops import DEFAULT_DELAY
from afterword.store.messages.claims import Claim

NOW = 1_772_374_326
"""2026-03-01 14:12:06 UTC, when these tests begin."""

DUE = NOW + DEFAULT_DELAY
"""When what was ordered at `NOW` is due."""

SIGNER = Signer("the secret from which this test's keys are made")

LINES = '[{"id":100,"name":"Rye bread"},{"id":200,"name":"Seed rolls"}]'


class MovableClock:
    """Tells the time that a test gave it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = float(now)

    def __call__(self) -> float:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += seconds


def order(
    id_order: str = "1234", reference: str | None = None, email: str = "clara@nunez.example", **fields: Any
) -> Order:
    """Clara's order, but for what is said otherwise."""
    usual = {
        "order_date": "2019-01-01 12:00:00",
        "firstname": "Clara",
        "lastname": "Nunez",
        "phone": None,
        "store_id": None,
        "lines": '[{"id":100,"name":"Rye bread"}]',
    }
    return Order(id_order=id_order, reference=reference, email=email, **usual | fields)


class Imported(NamedTuple):
    """The invitation that an order has earned."""

    number: int
    due_at: int


Invited = Imported | Claim | int
"""What an invitation is named by; an order that is reviewed has the number of its invitation."""


def number_of(of: Invited) -> int:
    if isinstance(of, Claim):
        return of.message.id
    return of.number if isinstance(of, Imported) else of


def nothing_found(checked: Checked) -> tuple[str, ...]:
    return ()


def link_found(checked: Checked) -> tuple[str, ...]:
    return ("link",)


def phone_number_found(checked: Checked) -> tuple[str, ...]:
    """What waits until a person decides, however long that takes."""
    return ("phone number",)
