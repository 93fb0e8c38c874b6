"""The clock's entry point: a worker for each queue and mode, and their housekeeping.

Leases are renewed, the claims of a crashed dispatcher are recovered, and reviews that no one has moderated are
published when their time has come.
"""

import asyncio
import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from afterword.actions.reviews.moderation import is_any_overdue, publish_overdue
from afterword.base.clock import Clock
from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.base.log import log_for
from afterword.dispatch.retention import keep_to_retention
from afterword.dispatch.watch import Watch
from afterword.dispatch.worker import Worker
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database
from afterword.store.messages.steps import has_lapsed, rescue_lapsed
from afterword.store.refused import are_any_old, forget_old
from afterword.store.users import forget_ended

ROUND = 5.0
"""Seconds between two rounds of housekeeping: with the lease of 40 s, what a crash left is taken up within 45 s."""

LOOK_EVERY_SPREAD = 12
"""Rounds between two looks for lapsed leases, and for reviews to publish, on a cluster, where each asks every shard:
a minute. What a crash left is then taken up within 100 s."""

FORGET_EVERY = 720
"""Rounds between two looks for refused orders, sessions and links to sign in whose time is over: an hour."""

log = log_for("dispatch")


class Dispatcher:
    """Sends all that is due."""

    def __init__(
        self,
        database: Database,
        watch: Watch,
        workers: Sequence[Worker],
        clock: Clock,
        signer: Signer,
        pulse: Path,
    ) -> None:
        """Touches `pulse` in every round of housekeeping that the database took part in."""
        self._database = database
        self._watch = watch
        self._workers = workers
        self._clock = clock
        self._signer = signer
        self._pulse = pulse

    async def run(self) -> None:
        """Until `stop`; returns when the messages in progress are finished."""
        beside = [
            asyncio.create_task(self._keep_house()),
            asyncio.create_task(keep_to_retention(self._database, self._clock)),
        ]
        try:
            await asyncio.gather(*(worker.run() for worker in self._workers))
        finally:
            for task in beside:
                task.cancel()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    async def _keep_house(self) -> None:
        """Until it is cancelled."""
        for rounds in itertools.count():
            try:
                if self._database.is_held:
                    await self._look_for_journal(loudly=rounds % 12 == 0)
                for worker in self._workers:
                    await worker.renew()
                if rounds % LOOK_EVERY_SPREAD == 0 or not self._watch.is_spread:
                    await self._rescue(self._clock())
                    await self._publish_overdue(self._clock())
                if rounds % FORGET_EVERY == 0:
                    await self._forget_refused(self._clock())
                    await self._database.write(partial(forget_ended, now=self._clock()))
                self._pulse.touch(0o600)
            except (StoreUnavailable, JournalMissing) as error:
                log.error("housekeeping postponed", error=str(error))
            except Exception:
                log.exception("housekeeping failed")
            await asyncio.sleep(ROUND)

    async def _look_for_journal(self, *, loudly: bool) -> None:
        await self._database.look_for_journal()
        if self._database.is_held and loudly:
            log.error(
                "sending paused",
                reason="send journal missing or unreachable",
                action="run: afterword doctor",
            )

    async def _rescue(self, now: float) -> None:
        if await self._database.read(lambda tx: has_lapsed(tx, now=now)):
            in_hand = frozenset[int]().union(*(worker.in_hand for worker in self._workers))
            scheduled, in_doubt = await self._database.write(partial(rescue_lapsed, in_hand=in_hand, now=now))
            self._database.metrics.count_message("in_doubt", in_doubt)
            if scheduled or in_doubt:
                log.warning("expired claims recovered", scheduled=scheduled, in_doubt=in_doubt)

    async def _forget_refused(self, now: float) -> None:
        if await self._database.read(lambda tx: are_any_old(tx, now)):
            await self._database.write(partial(forget_old, now=now))

    async def _publish_overdue(self, now: float) -> None:
        if await self._database.read(lambda tx: is_any_overdue(tx, now)):
            published = await self._database.write(partial(publish_overdue, signer=self._signer, now=now))
            if published:
                log.info("overdue reviews published", reviews=published)
