"""Updates the source references in the catalogues; `make places` runs it after a message has moved."""

import re

from tools.texts import PACKAGE, messages

_MESSAGE = re.compile(r'^msgid "(.+)"$', re.MULTILINE)


def with_places(catalogue: str) -> str:
    """The catalogue's text, with a reference comment above each message that is used."""
    entries = (_with_places(entry) for entry in catalogue.strip().split("\n\n"))
    return "\n\n".join(entries) + "\n"


def _with_places(entry: str) -> str:
    lines = [line for line in entry.split("\n") if not line.startswith("#:")]
    found = _MESSAGE.search(entry)
    places = " ".join(
        name for name, asked in _ASKED.items() if found and found[1].replace('\\"', '"') in asked
    )
    first = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join([*lines[:first], *([f"#: {places}"] if places else []), *lines[first:]])


_ASKED = {
    name: {message if isinstance(message, str) else message[0] for message in asked}
    for name, asked in messages().items()
}

if __name__ == "__main__":
    for path in (PACKAGE / "i18n" / "locales").glob("*.po"):
        path.write_text(with_places(path.read_text("utf-8")), "utf-8")
