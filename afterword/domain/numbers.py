"""Public numbers that do not reveal how many there are (guarantee 8).

Orders and reviews are numbered by sequences shared by all shops. Shown as they are, those numbers would tell a shop
how much the others sell, so a keyed permutation of them is shown instead: a Feistel network with BLAKE2b as its round
function, cycle-walked until the result is in range (Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
method 2).
"""

import hashlib
from typing import NamedTuple

ROUNDS = 6


class Permutation(NamedTuple):
    """A keyed permutation of the numbers from 1 to 2^bits - 1. Without the key, a number does not reveal its position
    in the sequence."""

    key: bytes
    bits: int

    def shown(self, number: int) -> int:
        """The public number for this number of the sequence. Raises ValueError outside 1 to 2^bits - 1."""
        return self._walk(number, range(ROUNDS))

    def hidden(self, shown: int) -> int:
        """The inverse of `shown`. Raises ValueError outside 1 to 2^bits - 1."""
        return self._walk(shown, range(ROUNDS - 1, -1, -1))

    def _walk(self, number: int, rounds: range) -> int:
        if not 0 < number < 1 << self.bits:
            raise ValueError(f"{number} is not from 1 to 2^{self.bits} - 1")
        while True:
            number = self._step(number, rounds)
            if 0 < number < 1 << self.bits:
                return number

    def _step(self, number: int, rounds: range) -> int:
        half = (self.bits + 1) // 2
        mask = (1 << half) - 1
        left, right = number >> half, number & mask
        for turn in rounds:
            left, right = right, left ^ self._mix(turn, right) & mask
        return right << half | left

    def _mix(self, turn: int, half: int) -> int:
        mixed = hashlib.blake2b(bytes([turn]) + half.to_bytes(8, "big"), key=self.key, digest_size=8)
        return int.from_bytes(mixed.digest(), "big")


REVIEW_BITS = 31
"""A known client stores review ids in a signed 32-bit column."""

INVITATION_BITS = 48
"""Below 2^53, so that every JSON parser reads them exactly."""
