"""An e-mail address: whether an e-mail can be sent to it, by its syntax alone (docs/orders-api.md, "The order").

No name server is asked: an order must not wait for one.
"""

import re

import email_validator

LONGEST_ADDRESS = 254
"""Octets of a whole address (RFC 5321 4.5.3.1.3, by way of RFC 3696's erratum 1690)."""

LONGEST_LOCAL_PART = 64
"""Octets before the @-sign (RFC 5321 4.5.3.1.1)."""

# The library refuses .test, .local and the like unless this list is emptied, as its documentation advises. A shop's
# own network and its trials use such names.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_AROUND = "".join(map(chr, (*range(0x21), 0x7F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029)))
_AROUND += "\u202f\u205f\u2060\u3000\ufeff"
"""White space, and what is as little seen: programs copy it along with an address."""

_FULL_WIDTH = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}

_ATOM = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_common = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{{2,63}}").fullmatch
_is_atom = re.compile(_ATOM).fullmatch


def check_address(text: str) -> str:
    """The address as it was written, but for white space and invisible characters around it, and full-width letters,
    which are ASCII ones. Raises ValueError with a sentence.

    Accepted: a dot-atom before the @-sign (non-ASCII too, RFC 6531), or one with dots anywhere, as mobile operators
    in Japan gave them out, and a domain of at least two labels, LDH or IDNA. Refused: quoted local parts, address
    literals, display names, an all-digit last label (a bare IPv4 address), and what is longer than SMTP carries.
    """
    text = text.strip(_AROUND)
    if not text.isascii():
        text = text.translate(_FULL_WIDTH)
    if is_common_address(text) or _is_sound(text):
        return text
    raise ValueError("not an e-mail address")


def is_common_address(text: str) -> bool:
    """Whether the address is of the most common form. It never says yes where `_is_sound` says no.

    It takes a fiftieth of the library's time. `--` is left to the library: it may be IDNA's `xn--`.
    """
    return (
        len(text) <= LONGEST_ADDRESS
        and text.find("@") <= LONGEST_LOCAL_PART
        and "--" not in text
        and _common(text) is not None
    )


def _is_sound(text: str) -> bool:
    """Whether the library and the contract's own limits accept the address, whatever its kind."""
    # The length first: the library's work grows with it.
    if len(text) > LONGEST_ADDRESS:
        return False
    local, _, domain = text.rpartition("@")
    if has_odd_dots(local):
        if not _is_atom(local.replace(".", "")):
            return False
        local = "a" * len(local)  # for the library, which knows none such
    try:
        found = email_validator.validate_email(
            f"{local}@{domain}", check_deliverability=False, globally_deliverable=False
        )
        octets, local_octets = len(text.encode()), len(local.encode())
    except (email_validator.EmailNotValidError, UnicodeEncodeError):
        return False
    labels = found.ascii_domain.split(".")
    return (
        octets <= LONGEST_ADDRESS
        and local_octets <= LONGEST_LOCAL_PART
        and len(labels) >= 2
        and not labels[-1].isdigit()
    )


def has_odd_dots(local: str) -> bool:
    """Whether a local part has to be quoted on the wire (RFC 5321 4.1.2) for its dots alone."""
    return local.startswith(".") or local.endswith(".") or ".." in local
