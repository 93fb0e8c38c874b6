"""The clock's entry point: a worker for each queue and mode, and their housekeeping."""

import asyncio
from collections.abc import Sequence

from afterword.base.clock import Clock
from afterword.dispatch.housekeeping import Housekeeping
from afterword.dispatch.worker import Worker
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database


class Dispatcher:
    """Sends all that is due."""

    def __init__(self, database: Database, workers: Sequence[Worker], clock: Clock, signer: Signer) -> None:
        self._workers = workers
        self._housekeeping = Housekeeping(database, workers, clock, signer)

    async def run(self) -> None:
        """Until `stop`; returns when the messages in progress are finished."""
        keeping_house = asyncio.create_task(self._housekeeping.run())
        try:
            await asyncio.gather(*(worker.run() for worker in self._workers))
        finally:
            keeping_house.cancel()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
