"""Live and test letters never share a courier, and trouble of one does not delay the other."""

import asyncio

import pytest

from afterword.store.engine.engine_database import EngineDatabase
from tests.dispatch.running import dispatching, imported, outbox, until, until_state
from tests.peers import RelayPeer, run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock, seen


def test_live_letters_go_to_the_mail_server_and_test_letters_to_the_outbox(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            for invitation in (*live, *test):
                await until_state(database, invitation, "sent")

    live = [imported(database, alba, f"{n}") for n in range(5)]
    test = [imported(database, alba, f"{n}", live=False, email=f"t{n}@mail.example") for n in range(5)]
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
        reached = sorted(received.recipients[0] for received in peer.messages)
    assert reached == [f"clara+{n}@nunez.example" for n in range(5)]
    assert len(outbox(database)) == 5
    assert all(b"@mail.example" in file.read_bytes() for file in outbox(database))


@pytest.mark.parametrize("trouble", [Line.STALL, Line.CUT, "554 5.7.1 blocked"], ids=str)
def test_trouble_with_the_mail_server_does_not_delay_test_letters(
    database: EngineDatabase, alba: Member, clock: MovableClock, trouble: Line | str
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: peer.connections > 0)
            test = imported(database, alba, "1", live=False)
            assert await until_state(database, test, "sent") < 2
            assert [seen(database, each).state in ("scheduled", "claimed") for each in live] == [True] * 40
            peer.cut_all()

    live = [imported(database, alba, f"{n}") for n in range(40)]
    clock.now = DUE
    with ScriptedPeer({"greeting": trouble}) as peer:
        run(watch())
    assert peer.messages == []
    assert len(outbox(database)) == 1


def test_an_outbox_that_cannot_be_written_does_not_delay_live_letters(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            assert await until_state(database, live, "sent") < 2
            await asyncio.sleep(0.1)

    database.journal.address.with_name("outbox").write_text("no folder")
    live, test = imported(database, alba), imported(database, alba, live=False)
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
        assert len(peer.messages) == 1
    assert (seen(database, test).state, seen(database, test).tries) == ("scheduled", 0)
