"""TLS between Afterword and a PostgreSQL server: verified, unless the server is on this machine or the address says
otherwise (docs/postgresql.md, "TLS")."""

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

VERIFIED = "verify-full"
"""The one `sslmode` with which libpq makes sure that it talks to the server that the address names."""


def secured(parts: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a connection, with those of TLS where they have none: libpq's own default encrypts when the
    server offers it, and believes any certificate."""
    found = dict(parts)
    if not is_local(found) and not _mode(found):
        found["sslmode"] = VERIFIED
    if _mode(found) == VERIFIED and not _names_roots(found):
        found["sslrootcert"] = _trusted_roots()
    return found


def unverified(parts: Mapping[str, Any]) -> str | None:
    """The `sslmode` of a connection that leaves this machine and is not verified, because the address says so."""
    mode = _mode(parts)
    return mode if mode not in (None, VERIFIED) and not is_local(parts) else None


def is_local(parts: Mapping[str, Any]) -> bool:
    """Whether every host is this machine: a socket, or a loopback address."""
    hosts = parts.get("hostaddr") or parts.get("host") or os.environ.get("PGHOST", "")
    return all(map(_is_here, str(hosts).split(",")))


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _mode(parts: Mapping[str, Any]) -> str | None:
    return parts.get("sslmode") or os.environ.get("PGSSLMODE") or None


def _names_roots(parts: Mapping[str, Any]) -> bool:
    """Also in the ways of libpq that are not in the address."""
    own = Path("~/.postgresql/root.crt").expanduser()
    return bool(parts.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")) or own.exists()


def _trusted_roots() -> str:
    """The machine's certificates, as Python's own TLS finds them. libpq's word for them, `system` (since 16), looks
    where the OpenSSL in psycopg's binary package was built to look, and there is nothing."""
    paths = ssl.get_default_verify_paths()
    files = [paths.cafile, paths.capath and f"{paths.capath}/ca-certificates.crt"]
    return next((file for file in files if file and Path(file).is_file()), "system")
