"""What is a shop's own: its web addresses, its names and its telephone numbers. Customers who write of them neither
advertise nor give away anything personal (docs/moderation.md, "Checks")."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import urlsplit

from afterword.domain.folding import fold
from afterword.domain.reviews.checks.endings import ANY_END, ENDS, WORDS_TOO


class Own(NamedTuple):
    """`hosts` are those of its site and its products, with all that is below them.

    `names` are the names of the shop and of its site as one writes them before a top-level domain; an address of
    these counts as the shop's if it has no path. A long name may have a slip, or a blank in it. `phones` are the
    last seven digits of telephone numbers, which they have with their country and area and without.
    """

    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    def has_number(self, found: str) -> bool:
        """Whether a telephone number in a text is the shop's."""
        return _last_digits(found) in self.phones

    def has_host(self, host: str) -> bool:
        """Whether a web address is the shop's: its own, or its name before top-level domains."""
        return host in self.hosts or _main_label(host) in self.names

    def left_out_of(self, text: str) -> str:
        """The folded text without the shop's web addresses."""
        if not (self.hosts or self.names):
            return text
        return _NAMED.sub(self._unless_named, _pattern_of(self.hosts).sub(" ", text))

    def _unless_named(self, found: re.Match[str]) -> str:
        """Nothing of an address that is one of `names`, or nearly: `albas bread.com`, `albasbred.com`."""
        label, before = found[1], found.string[max(0, found.start() - 64) : found.start()]
        in_two_words = before.split()[-1] + label if before[-1:] == " " and before.strip() else label
        whole = label + re.sub(r"\W", "", found[2])  # `bol.com` of a shop that is named so
        is_own = not self.names.isdisjoint((label, in_two_words, whole))
        return " " if is_own or any(_is_nearly(label, name) for name in self.names) else found[0]


_NAMED = re.compile(rf"(?<![\w.-])(?:www\d?\.)?([\w-]{{3,63}})(\ ?\.\ ?{ANY_END}(?:\.{ANY_END})?)(?![\w/-])")
_LONG_NAME, _SLIP = 8, 2
"""A name of at least so many characters is recognized when up to two in one place are wrong, missing or too many."""


def _is_nearly(label: str, name: str) -> bool:
    longer, shorter = max(len(label), len(name)), min(len(label), len(name))
    if shorter < _LONG_NAME or longer - shorter > _SLIP:
        return False
    return longer - _in_common(label, name) - _in_common(label[::-1], name[::-1]) <= _SLIP


def _in_common(one: str, other: str) -> int:
    """How many characters their beginnings share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@lru_cache(maxsize=256)
def _pattern_of(hosts: frozenset[str]) -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w-])(?:https?\ ?:\ ?(?://\ ?)?)?(?:[\w-]{{1,63}}\.){{0,3}}{_any(hosts)}(?![\w-])"
        r"(?:[/?#][\w/?=&%.~+#-]*)?"
    )


def _any(texts: Iterable[str]) -> str:
    """One of the texts, the longest first; of none, nothing fits."""
    return f"(?:{'|'.join(map(re.escape, sorted(texts, key=len, reverse=True))) or '(?!)'})"


def own_of(name: str, addresses: Iterable[str], phones: str = "") -> Own:
    """Of a shop with this name, whose site and products have these web addresses, and with these telephone numbers
    (with commas between)."""
    hosts = {fold(urlsplit(address).hostname or "").removeprefix("www.") for address in addresses}
    hosts = {host for host in hosts if "." in host}
    names = {re.sub(r"[\W_]+", joint, fold(name)).strip("-") for joint in ("", "-")}
    names |= {_main_label(host) for host in hosts}
    return Own(
        frozenset(hosts),
        frozenset(name for name in names if len(name) >= _SHORTEST_NAME),
        frozenset(filter(None, map(_last_digits, phones.split(",")))),
    )


def _last_digits(phone: str) -> str:
    """Nothing where there are fewer."""
    digits = "".join(filter(str.isdecimal, phone))
    return digits[-LAST_DIGITS:] if len(digits) >= LAST_DIGITS else ""


_SHORTEST_NAME, LAST_DIGITS = 3, 7


def _main_label(host: str) -> str:
    """`breads` of `breads.co.uk`; empty where other labels come before it, whose owner may be another."""
    labels = host.split(".")
    kept = [labels[0], *(label for label in labels[1:] if label not in _ALL_ENDS)]
    return labels[0] if len(kept) == 1 else ""


_ALL_ENDS = frozenset(f"{ENDS}|{WORDS_TOO}|shop|store|online|eus|cat".split("|"))
