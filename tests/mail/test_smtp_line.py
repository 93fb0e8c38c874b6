"""The SMTP transport's line: TLS, passwords, what it says when there is none, and how it ends."""

import asyncio
import traceback
from base64 import b64encode
from dataclasses import replace

import pytest

from afterword.domain.messages import Outcome
from afterword.mail.smtp import SmtpTransport
from afterword.mail.smtp_address import parse_smtp_url
from afterword.mail.transport import TransportTrouble
from tests.mail.conftest import TO_CLARA, marked
from tests.peers import Peer, RelayPeer, certificates, run
from tests.scripted_peer import Answer, ScriptedPeer

PASSWORD = "open-sesame é"
USERS = {"alba": PASSWORD}


def check(
    peer: Peer,
    *,
    host: str = "localhost",
    user: str = "alba",
    password: str | None = None,
    tls: str = "",
    trust: bool = True,
) -> None:
    """What `doctor` asks of the transport, and then one message, both over the line that is described."""

    async def work() -> None:
        address = parse_smtp_url(f"smtp://{host}:{peer.port}?tls={tls or peer.tls}")
        if password is not None:
            address = replace(address, user=user, password=password)
        transport = SmtpTransport(
            address,
            timeout=5.0,
            local_hostname="alba.example",
            tls_context=certificates().client if trust else None,
        )
        await transport.check()
        assert (await transport.deliver(TO_CLARA, marked)).kind == "sent"
        await transport.close()

    run(work())


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
def test_messages_and_passwords_go_over_every_kind_of_line(tls: str) -> None:
    with RelayPeer(tls=tls, users=USERS) as peer:
        check(peer, password=PASSWORD)
    assert [each.content for each in peer.messages] == [TO_CLARA.content]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_server_whose_certificate_is_not_trusted_gets_nothing(tls: str) -> None:
    with RelayPeer(tls=tls, users=USERS) as peer:
        with pytest.raises(TransportTrouble, match=r"its certificate is not accepted \(.*SSL_CERT_FILE$"):
            check(peer, password=PASSWORD, trust=False)
        # Another spelling of 127.0.0.1, and no name that the certificate knows.
        with pytest.raises(TransportTrouble, match=r"another name \(.* for '127\.1'"):
            check(peer, host="127.1", password=PASSWORD)
    assert peer.messages == []


def test_a_server_without_starttls_gets_nothing() -> None:
    for peer in (
        RelayPeer(),
        ScriptedPeer(extensions=("STARTTLS", "AUTH PLAIN"), script={"STARTTLS": "454 no"}),
    ):
        with peer, pytest.raises(TransportTrouble, match=r"STARTTLS|454"):
            check(peer, tls="starttls", password=PASSWORD)
        assert peer.messages == []
        if isinstance(peer, ScriptedPeer):
            assert not any(line.startswith(("AUTH", "MAIL")) for line in peer.dialogue)


@pytest.mark.parametrize("host", ["relay.example", "localhost.example"])
def test_no_password_leaves_the_machine_without_tls(host: str) -> None:
    async def ask() -> None:
        transport = SmtpTransport(parse_smtp_url(f"smtp://alba:sesame@{host}:{peer.port}?tls=none"))
        with pytest.raises(TransportTrouble, match=f"no password is sent to {host} without TLS"):
            await transport.deliver(TO_CLARA, marked)

    with ScriptedPeer() as peer:
        run(ask())


@pytest.mark.parametrize("user", ["alba", "clara"])
def test_a_wrong_password_is_trouble_and_is_not_shown(user: str) -> None:
    """After a name of four letters its Base64 is the same as alone."""
    plain = b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
    alone = b64encode(PASSWORD.encode()).decode()
    refusal = f"535 5.7.8 you sent {PASSWORD} in {plain} or {alone}"
    echo: dict[str, Answer | list[Answer]] = {"AUTH": refusal, plain: refusal, alone: refusal}
    for peer in (RelayPeer(users={user: "other"}), ScriptedPeer(echo, extensions=("AUTH PLAIN LOGIN",))):
        with peer, pytest.raises(TransportTrouble, match="535") as trouble:
            check(peer, user=user, password=PASSWORD)
        shown = "".join(traceback.format_exception(trouble.value)) + repr(trouble.value.__context__)
        for secret in (PASSWORD, "sesame", plain, alone):
            assert secret not in shown
        assert peer.messages == []


def test_a_server_that_is_not_there_is_trouble() -> None:
    with RelayPeer() as peer:
        pass
    unusable = f"^the mail server localhost:{peer.port} cannot be used: it refuses connections: "
    with pytest.raises(TransportTrouble, match=unusable):
        check(peer)


@pytest.mark.parametrize(
    ("answers", "tls", "says"),
    [
        ("none", "tls", r"it does not begin with TLS on this port: use \?tls=starttls, or"),
        ("none", "starttls", r"it does not offer STARTTLS: use \?tls=tls if"),
    ],
)
def test_a_wrong_kind_of_line_is_named_with_what_to_write(answers: str, tls: str, says: str) -> None:
    with RelayPeer(tls=answers) as peer, pytest.raises(TransportTrouble, match=says) as trouble:
        check(peer, tls=tls)
    assert not str(trouble.value).endswith(".")


def test_a_server_that_expects_tls_at_once_is_named_with_what_to_write() -> None:
    async def ask(peer: Peer) -> None:
        await SmtpTransport(parse_smtp_url(f"smtp://localhost:{peer.port}"), timeout=0.5).check()

    with (
        RelayPeer(tls="tls") as peer,
        pytest.raises(TransportTrouble, match=r"no answer in time.*needs \?tls=tls$"),
    ):
        run(ask(peer))


def test_a_refusal_is_said_without_a_second_full_stop() -> None:
    with (
        ScriptedPeer({"greeting": "554 5.7.1 Blocked."}) as peer,
        pytest.raises(TransportTrouble, match=r"554 5\.7\.1 Blocked$"),
    ):
        check(peer)


def test_a_name_without_a_host_is_said_in_words() -> None:
    with pytest.raises(
        TransportTrouble, match=r"nowhere\.invalid:25 cannot be used: there is no host of this name"
    ):
        run(SmtpTransport(parse_smtp_url("smtp://nowhere.invalid:25")).check())


def test_check_leaves_no_connection() -> None:
    async def work() -> None:
        transport = SmtpTransport(parse_smtp_url(peer.url), local_hostname="alba.example")
        await transport.check()
        await asyncio.sleep(0.1)
        assert (peer.connections, peer.open_connections) == (1, 0)

    with ScriptedPeer() as peer:
        run(work())
    assert peer.dialogue == ["EHLO alba.example", "QUIT"]


def test_what_has_not_left_when_a_message_is_given_up_never_leaves() -> None:
    heard, patience = bytearray(), asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 ready", b"250 relay.example", b"250 ok", b"250 ok", b"354 go ahead"):
            writer.write(answer + b"\r\n")
            if answer != b"354 go ahead":
                await reader.readline()
        await patience.wait()
        while chunk := await reader.read(1 << 20):
            heard.extend(chunk)
        writer.close()

    async def work() -> Outcome:
        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = SmtpTransport(parse_smtp_url(f"smtp://127.0.0.1:{port}?tls=none"), timeout=0.3)
        outcome = await transport.deliver(TO_CLARA._replace(content=b"bread\r\n" * 3_000_000), marked)
        patience.set()
        await asyncio.sleep(0.3)
        server.close()
        return outcome

    assert run(work()) == Outcome("in_doubt", "the connection broke: no answer in time")
    assert not heard.endswith(b"\r\n.\r\n")
