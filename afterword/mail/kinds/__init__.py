"""The kinds of e-mails, a module each: it says what its templates show. Its name is that of the kind and of its
templates, `templates/<kind>.mjml` and `.txt`.

A module added here is a kind added; nothing else lists them.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.i18n.catalogue import Catalogue


class Kind(NamedTuple):
    """What is special about a kind.

    `values` are what its templates show, besides what all messages have (`Composer._values`). `to_shop`: it goes to
    the shop, and has no links to an order. `quotes`: it shows texts whose lines are longer than a line of a message
    may be (RFC 5322 2.1.1), so it is encoded whatever is in it.
    """

    values: Callable[[Message, Shop, Catalogue], dict[str, object]]
    to_shop: bool = False
    quotes: bool = False


def kinds() -> dict[str, Kind]:
    """Every kind by its name."""
    return {found.name: import_module(f"{__name__}.{found.name}").KIND for found in iter_modules(__path__)}
