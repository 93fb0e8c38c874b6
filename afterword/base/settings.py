"""Reads settings from the environment. `NAME_FILE` reads the setting NAME from a file."""

import os
import re
from collections.abc import Mapping, MutableMapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from afterword.base.errors import SettingsError
from afterword.base.secret import SHORTEST_SECRET, stored_secret

LONGEST_URL = 400
"""Maximum length of the public address in characters: links made from it must fit on one line of an e-mail."""

_LINKABLE = re.compile(r"https?://[!#-;=?-~]+")
"""Addresses that are safe as links in e-mails: no spaces, quotes or angle brackets."""

PREFIX = "AFTERWORD_"

NAMES = (
    "AFTERWORD_DATA",
    "AFTERWORD_DATABASE",
    "AFTERWORD_JOURNAL",
    "AFTERWORD_SMTP",
    "AFTERWORD_FROM",
    "AFTERWORD_URL",
    "AFTERWORD_SECRET",
    "AFTERWORD_HOST",
    "AFTERWORD_PORT",
    "AFTERWORD_METRICS",
    "AFTERWORD_BODY_LIMIT",
    "AFTERWORD_WEBHOOK_ALLOW",
)
"""All settings (docs/settings.md). Each can also be given as NAME_FILE."""

OUTBOX = "outbox:"
"""The AFTERWORD_SMTP with which live e-mails become files too."""

Network = IPv4Network | IPv6Network

_POSTGRESQL = ("postgresql://", "postgres://")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process, described in docs/settings.md."""

    data: Path
    database: str
    journal: Path | str
    """A file, or the address of a separate PostgreSQL database."""

    smtp: str | None
    """The mail server's address, or OUTBOX. None: no one has chosen, and live e-mails wait."""

    sender: str | None
    url: str
    secret: str | None
    host: str
    port: int
    metrics: tuple[str, int] | None = None
    """A host and port for `/metrics` alone; None: it is served with everything else."""

    body_limit: int
    webhook_allow: tuple[Network, ...] = ()
    """Networks that webhooks may reach although they are not public."""

    is_default: bool
    """True if neither a data folder nor a database was set. An empty default data folder gets a demo shop."""

    @property
    def database_path(self) -> Path | None:
        """The SQLite file, or None if `database` is the address of a PostgreSQL database.

        Raises SettingsError for any other address.
        """
        if self.database.startswith(_POSTGRESQL):
            return None
        if "://" in self.database:
            raise SettingsError(
                "AFTERWORD_DATABASE names an engine other than SQLite and PostgreSQL: "
                "give the path of a file, or postgresql://…"
            )
        return Path(self.database)

    @property
    def journal_name(self) -> str:
        """The journal's name for people: never contains a password."""
        is_file = isinstance(self.journal, Path)
        return str(self.journal) if is_file else "the database that AFTERWORD_JOURNAL names"

    @property
    def outbox(self) -> Path:
        return self.data / "outbox"

    @property
    def demo_key(self) -> Path:
        """The file with the demo shop's test key."""
        return self.data / "demo.key"

    @property
    def local_url(self) -> str:
        """Where this machine reaches what serves."""
        return f"http://{_shown(self.host)}:{self.port}"

    @property
    def is_trial(self) -> bool:
        """True if neither a data folder, nor a database, nor a public address was set."""
        return self.is_default and self.url == self.local_url

    @property
    def link_host(self) -> str:
        """The host of the public address, for Message-IDs."""
        return urlsplit(self.url).hostname or "localhost"

    @property
    def secret_path(self) -> Path:
        """Where the secret is stored when none was set."""
        return self.data / "secret"

    @property
    def pulse(self) -> Path:
        """The file that a dispatcher touches every few seconds."""
        return self.data / "pulse"

    def link_secret(self) -> str:
        """The secret that signs links: the one that was set, or one generated once and stored in the data folder.

        Raises SettingsError when the stored one cannot be used.
        """
        return self.secret or stored_secret(self.secret_path)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError with a sentence that names the setting; it never contains the value of a secret."""
    _refuse_unknown(environment)
    folder = _read(environment, "AFTERWORD_DATA")
    data = Path(folder or "./afterword-data")
    host = _read(environment, "AFTERWORD_HOST") or "127.0.0.1"
    port = _number(environment, "AFTERWORD_PORT", 8000, 1, 65_535)
    smtp = _read(environment, "AFTERWORD_SMTP")
    sender = _read(environment, "AFTERWORD_FROM")
    database = _read(environment, "AFTERWORD_DATABASE")
    if smtp and smtp != OUTBOX and not sender:
        raise SettingsError(
            "AFTERWORD_FROM is needed with AFTERWORD_SMTP: the address that e-mails come from"
        )
    return Settings(
        data=data,
        database=database or str(data / "afterword.db"),
        journal=journal_address(
            _read(environment, "AFTERWORD_JOURNAL") or str(data / "send.journal"), "AFTERWORD_JOURNAL"
        ),
        smtp=smtp,
        sender=sender,
        url=_url(_read(environment, "AFTERWORD_URL") or f"http://{_shown(host)}:{port}"),
        secret=_secret(_read(environment, "AFTERWORD_SECRET")),
        host=host,
        port=port,
        metrics=_host_and_port(_read(environment, "AFTERWORD_METRICS"), "AFTERWORD_METRICS"),
        body_limit=_number(environment, "AFTERWORD_BODY_LIMIT", 64 * 2**20, 1_024, 2**40),
        webhook_allow=_networks(_read(environment, "AFTERWORD_WEBHOOK_ALLOW") or ""),
        is_default=not database and not folder,
    )


def hide_settings(environment: MutableMapping[str, str] = os.environ) -> None:
    """For a program that runs on and has read its settings: the processes that it starts get none of them, which
    contain secrets, and never import from the current folder, which others may write to."""
    for name in [each for each in environment if each.startswith(PREFIX)]:
        del environment[name]
    environment["PYTHONSAFEPATH"] = "1"


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A mistyped setting would otherwise count as not set. Names that begin with AFTERWORD_TEST_ are the tests'."""
    known = {*NAMES, *(f"{name}_FILE" for name in NAMES)}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_"):
            rests = [each.removeprefix(PREFIX) for each in sorted(known)]
            near = get_close_matches(name.removeprefix(PREFIX).upper(), rests, n=1)
            hint = (
                f"; did you mean {PREFIX}{near[0]}?"
                if near
                else ": unset it (docs/settings.md lists all settings)"
            )
            raise SettingsError(f"{name} is not a setting{hint}")


def _read(environment: Mapping[str, str], name: str) -> str | None:
    file = environment.get(f"{name}_FILE")
    if not file:
        return environment.get(name, "").strip() or None
    if environment.get(name):
        raise SettingsError(f"{name} and {name}_FILE are both set: keep one")
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{name}_FILE cannot be read: {file} is not a text in UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{name}_FILE cannot be read: {error.strerror or error}: {file}") from error
    if not text:
        raise SettingsError(
            f"{name}_FILE names an empty file: write the setting into {file}, or unset {name}_FILE"
        )
    return text


def journal_address(text: str, name: str) -> Path | str:
    """A file path, or the address of a PostgreSQL database. Raises SettingsError, which names the setting `name`."""
    if text.startswith(_POSTGRESQL):
        return text
    if "://" in text:
        raise SettingsError(f"{name} is neither the path of a file nor postgresql://…")
    return Path(text)


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = _read(environment, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise SettingsError(f"{name} is not a whole number from {least} to {most}")
    return int(text)


def _host_and_port(text: str | None, name: str) -> tuple[str, int] | None:
    """`127.0.0.1:9100`, `[::1]:9100` or a name and a port."""
    if text is None:
        return None
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})", text)
    if not found or not 1 <= int(found[3]) <= 65_535:
        raise SettingsError(f"{name} is not a host and a port such as 127.0.0.1:9100")
    return found[1] or found[2], int(found[3])


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_address = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        is_address = False
    if len(text) > LONGEST_URL or not _LINKABLE.fullmatch(text) or not is_address:
        raise SettingsError("AFTERWORD_URL is not a public address such as https://reviews.shop.example")
    return text.rstrip("/")


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(each) for each in text.replace(",", " ").split())
    except ValueError:
        raise SettingsError(
            "AFTERWORD_WEBHOOK_ALLOW is not a list of networks such as 10.0.0.0/8, fd00::/8"
        ) from None


def _secret(text: str | None) -> str | None:
    if text is not None and len(text) < SHORTEST_SECRET:
        raise SettingsError(
            f"AFTERWORD_SECRET is too short: use at least {SHORTEST_SECRET} random characters"
        )
    return text


def _shown(host: str) -> str:
    """The host part of a URL that a browser on this machine can open."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
