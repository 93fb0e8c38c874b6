"""A mail server that accepts and discards messages: Postfix's smtp-sink, or one in Python where it is missing."""

import asyncio
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ground import WrongResultError
from benchmarks.serving import HOST, free_port

_POSTFIX = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin")


class Sink:
    """A running sink."""

    def __init__(self, port: int, counts: Path) -> None:
        self.port = port
        self._counts = counts

    def messages(self) -> int:
        """The number of messages accepted: both sinks write `mesg=N` after each."""
        found = re.findall(rb"mesg=(\d+)[\r\n]", self._counts.read_bytes()[-200:])
        return int(found[-1]) if found else 0


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """Runs a sink in a separate process, and stops it at the end. Raises WrongResultError."""
    port, counts = free_port(), folder / "sink"
    if _POSTFIX:
        command = [_POSTFIX, "-u", "nobody", "-c", f"{HOST}:{port}", "1000"]
    else:
        command = [sys.executable, "-m", "benchmarks.sink", str(port)]
    with counts.open("wb") as file:
        process = subprocess.Popen(command, stdout=file)
    try:
        _wait_for(port)
        yield Sink(port, counts)
    finally:
        process.kill()
        process.wait()


def kind() -> str:
    return "Postfix's smtp-sink" if _POSTFIX else "a sink in Python (without Postfix's smtp-sink)"


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise WrongResultError("the mail sink does not listen")


_ANSWERS = {
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"EHLO": b"250-sink.example\r\n250 8BITMIME\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class _Line(asyncio.BufferedProtocol):
    """Serves one connection: answers each command by its verb, and each message at its final dot."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = bytearray(2**18)
        self._held = b""
        self._in_message = False
        transport.write(b"220 sink.example\r\n")

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        self._held += self._buffer[:size]
        while (cut := self._held.find(b"\r\n.\r\n" if self._in_message else b"\r\n")) >= 0:
            line, self._held = self._held[:cut], self._held[cut + (5 if self._in_message else 2) :]
            self._transport.write(self._answer(line))

    def _answer(self, line: bytes) -> bytes:
        if self._in_message:
            self._in_message = False
            _Line.taken += 1
            sys.stdout.write(f"mesg={_Line.taken}\n")
            sys.stdout.flush()
            return b"250 2.0.0 Ok\r\n"
        verb = line[:4].upper()
        self._in_message = verb == b"DATA"
        return _ANSWERS.get(verb, b"250 2.0.0 Ok\r\n")


async def _listen(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Line, HOST, port, backlog=1_000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_listen(int(sys.argv[1])))
