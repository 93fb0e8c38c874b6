"""What `afterword doctor` looks at: all that may need a person, each finding a sentence that says what to do."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Never

from afterword.actions.operating import backlog
from afterword.actions.operating.backlog import Finding
from afterword.base.errors import Refused, SchemaTooNew, SettingsError, StoreUnavailable
from afterword.base.settings import OUTBOX, Settings
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.migrate import migrations
from afterword.store.journal.place import journal_place
from afterword.store.messages.due import is_spread
from afterword.store.opening import open_database, unverified_servers
from afterword.store.overview import count_by_state, oldest_due
from afterword.store.queries import query

LOW_DISK = 500 * 2**20
"""Bytes of free disk space below which a person should free some."""

_WHENEVER = 2**53
"""A moment (epoch seconds) after all others."""

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
        findings += _connections(settings)
        database = open_database(settings)
        try:
            findings += _store(settings, database, build, details, now)
        finally:
            database.close_now()
    except (SettingsError, SchemaTooNew, StoreUnavailable) as error:
        findings.append(Finding("database", "action", str(error)))
    # Other commands start in half the time without what sends, and what asks over HTTP.
    from afterword.actions.operating import mail, pulse

    serving, dispatching = pulse.serving, partial(pulse.dispatching, now=now)
    checks = (serving, dispatching, mail.server, mail.sender_domain, _disk, _privacy)
    for check in checks:
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
    if settings.smtp not in (None, OUTBOX) and settings.link_host in _LOOPBACK:
        says = (
            f"Links in e-mails lead to {settings.url}, which only this machine can open: set AFTERWORD_URL."
        )
        yield Finding("settings", "note", says)


def _store(
    settings: Settings, database: Database, build: Build, details: dict[str, Any], now: float
) -> Iterator[Finding]:
    details["schema"] = migrations()[-1][0]
    yield from _cluster(database)
    yield from _database(database)
    yield from _journal(settings, database)
    yield from _sender(settings, database, build)
    yield from _unsent(settings, database)
    yield from backlog.lateness(database, now)
    yield from backlog.invitations(database, details)
    yield from backlog.notifications(database)
    yield from backlog.reviews(database, details, now)
    yield from backlog.chains(database)


def _cluster(database: Database) -> Iterator[Finding]:
    """The servers of a Citus cluster, where there is one."""
    if not database.read_now(is_spread):
        return
    from afterword.store.transfer.citus import servers  # a SQLite file should not wait for psycopg

    found = database.read_now(servers)
    for server in found:
        if server.settings is None:
            says = (
                f"The node {server.name} does not answer ({server.trouble}): its shops' orders are refused, and "
                "no e-mails are sent. Have it started."
            )
            yield Finding("cluster", "action", says)
        elif server.is_patient:
            says = (
                f"Lines from {server.name} to other servers have no time limits: set citus.node_conninfo there "
                "(docs/citus.md)."
            )
            yield Finding("cluster", "note", says)
    if all(server.settings and not server.is_patient for server in found):
        yield Finding("cluster", "ok", f"All {len(found)} servers of the cluster answer.")


def _database(database: Database) -> Iterator[Finding]:
    if faults := database.check():
        says = f"{database.name} is damaged ({faults[0]}): stop Afterword and restore a backup."
        yield Finding("database", "action", says)
    else:
        yield Finding("database", "ok", f"{database.name} is intact.")
    yield from _writing(database)
    yield Finding("schema", "ok", f"The schema is {migrations()[-1][0]}, the newest.")


class _TakenBackError(Exception):
    """Rolls a write back."""


def _try_write(tx: Transaction) -> Never:
    tx.run(query("try_write"))
    raise _TakenBackError


def _writing(database: Database) -> Iterator[Finding]:
    try:
        database.write_now(_try_write)
    except _TakenBackError:
        return
    except StoreUnavailable as error:
        says = (
            f"{database.name} cannot be written ({error}), so orders are refused: check that the user that runs "
            "Afterword owns it, and that its disk is neither full nor read-only."
        )
        yield Finding("database", "action", says)


def _connections(settings: Settings) -> Iterator[Finding]:
    for name, mode in unverified_servers(settings):
        says = (
            f"THE SERVER THAT {name} NAMES IS NOT VERIFIED: with sslmode={mode}, another machine on the way can take "
            "its place, read all orders and change them. Write sslmode=verify-full, unless the network between is "
            "yours alone."
        )
        yield Finding("tls", "note", says)


def _journal(settings: Settings, database: Database) -> Iterator[Finding]:
    name = settings.journal_name
    if not database.is_held:
        yield _journal_on_disk(settings)
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


def _journal_on_disk(settings: Settings) -> Finding:
    """Opens and fsyncs it, as each e-mail does. One in PostgreSQL was reached when the database was opened."""
    name = settings.journal_name
    if isinstance(settings.journal, Path):
        try:
            file = os.open(settings.journal, os.O_WRONLY | os.O_APPEND)
            try:
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            says = f"{name}, the send journal, cannot be written ({error.strerror}), so no e-mail is sent."
            return Finding("journal", "action", says)
    return Finding("journal", "ok", f"{name} is the send journal of this database.")


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
    except OSError as error:
        return error.strerror or type(error).__name__
    if found is not None:
        found.close()
    return None


def _sender(settings: Settings, database: Database, build: Build) -> Iterator[Finding]:
    """Whether e-mails can be written at all: who they come from, and what signs their links."""
    try:
        build(settings, database)
    except SettingsError as error:
        yield Finding("sender", "action", f"{error}.")


def _unsent(settings: Settings, database: Database) -> Iterator[Finding]:
    """Without a mail server: who has chosen that, and whether anything waits for it."""
    if settings.smtp == OUTBOX:
        says = f"NO E-MAIL IS SENT: with AFTERWORD_SMTP={OUTBOX}, e-mails become files in {settings.outbox}."
        yield Finding("mail", "note", says)
    elif settings.smtp is None:
        is_waiting = database.read_now(lambda tx: oldest_due(tx, _WHENEVER)) is not None
        says = (
            "NO LIVE E-MAIL IS SENT: AFTERWORD_SMTP is not set. Live e-mails wait until it names a mail server, or "
            f"is {OUTBOX} to write them into files."
        )
        yield Finding("mail", "action" if is_waiting else "note", says)


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
