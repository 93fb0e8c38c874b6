"""A process beside the server: what it returns and raises, and what happens when it is lost."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterword.base.errors import StoreUnavailable
from afterword.web.side_process import NICENESS, SideProcess, result_of
from tests.processes import spawned_by


@pytest.fixture
def beside() -> Iterator[SideProcess]:
    process = SideProcess()
    yield process
    process.close()


def test_it_starts_with_the_first_call_and_runs_after_everything_else(beside: SideProcess) -> None:
    async def two() -> tuple[int, int, int]:
        first = await beside.call(os.getpid)
        again = await result_of(beside.call_again(os.getpid))
        return first, again, await beside.call(os.nice, 0)

    first, again, niceness = asyncio.run(two())
    assert first == again != os.getpid() and niceness >= NICENESS


def test_loading_the_program_there_is_behind_everything_else_too() -> None:
    async def loading() -> tuple[int, set[int]]:
        beside, others = SideProcess(), set(spawned_by(os.getpid()))
        call = asyncio.ensure_future(beside.call(os.getpid))
        while not (begun := {*spawned_by(os.getpid())} - others):
            await asyncio.sleep(0)
        niceness = os.getpriority(os.PRIO_PROCESS, min(begun))
        assert {await call} == begun
        ours = {os.getpriority(os.PRIO_PROCESS, int(path.name)) for path in Path("/proc/self/task").iterdir()}
        beside.close()
        return niceness, ours

    before = os.getpriority(os.PRIO_PROCESS, 0)
    niceness, ours = asyncio.run(loading())
    assert niceness >= NICENESS and ours == {before}


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
