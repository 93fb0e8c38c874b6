"""Wiring alone: settings, store, transports and clock become a running Afterword."""

import asyncio
import gc
import shutil
import signal
from collections.abc import Callable

from afterword.base.clock import Clock, system_clock
from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.base.files import own_folder
from afterword.base.log import log_for
from afterword.base.settings import Settings
from afterword.dispatch.dispatcher import Dispatcher
from afterword.dispatch.settling import AT_ONCE, AtLeastOnce, AtMostOnce, Carrier, Compose
from afterword.dispatch.worker import Worker
from afterword.domain.messages import Queue
from afterword.domain.reviews.chain import Signer
from afterword.mail.compose import Composer
from afterword.mail.links import links_of
from afterword.mail.originator import OUTBOX_SENDER
from afterword.mail.outbox import OutboxTransport
from afterword.mail.smtp import SmtpTransport
from afterword.mail.smtp_address import SmtpAddress, parse_smtp_url
from afterword.mail.transport import Transport
from afterword.store.engine.engine_database import EngineDatabase
from afterword.web.listening import Address, free_address
from afterword.web.orders_api.reader import Readers
from afterword.web.server import WebSettings, build_server, build_web
from afterword.webhooks.sending import Sender

log = log_for("app")


def build_transport(settings: Settings, connections: int = 16) -> Transport:
    """What carries live e-mails. Raises SettingsError."""
    if settings.smtp is None:
        return OutboxTransport(settings.outbox)
    return SmtpTransport(smtp_address(settings), connections=connections)


def smtp_address(settings: Settings) -> SmtpAddress:
    try:
        return parse_smtp_url(settings.smtp or "")
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_SMTP: {error}") from error


def build_dispatcher(settings: Settings, database: EngineDatabase, clock: Clock = system_clock) -> Dispatcher:
    """Raises SettingsError."""
    compose = build_compose(settings)
    workers = [
        Worker(database, queue, carrier, clock, live=live)
        for live in (True, False)
        for queue, carrier in _carriers(settings, compose, clock, live=live).items()
    ]
    return Dispatcher(database, workers, clock, Signer(settings.link_secret()))


def _carriers(settings: Settings, compose: Compose, clock: Clock, *, live: bool) -> dict[Queue, Carrier]:
    """What carries each queue of a mode, with connections of its own."""

    def mail(connections: int) -> Carrier:
        transport = build_transport(settings, connections) if live else OutboxTransport(settings.outbox)
        return AtMostOnce(compose, transport, clock, connections)

    return {
        Queue.INVITATIONS: mail(AT_ONCE),
        Queue.MAIL: mail(2),
        Queue.WEBHOOKS: AtLeastOnce(Sender(settings.webhook_allow), clock),
    }


def build_compose(settings: Settings) -> Compose:
    """What composes e-mails, with their links. Raises SettingsError."""
    try:
        composer = Composer(settings.sender or OUTBOX_SENDER, settings.link_host)
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_FROM: {error}") from error
    url, secret = settings.url, settings.link_secret()
    return lambda message, shop, now: composer.compose(
        message, shop, links_of(message, shop, url, secret), now
    )


async def serve(
    settings: Settings,
    database: EngineDatabase,
    *,
    dispatch: bool,
    address: Address | None = None,
    ready: Callable[[], None] | None = None,
    lifeline: int | None = None,
) -> None:
    """The web server and, with `dispatch`, a dispatcher, until SIGTERM or SIGINT; then both finish what they hold.

    `ready` is called once it answers. The end of `lifeline`, a descriptor, counts as SIGTERM. Raises SettingsError,
    and StoreUnavailable when the writing process is lost.
    """
    address, readers = address or free_address(settings), Readers()
    spool = own_folder(settings.data / "spool")
    dispatcher = build_dispatcher(settings, database) if dispatch else None
    web = WebSettings(settings.link_secret(), settings.body_limit, spool, settings.url)
    server = build_server(build_web(database, readers, system_clock, web), *address)
    warn_about_mail(settings, database)
    stopping = _stop_signals(lifeline)
    tasks = [
        asyncio.create_task(each) for each in (server.serve(), *([dispatcher.run()] if dispatcher else []))
    ]
    if await _answers(address, tasks[0], stopping):
        log.info("server started", url=settings.url, host=address.host, port=address.port, dispatch=dispatch)
        if ready:
            ready()
    is_lost = await _until_stopped(database, tasks, stopping)
    server.stop()
    if dispatcher:
        dispatcher.stop()
    await _end(tasks, is_lost)
    readers.close()
    shutil.rmtree(spool, ignore_errors=True)
    await database.close()
    if is_lost:
        raise StoreUnavailable("the process that writes to the database was lost: start again")
    log.info("server stopped")


async def _end(tasks: list[asyncio.Task[None]], is_lost: bool) -> None:
    """Waits until they have finished. When the writing process is lost, nothing that is claimed can be settled: the
    next start finds out how it ended."""
    if is_lost:
        tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=is_lost)


async def dispatch(settings: Settings, database: EngineDatabase) -> None:
    """A dispatcher alone, until SIGTERM or SIGINT."""
    dispatcher = build_dispatcher(settings, database)
    warn_about_mail(settings, database)
    stopping = _stop_signals()
    task = asyncio.create_task(dispatcher.run())
    _freeze()
    await _first_end([task], stopping)
    dispatcher.stop()
    await task
    await database.close()
    log.info("dispatcher stopped")


async def _until_stopped(
    database: EngineDatabase, tasks: list[asyncio.Task[None]], stopping: asyncio.Event
) -> bool:
    """Returns when it is to stop; True when that is because the process that writes was lost."""
    _freeze()
    lost = asyncio.create_task(database.until_lost())
    await _first_end([*tasks, lost], stopping)
    return lost.done()


async def _answers(address: Address, server: asyncio.Task[None], stopping: asyncio.Event) -> bool:
    """Whether the server takes connections, once it does; False when it has ended instead, or is to stop."""
    while not server.done() and not stopping.is_set():
        try:
            _, writer = await asyncio.open_connection(*address)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return True
    return False


def warn_about_mail(settings: Settings, database: EngineDatabase) -> None:
    if settings.smtp is None:
        log.warning("smtp not configured", outbox=str(settings.outbox))
    if database.is_held:
        log.error(
            "sending paused",
            reason="send journal missing or unreachable",
            action="run: afterword doctor",
        )


def _stop_signals(lifeline: int | None = None) -> asyncio.Event:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stopping.set)
    return stopping


async def _first_end(tasks: list[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Until it is to stop, or one of the tasks ends, which it never should by itself."""
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()


def _freeze() -> None:
    """What is here now stays until the end: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
