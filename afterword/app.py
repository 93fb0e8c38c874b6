"""The only builder: settings, store, couriers and clock become a running Afterword."""

import asyncio
import gc
import signal
from contextlib import suppress
from pathlib import Path

from afterword.base.clock import Clock, system_clock
from afterword.base.ids import sign_token
from afterword.base.log import log_for
from afterword.base.settings import Settings, SettingsError
from afterword.dispatch.dispatcher import Dispatcher
from afterword.mail.courier import Courier
from afterword.mail.letter import Composer, Letter, Links
from afterword.mail.outbox import OutboxCourier
from afterword.mail.smtp import SmtpCourier
from afterword.mail.smtp_address import SmtpAddress, parse_smtp_url
from afterword.store.invitations import Claim
from afterword.store.sqlite import SqliteDatabase
from afterword.web.reader import Readers
from afterword.web.server import Place, build_server, build_web

OUTBOX_SENDER = "reviews@localhost"
"""Who letters in the outbox come from when AFTERWORD_FROM is not set."""

log = log_for("app")


def open_database(settings: Settings) -> SqliteDatabase:
    """The database, migrated. Raises SettingsError, SchemaTooNew, StoreUnavailable."""
    return SqliteDatabase(settings.database_path, settings.journal)


def build_courier(settings: Settings) -> Courier:
    """Who carries live letters. Raises SettingsError."""
    if settings.smtp is None:
        return OutboxCourier(settings.outbox)
    return SmtpCourier(smtp_address(settings))


def smtp_address(settings: Settings) -> SmtpAddress:
    try:
        return parse_smtp_url(settings.smtp or "")
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_SMTP: {error}") from error


def build_dispatcher(settings: Settings, database: SqliteDatabase, clock: Clock = system_clock) -> Dispatcher:
    """Raises SettingsError."""
    couriers = {True: build_courier(settings), False: OutboxCourier(settings.outbox)}
    return Dispatcher(database, _Writer(settings).write, couriers, clock)


class _Writer:
    """Writes the letter of a claim, with its links."""

    def __init__(self, settings: Settings) -> None:
        try:
            self._composer = Composer(settings.sender or OUTBOX_SENDER, settings.link_host)
        except ValueError as error:
            raise SettingsError(f"AFTERWORD_FROM: {error}") from error
        self._url = settings.url
        self._secret = settings.link_secret()

    def write(self, claim: Claim, now: float) -> Letter:
        links = Links(review=self._link("r", claim), unsubscribe=self._link("u", claim))
        return self._composer.compose(claim.invitation, claim.shop, links, now)

    def _link(self, purpose: str, claim: Claim) -> str:
        token = sign_token(self._secret, purpose, claim.invitation.id, claim.fingerprint)
        return f"{self._url}/{purpose}/{claim.shop.id}/{token}"


async def serve(settings: Settings, database: SqliteDatabase, *, dispatch: bool) -> None:
    """Web and, unless told otherwise, a dispatcher, until SIGTERM or SIGINT; then both finish what they hold."""
    spool = _empty_folder(settings.data / "spool")
    readers = Readers()
    dispatcher = build_dispatcher(settings, database) if dispatch else None
    place = Place(settings.link_secret(), settings.body_limit, spool)
    server = build_server(build_web(database, readers, system_clock, place), settings.host, settings.port)
    say_how_letters_go(settings, database)
    stopping = _stop_signals()
    tasks = [asyncio.create_task(server.serve())]
    if dispatcher:
        tasks.append(asyncio.create_task(dispatcher.run()))
    log.info("serving", url=settings.url, host=settings.host, port=settings.port, dispatch=dispatch)
    _freeze()
    await _first_end(tasks, stopping)
    server.stop()
    if dispatcher:
        dispatcher.stop()
    await asyncio.gather(*tasks)
    readers.close()
    await database.close()
    log.info("stopped")


async def dispatch(settings: Settings, database: SqliteDatabase) -> None:
    """A dispatcher alone, until SIGTERM or SIGINT."""
    dispatcher = build_dispatcher(settings, database)
    say_how_letters_go(settings, database)
    stopping = _stop_signals()
    task = asyncio.create_task(dispatcher.run())
    _freeze()
    await _first_end([task], stopping)
    dispatcher.stop()
    await task
    await database.close()
    log.info("stopped")


def say_how_letters_go(settings: Settings, database: SqliteDatabase) -> None:
    if settings.smtp is None:
        log.warning(
            "NO MAIL IS SENT: AFTERWORD_SMTP is not set, letters become files", outbox=str(settings.outbox)
        )
    if database.is_held:
        log.error("NOTHING IS SENT: the send journal of this database is missing; run: afterword doctor")


def _stop_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _first_end(tasks: list[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Until somebody says stop, or one of the tasks ends, which it never should by itself."""
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    with suppress(asyncio.CancelledError):
        await stop


def _freeze() -> None:
    """What is here now stays for good: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


def _empty_folder(path: Path) -> Path:
    """The folder of bodies that are being read; what a crash left in it is removed."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in path.iterdir():
        left.unlink()
    return path
