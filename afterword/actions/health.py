"""What `afterword doctor` looks at: all that may need a person, each finding a sentence that says what to do."""

import asyncio
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from afterword.actions import backlog
from afterword.actions.backlog import Finding
from afterword.base.errors import Refused, SchemaTooNew, SettingsError, StoreUnavailable
from afterword.base.settings import Settings
from afterword.store.engine.database import Database
from afterword.store.engine.migrate import migrations
from afterword.store.journal.place import journal_place
from afterword.store.opening import open_database
from afterword.store.overview import count_by_state

SMTP_TIMEOUT = 10.0
"""Seconds that the mail server may take to answer."""

LOW_DISK = 500 * 2**20
"""Bytes of free disk space below which a person should free some."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Health(NamedTuple):
    """The findings, and the counts and lists that programs want besides the sentences."""

    findings: list[Finding]
    details: Mapping[str, object]

    @property
    def is_ok(self) -> bool:
        return all(finding.level != "action" for finding in self.findings)


Build = Callable[[Settings, Database], object]
"""Builds what would send e-mails. Raises SettingsError where the settings do not allow it."""


def examine(settings: Settings, build: Build, now: float) -> Health:
    """Raises nothing: what cannot be looked at is a finding."""
    findings = list(_settings(settings))
    details: dict[str, Any] = {}
    try:
        database = open_database(settings)
        try:
            findings += _store(settings, database, build, details, now)
        finally:
            database.close_now()
    except (SettingsError, SchemaTooNew, StoreUnavailable) as error:
        findings.append(Finding("database", "action", str(error)))
    for check in (_mail_server, _disk, _privacy):
        try:
            findings += check(settings)
        except OSError as error:
            found = f"{error.filename or 'a file'}: {error.strerror or error}"
            findings.append(Finding("files", "action", found))
    return Health(findings, details)


def accept_journal_loss(database: Database) -> int:
    """Begins a new send journal, so that what is due is sent (guarantee 9). Returns how many invitations are in
    doubt.

    Raises Refused while the journal is there, or cannot be reached.
    """
    if not database.is_held:
        raise Refused("the send journal is there: sending is not paused, and there is nothing to accept")
    if why := _why_unreachable(database):
        raise Refused(
            f"the send journal cannot be reached ({why}), so it is unknown whether it is lost; nothing was accepted"
        )
    database.accept_journal_loss()
    return database.read_now(count_by_state).get("in_doubt", 0)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", "ok", f"The data folder is {settings.data}.")
    if settings.smtp is not None and settings.link_host in _LOOPBACK:
        says = (
            f"Links in e-mails lead to {settings.url}, which only this machine can open: set AFTERWORD_URL."
        )
        yield Finding("settings", "note", says)


def _store(
    settings: Settings, database: Database, build: Build, details: dict[str, Any], now: float
) -> Iterator[Finding]:
    details["schema"] = migrations()[-1][0]
    yield from _database(database)
    yield from _journal(settings, database)
    yield from _sender(settings, database, build)
    yield from backlog.lateness(database, now)
    yield from backlog.invitations(database, details)
    yield from backlog.notifications(database)
    yield from backlog.reviews(database, details, now)


def _database(database: Database) -> Iterator[Finding]:
    if faults := database.check():
        says = f"{database.name} is damaged ({faults[0]}): stop Afterword and restore a backup."
        yield Finding("database", "action", says)
    else:
        yield Finding("database", "ok", f"{database.name} is intact.")
    yield Finding("schema", "ok", f"The schema is {migrations()[-1][0]}, the newest.")


def _journal(settings: Settings, database: Database) -> Iterator[Finding]:
    name = settings.journal_name
    if not database.is_held:
        yield Finding("journal", "ok", f"{name} is the send journal of this database.")
    elif why := _why_unreachable(database):
        says = (
            f"SENDING IS PAUSED: the send journal, {name}, cannot be reached ({why}), so it is unknown what was "
            "sent. Sending resumes automatically once the journal can be reached."
        )
        yield Finding("journal", "action", says)
    else:
        says = (
            f"SENDING IS PAUSED: this database has sent e-mails, and its send journal, {name}, "
            f"{_wrong_with(settings.journal)}. Put it back; or, if it is lost, accept that some e-mails may be sent "
            "twice: afterword doctor --accept"
        )
        yield Finding("journal", "action", says)


def _wrong_with(journal: Path | str) -> str:
    is_another = "is that of another database, or an older copy"
    if isinstance(journal, Path):
        return is_another if journal.exists() else "is missing"
    return f"is missing, {is_another}"


def _why_unreachable(database: Database) -> str | None:
    """Why it is unknown whether the send journal is there; None when it is known."""
    try:
        found = journal_place(database.journal.address).find()
    except StoreUnavailable as error:
        return str(error)
    if found is not None:
        found.close()
    return None


def _sender(settings: Settings, database: Database, build: Build) -> Iterator[Finding]:
    """Whether e-mails can be written at all: who they come from, and what signs their links."""
    try:
        build(settings, database)
    except SettingsError as error:
        yield Finding("sender", "action", f"{error}.")


def _mail_server(settings: Settings) -> Iterator[Finding]:
    """A whole visit to the mail server, up to the login."""
    if settings.smtp is None:
        says = f"NO E-MAIL IS SENT: AFTERWORD_SMTP is not set, so e-mails become files in {settings.outbox}."
        yield Finding("mail", "note", says)
        return
    # Other commands start in half the time without what sends.
    from afterword.mail.smtp import SmtpTransport
    from afterword.mail.smtp_address import parse_smtp_url
    from afterword.mail.transport import TransportTrouble

    try:
        address = parse_smtp_url(settings.smtp)
        asyncio.run(SmtpTransport(address, timeout=SMTP_TIMEOUT).check())
        yield Finding("mail", "ok", f"The mail server {address.host}:{address.port} accepts e-mails.")
    except ValueError as error:
        yield Finding("mail", "action", f"AFTERWORD_SMTP: {error}.")
    except TransportTrouble as error:
        yield Finding("mail", "action", f"{error}.")


def _disk(settings: Settings) -> Iterator[Finding]:
    files = [path for path in (settings.database_path, settings.journal) if isinstance(path, Path)]
    for folder in sorted({settings.data, *(file.parent for file in files)}):
        if folder.is_dir():
            free = shutil.disk_usage(folder).free
            says = f"{free // 2**20:,} MiB are free in {folder}."
            is_low = free < LOW_DISK
            yield Finding("disk", "action" if is_low else "ok", f"Only {says}" if is_low else says)


def _privacy(settings: Settings) -> Iterator[Finding]:
    """Orders are personal data, and the secret signs links."""
    private = (settings.database_path, settings.journal, settings.data / "secret", settings.outbox)
    exposed = [path for path in private if isinstance(path, Path) and _is_exposed(path)]
    for path in exposed:
        yield Finding("privacy", "action", f"Every user of this machine can read {path}: chmod o-rwx {path}")
    if not exposed:
        yield Finding("privacy", "ok", "No other user of this machine can read the data.")


def _is_exposed(path: Path) -> bool:
    """Whether the mode lets others read the file, and lets them into its folder."""
    if not path.exists() or not path.stat().st_mode & stat.S_IROTH:
        return False
    return bool(path.resolve().parent.stat().st_mode & stat.S_IXOTH)
