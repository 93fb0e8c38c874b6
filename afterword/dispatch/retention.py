"""Erases names and addresses of orders whose time is over, in steps that delay nothing."""

import asyncio
from functools import partial

from afterword.actions.people import erase_old, shops_with_old_orders
from afterword.base.clock import Clock
from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.base.log import log_for
from afterword.store.engine.database import Database

LOOK_FOR_OLD_EVERY = 3_600.0
"""Seconds between two looks for orders whose time is over."""

PAUSE_BETWEEN_STEPS = 0.2
"""Seconds between two steps: other writes come between."""

log = log_for("dispatch")


async def keep_to_retention(database: Database, clock: Clock) -> None:
    """Until it is cancelled."""
    while True:
        try:
            for shop_id in await database.read(lambda tx: shops_with_old_orders(tx, clock())):
                await _erase_old(database, shop_id, clock())
        except (StoreUnavailable, JournalMissing) as error:
            log.error("retention postponed", error=str(error))
        except Exception:
            log.exception("retention failed")
        await asyncio.sleep(LOOK_FOR_OLD_EVERY)


async def _erase_old(database: Database, shop_id: int, now: float) -> None:
    log.info("old orders being erased", shop=shop_id)
    has_more = True
    while has_more:
        await asyncio.sleep(PAUSE_BETWEEN_STEPS)
        has_more = await database.write(partial(erase_old, shop_id=shop_id, now=now), shop_id)
