"""Finds web addresses in a text, apart from the shop's own (docs/moderation.md, "Checks").

What follows a point tells an address from a sentence whose author left out the blank: a capital begins a sentence,
and a word such as `it` or `me` counts only where an address can end. Every pattern is bounded, so this takes time in
proportion to the length of the text.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import urlsplit

from afterword.domain.folding import fold, lower

ENDS = (
    "com|net|org|fr|uk|co|io|ch|lu|nl|pl|pt|dk|cz|ru|cn|jp|br|ro|hu|biz|dev|xyz|ly|gl|ws|tk|mobi|asso|"
    "bzh|nz|za|kr|tr|ua|mx"
)
"""Top-level domains that count in lower case wherever they follow a point at once."""

_WORDS_TOO = "de|it|be|at|in|is|me|us|es|eu|ca|au|se|ie|tv|ai|app|info|example"
"""Top-level domains that are also the first word of many a sentence without its blank ("tres bien.de plus"). They
count only at the end of a line or before punctuation."""

_WITH_A_PATH = (
    "shop|store|online|site|top|club|link|page|live|blog|news|click|vip|pro|work|cloud|space|life|today|world|website|"
    "design|art|fun|bio|one|win|bid|icu|eus|cat|deals|sale|market|buzz|games"
)
"""Top-level domains that count only before a path, besides all of two letters ("bem.produto/entrega" is none)."""

_OVER = r"(?= $ | \ ?[\n,;!?)\]] | \.(?:\s|$) )"
"""Where an address can end, but a sentence has just begun."""

_LINK = re.compile(
    rf"""
      (?<![^\W_]) h(?:tt|xx)ps? \ ?:
    | (?<![^\W_]) www\d? (?: \ ?[.,/:]\ ?\w | \ [\w-]{{1,63}}\ (?:{ENDS}) (?!\w) )
    | [a-z]{{2}} \ ?:// \ ?\w
    | \w\. (?:{ENDS}) (?!\w)
    | \w\. (?:{_WORDS_TOO}) {_OVER}
    | \w\. (?:[a-z]{{2}}|{ENDS}|{_WORDS_TOO}|{_WITH_A_PATH}) / \w
    | \w\ \. \ ? (?:com|fr|org|uk|io) (?!\w)
    | \w\. \ com {_OVER}
    | \w\ dot\ (?:{ENDS}) (?!\w)
    | \w\ point\ (?:com|fr|org) (?!\w)
    """,
    re.VERBOSE,
)

EMAIL_ADDRESS = re.compile(
    rf"""
      \w @ (?: [\w-]{{1,63}}\. ){{1,8}} [a-z]{{2,63}}
    | \w\ ?@\ ? [\w-]{{1,63}} (?: \ ?\.\ ? | \ dot\ | \ point\ ) (?:{ENDS}) (?!\w)
    """,
    re.VERBOSE,
)

_NEW_SENTENCE = re.compile(r"(?<![^\W_])([^\W_]++)\ ?\.(\ ?)(?=([A-Z](?:[a-z]++|(?![^\W_]))))")
_ANY_END = f"(?:{ENDS}|{_WORDS_TOO})"
_PROPER_ENDS = frozenset(ENDS.split("|")) - {"io", "co"}
_WITH = re.compile(r"\ \.\ (?=com\ [^\W\d_])")
_WITH_IS_COM = ("pt", "gl", "ca")
"""Languages in which `com` is a word. A point between blanks comes before it there, too, in careless writing."""


class OwnAddresses(NamedTuple):
    """A shop's own addresses: naming them is no advertising.

    `hosts` are those of its site and its products, with all that is below them. `names` are the names of the shop and
    of its site as one writes them before a top-level domain; an address of these counts as the shop's if it has no
    path. A long name may have a slip, or a blank in it.
    """

    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def left_out_of(self, text: str) -> str:
        """The folded text without them."""
        if not (self.hosts or self.names):
            return text
        return _NAMED.sub(self._unless_named, _pattern_of(self.hosts).sub(" ", text))

    def _unless_named(self, found: re.Match[str]) -> str:
        """Nothing of an address that is one of `names`, or nearly: `albas bread.com`, `albasbred.com`."""
        label, before = found[1], found.string[max(0, found.start() - 64) : found.start()]
        in_two_words = before.split()[-1] + label if before[-1:] == " " and before.strip() else label
        is_own = not self.names.isdisjoint((label, in_two_words))
        return " " if is_own or any(_is_nearly(label, name) for name in self.names) else found[0]


_NAMED = re.compile(rf"(?<![\w.-])(?:www\d?\.)?([\w-]{{3,63}})\ ?\.\ ?{_ANY_END}(?:\.{_ANY_END})?(?![\w/-])")
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
        rf"(?<![\w-])(?:https?\ ?:\ ?//\ ?)?(?:[\w-]{{1,63}}\.){{0,3}}{_any(hosts)}(?![\w-])"
        r"(?:[/?#][\w/?=&%.~+#-]*)?"
    )


def _any(texts: Iterable[str]) -> str:
    """One of the texts, the longest first; of none, nothing fits."""
    return f"(?:{'|'.join(map(re.escape, sorted(texts, key=len, reverse=True))) or '(?!)'})"


def own_addresses(name: str, addresses: Iterable[str]) -> OwnAddresses:
    """Those of a shop with this name, whose site and products have these web addresses."""
    hosts = {fold(urlsplit(address).hostname or "").removeprefix("www.") for address in addresses}
    hosts = {host for host in hosts if "." in host}
    names = {re.sub(r"[\W_]+", joint, fold(name)).strip("-") for joint in ("", "-")}
    names |= {_main_label(host) for host in hosts}
    return OwnAddresses(frozenset(hosts), frozenset(name for name in names if len(name) >= _SHORTEST_NAME))


_SHORTEST_NAME = 3


def _main_label(host: str) -> str:
    """`breads` of `breads.co.uk`; empty where other labels come before it, whose owner may be another."""
    labels = host.split(".")
    kept = [labels[0], *(label for label in labels[1:] if label not in _ALL_ENDS)]
    return labels[0] if len(kept) == 1 else ""


_ALL_ENDS = frozenset(f"{ENDS}|{_WORDS_TOO}|shop|store|online|eus|cat".split("|"))


def has_link(cased: str, lang: str, own: OwnAddresses) -> bool:
    """Whether a text without accents (`fold_case`) has a web address that is not the shop's own."""
    text = lower(_NEW_SENTENCE.sub(_ended, _joined(cased)))
    if lang.partition("-")[0] in _WITH_IS_COM:
        text = _WITH.sub(".\n", text)
    text = own.left_out_of(EMAIL_ADDRESS.sub(" ", undisguised(text)))
    return bool(_LINK.search(text)) and not _is_mention(text, lower(cased))


LONG_TEXT = 200
"""Characters from which on a text may name one other company by its address."""

_BARE = re.compile(rf"(?<![\w.@/:-])(?!www\d?\.)(?:[\w-]{{1,63}}\.){{1,3}}{_ANY_END}(?![\w/@-]|[?:#]\w)")


def _is_mention(text: str, written: str) -> bool:
    """Whether a long text has one address alone, without scheme and path, and undisguised in `written`.

    Customers name other companies so ("booked at booking.com"). Advertising is short, or can be followed.
    """
    addresses = {found[0] for found in _BARE.finditer(text)}
    if len(text) < LONG_TEXT or len(addresses) != 1 or addresses.pop() not in written:
        return False
    return not _LINK.search(_BARE.sub(" ", text))


def _ended(found: re.Match[str]) -> str:
    """A sentence and the beginning of the next, told apart. `Breads.Com` stays an address."""
    word, blank, start = found.groups()
    is_name = not blank and word[0].isupper() and start.lower() in _PROPER_ENDS
    return found[0] if is_name else f"{word}.\n"


_AT = re.compile(
    r"\s?(?:[(\[{<]\s?(?:at|a|@|arobase)\s?[)\]}>]|(?<=\s)arobase(?=\s)|(?<=[^\W_])_at_(?=[^\W_]))\s?"
)
_DOT = re.compile(r"\s?[(\[{<]\s?(?:dot|point|punkt|\.)\s?[)\]}>]\s?")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_] ){2,}[^\W\d_](?![^\W_])")


_ROLE = re.compile(
    r"(?<![\w.+-])(?:info|contact[oti]*|contato|kontakt|support|suporte|soporte|service|help|hello|hola|office|sales|shop|"
    r"orders?|kundenservice|kundservice|klantenservice|customer[._-]?(?:service|care)|atendimento|sac|assistenza|sav|"
    r"legal|privacy|claims|admin|no-?reply)\ ?@\ ?(?=\w)"
)


def undisguised(text: str) -> str:
    """Resolves disguises such as `mail (at) shop [dot] com` and `w w w`. An e-mail address of no person, such as
    `info@shop.com`, is that of a company: only `shop.com` is left of it."""
    return _ROLE.sub(" ", _DOT.sub(".", _AT.sub("@", _joined(text))))


def _joined(text: str) -> str:
    """`w w w` as one word."""
    return _SPACED.sub(lambda found: found[0].replace(" ", ""), text)
