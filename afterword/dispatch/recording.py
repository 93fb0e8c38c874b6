"""What came of a message is stored, however long the store or the journal takes to be well again."""

import asyncio
from collections.abc import Callable

from afterword.base.errors import JournalMissing, NodeAway, StoreUnavailable
from afterword.base.log import log_for
from afterword.dispatch import report
from afterword.domain.messages import Outcome
from afterword.store.engine.database import Database
from afterword.store.messages.claims import Claim
from afterword.store.messages.steps import Mark, Record, Settled, take_steps

UNWELL = (StoreUnavailable, JournalMissing)
"""What a store in trouble raises: everything waits until it is well again."""

AGAIN = 1.0
"""Seconds between two tries."""

log = log_for("dispatch")


class Recorder:
    """Stores the steps of messages. `record_of` says what an outcome leads to; `settled` is called for each message
    whose outcome is stored, or cannot be."""

    def __init__(
        self,
        database: Database,
        record_of: Callable[[Claim, Outcome], Record],
        settled: Callable[[Claim, Outcome | None], None],
    ) -> None:
        self._database = database
        self._record_of = record_of
        self._settled = settled
        self._late: set[asyncio.Task[None]] = set()

    def take(self, step: Mark | Record) -> asyncio.Future[bool | Settled]:
        """The result of `take_steps`. Raises what it raises, and StoreUnavailable."""
        return self._database.write_together(take_steps, step, step.claim.shop.id, journaled=True)

    async def settle(self, claim: Claim, outcome: Outcome | None, record: Record | None = None) -> None:
        """Stores an outcome, if there is one. Raises nothing: an error of our own costs this message's outcome, and
        what was marked is then in doubt.

        What is to be stored on a node that does not answer waits for it by itself: nothing else does.
        """
        try:
            if outcome is not None:
                record = record or self._record_of(claim, outcome)
                await self._record(record)
        except NodeAway as error:
            report.waits(claim, error)
            waiting = asyncio.create_task(self._settle_later(claim, outcome, record))
            self._late.add(waiting)
            waiting.add_done_callback(self._late.discard)
            return
        except Exception:
            log.exception("message handling failed", message=claim.fingerprint)
        self._settled(claim, outcome)

    async def _settle_later(self, claim: Claim, outcome: Outcome | None, record: Record | None) -> None:
        await asyncio.sleep(AGAIN)
        await self.settle(claim, outcome, record)

    async def _record(self, record: Record) -> None:
        """Raises NodeAway."""
        while True:
            try:
                state = await self.take(record)
                break
            except NodeAway:
                raise
            except UNWELL as error:
                report.waits(record.claim, error)
                await asyncio.sleep(AGAIN)
        assert not isinstance(state, bool)
        report.settled(self._database.metrics, record.claim, record.outcome, state)

    async def until_all_are_settled(self) -> None:
        while self._late:
            await asyncio.gather(*self._late)
