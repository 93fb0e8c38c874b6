"""Live and test messages never share a transport, and trouble of one does not delay the other."""

import pytest
from structlog.testing import capture_logs

from afterword.mail.transport import LONGEST_TRANSPORT_PAUSE, NoTransport, TransportTrouble
from tests.dispatch.running import (
    MORE,
    database_of,
    dispatch_until,
    dispatching,
    imported,
    outbox,
    reached,
    until,
    until_state,
)
from tests.peers import RelayPeer, run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock


def test_live_messages_go_to_the_mail_server_and_test_messages_to_the_outbox(
    alba: Member, clock: MovableClock
) -> None:
    live = [imported(alba, f"{n}") for n in range(5)]
    test = [imported(alba, f"{n}", live=False, email=f"t{n}@mail.example") for n in range(5)]
    clock.now = DUE
    with RelayPeer() as peer:
        dispatch_until(lambda: alba.states(*live, *test) == ["sent"] * 10, alba, clock, peer)
    assert sorted(reached(peer)) == [f"clara+{n}@nunez.example" for n in range(5)]
    assert database_of(alba).metrics.totals.messages["sent"] == 10
    assert len(outbox(alba)) == 5
    assert all(b"@mail.example" in file.read_bytes() for file in outbox(alba))


def test_live_messages_become_files_where_that_was_chosen(alba: Member, clock: MovableClock) -> None:
    message = imported(alba)
    clock.now = DUE
    dispatch_until(lambda: alba.state(message) == "sent", alba, clock)
    [file] = outbox(alba)
    assert b"Subject: " in file.read_bytes()


def test_live_messages_wait_loudly_until_a_transport_is_chosen(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is sent, fails or has a try counted; test messages go."""
    live = [imported(alba, f"{n}") for n in range(40)]
    test = imported(alba, "1", live=False)
    clock.now = DUE
    monkeypatch.setitem(MORE, "AFTERWORD_SMTP", "")
    with capture_logs() as log:
        dispatch_until(lambda: alba.state(test) == "sent", alba, clock, then=1.5)
    said = [line for line in log if line["event"] == "transport failed"]
    assert said and all(line["log_level"] == "error" for line in said)
    assert said[0]["error"].startswith(
        "no live e-mail is sent, because AFTERWORD_SMTP is not set: set it and"
    )
    assert alba.states(*live) == ["scheduled"] * 40
    assert {alba.sees(each).tries for each in live} == {0}
    assert len(outbox(alba)) == 1
    monkeypatch.undo()
    clock.now += 60
    with RelayPeer() as peer:
        dispatch_until(lambda: alba.states(*live) == ["sent"] * 40, alba, clock, peer)
    assert len(reached(peer)) == 40


def test_without_a_transport_there_is_one_line_a_minute() -> None:
    assert NoTransport.longest_pause == 60 > TransportTrouble.longest_pause == LONGEST_TRANSPORT_PAUSE


@pytest.mark.parametrize("trouble", [Line.STALL, Line.CUT, "554 5.7.1 blocked"], ids=str)
def test_trouble_with_the_mail_server_does_not_delay_test_messages(
    alba: Member, clock: MovableClock, trouble: Line | str
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: peer.connections > 0)
            assert await until_state(alba, imported(alba, "1", live=False), "sent") < 2
            assert set(alba.states(*live)) <= {"scheduled", "claimed"}
            peer.cut_all()

    live = [imported(alba, f"{n}") for n in range(40)]
    clock.now = DUE
    with ScriptedPeer({"greeting": trouble}) as peer:
        run(watch())
    assert peer.messages == []
    assert len(outbox(alba)) == 1


def test_an_outbox_that_cannot_be_written_does_not_delay_live_messages(
    alba: Member, clock: MovableClock
) -> None:
    database_of(alba).journal.address.with_name("outbox").write_text("no folder")
    live, test = imported(alba), imported(alba, live=False)
    clock.now = DUE
    with RelayPeer() as peer:
        assert dispatch_until(lambda: alba.state(live) == "sent", alba, clock, peer, then=0.1) < 2
        assert len(peer.messages) == 1
    assert (alba.state(test), alba.sees(test).tries) == ("scheduled", 0)
