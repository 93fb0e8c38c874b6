"""Numbers that others can see, and that say nothing of how many there are (guarantee 8).

What counts orders and reviews is a sequence over all shops: shown as it is, it would tell a shop how much the others
sell. So what is shown is a keyed permutation of it: a Feistel network whose rounds are BLAKE2b, walked along until it
gives a number that fits (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", method 2).
"""

import hashlib
from typing import NamedTuple

ROUNDS = 6


class Permutation(NamedTuple):
    """Of the numbers from 1 to 2^bits - 1; `bits` is even or one less than an even number. Another key, another
    order; without the key no number says where it is in the sequence."""

    key: bytes
    bits: int

    def shown(self, number: int) -> int:
        """The number that is shown in the place of this one of the sequence. Raises ValueError beyond 2^bits - 1."""
        return self._walk(number, range(ROUNDS))

    def hidden(self, shown: int) -> int:
        """The number of the sequence that is shown as this one. Raises ValueError beyond 2^bits - 1."""
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
"""A known client keeps review ids in a signed column of 32 bits."""

INVITATION_BITS = 48
"""Below 2^53, so that every JSON parser reads them whole."""
