"""Where the server listens."""

import errno
import os
import socket
from typing import NamedTuple

from afterword.base.errors import SettingsError
from afterword.base.settings import Settings


class Address(NamedTuple):
    """Where the server listens: an IP address and a port."""

    host: str
    port: int


def free_address(settings: Settings) -> Address:
    """Where to listen. Raises SettingsError when this machine has no such address, or another program listens there.

    The server itself would not notice: it shares its port (SO_REUSEPORT), so that a second one would take
    every other connection.
    """
    try:
        family, _, _, _, found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.create_server((found[0], settings.port), family=family) as probe:
            return Address(*probe.getsockname()[:2])
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"{where} is already in use: stop the program that listens there, or set AFTERWORD_PORT to another"
            ) from error
        raise SettingsError(
            f"AFTERWORD_HOST and AFTERWORD_PORT: cannot listen on {where}: {_words(error)}"
        ) from error


def _words(error: OSError) -> str:
    # `strerror` of a failed bind repeats the address; the codes of a failed look-up are not the system's own.
    if isinstance(error, socket.gaierror):
        return error.strerror or "no such host"
    return os.strerror(error.errno or 0)
