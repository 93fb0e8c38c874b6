"""Where the server listens."""

import errno
import os
import socket
from typing import NamedTuple

from afterword.base.errors import SettingsError
from afterword.base.settings import Settings

READER_PATIENCE = 30_000
"""Milliseconds until a connection is closed whose other end takes nothing of an answer."""

MOST_UNSENT = 64 * 2**10
"""Bytes of an answer that the system takes before the network does, for each connection."""

QUEUED = 2_048
"""Connections that wait to be accepted."""


class Address(NamedTuple):
    """Where the server listens: an IP address and a port."""

    host: str
    port: int


def free_address(settings: Settings) -> Address:
    """Where to listen. Raises SettingsError when this machine has no such address, or another program listens there.

    The server itself would not notice: it shares its port (SO_REUSEPORT), so that a second one would take
    every other connection.
    """
    return _free(settings.host, settings.port, "AFTERWORD_HOST and AFTERWORD_PORT", "AFTERWORD_PORT")


def free_metrics_address(settings: Settings) -> Address | None:
    """The same for `/metrics` alone; None where it has no address of its own."""
    if settings.metrics and settings.metrics[1] == settings.port:
        raise SettingsError("AFTERWORD_METRICS needs another port than AFTERWORD_PORT")
    return _free(*settings.metrics, "AFTERWORD_METRICS", "AFTERWORD_METRICS") if settings.metrics else None


def _free(host: str, port: int, names: str, to_change: str) -> Address:
    where = f"{host}:{port}"
    try:
        family, _, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server((found[0], port), family=family) as probe:
            return Address(*probe.getsockname()[:2])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"{where} is already in use: stop the program that listens there, or set {to_change} to another"
            ) from error
        raise SettingsError(f"{names}: cannot listen on {where}: {_words(error)}") from error


def listen(address: Address) -> int:
    """The descriptor of a socket that listens there and shares its port. What it accepts inherits its limits:

    the system closes a connection whose other end takes nothing for READER_PATIENCE (TCP_USER_TIMEOUT), and holds
    at most MOST_UNSENT of what was not sent yet, where it would hold megabytes (TCP_NOTSENT_LOWAT).
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for name, value in (("TCP_USER_TIMEOUT", READER_PATIENCE), ("TCP_NOTSENT_LOWAT", MOST_UNSENT)):
        if hasattr(socket, name):  # Linux has both
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    listening.bind(address)
    listening.listen(QUEUED)
    listening.setblocking(False)
    return listening.detach()


def _words(error: OSError) -> str:
    # `strerror` of a failed bind repeats the address; the codes of a failed look-up are not the system's own.
    if isinstance(error, socket.gaierror):
        return error.strerror or "no such host"
    return os.strerror(error.errno or 0)
