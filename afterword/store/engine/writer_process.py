"""A committer in a separate process, for servers under load: SQLite and the event loop then never compete for one
GIL.

The process is forked before the first connection is opened, since connections must not cross a fork. It ends when its
parent ends, for whatever reason. If the process itself is lost, writing is impossible and `until_lost` returns; the
server then stops, and its supervisor restarts it.

Work is sent by pickle, so it must be a module-level function, or a `functools.partial` of one.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from select import select
from time import perf_counter
from typing import Any, TypeVar

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call, Committer, each, returned
from afterword.store.engine.transaction import Transaction
from afterword.store.engine.writer import MOST_IN_A_GROUP, MOST_WAITING, PendingWrite, settle

T = TypeVar("T")

_LENGTH = struct.Struct("!Q")
_PIECE = 2**16
"""Bytes per read: nearly every group fits, and each call has to reacquire the GIL."""

_MOST_UNREAD = 2**16
"""Unread bytes at which sending to the process pauses. The socket buffers three times that, so sending rarely
blocks."""

log = log_for("store")


class WriterProcess:
    """See `writer.WriterThread`."""

    def __init__(
        self,
        open_committer: Callable[[], Committer],
        metrics: Metrics,
        others: "Sequence[WriterProcess]" = (),
    ) -> None:
        """`others` are the processes started before. Raises what opening the committer raises in the process."""
        ours, theirs = socket.socketpair()
        self._child = os.fork()
        if self._child == 0:
            ours.close()
            for other in others:  # they end when no process holds our end of their sockets
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
        self.is_held = False
        try:
            self.migrated: list[int] = self._receive()
        except BaseException:
            self.close()
            raise

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
        """Sends the writes of this turn of the loop. Writes that arrive during a commit form the next group."""
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
                # A call that cannot be pickled is a bug. Nothing was sent.
                settle(sending, [error] * len(sending))
        self._note_waiting()

    def _settle_groups(self) -> None:
        """Settles every group whose results have arrived: at least one."""
        try:
            while True:
                results = self._receive()
                settle([self._sent.popleft() for _ in results], results)
                if not self._line.holds_a_value():
                    break
        except (EOFError, OSError):
            self._lose()
            return
        except Exception:
            # None of its answers can be matched to its write any more.
            log.exception("writer answer unreadable")
            self._lose()
            return
        self._send_waiting()

    def _receive(self) -> Any:
        """The results of a group, or first the migrations applied. Raises EOFError if the process is gone."""
        results, self.is_held, read, seconds = self._line.receive()
        self._unread -= read
        results = returned(results)
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
        """Returns when the process is gone, which should never happen before `close`."""
        self._listen()
        await self._lost.wait()

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        assert not self._sent, "an event loop is writing"
        self._unread += self._line.send([(each, work, None)])
        results: list[T | Exception] = self._receive()
        return returned(results[0])

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
    """Starts one process per committer, in order. If one cannot open, closes all and raises what it raised."""
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
    """One end of the socket between the two processes, which carries length-prefixed values."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.taken = 0
        self._content = b""

    def send(self, value: object) -> int:
        """Sends a value, and returns its size in bytes."""
        content = pickle.dumps(value, protocol=5)
        self.socket.sendall(_LENGTH.pack(len(content)) + content)
        return _LENGTH.size + len(content)

    def receive(self) -> Any:
        """The next value. Raises EOFError if the other end is closed."""
        while (taken := self._take()) is None:
            if not (content := self.socket.recv(_PIECE)):
                raise EOFError("the other end is gone")
            self._content += content
        return pickle.loads(taken)  # noqa: S301 (from our own process)

    def receive_group(self) -> tuple[list[Call], int]:
        """The next list of calls, joined with further lists that have already arrived, and their size in bytes."""
        already_taken = self.taken
        calls: list[Call] = self.receive()
        while len(calls) < MOST_IN_A_GROUP and (taken := self._take()) is not None:
            calls += pickle.loads(taken)  # noqa: S301 (from our own process)
        return calls, self.taken - already_taken

    def waits(self, seconds: float) -> bool:
        """Waits for something to arrive, at most so long. Returns whether it has."""
        return self.holds_a_value() or bool(select([self.socket], [], [], max(0.0, seconds))[0])

    def holds_a_value(self) -> bool:
        """Whether the next value has arrived completely."""
        return len(self._content) >= self._end()

    def _end(self) -> int:
        """The end of the next value, or of its length while that has not arrived."""
        start = _LENGTH.size
        return start + _LENGTH.unpack_from(self._content)[0] if len(self._content) >= start else start

    def _take(self) -> memoryview | None:
        if not self.holds_a_value():
            return None
        end = self._end()
        taken, self._content = memoryview(self._content)[_LENGTH.size : end], self._content[end:]
        self.taken += end
        return taken


def _commit_for_parent(line: _Line, open_committer: Callable[[], Committer]) -> None:
    """The body of the writing process: commits what it receives until its parent is gone. Never returns."""
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
            if (due := committer.notes_due) is not None and (due <= 0 or not line.waits(due)):
                committer.add_notes()
            calls, read = line.receive_group()
            begun = perf_counter()
            results = committer.commit(calls)
            line.send((results, committer.is_held, read, perf_counter() - begun))
    except (EOFError, OSError):
        committer.close()
    finally:
        os._exit(0)
