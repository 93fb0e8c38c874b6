"""The only builder: settings, store, couriers and clock become a running Afterword."""

import asyncio
import errno
import gc
import os
import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from afterword.base.clock import Clock, system_clock
from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.base.ids import sign_token
from afterword.base.log import log_for
from afterword.base.settings import Settings
from afterword.dispatch.dispatcher import Dispatcher
from afterword.dispatch.notices import NoticeLane
from afterword.domain.invitations import fingerprint
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.mail.letter import Composer, Links
from afterword.mail.notice import (
    Content,
    Kept,
    NoticeComposer,
    Reader,
    Receipt,
    Rejected,
    Reply,
    Waiting,
    WaitingReview,
)
from afterword.mail.outbox import OutboxCourier
from afterword.mail.smtp import SmtpCourier
from afterword.mail.smtp_address import SmtpAddress, parse_smtp_url
from afterword.mail.stationery import Letter
from afterword.mail.transport import Courier
from afterword.store.due_notices import NoticeClaim
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.invitations import Claim
from afterword.web.orders_api.reader import Readers
from afterword.web.server import WebSettings, build_server, build_web
from afterword.webhooks.sending import Sender

OUTBOX_SENDER = "reviews@localhost"
"""Who letters in the outbox come from when AFTERWORD_FROM is not set."""

log = log_for("app")


def build_courier(settings: Settings, connections: int = 16) -> Courier:
    """Who carries live letters. Raises SettingsError."""
    if settings.smtp is None:
        return OutboxCourier(settings.outbox)
    return SmtpCourier(smtp_address(settings), connections=connections)


def smtp_address(settings: Settings) -> SmtpAddress:
    try:
        return parse_smtp_url(settings.smtp or "")
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_SMTP: {error}") from error


def build_dispatcher(settings: Settings, database: EngineDatabase, clock: Clock = system_clock) -> Dispatcher:
    """Raises SettingsError."""
    couriers = {True: build_courier(settings), False: OutboxCourier(settings.outbox)}
    writer = _LetterWriter(settings)
    notices = NoticeLane(
        database,
        writer.write_notice,
        {True: build_courier(settings, connections=1), False: OutboxCourier(settings.outbox)},
        Sender(settings.webhook_allow),
        clock,
    )
    signer = Signer(settings.link_secret())
    return Dispatcher(database, writer.write, couriers, notices, clock, signer)


class _LetterWriter:
    """Writes the letters of claims, with their links."""

    def __init__(self, settings: Settings) -> None:
        try:
            self._composer = Composer(settings.sender or OUTBOX_SENDER, settings.link_host)
            self._notices = NoticeComposer(settings.sender or OUTBOX_SENDER, settings.link_host)
        except ValueError as error:
            raise SettingsError(f"AFTERWORD_FROM: {error}") from error
        self._url = settings.url
        self._secret = settings.link_secret()

    def write(self, claim: Claim, now: float) -> Letter:
        links = Links(*self._links(claim.shop, claim.invitation.id, claim.fingerprint))
        return self._composer.compose(claim.invitation, claim.shop, links, now)

    def write_notice(self, claim: NoticeClaim, now: float) -> Letter:
        """To the shop, or to whoever wrote; to them with the links of their invitation."""
        shop, order = claim.shop, claim.order
        if order is None:
            reader = Reader(claim.notice.recipient, shop.lang)
        else:
            mark = fingerprint(shop.salt, live=order.live, id_order=order.id_order)
            names = claim.notice.recipient, order.lang, order.firstname, order.lastname
            reader = Reader(*names, *self._links(shop, order.order_id, mark))
        world = "" if claim.notice.live else "/test"
        content = content_of(claim, f"{self._url}/s/{shop.id}{world}/verify")
        return self._notices.compose(content, shop, reader, claim.fingerprint, now)

    def _links(self, shop: Shop, order_id: int, mark: str) -> tuple[str, str]:
        """To review, and to get no more letters."""
        return self._link("r", shop, order_id, mark), self._link("u", shop, order_id, mark)

    def _link(self, purpose: str, shop: Shop, order_id: int, mark: str) -> str:
        token = sign_token(self._secret, purpose, order_id, mark)
        return f"{self._url}/{purpose}/{shop.id}/{token}"


def content_of(claim: NoticeClaim, verify: str) -> Content:
    """What the letter of a notice says; `verify` is the address of the page that checks a receipt."""
    details = claim.notice.details
    if claim.notice.kind == "receipt":
        reviews = {review.id: review for review in claim.reviews}
        kept = [
            _kept(reviews[each["review"]], each) for each in details["receipts"] if each["review"] in reviews
        ]
        is_public = all(review.state == "published" for review in claim.reviews)
        return Receipt(kept, is_public, verify)
    if claim.notice.kind == "waiting":
        first = [
            WaitingReview(one.id, one.product_name or "", one.rating, _day(one.publish_at, claim.shop))
            for one in claim.reviews
        ]
        return Waiting(claim.waiting, first, claim.notice.live)
    [review] = claim.reviews
    about = review.product_name or ""
    return (
        Rejected(about, details["reason"])
        if claim.notice.kind == "rejected"
        else Reply(about, review.reply or "")
    )


def _kept(review: Review, receipt: Mapping[str, Any]) -> Kept:
    """With its words, unless others have taken their place meanwhile."""
    text = review.text if review.version == receipt["version"] else None
    return Kept(review.product_name or "", review.rating, text, receipt["hash"], receipt["salt"])


def _day(moment: int | None, shop: Shop) -> str:
    return (
        "" if moment is None else datetime.fromtimestamp(moment, ZoneInfo(shop.timezone)).date().isoformat()
    )


class Address(NamedTuple):
    """Where the server listens: an IP address and a port."""

    host: str
    port: int


def free_address(settings: Settings) -> Address:
    """Where to listen. Raises SettingsError when that is no place of this machine, or somebody listens there.

    The server itself would not notice: it shares its port (SO_REUSEPORT), so that a second one would take
    every other connection.
    """
    try:
        family, _, _, _, found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.create_server((found[0], settings.port), family=family) as probe:
            address = Address(*probe.getsockname()[:2])
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"{where} is in use already: stop what listens there, or set AFTERWORD_PORT to another port"
            ) from error
        raise SettingsError(
            f"AFTERWORD_HOST and AFTERWORD_PORT: cannot listen on {where}: {_words(error)}"
        ) from error
    return address


def _words(error: OSError) -> str:
    # `strerror` of a failed bind repeats the address; the codes of a failed look-up are not the system's own.
    if isinstance(error, socket.gaierror):
        return error.strerror or "no such host"
    return os.strerror(error.errno or 0)


async def serve(
    settings: Settings,
    database: EngineDatabase,
    *,
    dispatch: bool,
    address: Address | None = None,
    ready: Callable[[], None] | None = None,
    lifeline: int | None = None,
) -> None:
    """Web and, unless told otherwise, a dispatcher, until SIGTERM or SIGINT; then both finish what they hold.

    `address` is what `free_address` says; `ready` is called once it answers. The end of `lifeline`, a descriptor,
    counts as SIGTERM. Raises SettingsError.
    """
    address = address or free_address(settings)
    spool = _own_folder(settings.data / "spool")
    readers = Readers()
    dispatcher = build_dispatcher(settings, database) if dispatch else None
    place = WebSettings(settings.link_secret(), settings.body_limit, spool, settings.url)
    server = build_server(build_web(database, readers, system_clock, place), *address)
    say_how_letters_go(settings, database)
    stopping = _stop_signals()
    if lifeline is not None:
        asyncio.get_running_loop().add_reader(lifeline, stopping.set)
    tasks = [asyncio.create_task(server.serve())]
    if dispatcher:
        tasks.append(asyncio.create_task(dispatcher.run()))
    if await _answers(address, tasks[0], stopping):
        log.info("serving", url=settings.url, host=address.host, port=address.port, dispatch=dispatch)
        if ready:
            ready()
    _freeze()
    lost = asyncio.create_task(database.until_lost())
    await _first_end([*tasks, lost], stopping)
    server.stop()
    if dispatcher:
        dispatcher.stop()
    if lost.done():
        # Nothing in hand can be settled any more; the next start finds out what became of it.
        tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=lost.done())
    readers.close()
    shutil.rmtree(spool, ignore_errors=True)
    await database.close()
    if lost.done():
        raise StoreUnavailable("the process that writes to the database was lost: start again")
    log.info("stopped")


async def dispatch(settings: Settings, database: EngineDatabase) -> None:
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


def say_how_letters_go(settings: Settings, database: EngineDatabase) -> None:
    if settings.smtp is None:
        log.warning(
            "NO MAIL IS SENT: AFTERWORD_SMTP is not set, letters become files", outbox=str(settings.outbox)
        )
    if database.is_held:
        log.error(
            "NOTHING IS SENT: the send journal of this database is missing or cannot be reached; "
            "run: afterword doctor"
        )


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


def _freeze() -> None:
    """What is here now stays for good: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


def _own_folder(path: Path) -> Path:
    """A folder of this process in there, for bodies that are being read; what the dead have left is removed."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in path.iterdir():
        if left.is_file():
            left.unlink(missing_ok=True)
        elif left.name == str(os.getpid()) or not Path("/proc", left.name).exists():
            # In a container, one that is started anew often has the number of the dead.
            shutil.rmtree(left, ignore_errors=True)
    own = path / str(os.getpid())
    own.mkdir(mode=0o700)
    return own
