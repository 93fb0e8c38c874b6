"""What is shown in the place of a sequence is a permutation of it, and says nothing without its key."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.numbers import INVITATION_BITS, REVIEW_BITS, Permutation

KEY, OTHER = b"a" * 32, b"b" * 32
BITS = (REVIEW_BITS, INVITATION_BITS)


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize("bits", [3, 4, 9, 10])
def test_every_number_is_shown_once(key: bytes, bits: int) -> None:
    numbers = range(1, 2**bits)
    permutation = Permutation(key, bits)
    assert sorted(map(permutation.shown, numbers)) == list(numbers)


@given(st.integers(1, 2**REVIEW_BITS - 1), st.sampled_from(BITS), st.binary(min_size=16, max_size=64))
def test_what_is_shown_leads_back_with_the_key_alone(number: int, bits: int, key: bytes) -> None:
    permutation = Permutation(key, bits)
    shown = permutation.shown(number)
    assert 0 < shown < 2**bits and permutation.hidden(shown) == number


@pytest.mark.parametrize("bits", BITS)
def test_a_sequence_is_not_seen_in_what_is_shown(bits: int) -> None:
    """Neither its order nor how far it has come: the numbers lie anywhere, and rise as often as they fall."""
    shown = [Permutation(KEY, bits).shown(number) for number in range(1, 1_001)]
    assert len(set(shown)) == 1_000
    rises = sum(first < second for first, second in pairwise(shown))
    halves = sum(number < 2 ** (bits - 1) for number in shown)
    assert 440 < rises < 560 and 440 < halves < 560
    assert shown != [Permutation(OTHER, bits).shown(number) for number in range(1, 1_001)]


@pytest.mark.parametrize("number", [-1, 0, 2**REVIEW_BITS])
def test_a_number_beyond_the_permutation_is_refused(number: int) -> None:
    permutation = Permutation(KEY, REVIEW_BITS)
    for ask in (permutation.shown, permutation.hidden):
        with pytest.raises(ValueError, match="is not from 1 to"):
            ask(number)
