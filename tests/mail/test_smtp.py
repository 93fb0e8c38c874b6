"""The SMTP transport against real peers: the outcome of a message, whatever the mail server does."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from afterword.domain.messages import Outcome
from afterword.mail.smtp import SmtpTransport
from afterword.mail.smtp_address import parse_smtp_url
from afterword.mail.transport import ComposedMessage, TransportTrouble
from tests.mail.conftest import TO_CLARA
from tests.peers import Peer, RelayPeer, run
from tests.scripted_peer import Answer, Cut, Line, ScriptedPeer


class Mark:
    """The dispatcher's mark, which remembers whether it was asked."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        return self.answer


@asynccontextmanager
async def transport_to(
    peer: Peer, *, timeout: float = 5.0, connections: int = 16
) -> AsyncIterator[SmtpTransport]:
    address = parse_smtp_url(peer.url)
    transport = SmtpTransport(
        address, timeout=timeout, connections=connections, local_hostname="alba.example"
    )
    yield transport
    await transport.close()


def deliver(
    peer: Peer, *messages: ComposedMessage, mark: Mark | None = None, timeout: float = 5.0
) -> list[Outcome | TransportTrouble]:
    """The outcome of each message, sent one after the other through one transport."""

    async def one_by_one() -> list[Outcome | TransportTrouble]:
        reported: list[Outcome | TransportTrouble] = []
        async with transport_to(peer, timeout=timeout) as transport:
            for message in messages:
                try:
                    reported.append(await transport.deliver(message, mark or Mark()))
                except TransportTrouble as trouble:
                    reported.append(trouble)
        return reported

    return run(one_by_one())


def kind(reported: Outcome | TransportTrouble) -> str:
    return reported.kind if isinstance(reported, Outcome) else "trouble"


def test_a_message_arrives_byte_for_byte() -> None:
    dots = b".\r\n..\r\n...\r\n.a\r\na.\r\n\r\n.\r\n"
    usual = TO_CLARA.content
    for content in (usual, dots, b"\r\n" + dots, usual + dots, b"\r\n", b"no line end", b"\xc3\xa9.\r\n"):
        whole = content if content.endswith(b"\r\n") else content + b"\r\n"
        with RelayPeer() as peer:
            mark = Mark()
            [reported] = deliver(peer, TO_CLARA._replace(content=content), mark=mark)
            [received] = peer.messages
        assert reported == Outcome("sent", "250 2.0.0 queued as 1")
        assert received.content == whole
        assert (received.sender, received.recipients) == ("post@alba.example", ["clara@example.org"])
        assert mark.asked == 1


BEFORE, AFTER = 0, 1
"""How often the mark was asked."""


@pytest.mark.parametrize(
    ("step", "answer", "outcome", "marked"),
    [
        *((step, code, "trouble", BEFORE) for step in ("greeting", "EHLO") for code in ("421 no", "554 no")),
        *(
            ("MAIL", code, "trouble", BEFORE)
            for code in ("421 no", "451 no", "530 log in", "550 no", "354 hm")
        ),
        ("RCPT", "251 will forward", "sent", AFTER),
        *(("RCPT", code, "deferred", BEFORE) for code in ("450 later", "451 later", "452 full")),
        *((step, "421 closing", "trouble", step != "RCPT") for step in ("RCPT", "DATA", "letter")),
        *((step, "530 log in first", "trouble", step != "RCPT") for step in ("RCPT", "DATA", "letter")),
        *(("RCPT", code, "failed", BEFORE) for code in ("500 what", "550 unknown", "553 no", "554 no")),
        *(("RCPT", code, "trouble", BEFORE) for code in ("354 what", "what", "")),
        ("DATA", "451 later", "deferred", AFTER),
        *(("DATA", code, "failed", AFTER) for code in ("503 no", "554 no valid recipients")),
        *(("DATA", code, "trouble", AFTER) for code in ("250 what", "what", "99 what", "")),
        ("letter", "250-2.0.0 ok\r\n250 queued", "sent", AFTER),
        *(("letter", code, "deferred", AFTER) for code in ("451 later", "452 full")),
        *(("letter", code, "failed", AFTER) for code in ("550 spam", "552 too big", "554 no")),
        *(("letter", code, "in_doubt", AFTER) for code in ("354 what", "what", "99 what")),
        *((step, Line.CUT, "trouble", BEFORE) for step in ("greeting", "EHLO", "MAIL", "RCPT")),
        ("DATA", Line.CUT, "trouble", AFTER),
        ("letter", Line.CUT, "in_doubt", AFTER),
        *((step, Line.STALL, "trouble", BEFORE) for step in ("greeting", "EHLO", "MAIL", "RCPT")),
        ("DATA", Line.STALL, "trouble", AFTER),
        ("letter", Line.STALL, "in_doubt", AFTER),
    ],
)
def test_only_answers_to_rcpt_data_and_the_dot_are_about_the_message(
    step: str, answer: Answer, outcome: str, marked: int
) -> None:
    mark = Mark()
    with ScriptedPeer({step: answer}) as peer:
        [reported] = deliver(peer, TO_CLARA, mark=mark, timeout=0.3 if answer is Line.STALL else 5.0)
    assert (kind(reported), mark.asked) == (outcome, marked)
    assert len(peer.messages) == (outcome == "sent")
    if isinstance(reported, Outcome) and isinstance(answer, str) and outcome in ("deferred", "failed"):
        assert reported.reply == answer


def test_after_a_refusal_the_next_message_goes_over_the_same_connection() -> None:
    for step, answer in [("RCPT", "450 later"), ("RCPT", "550 no"), ("DATA", "554 no"), ("letter", "550 no")]:
        with ScriptedPeer({step: [answer]}) as peer:
            _, second = deliver(peer, TO_CLARA, TO_CLARA)
        assert (kind(second), peer.connections, len(peer.messages)) == ("sent", 1, 1)


def test_after_421_the_connection_is_dropped() -> None:
    for step in ("RCPT", "DATA", "letter"):
        with ScriptedPeer({step: ["421 later"]}) as peer:
            assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["trouble", "sent"]
        assert peer.connections == 2


def test_a_message_whose_mark_is_refused_is_withdrawn() -> None:
    with ScriptedPeer() as peer:
        reported = deliver(peer, TO_CLARA, TO_CLARA, mark=Mark(answer=False))
    assert reported == [Outcome("withdrawn")] * 2
    assert peer.messages == []
    assert [line.split()[0] for line in peer.dialogue] == ["EHLO", *["MAIL", "RCPT", "RSET"] * 2, "QUIT"]


def test_a_reset_that_fails_changes_nothing_about_the_message_and_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("afterword.mail.smtp_connection.FAREWELL", 0.2)
    for answer in ("421 bye", "500 what", Line.CUT, Line.STALL):
        with ScriptedPeer({"RCPT": ["550 no"], "RSET": [answer]}) as peer:
            assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["failed", "sent"]
        assert sum(line.startswith("MAIL") for line in peer.dialogue) == peer.connections == 2


@pytest.mark.parametrize("cut", [lambda at: Cut(sent=at), lambda at: Cut(received=at)], ids=["said", "heard"])
def test_a_line_cut_at_any_byte_never_loses_or_repeats_a_message(cut: Callable[[int], Cut]) -> None:
    """Guarantee 5: before 354 it can be tried again, after it only what was accepted is `sent`."""
    seen = set()
    with ScriptedPeer() as peer:
        for at in range(1, 250):
            peer.cuts, before, mark = [cut(at)], len(peer.messages), Mark()
            [reported] = deliver(peer, TO_CLARA, mark=mark)
            arrived = len(peer.messages) - before
            assert arrived == 0 or kind(reported) != "trouble", "it would be sent twice"
            assert arrived == 1 or kind(reported) != "sent", "it would be forgotten"
            assert mark.asked or kind(reported) == "trouble"
            seen.add((kind(reported), mark.asked))
    assert seen == {("trouble", BEFORE), ("trouble", AFTER), ("in_doubt", AFTER), ("sent", AFTER)}


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next_message() -> None:
    """The first message is in doubt when its time is over; the server, which is slow, refuses the second one."""

    def late() -> str:
        time.sleep(0.5)
        return "250 2.0.0 queued"

    with ScriptedPeer({"letter": [late, "550 5.7.1 spam"]}) as peer:
        reported = deliver(peer, TO_CLARA, TO_CLARA, timeout=0.3)
    assert [kind(each) for each in reported] == ["in_doubt", "failed"]
    assert peer.connections == 2


def test_messages_share_a_connection() -> None:
    with ScriptedPeer() as peer:
        assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["sent", "sent"]
    assert [line.split()[0] for line in peer.dialogue] == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2, "QUIT"]


def test_an_idle_connection_that_the_server_closed_is_replaced() -> None:
    async def with_a_pause(pause: float) -> Outcome:
        async with transport_to(peer) as transport:
            await transport.deliver(TO_CLARA, Mark())
            peer.cut_all()
            await asyncio.sleep(pause)  # without one, our side has not noticed yet
            return await transport.deliver(TO_CLARA, Mark())

    for pause in (0, 0.1):
        with RelayPeer() as peer:
            assert run(with_a_pause(pause)).kind == "sent"
        assert (peer.connections, len(peer.messages)) == (2, 2)


@pytest.mark.parametrize("answer", ["421 idle for too long", "452 too many messages", Line.CUT])
def test_an_idle_connection_that_takes_no_more_messages_is_replaced_once(answer: Answer) -> None:
    with ScriptedPeer({"MAIL": ["250 ok", answer]}) as peer:
        assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["sent", "sent"]
    assert peer.connections == 2
    with ScriptedPeer({"MAIL": ["250 ok", answer, answer]}) as peer:
        assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["sent", "trouble"]
    assert peer.connections == 2


def test_nothing_more_leaves_of_a_message_that_was_given_up() -> None:
    """The server reads on only once it is: what was written by then must not arrive, above all not its end."""
    content = b"Good bread.\r\n" * 2_000_000

    async def give_up() -> tuple[Outcome, bytes]:
        received = bytearray()
        may_read, has_ended = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 relay.example ready\r\n")
            while (line := await reader.readline()) != b"DATA\r\n":
                writer.write(b"250 ok\r\n" if line else b"")
            writer.write(b"354 go on\r\n")
            await may_read.wait()
            with suppress(ConnectionError):
                while piece := await reader.read(2**16):
                    received.extend(piece)
            writer.close()
            has_ended.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            transport = SmtpTransport(parse_smtp_url(f"smtp://127.0.0.1:{port}?tls=none"), timeout=0.3)
            outcome = await transport.deliver(TO_CLARA._replace(content=content), Mark())
            may_read.set()
            await has_ended.wait()
        return outcome, bytes(received)

    outcome, received = run(give_up())
    assert outcome.kind == "in_doubt"
    assert len(received) < len(content) and not received.endswith(b"\r\n.\r\n")


@pytest.mark.parametrize(("stage", "well"), [("RCPT", "250 ok"), ("DATA", "354 go on")])
def test_an_idle_connection_that_breaks_after_mail_is_not_replaced(stage: str, well: str) -> None:
    with ScriptedPeer({stage: [well, Line.CUT]}) as peer:
        assert [kind(each) for each in deliver(peer, TO_CLARA, TO_CLARA)] == ["sent", "trouble"]
    assert peer.connections == 1


def test_connections_are_left_when_old_or_much_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in (("LONGEST_IDLE", -1.0), ("MESSAGES_A_CONNECTION", 1)):
        with monkeypatch.context() as patch, ScriptedPeer() as peer:
            patch.setattr(f"afterword.mail.smtp.{limit}", value)
            deliver(peer, *[TO_CLARA] * 3)
            assert (peer.connections, len(peer.messages)) == (3, 3)
        assert peer.dialogue.count("QUIT") >= 2


def test_no_more_connections_than_allowed() -> None:
    async def all_at_once() -> list[Outcome]:
        async with transport_to(peer, connections=3) as transport:
            return await asyncio.gather(*(transport.deliver(TO_CLARA, Mark()) for _ in range(20)))

    with RelayPeer() as peer:
        assert {each.kind for each in run(all_at_once())} == {"sent"}
    assert (peer.connections, peer.most_at_once, len(peer.messages)) == (3, 3, 20)


def test_trouble_leaves_room_for_later_messages() -> None:
    async def two_rounds() -> list[object]:
        async with transport_to(peer, connections=2) as transport:
            peer.stop()
            before = await asyncio.gather(
                *(transport.deliver(TO_CLARA, Mark()) for _ in range(5)), return_exceptions=True
            )
            peer.start()
            after = await asyncio.gather(*(transport.deliver(TO_CLARA, Mark()) for _ in range(5)))
        return [type(each) for each in before] + [each.kind for each in after]

    with RelayPeer() as peer:
        assert run(two_rounds()) == [TransportTrouble] * 5 + ["sent"] * 5


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    to_zoe = TO_CLARA._replace(recipient="zoé@example.org", content="To: zoé@example.org\r\n\r\n".encode())
    with RelayPeer(smtputf8=True) as peer:
        assert [kind(each) for each in deliver(peer, to_zoe, TO_CLARA)] == ["sent", "sent"]
    assert [each.options for each in peer.messages] == [["SMTPUTF8", "BODY=8BITMIME"], []]
    assert peer.messages[0].recipients == ["zoé@example.org"]
    with RelayPeer(smtputf8=False) as peer:
        reported, second = deliver(peer, to_zoe, TO_CLARA)
    assert reported == Outcome("failed", "the mail server does not speak SMTPUTF8, which this address needs")
    assert (kind(second), len(peer.messages)) == ("sent", 1)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a b@example.org",
        "a@example.org> SIZE=1",
        "a\r\nDATA@example.org",
        "a\udc80@example.org",
        "a\x00@b.example",
    ],
)
def test_an_address_cannot_write_commands(address: str) -> None:
    with ScriptedPeer() as peer:
        [to, sender] = deliver(peer, TO_CLARA._replace(recipient=address), TO_CLARA._replace(sender=address))
    assert (kind(to), kind(sender), peer.connections) == ("failed", "trouble", 0)


def test_the_servers_words_are_printable_and_short() -> None:
    with ScriptedPeer({"RCPT": "550-5.1.1 no\x1b[31m\r\n550 " + "x" * 2_000}) as peer:
        [reported] = deliver(peer, TO_CLARA)
    assert isinstance(reported, Outcome)
    assert reported.reply.isprintable()
    assert reported.reply.startswith("550 5.1.1 no [31m xxx")
    assert len(reported.reply) == 500


def test_a_cancelled_delivery_leaves_no_connection_behind() -> None:
    async def cancel(step: str) -> None:
        async with transport_to(peer, connections=1) as transport:
            under_way = asyncio.create_task(transport.deliver(TO_CLARA, Mark()))
            while not any(line.startswith(step) for line in peer.dialogue):
                await asyncio.sleep(0.01)
            under_way.cancel()
            with pytest.raises(asyncio.CancelledError):
                await under_way
            peer.script.clear()
            assert (await transport.deliver(TO_CLARA, Mark())).kind == "sent"
            await asyncio.sleep(0.05)
            assert (peer.connections, peer.open_connections) == (2, 1)

    for step in ("EHLO", "MAIL", "RCPT", "DATA"):
        with ScriptedPeer({step: Line.STALL}) as peer:
            run(cancel(step))
        assert len(peer.messages) == 1


def test_what_the_mark_raises_is_passed_on_and_nothing_is_sent() -> None:
    async def broken() -> bool:
        raise OSError("disk full")

    async def try_it() -> None:
        async with transport_to(peer) as transport:
            with pytest.raises(OSError, match="disk full"):
                await transport.deliver(TO_CLARA, broken)

    with ScriptedPeer() as peer:
        run(try_it())
    assert (peer.messages, peer.dialogue[-1][:4]) == ([], "RCPT")


def test_a_connection_that_is_in_use_at_the_end_is_left_after_its_message() -> None:
    may_answer = threading.Event()

    def late() -> str:
        assert may_answer.wait(5)
        return "250 2.0.0 queued"

    async def end() -> None:
        async with transport_to(peer) as transport:
            delivering = asyncio.create_task(transport.deliver(TO_CLARA, Mark()))
            while "DATA" not in [line.strip() for line in peer.dialogue]:
                await asyncio.sleep(0.01)
            await transport.close()
            may_answer.set()
            assert (await delivering).kind == "sent"
            while peer.dialogue[-1] != "QUIT":
                await asyncio.sleep(0.01)

    with ScriptedPeer({"letter": late}) as peer:
        run(end(), 5)


def test_close_says_quit_and_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterword.mail.smtp_connection.FAREWELL", 0.3)
    for answer in ("221 bye", Line.CUT, Line.STALL):
        with ScriptedPeer({"QUIT": answer}) as peer:
            start = time.monotonic()
            deliver(peer, TO_CLARA)
            assert time.monotonic() - start < 2
            assert peer.dialogue[-1] == "QUIT"
