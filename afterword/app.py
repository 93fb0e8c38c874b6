"""Wiring alone: settings, store, transports and clock become a running Afterword."""

import asyncio
import gc
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from granian.server.embed import Server

from afterword.actions.trial import TrialFiles
from afterword.base.clock import Clock, system_clock
from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.base.files import own_folder
from afterword.base.log import log_for
from afterword.base.settings import OUTBOX, Settings
from afterword.dispatch.dispatcher import Dispatcher
from afterword.dispatch.settling import AT_ONCE, AtLeastOnce, AtMostOnce, Carrier, Compose
from afterword.dispatch.watch import Watch
from afterword.dispatch.worker import Worker
from afterword.domain.messages import Queue
from afterword.domain.reviews.chain import Signer
from afterword.mail.compose import Composer
from afterword.mail.links import links_of
from afterword.mail.originator import OUTBOX_SENDER
from afterword.mail.outbox import OutboxTransport
from afterword.mail.smtp import SmtpTransport
from afterword.mail.smtp_address import parse_smtp_url
from afterword.mail.transport import Transport, UnchosenTransport
from afterword.store.engine.database import Database
from afterword.store.opening import link_secret, unverified_servers
from afterword.web.listening import Address
from afterword.web.orders_api.reader import Readers
from afterword.web.server import WebSettings, build_metrics_web, build_server, build_web
from afterword.webhooks.sending import Sender

FINISH_WITHIN = 10.0
"""Seconds from a stop in which requests under way are finished: a stranger can send a body as slowly as it likes."""

log = log_for("app")


def build_dispatcher(settings: Settings, database: Database, clock: Clock = system_clock) -> Dispatcher:
    """Raises SettingsError."""
    secret = link_secret(settings, database)
    compose = build_compose(settings, secret)
    watch = Watch(database)
    workers = [
        Worker(database, watch, queue, carrier, clock, live=live)
        for live in (True, False)
        for queue, carrier in _carriers(settings, compose, clock, live=live).items()
    ]
    return Dispatcher(database, watch, workers, clock, Signer(secret), settings.pulse)


def _carriers(settings: Settings, compose: Compose, clock: Clock, *, live: bool) -> dict[Queue, Carrier]:
    """What carries each queue of a mode, with connections of its own."""

    def mail(connections: int) -> Carrier:
        return AtMostOnce(compose, _transport(settings, connections, live=live), clock, connections)

    return {
        Queue.INVITATIONS: mail(AT_ONCE),
        Queue.MAIL: mail(2),
        Queue.WEBHOOKS: AtLeastOnce(Sender(settings.webhook_allow), clock),
    }


def _transport(settings: Settings, connections: int, *, live: bool) -> Transport:
    if settings.smtp == OUTBOX or not live:
        return OutboxTransport(settings.outbox, is_test=not live)
    if settings.smtp is None:
        return UnchosenTransport()
    try:
        address = parse_smtp_url(settings.smtp)
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_SMTP: {error}") from error
    return SmtpTransport(address, connections=connections)


def build_composer(settings: Settings) -> Composer:
    """Raises SettingsError."""
    try:
        return Composer(settings.sender or OUTBOX_SENDER, settings.link_host)
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_FROM: {error}") from error


def build_compose(settings: Settings, secret: str) -> Compose:
    """What composes e-mails, with their links. Raises SettingsError."""
    composer = build_composer(settings)
    return lambda message, shop, now: composer.compose(
        message, shop, links_of(message, shop, settings.url, secret), now
    )


async def serve(
    settings: Settings,
    database: Database,
    *,
    dispatch: bool,
    at: tuple[Address, Address | None],
    ready: Callable[[], None],
    lifeline: int | None,
) -> None:
    """The web server and, with `dispatch`, a dispatcher, until SIGTERM or SIGINT; then both finish what they hold,
    requests within FINISH_WITHIN.

    `at` is its address, and that of `/metrics` alone. `ready` is called once it answers. The end of `lifeline`, a
    descriptor, counts as SIGTERM. Raises SettingsError, and StoreUnavailable when the writing process is lost.
    """
    readers, spool = Readers(), own_folder(settings.data / "spool")
    dispatcher = build_dispatcher(settings, database) if dispatch else None
    servers = _build_servers(settings, database, readers, spool, at)
    warn_about_mail(settings, database)
    warn_about_servers(settings)
    stopping = _stop_signals(lifeline)
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    tasks += [asyncio.create_task(dispatcher.run())] if dispatcher else []
    if await _answers(address := at[0], tasks[0], stopping):
        log.info("server started", url=settings.url, host=address.host, port=address.port, dispatch=dispatch)
        ready()
    is_lost = await _until_stopped(database, tasks, stopping)
    for each in [*servers, *([dispatcher] if dispatcher else [])]:
        each.stop()
    if is_lost:  # nothing that is claimed can be settled: the next start finds out how it ended
        tasks[-1].cancel()
    late = await _cut_off(tasks[: len(servers)])
    await asyncio.gather(*(task for task in tasks if task not in late), return_exceptions=is_lost)
    readers.close()
    shutil.rmtree(spool, ignore_errors=True)
    database.close_now()
    if is_lost:
        raise StoreUnavailable("the process that writes to the database was lost: start again")
    log.info("server stopped")


def _build_servers(
    settings: Settings, database: Database, readers: Readers, spool: Path, at: tuple[Address, Address | None]
) -> list[Server]:
    address, metrics = at
    trial = TrialFiles(settings.outbox, settings.demo_key) if settings.is_trial else None
    secret, has_metrics = link_secret(settings, database), metrics is None
    sends = settings.smtp is not None
    web = WebSettings(
        secret,
        settings.body_limit,
        spool,
        settings.url,
        trial,
        has_metrics,
        sends,
        settings.outbox,
        settings.webhook_allow,
        build_composer(settings),
    )
    servers = [build_server(build_web(database, readers, system_clock, web), *address)]
    return servers + ([build_server(build_metrics_web(database, system_clock), *metrics)] if metrics else [])


async def dispatch(settings: Settings, database: Database) -> None:
    """A dispatcher alone, until SIGTERM or SIGINT."""
    dispatcher = build_dispatcher(settings, database)
    warn_about_mail(settings, database)
    warn_about_servers(settings)
    stopping = _stop_signals()
    task = asyncio.create_task(dispatcher.run())
    await _until_stopped(database, [task], stopping)
    dispatcher.stop()
    await task
    database.close_now()
    log.info("dispatcher stopped")


async def _until_stopped(
    database: Database, tasks: list[asyncio.Task[None]], stopping: asyncio.Event
) -> bool:
    """Returns when it is to stop, or one of the tasks ends, which it never should by itself; True when the process
    that writes was lost."""
    # What is here now stays until the end: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    stop, lost = asyncio.create_task(stopping.wait()), asyncio.create_task(database.until_lost())
    await asyncio.wait([stop, lost, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    return lost.done()


async def _cut_off(serving: list[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Waits until requests are finished. Returns the servers that were not in time, and are given up."""
    _, late = await asyncio.wait(serving, timeout=FINISH_WITHIN)
    for task in late:
        log.warning("requests cut off", after=FINISH_WITHIN)
        task.cancel()
    return late


async def _answers(address: Address, server: asyncio.Task[None], stopping: asyncio.Event) -> bool:
    """Whether the server takes connections, once it does; False when it has ended instead, or is to stop."""
    while not server.done() and not stopping.is_set():
        with suppress(OSError):
            _, writer = await asyncio.open_connection(*address)
            writer.close()
            return True
        await asyncio.sleep(0.01)
    return False


def warn_about_mail(settings: Settings, database: Database) -> None:
    if settings.smtp is None:
        log.warning("smtp not configured", action="set AFTERWORD_SMTP: until then, live e-mails wait")
    elif settings.smtp == OUTBOX:
        log.info("outbox chosen", outbox=str(settings.outbox))
    if database.is_held:
        reason = "send journal missing or unreachable"
        log.error("sending paused", reason=reason, action="run: afterword doctor")


def warn_about_servers(settings: Settings) -> None:
    for name, mode in unverified_servers(settings):
        action = "write sslmode=verify-full (docs/postgresql.md)"
        log.warning("database server unverified", setting=name, sslmode=mode, action=action)


def _stop_signals(lifeline: int | None = None) -> asyncio.Event:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stopping.set)
    return stopping
