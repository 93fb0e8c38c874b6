"""One signed message to one program: a POST, to an address that was checked, and what came back.

A receiver is a stranger. It gets fifteen seconds for everything, is followed nowhere, and of what it says a few
kilobytes are read and thrown away, as they come: nothing is unpacked.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from time import monotonic
from typing import Literal, NamedTuple

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from afterword import __version__
from afterword.webhooks.addresses import (
    AddressRefused,
    Network,
    Resolve,
    Target,
    look_up,
    reachable,
    read_url,
)

PATIENCE = 15.0
"""Seconds for a message, from looking up the name to the end of the answer."""

TO_CONNECT = 5.0
MOST_ADDRESSES = 3
"""Of a name that are tried, one after the other, until one of them listens."""

AT_ONCE = 8
MOST_READ = 4_096
"""Bytes of an answer."""

LONGEST_ERROR = 200
AFTER_A_CUT = 1.0
"""Seconds in which a message that was cut off says what had come of it."""

_HEADERS = {
    "User-Agent": f"Afterword/{__version__}",
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Answer(NamedTuple):
    """What came back. `refused` is anything but 2xx, or nothing at all; `gone` is 410: send no more."""

    kind: Literal["taken", "refused", "gone"]
    says: str


class Sender:
    """Sends messages, `AT_ONCE` at a time, each from a thread. `allowed` are networks that may be reached besides
    what is public; certificates are verified against the system's trust store, or by `tls_context`."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve = look_up,
        tls_context: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.allowed = allowed
        self.resolve = resolve
        self.tls_context = tls_context or ssl.create_default_context()
        self.patience = patience
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for what the receiver is or does, and never takes much longer than its patience."""
        message = _Message(self)
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._threads, message.send, url, headers, body)
        done, _ = await asyncio.wait({sending}, timeout=self.patience)
        if not done:
            message.cut()
            done, _ = await asyncio.wait({sending}, timeout=AFTER_A_CUT)
        # A look-up cannot be cut off: its thread is left to end by itself.
        return sending.result() if done else self.no_answer

    @property
    def no_answer(self) -> Answer:
        return Answer("refused", f"no answer within {self.patience:g} seconds")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Message:
    """One message on its way, in a thread of its own; any other thread may cut it off."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._deadline = monotonic() + sender.patience
        self._line: socket.socket | None = None
        self._is_cut = False

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            target = read_url(url)
            line = self._connect(target, reachable(target, self._sender.allowed, self._sender.resolve))
            return self._ask(line, target, headers, body)
        except AddressRefused as error:
            return Answer("refused", str(error))
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            is_late = self._is_cut or isinstance(error, TimeoutError)
            return self._sender.no_answer if is_late else Answer("refused", _words(error))
        finally:
            if self._line is not None:
                self._line.close()

    def cut(self) -> None:
        """Whatever it waits for, it waits no longer."""
        self._is_cut = True
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _connect(self, target: Target, addresses: Sequence[str]) -> socket.socket:
        """To the first of the checked addresses that listens: they go in as numbers, and no name is looked up."""
        trouble: OSError | None = None
        for address in addresses[:MOST_ADDRESSES]:
            try:
                line = socket.create_connection((address, target.port), min(TO_CONNECT, self._left()))
            except OSError as error:
                trouble = error
            else:
                return self._secure(line, target)
        raise trouble or OSError("it has no address")

    def _secure(self, line: socket.socket, target: Target) -> socket.socket:
        """With TLS the certificate must be that of the name, whatever the address."""
        self._line = line.dup()
        try:
            line.settimeout(self._left())
            if target.is_secure:
                return self._sender.tls_context.wrap_socket(line, server_hostname=target.host)
        except BaseException:
            line.close()
            raise
        return line

    def _ask(self, line: socket.socket, target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = HTTPConnection(target.host, target.port, timeout=self._left())
        connection.sock, connection.auto_open = line, 0
        try:
            named = {"Host": target.authority, **_HEADERS, **headers}
            connection.request("POST", target.path, body, named, preload_content=False, decode_content=False)
            response = connection.getresponse()
            self._left()  # what was cut off may look like the end of its headers
            with suppress(HTTPError, HTTPException, OSError, ValueError):
                response.read(MOST_READ, decode_content=False)
            return _answer(response.status)
        finally:
            connection.close()

    def _left(self) -> float:
        """Seconds. Raises TimeoutError when there are none."""
        left = self._deadline - monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError
        return left


def _answer(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer("taken", f"it answered {status}")
    if status == 410:
        return Answer("gone", "it answered 410: it is gone")
    if 300 <= status < 400:
        return Answer("refused", f"it answered {status}, and redirects are not followed")
    return Answer("refused", f"it answered {status}")


def _words(error: Exception) -> str:
    """One line, which may have words of the receiver's in it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"its certificate is not good: {error.verify_message}"
    elif isinstance(error, OSError) and error.strerror:
        words = error.strerror
    else:
        words = str(error) or type(error).__name__
    return "".join(sign if sign.isprintable() else " " for sign in words[:LONGEST_ERROR])
