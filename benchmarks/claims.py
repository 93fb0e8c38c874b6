"""d: finding and claiming 100 due invitations, the oldest first, with 2 million waiting and with a thousand. g:
the same with 10 million, on both engines.

A database is filled by two statements; one invitation in a hundred is due. (10 million take about a minute, on
PostgreSQL two, followed by VACUUM ANALYZE and a checkpoint.) With 200 shops, a claim takes a few of each. Scattered:
the due invitations are in random order, each on its own page, which only many manual moves could cause; so there is
no required ratio. A run is the mean of twenty committed claims.
"""

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from afterword.domain.messages import Queue
from afterword.store.engine.database import Transaction
from afterword.store.messages.claims import Claim, Source
from afterword.store.messages.due import Hold, claim_due, due_sources
from benchmarks.ground import Ground, WrongResultError, open_data, say
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.waiting import fill
from benchmarks.watching_postgres import settings_of_server

AT_ONCE = 100
FEW, MANY, MOST = 1_000, 2_000_000, 10_000_000
NOW = 1_800_000_000
LEASE = 40


class Case(NamedTuple):
    """How the due invitations are laid out; see `fill`."""

    name: str
    shops: int
    scattered: bool


AS_THEY_CAME = (Case("one shop", 1, scattered=False), Case("200 shops", 200, scattered=False))
CASES = (
    *AS_THEY_CAME,
    Case("one shop, scattered", 1, scattered=True),
    Case("200 shops, scattered", 200, scattered=True),
)


_OLDEST = """
SELECT next_try_at FROM messages WHERE shop_id = :shop_id AND live = 1 AND queue = 0 AND webhook_id = 0
AND state = 'scheduled'
ORDER BY next_try_at LIMIT 1
"""


class Took(NamedTuple):
    """The seconds of a claim's parts."""

    find: float
    claim: float
    commit: float


class Waiting:
    """A database with this many waiting invitations and shops, laid out by `fill`."""

    def __init__(self, data: Path, orders: int, case: Case, due: int) -> None:
        self.orders, self.due = orders, due
        fill(data, orders=orders, shops=case.shops, due=due, scattered=case.scattered, now=NOW)
        self._database = open_data(data)
        self._turn = 0
        self._claimed = 0
        self.took: list[Took] = []

    def claim_some(self, claims: int) -> float:
        """The mean milliseconds per claim of 100."""
        took = [self._claim() for _ in range(claims)]
        self.took += took
        return statistics.mean(map(sum, took)) * 1_000

    def _claim(self) -> Took:
        if self._claimed + 2 * AT_ONCE > self.due:
            self._put_back()
        database, worked_until = self._database, 0.0

        def work(tx: Transaction) -> list[Claim]:
            nonlocal worked_until
            claims = self._claim_fairly(tx, shops)
            worked_until = time.perf_counter()
            return claims

        started = time.perf_counter()
        shops = database.read_now(lambda tx: due_sources(tx, Queue.INVITATIONS, live=True, now=NOW))
        found = time.perf_counter()
        claims = database.write_now(work)
        committed = time.perf_counter()
        self._claimed += len(claims)
        self._check(claims)
        return Took(found - started, worked_until - found, committed - worked_until)

    def _claim_fairly(self, tx: Transaction, shops: list[Source]) -> list[Claim]:
        """An equal part for each shop that has something due, beginning with another one each time."""
        self._turn += 1
        first = self._turn * AT_ONCE % len(shops)
        turn = shops[first:] + shops[:first]
        hold = Hold("holder", NOW, NOW + LEASE)
        return claim_due(tx, Queue.INVITATIONS, turn, hold, live=True, most=AT_ONCE)

    def _check(self, claims: list[Claim]) -> None:
        """All that was claimed is due, has its order, and nothing older of the same shop is left."""
        if len(claims) != AT_ONCE or any(
            c.message.due_at > NOW or not (c.message.order and c.message.order.lines) for c in claims
        ):
            raise WrongResultError(f"{len(claims)} invitations were claimed, or some were not due")
        newest = {c.shop.id: c.message.due_at for c in sorted(claims, key=lambda c: c.message.due_at)}
        for shop_id, due_at in newest.items():
            oldest = self._database.read_now(lambda tx, of=(shop_id,): tx.rows(_OLDEST, of))  # type: ignore[misc]
            if oldest and oldest[0][0] < due_at:
                raise WrongResultError(f"shop {shop_id} has an older invitation than those claimed")

    def _put_back(self) -> None:
        """Only the few need it: of 2 million enough are due for every run."""
        sql = "UPDATE messages SET state = 'scheduled', claim = NULL, lease_until = NULL WHERE state = 'claimed'"
        if self._database.write_now(lambda tx: tx.run(sql)) != self._claimed:
            raise WrongResultError("not every claim was stored")
        self._claimed = 0

    def close(self) -> None:
        self._database.close_now()


def measure(ground: Ground, runs: int) -> Report:
    """Raises WrongResultError if anything but the oldest due invitations is claimed."""
    many = MANY // 40 if ground.quick else MANY
    measured: list[Measured] = []
    dominates: dict[str, dict[str, str]] = {}
    for case in CASES:
        found, parts = compare(ground, runs, many, case)
        measured.append(found)
        dominates |= parts
    return Report(
        name="d",
        title=f"claiming {AT_ONCE} due invitations and reading their orders, with {many:,} waiting",
        measured=measured,
        dominates=dominates,
    )


def measure_at_scale(ground: Ground, runs: int) -> Report:
    """g. Raises MissingError without PostgreSQL, WrongResultError as `measure`."""
    many = MOST // 200 if ground.quick else MOST
    there = ground.on_postgres
    measured: list[Measured] = []
    dominates = settings_of_server(there.server)
    for here in (ground, there):
        for case in AS_THEY_CAME:
            found, parts = compare(here, runs, many, case)
            found.what = f"{here.engine}: {found.what}"
            measured.append(found)
            dominates |= {f"{here.engine}, {what}": each for what, each in parts.items()}
    return Report(
        name="g",
        title=f"claiming {AT_ONCE} due invitations and reading their orders, with {many:,} waiting",
        measured=measured,
        dominates=dominates,
    )


def compare(ground: Ground, runs: int, many: int, case: Case) -> tuple[Measured, dict[str, dict[str, str]]]:
    """Compares claims among many with claims among a thousand, in total and by part."""
    say(f"  building {many:,} waiting invitations on {ground.engine}: {case.name}")
    data = ground.fresh("many"), ground.fresh("few")
    large = Waiting(data[0], many, case, max(many // 100, 20 * AT_ONCE))
    small = Waiting(data[1], FEW, case, FEW // 2)
    claims = min(20, (large.due // AT_ONCE - 4) // (runs + 1))
    for waiting in (large, small):
        waiting.claim_some(2)
        waiting.took.clear()
    ours, limits = in_turn(runs, lambda: large.claim_some(claims), lambda: small.claim_some(claims))
    large.close()
    small.close()
    for each in data:
        ground.remove(each)
    measured = Measured(
        what=f"{AT_ONCE} claimed, {case.name}",
        unit="ms",
        limit_is=f"the same with {FEW:,} waiting",
        ours=ours,
        limits=limits,
        needed=None if case.scattered else Needed(2.0, at_most=True),
    )
    return measured, {
        f"{case.name}, {waiting.orders:,} waiting": _parts(waiting.took) for waiting in (large, small)
    }


def _parts(took: list[Took]) -> dict[str, str]:
    names = {"finding": "find", "claiming and reading the orders": "claim", "commit": "commit"}
    return {
        name: f"{statistics.mean(getattr(each, part) for each in took) * 1_000:.2f} ms"
        for name, part in names.items()
    }
