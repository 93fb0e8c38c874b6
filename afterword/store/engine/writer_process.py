"""A committer in a process of its own, for a server under load: SQLite and the event loop then never wait for one
another's interpreter lock.

The process is forked before the first connection is opened, since connections must not be carried across a fork.
It ends when its parent does, however that ends. When it is lost itself, nothing can be written any more and
`until_lost` returns: the server stops, and its supervisor starts it again.

Work crosses by pickle, so it is a function of a module, or a `functools.partial` of one.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from afterword.base.errors import StoreUnavailable
from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call, Committer, each
from afterword.store.engine.database import Transaction
from afterword.store.engine.writer import MOST_IN_A_GROUP, MOST_WAITING, PendingWrite, settle

T = TypeVar("T")

_LENGTH = struct.Struct("!Q")
_PIECE = 2**16
"""Bytes read at once: nearly every group fits, and each call costs a turn of the interpreter's lock."""

_MOST_UNREAD = 2**16
"""Unread bytes at which no more is sent to the process: the line holds three times that, so sending seldom waits."""


class WriterProcess:
    """See `writer.Writer`."""

    def __init__(
        self,
        open_committer: Callable[[], Committer],
        metrics: Metrics,
        others: "Sequence[WriterProcess]" = (),
    ) -> None:
        """`others` are those that were started before. Raises what opening the committer raises, in the process."""
        ours, theirs = socket.socketpair()
        self._child = os.fork()
        if self._child == 0:
            ours.close()
            for other in others:  # they end when no process has our end of their lines open
                other._line.socket.close()
            _commit_for_parent(_Line(theirs), open_committer)
        theirs.close()
        self._line: _Line = _Line(ours)
        self._metrics = metrics
        self._waiting: deque[PendingWrite] = deque()
        self._sent: deque[PendingWrite] = deque()
        self._unread = self._noted = 0
        self._is_to_send = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lost = asyncio.Event()
        self._is_held = False
        try:
            self.migrated: list[int] = self._receive()
        except BaseException:
            self.close()
            raise

    @property
    def is_held(self) -> bool:
        return self._is_held

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._sent)

    def put(self, call: Call) -> asyncio.Future[Any]:
        loop = self._listen()
        done: asyncio.Future[Any] = loop.create_future()
        if self.waiting >= MOST_WAITING or self._lost.is_set():
            done.set_exception(StoreUnavailable("too many writes are waiting, or the writer is lost"))
            return done
        self._waiting.append(PendingWrite(call, done))
        if not self._is_to_send:
            self._is_to_send = True
            loop.call_soon(self._send_waiting)
        return done

    def _listen(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._line.socket, self._settle_groups)
        return self._loop

    def _send_waiting(self) -> None:
        """Sends what came in this turn of the loop. All that comes while the process commits is its next group."""
        self._is_to_send = False
        while self._waiting and self._unread < _MOST_UNREAD:
            most = min(len(self._waiting), MOST_IN_A_GROUP)
            sending = [self._waiting.popleft() for _ in range(most)]
            try:
                self._unread += self._line.send([waiting.call for waiting in sending])
                self._sent.extend(sending)
            except OSError:
                self._sent.extend(sending)
                self._lose()
            except Exception as error:
                # Some of it cannot be pickled, which is a mistake of ours: nothing of it was sent.
                settle(sending, [error] * len(sending))
        self._note_waiting()

    def _settle_groups(self) -> None:
        """Answers for every group whose results have come: at least one."""
        try:
            while True:
                results = self._receive()
                settle([self._sent.popleft() for _ in results], results)
                if not self._line.holds_a_value():
                    break
        except (EOFError, OSError):
            self._lose()
            return
        self._send_waiting()

    def _receive(self) -> Any:
        """The results of a group, or what the opening says. Raises EOFError when the process is gone."""
        results, self._is_held, read, seconds = self._line.receive()
        self._unread -= read
        if isinstance(results, Exception):
            raise results
        if seconds is not None:
            self._metrics.count_commit(len(results), seconds)
        return results

    def _lose(self) -> None:
        self._lost.set()
        if self._loop is not None:
            self._loop.remove_reader(self._line.socket)
        lost = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        settle(lost, [StoreUnavailable("the writer is lost")] * len(lost))
        self._note_waiting()

    def _note_waiting(self) -> None:
        self._metrics.count_waiting(self.waiting - self._noted)
        self._noted = self.waiting

    async def until_lost(self) -> None:
        """Returns when the process is gone, which it never should be before `close`."""
        self._listen()
        await self._lost.wait()

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        assert not self._sent, "an event loop is writing"
        self._unread += self._line.send([(each, work)])
        [result] = self._receive()
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    def close(self) -> None:
        self._send_waiting()
        while self._sent:
            self._settle_groups()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._line.socket)
        self._line.socket.close()
        os.waitpid(self._child, 0)


def writer_processes(
    open_committers: Sequence[Callable[[], Committer]], metrics: Metrics
) -> Sequence[WriterProcess]:
    """One for each, in turn. Raises what the first that cannot open raises."""
    begun: list[WriterProcess] = []
    for open_committer in open_committers:
        try:
            begun.append(WriterProcess(open_committer, metrics, begun))
        except Exception:
            for process in begun:
                process.close()
            raise
    return begun


class _Line:
    """One end of the line between the two processes: values, each with its length before it."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.taken = 0
        self._content = b""

    def send(self, value: object) -> int:
        """Sends it whole, and returns how many bytes it took."""
        content = pickle.dumps(value, protocol=5)
        self.socket.sendall(_LENGTH.pack(len(content)) + content)
        return _LENGTH.size + len(content)

    def receive(self) -> Any:
        """The next value. Raises EOFError when the other end is gone."""
        while (taken := self._take()) is None:
            self._read()
        return pickle.loads(taken)  # noqa: S301 (from our own process)

    def receive_group(self) -> tuple[list[Call], int]:
        """The next list of calls and those that have come behind it, and how many bytes they took."""
        already_taken = self.taken
        calls: list[Call] = self.receive()
        while len(calls) < MOST_IN_A_GROUP and (taken := self._take()) is not None:
            calls += pickle.loads(taken)  # noqa: S301 (from our own process)
        return calls, self.taken - already_taken

    def holds_a_value(self) -> bool:
        """Whether the next value is all here already."""
        start = _LENGTH.size
        return (
            len(self._content) >= start
            and len(self._content) >= start + _LENGTH.unpack_from(self._content)[0]
        )

    def _take(self) -> memoryview | None:
        if not self.holds_a_value():
            return None
        start = _LENGTH.size
        end = start + _LENGTH.unpack_from(self._content)[0]
        taken, self._content = memoryview(self._content)[start:end], self._content[end:]
        self.taken += end
        return taken

    def _read(self) -> None:
        content = self.socket.recv(_PIECE)
        if not content:
            raise EOFError("the other end is gone")
        self._content += content


def _commit_for_parent(line: _Line, open_committer: Callable[[], Committer]) -> None:
    """The writing process: commits what it is given until its parent is gone. Does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        committer = open_committer()
    except Exception as error:
        line.send((error, False, 0, None))
        os._exit(1)
    try:
        line.send((committer.migrated, committer.is_held, 0, None))
        while True:
            calls, read = line.receive_group()
            begun = perf_counter()
            results = committer.commit(calls)
            line.send((results, committer.is_held, read, perf_counter() - begun))
    except (EOFError, OSError):
        committer.close()
    finally:
        os._exit(0)
