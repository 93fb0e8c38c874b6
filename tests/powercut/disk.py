"""The data folder as a disk could contain it after a power cut, made from the record of one run.

The model is never kinder than POSIX guarantees where the product could rely on it, and never harsher than ext4 or XFS
on a disk that honours flushes:

* What was written to a file before an fsync of that file began is durable once that fsync has returned.
* Every other write is independently kept, dropped, or torn: a prefix of any length, or any of its 512-byte sectors
  (counted from the file's start). Writes to one file are applied in order, but any of them can be missing: a hole
  reads as zeros. Bytes outside a write are never damaged (SQLite relies on this too:
  SQLITE_IOCAP_POWERSAFE_OVERWRITE). An unsynced truncation is kept or dropped.
* How many unsynced writes reached the disk is drawn for each file: none, half, most, or all. So one file can be ahead
  of another, whatever the order in which they were written.
* Names (creation, link, rename, deletion) change in order, as in a file system's journal: a cut keeps the changes up
  to some point. That point is never before the last change that was made durable: by an fsync of its folder, or, for
  a creation or a link, by an fsync of the file itself (ext4 and XFS both do that, and SQLite syncs the folder of a
  new WAL in the same call). An fsync of a file does not make its *rename* durable.
* Names and contents are independent: a rename may survive while unsynced bytes of the file do not.
* Folders exist if a file in them does; owners and modes are not preserved (every file is 0600).
* The WAL index (`-shm`) is memory, and is lost.

The moment of a cut is an index in the record. All records have CLOCK_MONOTONIC nanoseconds, which all processes share
(`time.monotonic_ns()`), so that answers can be compared with a cut: see `Cut.promised`.
"""

import mmap
import os
import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

SECTOR = 512
HEAD = struct.Struct("<BIIQQ")
"""The header of a record: kind, length of the data, file number, timestamp, and one more number."""

LOG_NAME = "disk.log"
AFTER_THE_END = 2**63 - 1
"""The timestamp of a cut at the end of the record: only what was never synced is lost."""


class Kind(IntEnum):
    """The kinds of records, and what their `number` and `data` mean."""

    START = 1  # the product starts: everything before is durable
    NAME = 2  # data: old name, NUL, new name; no old one: a creation or link; no new one: a deletion
    WRITE = 3  # number: the offset; data: the bytes
    TRUNCATE = 4  # number: the new size
    SYNC = 5  # written when the fsync has returned; number: the stamp at which it began
    SYNC_FOLDER = 6  # the same; data: the folder's name, empty for the data folder itself


class Record(NamedTuple):
    kind: int
    file: int
    stamp: int
    number: int
    data: memoryview


@dataclass(frozen=True, slots=True)
class Cut:
    """A data folder after a power cut. `rebuild(log, other, cut.seed, cut.at)` makes the same one again."""

    folder: Path
    at: int
    seed: int
    stamp: int

    def promised(self, answered_at: int) -> bool:
        """Whether what was acknowledged at this time (`time.monotonic_ns()`) must be in this folder.

        Its fsync was recorded before the answer was given, so an answer older than the first record lost in the cut
        depends only on records that are kept.
        """
        return answered_at < self.stamp


def cuts(log: Path, target: Path, n: int, seed: int) -> Iterator[Cut]:
    """Cuts the power `n` times in one recorded run; the last time at the end of the record.

    Each folder is made below `target` and removed when the next one is requested, so the folder with which a test
    fails remains. Takes one pass over the record, whatever `n`.
    """
    records = read(log)
    draw = random.Random(seed)
    ends = range(_start(records), len(records) + 1)
    points = [*sorted(draw.choices(ends, k=n - 1)), len(records)] if n > 0 else []
    disk, done = Disk(), 0
    for count, at in enumerate(points):
        for record in records[done:at]:
            disk.happen(record)
        done = at
        cut = Cut(target / f"cut-{count}", at, draw.getrandbits(32), _stamp(records, at))
        disk.write_out(cut.folder, random.Random(cut.seed))
        yield cut
        shutil.rmtree(cut.folder)


def rebuild(log: Path, target: Path, seed: int, at: int | None = None, reached: float | None = None) -> Cut:
    """Makes `target`, which must not exist, as the disk could be after `at` records (default: all).

    `reached` is the share of unsynced writes that reached the disk, from 0.0 (none) to 1.0 (all, as after kill -9);
    random by default. Raises ValueError for an `at` before the product's start.
    """
    records = read(log)
    at = len(records) if at is None else at
    if not _start(records) <= at <= len(records):
        raise ValueError(f"A cut lies between record {_start(records)} and {len(records)}, not at {at}.")
    disk = Disk()
    for record in records[:at]:
        disk.happen(record)
    disk.write_out(target, random.Random(seed), reached)
    return Cut(target, at, seed, _stamp(records, at))


def read(log: Path) -> list[Record]:
    """All complete records of a log folder, in order; a last one that was cut short by kill -9 is left out.

    Their data are views into the mapped log, which must not change while they are used.
    """
    with (log / LOG_NAME).open("rb") as opened:
        view = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    records, position = [], 0
    while position + HEAD.size <= len(view):
        kind, length, file, stamp, number = HEAD.unpack_from(view, position)
        position += HEAD.size + length
        if position > len(view):
            break
        records.append(Record(kind, file, stamp, number, view[position - length : position]))
    return records


def _start(records: list[Record]) -> int:
    for index, record in enumerate(records):
        if record.kind == Kind.START:
            return index + 1
    raise ValueError("The recorded run never came to its start.")


def _stamp(records: list[Record], at: int) -> int:
    return records[at].stamp if at < len(records) else AFTER_THE_END


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Record] = field(default_factory=list)


class Disk:
    """What is durable, and what is pending, after the records given so far."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._renamings: list[Record] = []

    def happen(self, record: Record) -> None:
        match record.kind:
            case Kind.WRITE | Kind.TRUNCATE:
                self._files[record.file].pending.append(record)
            case Kind.NAME:
                self._files.setdefault(record.file, _File())
                self._renamings.append(record)
            case Kind.SYNC:
                self._sync_file(record)
            case Kind.SYNC_FOLDER:
                self._sync_folder(record)

    def write_out(self, folder: Path, draw: random.Random, reached: float | None = None) -> None:
        """Makes `folder` as it is after a cut now. `draw` is the only source of randomness."""
        folder.mkdir(parents=True)
        for name, number in self._names_after_a_cut(draw, reached).items():
            share = draw.choice((0.0, 0.5, 0.9, 1.0)) if reached is None else reached
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(opened, "wb", buffering=0) as plate:
                plate.write(_after_a_cut(self._files[number], draw, share))

    def _names_after_a_cut(self, draw: random.Random, reached: float | None) -> dict[str, int]:
        changes = len(self._renamings)
        kept = draw.randint(0, changes) if reached is None else round(changes * reached)
        names = dict(self._names)
        for change in self._renamings[:kept]:
            _rename(names, change)
        return names

    def _sync_file(self, sync: Record) -> None:
        file = self._files[sync.file]
        synced = _count_until(file.pending, sync.number)
        for change in file.pending[:synced]:
            _lay_down(file.durable, change)
        del file.pending[:synced]
        self._settle(
            change.file == sync.file and not _old_and_new(change)[0] and change.stamp <= sync.number
            for change in self._renamings
        )

    def _sync_folder(self, sync: Record) -> None:
        folder = os.fsdecode(bytes(sync.data))
        self._settle(
            change.stamp <= sync.number and folder in {os.path.dirname(n) for n in _old_and_new(change) if n}
            for change in self._renamings
        )

    def _settle(self, durable: Iterator[bool]) -> None:
        """Makes the changes of names durable up to the last one marked as such."""
        settled = max((index + 1 for index, is_durable in enumerate(durable) if is_durable), default=0)
        for change in self._renamings[:settled]:
            _rename(self._names, change)
        del self._renamings[:settled]


def _rename(names: dict[str, int], change: Record) -> None:
    old, new = _old_and_new(change)
    if old:
        names.pop(old, None)
    if new:
        names[new] = change.file


def _old_and_new(change: Record) -> tuple[str, str]:
    old, _, new = os.fsdecode(bytes(change.data)).partition("\0")
    return old, new


def _count_until(pending: list[Record], stamp: int) -> int:
    for index in range(len(pending), 0, -1):
        if pending[index - 1].stamp <= stamp:
            return index
    return 0


def _lay_down(image: bytearray, change: Record) -> None:
    if change.kind == Kind.TRUNCATE:
        _resize(image, change.number)
    else:
        _put(image, change.number, change.data)


def _resize(image: bytearray, size: int) -> None:
    del image[size:]
    image.extend(bytes(size - len(image)))


def _put(image: bytearray, offset: int, data: memoryview) -> None:
    if offset > len(image):
        _resize(image, offset)
    image[offset : offset + len(data)] = data


def _after_a_cut(file: _File, draw: random.Random, share: float) -> bytearray:
    if not file.pending or share == 0.0:
        return file.durable
    image = bytearray(file.durable)
    for change in file.pending:
        if draw.random() < share:
            _lay_down(image, change)
        elif change.kind == Kind.WRITE and draw.random() < 0.5:
            _tear(image, change, draw)
    return image


def _tear(image: bytearray, write: Record, draw: random.Random) -> None:
    if draw.random() < 0.5:
        _put(image, write.number, write.data[: draw.randrange(len(write.data) or 1)])
        return
    for offset, sector in _sectors(write):
        if draw.random() < 0.5:
            _put(image, offset, sector)


def _sectors(write: Record) -> Iterator[tuple[int, memoryview]]:
    """The parts of a write in each sector, with their offsets in the file."""
    offset, end = write.number, write.number + len(write.data)
    while offset < end:
        after = min(end, (offset // SECTOR + 1) * SECTOR)
        yield offset, write.data[offset - write.number : after - write.number]
        offset = after
