"""The power-cut simulator with small programs: what was synced is kept, and what was not can be lost."""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from tests.needs import scale
from tests.powercut.disk import Cut, Disk, Kind, Record, cuts, read, rebuild
from tests.powercut.launch import command
from tests.powercut.programs import FILES, ORDERS
from tests.server import PROJECT

CUTS = 20 * scale()
SEEDS = range(40)


@dataclass(frozen=True)
class Run:
    """A recorded run: its log, its real data folder, and when it acknowledged what, by kind."""

    log: Path
    data: Path
    acknowledged: dict[str, dict[int, int]]

    def promised(self, cut: Cut, what: str) -> set[int]:
        return {number for number, at in self.acknowledged[what].items() if cut.promised(at)}


@contextmanager
def recorded(home: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Alba's program running on `home/data`, recorded into `home/log`."""
    (home / "data").mkdir(parents=True, exist_ok=True)
    (home / "alba.py").write_text(program)
    environment = {**os.environ, "AFTERWORD_DATA": str(home / "data"), "PYTHONPATH": f"{PROJECT}:{home}"}
    line = command(home / "log", "alba", *arguments)
    with subprocess.Popen(line, env=environment, cwd=home, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def run(home: Path, program: str, *arguments: str) -> Run:
    with recorded(home, program, *arguments) as running:
        said, _ = running.communicate(timeout=60)
        assert running.returncode == 0
    return Run(home / "log", home / "data", acknowledgements(said))


def after_each_cut(home: Path, how: str) -> list[Path]:
    """The data folders as they may be after a cut at the end of what FILES does."""
    log = run(home, FILES, how).log
    return [rebuild(log, home / f"cut-{seed}", seed).folder for seed in SEEDS]


def acknowledgements(said: str) -> dict[str, dict[int, int]]:
    kinds: dict[str, dict[int, int]] = {"order": {}, "line": {}}
    for what, number, at in (line.split() for line in said.splitlines() if line.count(" ") == 2):
        kinds[what][int(number)] = int(at)
    return kinds


def orders(folder: Path) -> set[int]:
    """The orders in the database after the cut. Fails if SQLite finds it corrupt."""
    if not (folder / "afterword.db").exists():
        return set()
    database = apsw.Connection(str(folder / "afterword.db"))
    assert database.execute("PRAGMA integrity_check").get == "ok"
    table = database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'orders'").get
    found = {id for (id,) in database.execute("SELECT id FROM orders")} if table else set()
    database.close()
    return found


def whole_lines(folder: Path) -> set[int]:
    journal = folder / "send.journal"
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    return {int(line.split()[0]) for line in lines if line.endswith(b" sent to Clara") and line[:1].isdigit()}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("full"), ORDERS, "FULL", "300")


def test_with_full_synchronisation_no_cut_loses_an_acknowledged_order(full: Run, tmp_path: Path) -> None:
    for cut in cuts(full.log, tmp_path, CUTS, seed=1):
        found = orders(cut.folder)
        assert full.promised(cut, "order") <= found, cut
        assert found == set(range(len(found))), cut


def test_the_cuts_fall_before_and_after_acknowledgements(full: Run, tmp_path: Path) -> None:
    promised = [len(full.promised(cut, "order")) for cut in cuts(full.log, tmp_path, CUTS, seed=1)]

    assert promised == sorted(promised)
    assert promised[0] < promised[-1] == 300


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_without_full_synchronisation_acknowledged_orders_are_lost(tmp_path: Path, synchronous: str) -> None:
    weak = run(tmp_path, ORDERS, synchronous, "300")
    lost = 0
    for cut in cuts(weak.log, tmp_path / "cuts", CUTS, seed=2):
        try:
            lost += len(weak.promised(cut, "order") - orders(cut.folder))
        except (apsw.CorruptError, apsw.NotADBError, AssertionError):
            assert synchronous == "OFF", f"NORMAL may lose orders but must not corrupt the file: {cut}"

    assert lost > 0


@pytest.mark.parametrize("synchronous", ["FULL", "EXTRA"])
def test_a_rollback_journal_keeps_orders_only_when_its_deletion_is_synced(
    tmp_path: Path, synchronous: str
) -> None:
    """SQLite's own words on PRAGMA synchronous: EXTRA also syncs the folder after it deletes the journal."""
    rollback = run(tmp_path, ORDERS, synchronous, "100", "delete")
    lost = sum(
        len(rollback.promised(cut, "order") - orders(cut.folder))
        for cut in cuts(rollback.log, tmp_path / "cuts", 3 * CUTS, seed=7)
    )

    assert (lost == 0) == (synchronous == "EXTRA")


def test_a_synced_journal_line_survives_every_cut(full: Run, tmp_path: Path) -> None:
    for cut in cuts(full.log, tmp_path, CUTS, seed=3):
        assert full.promised(cut, "line") <= whole_lines(cut.folder), cut


def test_an_unsynced_journal_line_is_kept_lost_or_torn(tmp_path: Path) -> None:
    line = b"2 Diego" + b"." * 2_000 + b"\n"
    found = [(folder / "send.journal").read_bytes() for folder in after_each_cut(tmp_path, "journal")]

    assert all(content.startswith(b"1 Clara\n") for content in found)
    ends = [content.removeprefix(b"1 Clara\n") for content in found]
    assert line in ends
    assert b"" in ends
    assert any(line.startswith(end) and 0 < len(end) < len(line) for end in ends), "no torn tail"
    assert any(b"\0" in end for end in ends), "no sector missing in the middle"


@pytest.mark.parametrize(
    ("how", "possible"),
    [
        ("rename", {"old", "new"}),
        ("rename, folder synced", {"new"}),
        ("rename, letter not synced", {"old", "new", "torn"}),
        ("rename, nothing but the folder synced", {"new", "torn"}),
    ],
)
def test_a_rename_is_certain_only_when_its_folder_was_synced(
    tmp_path: Path, how: str, possible: set[str]
) -> None:
    seen = set()
    for folder in after_each_cut(tmp_path, how):
        content = (folder / "outbox" / "message.eml").read_bytes()
        seen.add({b"old" * 900: "old", b"new" * 900: "new"}.get(content, "torn"))
        assert (folder / "outbox" / "message.tmp").exists() <= (content == b"old" * 900)

    assert seen == possible


def test_an_unsynced_truncation_may_not_have_happened(tmp_path: Path) -> None:
    found = {(folder / "send.journal").read_bytes() for folder in after_each_cut(tmp_path, "truncate")}

    assert found == {b"1 Clara\n", b"1 Clara\n2 Die"}


def test_an_unsynced_deletion_may_not_have_happened(tmp_path: Path) -> None:
    folders = after_each_cut(tmp_path, "delete")

    assert {(folder / "outbox" / "message.eml").exists() for folder in folders} == {True, False}


def test_an_unsynced_new_file_may_not_be_there_and_a_synced_one_is(tmp_path: Path) -> None:
    folders = after_each_cut(tmp_path, "create")

    assert {(folder / "unsynced").exists() for folder in folders} == {True, False}
    assert all((folder / "buffered").read_bytes() == b"Clara" for folder in folders)


def test_what_is_written_while_an_fsync_runs_is_not_covered_by_it(tmp_path: Path) -> None:
    disk = Disk()
    for kind, stamp, number, data in (
        (Kind.NAME, 1, 0, b"\0send.journal"),
        (Kind.WRITE, 2, 0, b"before"),
        (Kind.WRITE, 4, 6, b"meanwhile"),
        (Kind.SYNC, 5, 3, b""),
    ):
        disk.happen(Record(kind, 0, stamp, number, memoryview(data)))
    disk.write_out(tmp_path / "cut", random.Random(0), reached=0.0)

    assert (tmp_path / "cut" / "send.journal").read_bytes() == b"before"


def test_the_record_is_in_the_order_of_its_stamps_whatever_the_thread(full: Run) -> None:
    stamps = [record.stamp for record in read(full.log) if record.kind != Kind.START]

    assert len(stamps) > 1_500
    assert stamps == sorted(stamps)


def test_the_record_is_the_whole_truth_of_what_was_written(full: Run, tmp_path: Path) -> None:
    everything = rebuild(full.log, tmp_path / "cut", seed=0, reached=1.0)

    real = {path.name: path.read_bytes() for path in full.data.iterdir() if not path.name.endswith("-shm")}
    assert {path.name: path.read_bytes() for path in everything.folder.iterdir()} == real
    assert set(real) == {"afterword.db", "afterword.db-wal", "send.journal"}


def test_the_same_seed_makes_the_same_disk_again(full: Run, tmp_path: Path) -> None:
    for cut in cuts(full.log, tmp_path / "cuts", 5, seed=4):
        again = rebuild(full.log, tmp_path / "again" / str(cut.at), cut.seed, cut.at)

        assert again.stamp == cut.stamp
        assert _contents(again.folder) == _contents(cut.folder)


def test_a_killed_run_keeps_what_it_had_acknowledged(tmp_path: Path) -> None:
    with recorded(tmp_path, ORDERS, "FULL", "100000") as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(200)]
        seen_at = time.monotonic_ns()
        running.kill()
    killed = Run(tmp_path / "log", tmp_path / "data", acknowledgements("".join(said)))

    for seed in SEEDS:
        cut = rebuild(killed.log, tmp_path / f"cut-{seed}", seed)
        assert cut.promised(seen_at)
        assert set(killed.acknowledged["order"]) <= orders(cut.folder)
        assert set(killed.acknowledged["line"]) <= whole_lines(cut.folder)


def test_a_disk_can_be_cut_run_on_and_cut_again(full: Run, tmp_path: Path) -> None:
    once = rebuild(full.log, tmp_path / "data", seed=5, at=len(read(full.log)) // 2)
    before = orders(once.folder)
    more = run(tmp_path, ORDERS, "FULL", "50")

    for cut in cuts(more.log, tmp_path / "cuts", 10, seed=6):
        assert before | more.promised(cut, "order") <= orders(cut.folder), cut


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
