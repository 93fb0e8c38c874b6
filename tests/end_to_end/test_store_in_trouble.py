"""The store takes no more for a while: shops are told to come again, and it goes on by itself."""

import resource
from pathlib import Path

import apsw

from tests.processes import children_of
from tests.server import Answer, Server, an_order

SOON = 5.0
"""Seconds until orders are taken again once the trouble is over."""


def check_turned_away(answer: Answer) -> None:
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.counts == (0, 0, 0)
    assert answer.body["message"]


def test_a_disk_that_takes_no_more_and_is_freed_again(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the same places."""
    with Server(tmp_path) as alba:
        taken = fill_up(alba)
        check_turned_away(alba.post_orders([an_order("turned away")]))
        assert alba.get("/healthz").status == 200
        limit(alba, resource.RLIM_INFINITY)
        alba.wait_until(lambda: alba.post_orders([an_order("after it")]).status == 200, SOON)
        assert alba.read(lambda tx: tx.rows("PRAGMA integrity_check")) == [("ok",)]
        assert alba.states().keys() == {*taken, "after it"}
        alba.restart()
        assert alba.states().keys() == {*taken, "after it"}


def limit(alba: Server, size: int) -> None:
    """Of every process of the server; only the soft limit, so that it can be raised again."""
    assert alba.process is not None
    pid = alba.process.pid
    for one in (pid, *children_of(pid)):
        resource.prlimit(one, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def fill_up(alba: Server) -> list[str]:
    """Sends orders until one is turned away; the `id_order` of those that were taken."""
    limit(alba, 500_000)
    taken: list[str] = []
    for number in range(2_000):
        ids = [f"F-{number}-{n}" for n in range(50)]
        answer = alba.post_orders([an_order(one) for one in ids])
        if answer.status != 200:
            check_turned_away(answer)
            limit(alba, 1)
            return taken
        assert answer.counts == (1, 50, 50)
        taken += ids
    raise AssertionError("the disk never filled up")


def test_another_program_that_holds_the_database_for_long(tmp_path: Path) -> None:
    with Server(tmp_path) as alba:
        alba.post_orders([an_order("before")])
        other = apsw.Connection(str(alba.database))
        other.execute("BEGIN IMMEDIATE")
        check_turned_away(alba.post_orders([an_order("turned away")]))
        assert alba.get("/healthz").status == 200
        other.execute("ROLLBACK")
        other.close()
        alba.wait_until(lambda: alba.post_orders([an_order("after it")]).status == 200, SOON)
        assert alba.states().keys() == {"before", "after it"}
