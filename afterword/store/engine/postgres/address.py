"""The address of a PostgreSQL database, as it is given to libpq."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from afterword.base.errors import SettingsError
from afterword.store.engine.postgres.tls import secured

DEFAULTS = {
    "application_name": "afterword",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Connection parameters that an address may override. In seconds, except `tcp_user_timeout`, which libpq takes in
milliseconds. A server that disappears silently is given up after half a minute; Linux alone would wait for a quarter
of an hour."""


def read_address(url: str) -> dict[str, Any]:
    """Parses an address `postgresql://…`; adds DEFAULTS, and verified TLS to a server on another machine. Raises
    SettingsError, whose message contains no part of the address.

    libpq's own errors would reveal a part of an unescaped password, as a host, a port or a database name.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"host": "@"}
    host, port, name = (str(parts.get(part, "")) for part in ("host", "port", "dbname"))
    if "@" in host + name or not re.fullmatch("[0-9,]*", port):
        raise SettingsError(
            "the address of PostgreSQL (AFTERWORD_DATABASE, AFTERWORD_JOURNAL) cannot be read: "
            "write postgresql://user:password@host:port/name, and escape characters such as / ? # @ % in the user "
            "or the password as %2F %3F %23 %40 %25"
        ) from None
    return DEFAULTS | secured(parts)
