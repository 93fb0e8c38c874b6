"""Group commit: runs many writes in one transaction with one fsync.

This is where guarantee 1 holds: results are returned only after COMMIT, which returns after the fsync.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from time import monotonic
from typing import Any, TypeVar

from afterword.base.errors import JournalAhead
from afterword.store.engine.connection import Connection
from afterword.store.engine.migrate import migrate
from afterword.store.engine.transaction import Keeper, Transaction

T = TypeVar("T")

MOST_TRIES = 5
"""Tries of a transaction that conflicts with another one."""

NOTE_AFTER = 0.1
"""Seconds from a commit to the notes about it, and about those that follow it: other writes wait for their fsync as
they wait for a commit."""

Call = tuple[Callable[[Any, list[Any]], Sequence[Any]], Any, int | None]
"""A pending write, as work, item and the shop that it is about, if it is about one: `work(tx, [item, …])` returns one
result per item, in order."""


def each(tx: Transaction, works: list[Callable[[Transaction], Any]]) -> list[Any]:
    """The work of a call whose item is the function to run."""
    return [work(tx) for work in works]


def returned(result: T | Exception) -> T:
    """The result of a call. Raises it if it is an exception."""
    if isinstance(result, Exception):
        raise result
    return result


class Committer:
    """The only writing connection of a process. Not thread-safe."""

    def __init__(self, connect: Callable[[], Connection], keeper: Keeper) -> None:
        """Connects, migrates and opens the journal. Raises StoreUnavailable, SchemaTooNew."""
        self.connection = connect()
        self._keeper = keeper
        self._notes_due: float | None = None
        self._tx = Transaction(self.connection, keeper)
        try:
            self.migrated = self.commit_alone(partial(migrate, dialect=self.connection.dialect))
            self.commit_alone(keeper.open)
        except BaseException:
            self.close()
            raise

    @property
    def is_held(self) -> bool:
        """See `Database.is_held`."""
        return not self._keeper.has_journal

    def commit(self, calls: Sequence[Call]) -> list[Any]:
        """The result of each call, or the exception that it raised. A failing call does not affect the others, unless
        no write can succeed now."""
        results: list[Any] = [None] * len(calls)
        given_up: Exception | None = None
        for places in self._transactions(calls):
            group = [calls[place] for place in places]
            refused = given_up or self.connection.refusal(group[0][2])
            if refused is None:
                found, given_up = self._try(group)
            else:
                found = [refused] * len(group)
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def _transactions(self, calls: Sequence[Call]) -> list[list[int]]:
        """The places of the calls that share a transaction, by what they do: so all processes take it in one order.

        Where transactions run beside each other, a call of `each` has its own: what it takes has no order among such
        calls, and two of these transactions would wait for each other. None is about shops of two nodes of a cluster:
        one that does not answer would hold up the shops of the other.
        """
        places = sorted(range(len(calls)), key=lambda place: str(calls[place][0].__qualname__))
        if self.connection.dialect == "sqlite":
            return [places]
        together: dict[int | None, list[int]] = {}
        alone: list[list[int]] = []
        for place in places:
            work, _, shop_id = calls[place]
            if work is each:
                alone.append([place])
            else:
                together.setdefault(self.connection.node_of(shop_id), []).append(place)
        return [*together.values(), *alone]

    def _try(self, calls: Sequence[Call]) -> tuple[list[Any], Exception | None]:
        """The results of calls in one transaction, and if no write can succeed now, why.

        When the journal proves to be lost, everything is tried again without it: only marks and the like are refused.
        """
        is_behind = False
        for _ in range(MOST_TRIES):
            had_journal = self._keeper.has_journal
            try:
                return self._commit_together(calls, is_behind), None
            except Exception as error:
                failed, verdict = error, self.connection.judge(error)
                is_behind = isinstance(error, JournalAhead)
                is_lost = had_journal and not self._keeper.has_journal
            if verdict != "again" and not is_behind and not is_lost:
                break
        if len(calls) > 1 and verdict != "none":
            return [self.commit([call])[0] for call in calls], None
        reason = self.connection.unavailable(failed)
        return [reason] * len(calls), reason if verdict == "none" else None

    @property
    def notes_due(self) -> float | None:
        """Seconds until notes should be added; None if there are none."""
        return None if self._notes_due is None else self._notes_due - monotonic()

    def add_notes(self) -> None:
        """Adds what the commits since the last call have noted to the send journal. What cannot be added now is tried
        again together with the next note."""
        if self._notes_due is not None:
            self._notes_due = None
            [result] = self.commit([(each, self._keeper.write_notes, None)])
            if not isinstance(result, Exception):
                self._keeper.forget_notes()

    def commit_alone(self, work: Callable[[Transaction], T]) -> T:
        """Runs one write in its own transaction, and raises what it raises."""
        results: list[T | Exception] = self.commit([(each, work, None)])
        return returned(results[0])

    def _commit_together(self, calls: Sequence[Call], is_behind: bool) -> list[Any]:
        try:
            self.connection.begin()
            if is_behind:
                self._keeper.catch_up(self._tx)
            results: list[Any] = []
            for work, group in groupby(calls, itemgetter(0)):
                results += work(self._tx, [item for _, item, _ in group])
            self._tx.write_sums()
            self._commit()
        except BaseException:
            self.connection.rollback()
            self._tx.forget()
            raise
        return results

    def _commit(self) -> None:
        """Writes the journal before COMMIT, so the journal always has what the database has (guarantee 9)."""
        try:
            has_lines = self._keeper.write(self._tx)
            self.connection.commit(awaited=has_lines, announced=self._tx.announces)
        except Exception:
            self._keeper.failed()
            raise
        self._keeper.committed()
        self._tx.announces = False
        if self._keeper.take_notes(self._tx) and self._notes_due is None:
            self._notes_due = monotonic() + NOTE_AFTER

    def close(self) -> None:
        self.add_notes()
        self.connection.close()
        self._keeper.close()
