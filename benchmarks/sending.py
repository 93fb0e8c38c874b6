"""c: composing and sending messages over 16 connections with durable marks and outcomes, against aiosmtplib's
`sendmail` of one ready message of the same size.

The dispatcher runs without the web on a database full of due invitations until the last one is recorded; its
log goes to a file. The limit keeps 16 connections open. Both send to Postfix's `smtp-sink`, or, as the table
then says, to a sink in Python.
"""

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from itertools import repeat
from pathlib import Path

import aiosmtplib

from afterword.app import build_dispatcher
from afterword.base.log import set_up_log
from afterword.base.settings import Settings
from afterword.store.engine.database import Database
from afterword.store.opening import open_database
from benchmarks.ground import (
    Ground,
    WrongResultError,
    apart,
    count,
    say,
    settings_of,
)
from benchmarks.sampling import make_ready
from benchmarks.serving import HOST
from benchmarks.sink import Sink, kind, sink
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.waiting import fill
from benchmarks.watching import Watched, samples_folder, watching

CONNECTIONS = 16
SENDER = "reviews@afterword.example"
PATIENCE = 120
"""Maximum seconds of a run."""


def measure(ground: Ground, runs: int) -> Report:
    """Raises WrongResultError if a message does not arrive, or arrives twice."""
    messages = 500 if ground.quick else 6_000
    with sink(ground.folder) as taker:
        ready = _ready_message(ground)
        ours, limits = in_turn(
            runs, lambda: _dispatch(ground, taker, messages)[0], lambda: _sendmail(taker, ready, messages)
        )
        say("  one more run, sampled")
        watched = _dispatch(ground, taker, messages, samples_folder(ground.folder))[1]
    return Report(
        name="c",
        title=f"messages of {len(ready):,} bytes, {CONNECTIONS} connections, to {kind()}",
        measured=[
            Measured(
                what="messages composed, marked, sent, recorded",
                unit="messages/s",
                limit_is="aiosmtplib's sendmail of one ready message of the same size, the connections kept open",
                ours=ours,
                limits=limits,
                needed=Needed(0.6),
            )
        ],
        dominates=watched.dominates(messages, "a message"),
    )


def _dispatch(
    ground: Ground, taker: Sink, messages: int, samples: Path | None = None
) -> tuple[float, Watched]:
    """Messages per second of one run on a new database with due invitations; each must arrive exactly once."""
    data = ground.fresh("messages")
    _fill(data, messages)
    before = taker.messages()
    seconds, watched = apart(_send_all, data, taker.port, samples)
    found = arrived(taker, before + messages) - before
    sent = count(data, "SELECT count(*) FROM messages WHERE state = 'sent'")
    if not found == sent == messages:
        raise WrongResultError(f"of {messages} messages {found} arrived and {sent} are sent")
    return messages / seconds, watched


def _fill(data: Path, messages: int) -> None:
    fill(data, orders=messages, due=messages, now=int(time.time()))


def arrived(taker: Sink, expected: int) -> int:
    """The sink's count, once it is as expected or has stopped changing."""
    for _ in range(20):
        if taker.messages() >= expected:
            break
        time.sleep(0.05)
    return taker.messages()


def _send_all(data: Path, port: int, samples: Path | None) -> tuple[float, Watched]:
    """The seconds in which the dispatcher sends all due invitations."""
    if samples:
        make_ready(samples)
    with _logging_to(data / "log"):
        address = f"smtp://{HOST}:{port}?tls=none"
        return asyncio.run(_dispatch_all(settings_of(data, SMTP=address, FROM=SENDER), samples))


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Writes the log of this process to a file, as for a service."""
    with path.open("w") as log, redirect_stderr(log):
        set_up_log()
        yield


async def _dispatch_all(settings: Settings, samples: Path | None = None) -> tuple[float, Watched]:
    """As in `afterword serve`, with a separate writing process."""
    database = open_database(settings, apart=True)
    dispatcher = build_dispatcher(settings, database)
    gc.collect()
    gc.freeze()
    with watching(os.getpid(), samples) if samples else nullcontext(Watched()) as watched:
        started = time.perf_counter()
        running = asyncio.create_task(dispatcher.run())
        while not running.done() and _is_any_left(database):
            await asyncio.sleep(0.01)
            if time.perf_counter() - started > PATIENCE:
                raise WrongResultError(f"the messages are not all sent after {PATIENCE} seconds")
        seconds = time.perf_counter() - started
    dispatcher.stop()
    await running
    database.close_now()
    return seconds, watched


_LEFT = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM messages INDEXED BY messages_due WHERE state = 'scheduled')
OR EXISTS (SELECT 1 FROM messages INDEXED BY messages_held WHERE state IN ('claimed', 'sending'))
"""


def _is_any_left(database: Database) -> bool:
    return bool(database.read_now(lambda tx: tx.rows(_LEFT)))


def _sendmail(taker: Sink, ready: bytes, messages: int) -> float:
    """Messages per second of the library alone."""
    before = taker.messages()
    seconds = apart(_run_bare, taker.port, ready, messages)
    found = arrived(taker, before + messages) - before
    if found != messages:
        raise WrongResultError(f"of {messages} bare messages {found} arrived")
    return messages / seconds


def _run_bare(port: int, ready: bytes, messages: int) -> float:
    return asyncio.run(_send_bare(port, ready, messages))


async def _send_bare(port: int, ready: bytes, messages: int) -> float:
    clients = [aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) for _ in range(CONNECTIONS)]
    for client in clients:
        await client.connect()
    left = iter(repeat(None, messages))

    async def send(client: aiosmtplib.SMTP) -> None:
        for _ in left:
            await client.sendmail(SENDER, ["john.doe@example.com"], ready)

    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    await asyncio.gather(*map(send, clients))
    seconds = time.perf_counter() - started
    for client in clients:
        await client.quit()
    return seconds


def _ready_message(ground: Ground) -> bytes:
    """A message of ours, taken from the outbox."""
    data = ground.fresh("ready")
    _fill(data, 1)
    return apart(_compose_one, data)


def _compose_one(data: Path) -> bytes:
    with _logging_to(data / "log"):
        asyncio.run(_dispatch_all(settings_of(data, SMTP="outbox:")))
    [message] = settings_of(data).outbox.glob("*.eml")
    return message.read_bytes()
