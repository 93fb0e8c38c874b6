"""What the forms of these pages have in common."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from afterword.i18n.catalogue import catalogues
from afterword.i18n.dates import english_name

Value = TypeVar("Value")

LONGEST_TYPED = 2_000
"""Characters of a field that a page shows again."""


def typed(form: Mapping[str, str], name: str) -> str:
    """What a field has, without blanks around it."""
    return form.get(name, "")[:LONGEST_TYPED].strip()


def checked(
    check: Callable[[str], Value], text: str, name: str, errors: dict[str, str], instead: str = ""
) -> Value | None:
    """What the check makes of a text. If it refuses it, its sentence becomes the field's error, or the one given
    instead."""
    try:
        return check(text)
    except ValueError as error:
        errors[name] = instead or sentence(error)
        return None


def sentence(error: Exception) -> str:
    """What an exception says, with a capital and a full stop."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "…", "?")) else ".")


def languages(current: str) -> list[tuple[str, str]]:
    """What e-mails can be in, and the language that was chosen, with their English names."""
    return [(lang, english_name(lang)) for lang in dict.fromkeys((*catalogues(), current))]
