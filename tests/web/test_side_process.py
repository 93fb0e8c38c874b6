"""A process beside the server: what it returns and raises, and what happens when it is lost."""

import asyncio
import os
import time
from collections.abc import Iterator

import pytest

from afterword.base.errors import StoreUnavailable
from afterword.web.side_process import NICENESS, SideProcess, _LastInLine, result_of


@pytest.fixture
def beside() -> Iterator[SideProcess]:
    process = SideProcess()
    yield process
    process.close()


def test_it_starts_with_the_first_call_and_runs_when_nothing_else_does(beside: SideProcess) -> None:
    async def two() -> tuple[int, int, int]:
        first = await beside.call(os.getpid)
        again = await result_of(beside.call_again(os.getpid))
        return first, again, await beside.call(os.sched_getscheduler, 0)

    first, again, policy = asyncio.run(two())
    assert first == again != os.getpid() and policy == os.SCHED_IDLE


def test_so_does_the_loading_of_the_program_there() -> None:
    process = _LastInLine(target=time.sleep, args=(60,))
    process.start()
    assert process.pid and os.sched_getscheduler(process.pid) == os.SCHED_IDLE != os.sched_getscheduler(0)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == NICENESS
    process.kill()
    process.join()


def test_calls_at_once_share_the_process_that_the_first_of_them_starts(beside: SideProcess) -> None:
    async def several() -> list[int]:
        return await asyncio.gather(*(beside.call(os.getpid) for _ in range(4)))

    assert len(set(asyncio.run(several()))) == 1


def test_what_a_call_raises_is_raised_here(beside: SideProcess) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(beside.call(int, "one"))


def test_a_lost_process_is_replaced_by_the_next_call_and_by_no_other(beside: SideProcess) -> None:
    async def lose() -> int:
        with pytest.raises(StoreUnavailable, match="a process beside the server was lost"):
            await beside.call(os._exit, 1)
        with pytest.raises(StoreUnavailable, match="a process beside the server was lost"):
            beside.call_again(os.getpid)
        return await beside.call(os.getpid)

    assert asyncio.run(lose()) != os.getpid()
