"""Starts and stops servers under load, and sends them requests."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import CONTENT_TYPE, WrongResultError, environment_of

HOST = "127.0.0.1"
PATIENCE = 60.0
"""Maximum seconds for a server to start, and to stop, which it does when it has read all bodies that it has taken."""


AFTERWORD = ("afterword", "serve", "--no-dispatch")
CONSTANT = ("benchmarks.constant",)


class Served(NamedTuple):
    """A server's address and process."""

    port: int
    pid: int


def sampled(folder: Path) -> tuple[str, ...]:
    """AFTERWORD with the sampling profiler, which writes samples to this folder."""
    return ("benchmarks.sampling", str(folder), *AFTERWORD[1:])


@contextmanager
def serving(module: tuple[str, ...], data: Path, **more: str) -> Iterator[Served]:
    """Runs a server on this folder, and stops it at the end; `more` are additional settings. Raises
    WrongResultError."""
    port = free_port()
    with (data / "log").open("wb") as log:
        environment = environment_of(data, PORT=str(port), **more)
        process = subprocess.Popen([sys.executable, "-m", *module], env=environment, stdout=log, stderr=log)
    try:
        _wait_for(port, process, data)
        yield Served(port, process.pid)
        process.terminate()
        if process.wait(PATIENCE):
            raise WrongResultError(f"the server ended with {process.returncode}: {_last_words(data)}")
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], data: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise WrongResultError(f"the server does not listen: {_last_words(data)}")


def _last_words(data: Path) -> str:
    return (data / "log").read_text("utf-8", "replace")[-1_000:]


class Client:
    """A persistent connection that sends forms with orders."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def send(self, body: bytes, expected: int) -> None:
        """Raises WrongResultError unless the expected number of orders was imported."""
        self._connection.request("POST", "/private/v3/orders", body, {"Content-Type": CONTENT_TYPE})
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200 or answer["orders_imported"] != expected:
            raise WrongResultError(f"{expected} orders were sent; the answer was {response.status} {answer}")

    def close(self) -> None:
        self._connection.close()
