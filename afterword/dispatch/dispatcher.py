"""The clock's door: both lanes, that of the notices, and what is done besides sending: claims are kept alive, what a
crash left in hand is taken up, and reviews that no person has looked at are published when their time has come."""

import asyncio
import itertools
from functools import partial

from afterword.actions.moderation import is_any_overdue, publish_overdue
from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.dispatch.lane import Compose, Lane
from afterword.dispatch.notices import NoticeLane
from afterword.domain.reviews.chain import Signer
from afterword.mail.transport import Transport
from afterword.store.engine.database import Database
from afterword.store.invitations import has_lapsed, rescue_lapsed

ROUND = 5.0
"""Seconds between two rounds: with the lease of 40 s, what a crash left is taken up within 45 s."""

log = log_for("dispatch")


class Dispatcher:
    """Both lanes, live and test, the notices of reviews, and their housekeeping."""

    def __init__(
        self,
        database: Database,
        compose: Compose,
        transports: dict[bool, Transport],
        notices: NoticeLane,
        clock: Clock,
        signer: Signer,
    ) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._notices = notices
        self._lanes = [
            Lane(database, compose, transport, clock, live=live) for live, transport in transports.items()
        ]

    async def run(self) -> None:
        """Until `stop`; returns when the letters in hand are finished."""
        keeping_house = asyncio.create_task(self._keep_house())
        try:
            await asyncio.gather(self._notices.run(), *(lane.run() for lane in self._lanes))
        finally:
            keeping_house.cancel()

    def stop(self) -> None:
        self._notices.stop()
        for lane in self._lanes:
            lane.stop()

    async def _keep_house(self) -> None:
        for rounds in itertools.count():
            try:
                if self._database.is_held:
                    await self._look_for_journal(loudly=rounds % 12 == 0)
                for lane in self._lanes:
                    await lane.renew()
                await self._rescue(self._clock())
                await self._publish_overdue(self._clock())
            except StoreUnavailable as error:
                log.error("housekeeping waits", error=str(error))
            except Exception:
                log.exception("housekeeping met an error of ours")
            await asyncio.sleep(ROUND)

    async def _look_for_journal(self, *, loudly: bool) -> None:
        await self._database.look_for_journal()
        if self._database.is_held and loudly:
            log.error(
                "NOTHING IS SENT: the send journal of this database is missing or cannot be reached; "
                "run: afterword doctor"
            )

    async def _rescue(self, now: float) -> None:
        if await self._database.read(lambda tx: has_lapsed(tx, now=now)):
            in_hand = frozenset[int]().union(*(lane.in_hand for lane in self._lanes))
            scheduled, in_doubt = await self._database.write(partial(rescue_lapsed, in_hand=in_hand, now=now))
            self._database.metrics.count_letters("in_doubt", in_doubt)
            if scheduled or in_doubt:
                log.warning("took up what was left in hand", scheduled=scheduled, in_doubt=in_doubt)

    async def _publish_overdue(self, now: float) -> None:
        if await self._database.read(lambda tx: is_any_overdue(tx, now)):
            published = await self._database.write(partial(publish_overdue, signer=self._signer, now=now))
            if published:
                log.info("published what had waited long enough", reviews=published)
