"""Numbers that are counted: each value lies below the first bound that is as large, and processes count together."""

import os

import pytest

from afterword.base.metrics import Board, Metrics


def test_a_value_is_counted_below_the_first_bound_that_is_as_large() -> None:
    metrics = Metrics()
    for size, seconds in ((1, 0.0005), (2, 0.0006), (3, 0.001), (256, 10.0), (257, 10.1), (1_000, 99.0)):
        metrics.count_commit(size, seconds)
    sizes, times = metrics.totals.commit_size, metrics.totals.commit_seconds
    assert sizes.counts == [1, 1, 1, 0, 0, 0, 0, 0, 1, 2]
    assert sizes.sum == 1_519
    assert times.counts == [1, 2, *[0] * 11, 1, 2]
    assert times.sum == pytest.approx(119.1021)


def test_each_word_has_its_own_number() -> None:
    metrics = Metrics()
    metrics.count_orders(1, 2, 3)
    for count, outcome in enumerate(("sent", "deferred", "failed", "in_doubt"), start=4):
        metrics.count_message(outcome, count)
    assert metrics.totals.orders == {"imported": 1, "duplicate": 2, "refused": 3}
    assert metrics.totals.messages == {"sent": 4, "deferred": 5, "failed": 6, "in_doubt": 7}
    assert sum(metrics.totals.commit_size.counts) == metrics.totals.commit_seconds.sum == 0


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        Metrics().count_message("lost")


def test_processes_of_one_board_tell_what_all_have_done_and_one_started_anew_goes_on() -> None:
    board = Board(2)
    first = Metrics(board, 0)
    first.count_orders(5, 0, 0)
    first.count_waiting(3)
    for _ in range(2):

        def second() -> None:
            metrics = Metrics(board, 1)
            assert metrics.totals.waiting_elsewhere == 3
            metrics.count_orders(10, 1, 0)
            metrics.count_commit(4, 0.5)
            metrics.count_waiting(7)

        assert run_apart(second) == 0
    assert first.totals.orders == {"imported": 25, "duplicate": 2, "refused": 0}
    assert first.totals.commit_size.sum == 8 and first.totals.commit_seconds.sum == 1.0
    assert first.totals.waiting_elsewhere == 7
    Metrics(board, 1)
    assert first.totals.waiting_elsewhere == 0, "what a lost process had waiting is lost with it"


def run_apart(work: object) -> int:
    """The exit status of a forked process that does this."""
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
