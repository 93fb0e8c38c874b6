"""Erases names and addresses of orders whose time is over, in steps that delay nothing."""

import asyncio
from functools import partial

from afterword.actions.people import erase_old, shops_with_old_orders
from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
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
        after: int | None = 0
        while after is not None:
            after = await _look(database, clock(), after)
        await asyncio.sleep(LOOK_FOR_OLD_EVERY)


async def _look(database: Database, now: float, after: int) -> int | None:
    """The last shop that was looked at; None after all of them, or when the store is unwell."""
    try:
        found = await database.read(partial(shops_with_old_orders, now=now, after=after))
    except StoreUnavailable as error:
        log.error("retention postponed", error=str(error))
        return None
    except Exception:
        log.exception("retention failed")
        return None
    for shop_id in found.shops:
        await _erase_old(database, shop_id, now)
    await asyncio.sleep(0)  # other work comes between
    return found.last


async def _erase_old(database: Database, shop_id: int, now: float) -> None:
    """Raises nothing: a shop whose node does not answer holds up no other."""
    log.info("old orders being erased", shop=shop_id)
    has_more = True
    try:
        while has_more:
            await asyncio.sleep(PAUSE_BETWEEN_STEPS)
            has_more = await database.write(partial(erase_old, shop_id=shop_id, now=now), shop_id)
    except StoreUnavailable as error:
        log.error("retention postponed", shop=shop_id, error=str(error))
    except Exception:
        log.exception("retention failed", shop=shop_id)
