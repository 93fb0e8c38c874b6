"""What `afterword doctor` looks at: each check gives what it found, in sentences.

What sends letters is imported where it is looked at: the other commands start in half the time without it.
"""

import asyncio
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.base.settings import Settings
from afterword.cli.output import time_text
from afterword.domain.shops import Shop, format_delay
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.migrate import migrations
from afterword.store.journal.place import journal_place
from afterword.store.messages.invitations import InvitationRow
from afterword.store.overview import Unsent, WaitingReviews, oldest_due
from afterword.store.webhooks import Webhook

PATIENCE = 10.0
"""Seconds that the mail server may take for an answer."""

LATE = 300
"""Seconds past its time from which a due letter means that nobody sends, or that there are too many."""

LITTLE_ROOM = 500 * 2**20
"""Bytes of free disk space from which it is time to make more."""

MANY_TRIES = 3
"""From which an e-mail or a delivery that waits is worth a word."""

ONLY_HERE = ("localhost", "127.0.0.1", "::1")


class Finding(NamedTuple):
    """`note` is worth knowing, `trouble` needs a person."""

    check: str
    level: Literal["well", "note", "trouble"]
    says: str


def of_settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("settings", "well", f"The data folder is {settings.data}.")
    if settings.smtp is not None and settings.link_host in ONLY_HERE:
        says = f"The links in letters lead to {settings.url}, which only this machine can open: set AFTERWORD_URL."
        yield Finding("settings", "note", says)


def of_database(database: EngineDatabase) -> Iterator[Finding]:
    faults = database.check()
    if faults:
        says = f"{database.name} is damaged ({faults[0]}): stop Afterword and restore a backup."
        yield Finding("database", "trouble", says)
    else:
        yield Finding("database", "well", f"{database.name} is whole.")
    yield Finding("schema", "well", f"The schema is {migrations()[-1][0]}, the newest one.")


def of_journal(settings: Settings, database: EngineDatabase) -> Iterator[Finding]:
    if not database.is_held:
        yield Finding("journal", "well", f"{settings.journal_name} is the send journal of this database.")
        return
    if why := why_journal_is_away(database):
        says = (
            f"NOTHING IS SENT: the send journal, {settings.journal_name}, cannot be reached just now ({why}), so "
            "nobody can tell what was sent. Letters wait, and go on by themselves once it can be."
        )
        yield Finding("journal", "trouble", says)
        return
    wrong = "is not there, is not the journal of this database, or is an older one"
    if isinstance(settings.journal, Path):
        wrong = wrong.removeprefix("is not there, ") if settings.journal.exists() else "is not there"
    yield Finding(
        "journal",
        "trouble",
        f"NOTHING IS SENT: this database has sent letters, and its send journal, {settings.journal_name}, {wrong}. "
        "Put it back; or, when it is lost, accept that letters may go twice: afterword doctor --accept",
    )


def why_journal_is_away(database: EngineDatabase) -> str | None:
    """Why nobody can tell whether the send journal is there; None when it can be told."""
    try:
        found = journal_place(database.journal.address).find()
    except StoreUnavailable as error:
        return str(error)
    if found is not None:
        found.close()
    return None


def of_lateness(database: EngineDatabase, now: float) -> Iterator[Finding]:
    since = database.read_now(lambda tx: oldest_due(tx, now))
    if since is None or now - since < LATE:
        yield Finding("lateness", "well", "No due letter waits.")
    else:
        says = f"The oldest due letter waits since {time_text(since)}: does afterword serve run? What does it log?"
        yield Finding("lateness", "trouble", says)


def of_counts(counts: Mapping[str, int]) -> Finding:
    listed = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
    return Finding("invitations", "well", (listed or "None yet") + ".")


def of_doubt(rows: Sequence[InvitationRow], count: int) -> Iterator[Finding]:
    for row in rows:
        says = (
            f"Invitation {row.id} of shop {row.shop_id} (order {row.id_order}) may have been sent or not: "
            f"{row.reason or 'unknown'}. If the mail server's log says that it was not: afterword invitation send "
            f"{row.id}; else: afterword invitation cancel {row.id} --reason delivered"
        )
        yield Finding("in doubt", "trouble", says)
    if count > len(rows):
        says = f"And {count - len(rows):,} more: afterword invitation list SHOP --state in_doubt"
        yield Finding("in doubt", "trouble", says)


def of_reviews(waiting: Sequence[tuple[WaitingReviews, Shop]], now: float) -> Iterator[Finding]:
    """Live reviews that a person should look at. One in which the checks found something waits for ever, so it is
    trouble once it has waited for as long as its shop lets any other wait."""
    if not waiting:
        yield Finding("reviews", "well", "No review waits for a person.")
    for found, shop in waiting:
        listed = f"afterword review list {shop.id} --state waiting"
        amount = "1 review waits" if found.amount == 1 else f"{found.amount:,} reviews wait"
        says = f"{amount} for a person of shop {shop.id}, since {time_text(found.since)}: {listed}"
        if found.found_since is None or now - found.found_since < shop.publish_after:
            yield Finding("reviews", "note", says)
            continue
        says += (
            f". In one of them the checks found something, and it has waited for longer than "
            f"{format_delay(shop.publish_after)}: time does not publish it, only a person publishes or rejects it"
        )
        yield Finding("reviews", "trouble", says)


def of_unsent(unsent: Sequence[Unsent], stopped: Sequence[Webhook]) -> Iterator[Finding]:
    """E-mails, but for invitations, and deliveries to webhooks that were not sent."""
    for webhook in stopped:
        says = (
            f"Webhook {webhook.id} of shop {webhook.shop_id} is told nothing any more ({webhook.stopped}). When it "
            f"is well again: afterword webhook test {webhook.id}; else: afterword webhook remove {webhook.id}"
        )
        yield Finding("webhooks", "trouble", says)
    for one in unsent:
        what = f"deliveries to webhook {one.webhook_id}" if one.webhook_id else "e-mails about reviews"
        which = f"{one.amount:,} {what} of shop {one.shop_id}"
        if one.state == "failed":
            yield Finding("messages", "note", f"{which} were given up: {one.error}")
        elif one.state == "in_doubt":
            yield Finding("messages", "note", f"{which} may have been sent or not: {one.error}")
        elif one.tries >= MANY_TRIES:
            yield Finding("messages", "note", f"{which} wait, after {one.tries} tries: {one.error}")
    if not unsent and not stopped:
        yield Finding("messages", "well", "Every message about a review was sent, or is about to be.")


def of_sender(settings: Settings, database: EngineDatabase) -> Iterator[Finding]:
    """Whether letters can be written at all: who they come from, and what signs their links."""
    from afterword.app import build_dispatcher

    try:
        build_dispatcher(settings, database)
    except SettingsError as error:
        yield Finding("letters", "trouble", f"{error}.")


def of_courier(settings: Settings) -> Iterator[Finding]:
    """A whole visit to the mail server, up to the login."""
    if settings.smtp is None:
        says = f"NO MAIL IS SENT: AFTERWORD_SMTP is not set, letters become files in {settings.outbox}."
        yield Finding("mail", "note", says)
        return
    from afterword.app import smtp_address
    from afterword.mail.smtp import SmtpTransport
    from afterword.mail.transport import TransportTrouble

    try:
        address = smtp_address(settings)
        asyncio.run(SmtpTransport(address, timeout=PATIENCE).check())
        yield Finding("mail", "well", f"The mail server {address.host}:{address.port} takes letters.")
    except (SettingsError, TransportTrouble) as error:
        yield Finding("mail", "trouble", f"{error}.")


def of_room(settings: Settings) -> Iterator[Finding]:
    files = [path for path in (settings.database_path, settings.journal) if isinstance(path, Path)]
    for folder in sorted({settings.data, *(file.parent for file in files)}):
        if folder.is_dir():
            free = shutil.disk_usage(folder).free
            level: Literal["well", "trouble"] = "well" if free >= LITTLE_ROOM else "trouble"
            says = f"{free // 2**20:,} MiB are free in {folder}."
            yield Finding("disk", level, says if level == "well" else f"Only {says}")


def of_privacy(settings: Settings) -> Iterator[Finding]:
    """Orders are personal data, and whoever reads the secret can sign links."""
    kept = (settings.database_path, settings.journal, settings.data / "secret", settings.outbox)
    open_ones = [path for path in kept if isinstance(path, Path) and _is_open_to_all(path)]
    for path in open_ones:
        says = f"Everybody on this machine can read {path}: chmod o-rwx {path}"
        yield Finding("privacy", "trouble", says)
    if not open_ones:
        yield Finding("privacy", "well", "Nobody else on this machine can read the data.")


def _is_open_to_all(path: Path) -> bool:
    """Whether the mode lets others read the file, and every folder of ours on the way lets them through."""
    if not path.exists() or not path.stat().st_mode & stat.S_IROTH:
        return False
    return bool(path.resolve().parent.stat().st_mode & stat.S_IXOTH)
