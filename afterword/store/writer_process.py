"""A committer in a process of its own, for a server under load: SQLite and the event loop then never wait for one
another's interpreter lock.

The process is forked before the first connection is opened, since connections must not be carried across a fork.
It ends when its parent does, however that ends. When it is lost itself, nothing can be written any more and
`until_lost` returns: the server stops, and whoever watches over it starts it again.

Work crosses by pickle, so it is a function of a module, or a `functools.partial` of one.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from afterword.store.committer import Call, Committer, each
from afterword.store.database import StoreUnavailable, Transaction
from afterword.store.writer import MOST_IN_A_GROUP, MOST_WAITING, Waiting, settle

T = TypeVar("T")

_LENGTH = struct.Struct("!Q")
_PIECE = 2**20
"""Bytes read at once: nearly every group fits, and each call costs a turn of the interpreter's lock."""


class WriterProcess:
    """See `writer.Writer`."""

    def __init__(self, path: Path, journal: Path) -> None:
        """Raises what opening the database raises."""
        self._pipe, theirs = socket.socketpair()
        self._child = os.fork()
        if self._child == 0:
            self._pipe.close()
            _commit_for_parent(theirs, path, journal)
        theirs.close()
        self._waiting: deque[Waiting] = deque()
        self._group: list[Waiting] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_held = False
        self._lost = asyncio.Event()
        self.migrated: list[int] = self._receive()

    @property
    def is_held(self) -> bool:
        return self._is_held

    def put(self, call: Call) -> asyncio.Future[Any]:
        if len(self._waiting) >= MOST_WAITING or self._lost.is_set():
            raise StoreUnavailable("too many writes are waiting, or the writer is lost")
        loop = self._listen()
        done: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(Waiting(call, done))
        if len(self._waiting) == 1 and not self._group:
            loop.call_soon(self._send_group)
        return done

    def _listen(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._pipe, self._settle_group)
        return self._loop

    async def until_lost(self) -> None:
        """Returns when the process is gone, which it never should be before `close`."""
        self._listen()
        await self._lost.wait()

    def _send_group(self) -> None:
        """What came while one group was on its way to the disk is the next group.

        There is never more than one group on its way, so the process is waiting for this one and takes it at once.
        """
        most = min(len(self._waiting), MOST_IN_A_GROUP)
        self._group = [self._waiting.popleft() for _ in range(most)]
        try:
            self._send([waiting.call for waiting in self._group])
        except OSError:
            self._lose()
        except Exception as error:
            # Some of it cannot be pickled, which is a mistake of ours: nothing of it was sent.
            group, self._group = self._group, []
            settle(group, [error] * len(group))
            if self._waiting and self._loop is not None:
                self._loop.call_soon(self._send_group)

    def _settle_group(self) -> None:
        try:
            results = self._receive()
        except (EOFError, OSError):
            self._lose()
            return
        group, self._group = self._group, []
        settle(group, results)
        if self._waiting:
            self._send_group()

    def _lose(self) -> None:
        self._lost.set()
        if self._loop is not None:
            self._loop.remove_reader(self._pipe)
        lost = [*self._group, *self._waiting]
        self._group = []
        self._waiting.clear()
        settle(lost, [StoreUnavailable("the writer is lost")] * len(lost))

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        assert not self._group, "an event loop is writing"
        self._send([Call(each, work)])
        [result] = self._receive()
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    def _send(self, calls: list[Call]) -> None:
        _send(self._pipe, calls)

    def _receive(self) -> Any:
        """The results of the group that was sent. Raises EOFError when the process is gone."""
        results, self._is_held = _receive(self._pipe)
        if isinstance(results, Exception):
            raise results
        return results

    def close(self) -> None:
        while self._group:
            self._settle_group()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._pipe)
        self._pipe.close()
        os.waitpid(self._child, 0)


def _commit_for_parent(pipe: socket.socket, path: Path, journal: Path) -> None:
    """The writing process: commits what it is given until its parent is gone. Does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        committer = Committer(path, journal)
    except Exception as error:
        _send(pipe, (error, False))
        os._exit(1)
    try:
        _send(pipe, (committer.migrated, committer.is_held))
        while True:
            results = committer.commit(_receive(pipe))
            _send(pipe, (results, committer.is_held))
    except (EOFError, OSError):
        committer.close()
    finally:
        os._exit(0)


def _send(pipe: socket.socket, value: object) -> None:
    content = pickle.dumps(value, protocol=5)
    pipe.sendall(_LENGTH.pack(len(content)) + content)


def _receive(pipe: socket.socket) -> Any:
    """The next value. There is never more than one on its way, so a piece that was read holds nothing of another."""
    content = _read(pipe)
    (size,) = _LENGTH.unpack_from(content)
    while len(content) < _LENGTH.size + size:
        content += _read(pipe)
    return pickle.loads(memoryview(content)[_LENGTH.size :])  # noqa: S301 (from our own process)


def _read(pipe: socket.socket) -> bytes:
    content = pipe.recv(_PIECE)
    if not content:
        raise EOFError("the other end is gone")
    return content
