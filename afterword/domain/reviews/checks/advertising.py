"""Finds web addresses in a text, apart from the shop's own (docs/moderation.md, "Checks").

What follows a point tells an address from a sentence whose author left out the blank: a capital begins a sentence,
and a word such as `it` or `me` counts only where an address can end. Every pattern is bounded, so this takes time in
proportion to the length of the text.
"""

import re

from afterword.domain.folding import lower
from afterword.domain.reviews.checks.endings import ANY_END, ENDS, WITH_A_PATH, WORDS_TOO
from afterword.domain.reviews.checks.own import Own

_OVER = r"(?= $ | \ ?[\n,;!?)\]] | \.(?:\s|$) )"
"""Where an address can end, but a sentence has just begun."""

_LINK = re.compile(
    rf"""
      (?<![^\W_]) h(?:tt|xx)ps? \ ?:
    | (?<![^\W_]) (?<!\w/) www\d?
      (?: [.,/:]\w | \ ?[.,/:]\ ?[\w-]{{1,63}}\ ?[.,]\ ?[a-z]{{2}} | \ [\w-]{{1,63}}\ (?:{ENDS}) (?!\w) )
    | [a-z]{{2}} \ ?:// \ ?\w
    | \w\. (?:{ENDS}) (?!\w)
    | \w\w\. (?:{WORDS_TOO}) {_OVER}
    | \w\. (?:[a-z]{{2}}|{ENDS}|{WORDS_TOO}|{WITH_A_PATH}) / \w
    | \w\ \. \ ? (?:com|fr|org|uk) (?!\w)
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
_PROPER_ENDS = frozenset(ENDS.split("|"))
_WITH = re.compile(r"\ \.\ (?=com\ [^\W\d_])")
_WITH_IS_COM = ("pt", "gl", "ca")
"""Languages in which `com` is a word. A point between blanks comes before it there, too, in careless writing."""


_MASKED = re.compile(
    r"\*@(?:gmail|hotmail|outlook|live|yahoo|icloud|gmx|web|orange|free|mail)\.[a-z]{2,3}(?:\.[a-z]{2})?"
)
"""What is left of a person's address that its author or a site has made unreadable."""


def has_link(cased: str, lang: str, own: Own) -> bool:
    """Whether a text without accents (`fold_case`) has a web address that is not the shop's own."""
    text = lower(_NEW_SENTENCE.sub(_ended, _joined(cased)))
    if lang.partition("-")[0] in _WITH_IS_COM:
        text = _WITH.sub(".\n", text)
    text = own.left_out_of(_MASKED.sub(" ", EMAIL_ADDRESS.sub(" ", undisguised(text))))
    return bool(_LINK.search(text)) and not _is_mention(text, lower(cased))


LONG_TEXT = 200
"""A text may name one other company by its address for each so many characters."""

_BARE = re.compile(
    rf"(?<![\w.@/:-])(?!www\d?\.)(?:[\w-]{{1,63}}\.){{1,3}}\ ?{ANY_END}(?!-?[\d_/@]|[^\W\d_]|[?:#]\w|-\W)"
)
"""An address alone, as in `at booking.com`, `Booking. com`, or `my hotels.com-account`."""


def _is_mention(text: str, written: str) -> bool:
    """Whether a long text has addresses alone, without scheme and path, and undisguised in `written`.

    Customers name other companies so ("booked at booking.com"). Advertising is short, or can be followed.
    """
    addresses = {found[0] for found in _BARE.finditer(text)}
    if not 1 <= len(addresses) <= len(text) // LONG_TEXT or not all(each in written for each in addresses):
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
    r"(?<![\w.+-])(?:info|contact[oti]*|contato|kontakt|[a-z]{0,20}support|suporte|soporte|service|accueil|help|hello|hola|office|"
    r"sales|shop|medias?[._-]socia(?:ux|les)|orders?|kundenservice|kundservice|klantenservice|customer[._-]?(?:service|care)|atendimento|sac|assistenza|sav|"
    r"legal|privacy|claims|admin|no-?reply)\ ?@\ ?(?=\w)"
)


def undisguised(text: str) -> str:
    """Resolves disguises such as `mail (at) shop [dot] com` and `w w w`. An e-mail address of no person, such as
    `info@shop.com`, is that of a company: only `shop.com` is left of it."""
    return _ROLE.sub(" ", _DOT.sub(".", _AT.sub("@", _joined(text))))


def _joined(text: str) -> str:
    """`w w w` as one word."""
    return _SPACED.sub(lambda found: found[0].replace(" ", ""), text)
