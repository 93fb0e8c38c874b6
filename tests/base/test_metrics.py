"""Numbers that are counted: each value lies below the first bound that is as large."""

import pytest

from afterword.base.metrics import Distribution, Metrics


def test_a_value_is_counted_below_the_first_bound_that_is_as_large() -> None:
    values = Distribution((1, 2.5, 10))
    for value in (0.5, 1, 1.1, 2.5, 10, 11, 100):
        values.observe(value)
    assert values.counts == [2, 2, 1, 2]
    assert values.sum == pytest.approx(126.1)


def test_a_word_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        Metrics().count_letters("lost")
