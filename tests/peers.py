"""Real SMTP servers for tests, each in a thread with its own event loop.

`RelayPeer` is here, `ScriptedPeer` in tests/scripted_peer.py. Both are context managers, for synchronous and
asynchronous tests:

    with RelayPeer() as peer:                       # aiosmtpd: a second opinion on our SMTP
        transport = SmtpTransport(parse_smtp_url(peer.url))
        ...
        [received] = peer.wait_for(1)

    with ScriptedPeer({"RCPT": "550 5.1.1 no such user"}) as peer: ...      # says what it is told to
    with ScriptedPeer({"letter": [Line.CUT, "250 ok"]}) as peer: ...        # once, then well
    with ScriptedPeer(cuts=[Cut(sent=40)]) as peer: ...                     # dies after its 40th byte

`peer.messages` are the messages that the peer has accepted, whether or not its answer arrived: two for one
invitation are two in the customer's mailbox. `peer.stop()` breaks all connections at once, as a crash does;
`peer.start()` listens on the same port again.
"""

import asyncio
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, NamedTuple, Self, TypeVar

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
    """`asyncio.run` with a timeout, so that a test that hangs fails."""
    return asyncio.run(asyncio.wait_for(work, seconds))


class Received(NamedTuple):
    """An accepted message: the envelope, MAIL's options, and the content without dot-stuffing."""

    sender: str
    recipients: list[str]
    options: list[str]
    content: bytes


class Certificates(NamedTuple):
    """TLS contexts of a server named `localhost` and 127.0.0.1, and of a client that trusts its authority."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    authority: bytes


@lru_cache
def certificates() -> Certificates:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(server, client, authority.cert_pem.bytes())


class Peer(ABC):
    """A server in a thread. `connections` counts all connections, `most_at_once` the maximum at one time."""

    def __init__(self, tls: str) -> None:
        self.port = 0
        self.tls = tls
        self.messages: list[Received] = []
        self.connections = 0
        self.most_at_once = 0
        self.live: dict[asyncio.BaseProtocol, asyncio.BaseTransport] = {}
        self._news = threading.Condition()

    @abstractmethod
    def _protocol(self) -> asyncio.Protocol:
        """Serves one connection."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls={self.tls}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listens, on the same port as before if there was one."""
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()
        assert self._listening.wait(10), "the peer does not listen"

    def stop(self) -> None:
        """Breaks all connections and stops listening. Does nothing the second time."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    async def _listen(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        context = certificates().server if self.tls == "tls" else None
        server = await self.loop.create_server(self._protocol, "127.0.0.1", self.port, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._ended.wait()
        server.close()
        for transport in list(self.live.values()):
            transport.abort()  # type: ignore[attr-defined]
        await asyncio.sleep(0)  # open connections are cancelled when the loop ends

    def cut_all(self) -> None:
        """Closes all connections, as a server does that restarts or times out idle connections."""
        done = threading.Event()

        def cut() -> None:
            for transport in list(self.live.values()):
                transport.close()
            done.set()

        self.loop.call_soon_threadsafe(cut)
        assert done.wait(5)

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Received]:
        """Waits for `count` messages and returns them. Fails if that takes longer than `seconds`."""
        with self._news:
            arrived = self._news.wait_for(lambda: len(self.messages) >= count, seconds)
        assert arrived, f"{len(self.messages)} of {count} messages arrived"
        return self.messages

    @property
    def open_connections(self) -> int:
        return len(self.live)

    def accept(self, message: Received) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()


class Counted(asyncio.Protocol):
    """A connection that its peer counts."""

    _peer: Peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = self._peer
        peer.connections += self not in peer.live  # STARTTLS makes one connection twice
        peer.live[self] = transport
        peer.most_at_once = max(peer.most_at_once, len(peer.live))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._peer.live.pop(self, None)
        super().connection_lost(error)


class RelayPeer(Peer):
    """A well-behaved mail server (aiosmtpd).

    `tls` is none, starttls or tls. With `users` (name to password), MAIL requires AUTH.
    """

    def __init__(
        self, *, tls: str = "none", users: dict[str, str] | None = None, smtputf8: bool = True
    ) -> None:
        super().__init__(tls)
        self.users = users or {}
        self.smtputf8 = smtputf8

    def _protocol(self) -> asyncio.Protocol:
        return _CountedSMTP(self)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        password = self.users.get(given.login.decode())
        return AuthResult(success=password == given.password.decode(), handled=False)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.users and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.accept(
            Received(envelope.mail_from or "", envelope.rcpt_tos, envelope.mail_options, envelope.content)
        )
        return f"250 2.0.0 queued as {len(self.messages)}"


class _CountedSMTP(Counted, SMTP):
    def __init__(self, peer: RelayPeer) -> None:
        self._peer = peer
        super().__init__(
            peer,
            hostname="relay.example",
            enable_SMTPUTF8=peer.smtputf8,
            tls_context=certificates().server if peer.tls == "starttls" else None,
            auth_require_tls=peer.tls == "starttls",
            authenticator=peer.authenticate,
            loop=peer.loop,
        )
