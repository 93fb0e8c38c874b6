"""Header fields as text that is safe on the wire (RFC 5322, RFC 2047), and the check of the finished ones.

A field is never built from a value that is not encoded here. ASCII text goes as it is, folded before
spaces; all else as encoded words. So does text that holds `=?`: it is shown as it is, and never decoded
into something else by a mail program.
"""

import re
from binascii import b2a_base64
from email.utils import formatdate
from functools import lru_cache

import idna

from afterword.domain.orders.email import has_odd_dots

LINE = 76
"""Characters of a line with encoded words (RFC 2047 2); folded plain text keeps to it too."""

_WORD_OCTETS = 45
"""UTF-8 octets in one encoded word: 60 of base64, 72 with its frame, of the 75 allowed."""

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_mailbox = re.compile(r"(?:(?P<name>[^<>]*)<(?P<framed>[^<>\s]+)>|(?P<bare>[^<>\s]+))").fullmatch


class AddressError(ValueError):
    """The address cannot be used in a header or an envelope. The Orders API accepts none such."""


class HeaderError(RuntimeError):
    """A finished header is not exactly what it should be: the message must not be sent (guarantee 7)."""


def text_field(label: str, text: str) -> str:
    """An unstructured field such as Subject, without its final line end."""
    return _text(f"{label}: ", text, text)


def mailbox_field(label: str, name: str, address: str) -> str:
    """A field with one mailbox, such as To, without its final line end; `address` is from `wire_address`."""
    if not name:
        return f"{label}: {address}"
    quoted = name if _ATOMS.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    field = _text(f"{label}: ", name, quoted)
    last = len(field) - field.rfind("\n") - 1
    gap = " " if last + len(address) + 3 <= LINE else "\r\n "
    return f"{field}{gap}<{address}>"


def wire_address(address: str) -> str:
    """The address as it goes into header and envelope. Raises AddressError, never for one that an
    order was accepted with.

    The domain goes as A-labels (RFC 5891), which every server takes. A local part that is not ASCII stays
    in UTF-8 (RFC 6532), and the message needs SMTPUTF8 (RFC 6531). One with dots where an atom has none is quoted.
    """
    local, _, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            raise AddressError(f"{address!r} has a domain that no server can look up") from None
    if not local.isprintable() or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise AddressError(f"{address!r} is not an e-mail address")
    return f'"{local}"@{domain}' if has_odd_dots(local) else f"{local}@{domain}"


def parse_mailbox(text: str) -> tuple[str, str]:
    """The display name (may be empty) and the wire address of `Reviews <reviews@afterword.example>`
    or of a bare address. Raises AddressError."""
    found = _mailbox(text.strip())
    if not found:
        raise AddressError(f"{text!r} is not an address: write Reviews <reviews@shop.example>")
    name = (found["name"] or "").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, wire_address(found["framed"] or found["bare"])


@lru_cache(maxsize=16)
def date_field(second: int) -> str:
    """The Date field for an epoch second, in UTC (RFC 5322 3.3)."""
    return f"Date: {formatdate(second, usegmt=True)[:-3]}+0000"


def check_header(header: bytes, names: tuple[bytes, ...]) -> None:
    """Raises HeaderError unless the lines are fields of exactly these names, in this order.

    `header` is the finished header without the empty line after it.
    """
    found = tuple(line.partition(b":")[0] for line in header.split(b"\r\n") if line[:1] not in (b" ", b"\t"))
    ends = header.count(b"\r\n")
    if found != names or header.count(b"\n") != ends or header.count(b"\r") != ends or b"\0" in header:
        raise HeaderError(f"a message's header fields are {found!r}, not {names!r}")


def _text(start: str, text: str, plain: str) -> str:
    """The text: as `plain`, folded, where it is only ASCII and no word is longer than a line; else encoded."""
    return (_plain(start, plain) if _is_plain(text) else None) or _encoded(start, text)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "=?" not in text and text == " ".join(text.split())


def _plain(start: str, text: str) -> str | None:
    """The text folded before spaces, or None when one word is longer than a line."""
    if len(start) + len(text) <= LINE:
        return start + text
    lines = [start]
    for place, word in enumerate(text.split(" ")):
        piece = f" {word}" if place else word
        if len(lines[-1]) + len(piece) <= LINE:
            lines[-1] += piece
        elif place and len(piece) <= LINE:
            lines.append(piece)
        else:
            return None
    return "\r\n".join(lines)


def _encoded(start: str, text: str) -> str:
    """The text as encoded words in base64, one a line, none of which splits a character (RFC 2047 5)."""
    octets = _CONTROLS.sub(" ", text).encode("utf-8", "replace")
    words, begin, room = [], 0, (LINE - len(start) - 12) // 4 * 3
    while begin < len(octets):
        end = begin + min(room, _WORD_OCTETS)
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(octets[begin:end], newline=False).decode('ascii')}?=")
        begin, room = end, _WORD_OCTETS
    return start + "\r\n ".join(words)
