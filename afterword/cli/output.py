"""How results are written to stdout: a few lines for people, or one JSON value for programs."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import wrap

import click

Fields = Mapping[str, object]

TEXT_WIDTH = 92
"""Characters of a line of a longer text."""


def say(line: str = "") -> None:
    click.echo(line)


def say_json(value: object) -> None:
    """One JSON value on one line, in ASCII: it comes through whatever the locale is."""
    click.echo(json.dumps(value))


def say_json_array(items: Iterable[Fields]) -> None:
    """One JSON array, written as the items come: however long it is, it is never held whole."""
    before = "["
    for item in items:
        click.echo(before + json.dumps(item))
        before = ","
    click.echo("[]" if before == "[" else "]")


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]], page: int = 1_000) -> None:
    """Columns under a head, as wide as the first page of rows needs; written as they come."""
    waiting: list[list[str]] = []
    widths = [len(title) for title in head]
    rows = iter(rows)
    for _, row in zip(range(page), rows, strict=False):
        cells = [_cell(value) for value in row]
        widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
        waiting.append(cells)
    for line in _all_cells(head, waiting, rows):
        columns = zip(line, widths, strict=True)
        click.echo("  ".join(cell.ljust(width) for cell, width in columns).rstrip())


def _all_cells(
    head: Sequence[str], waiting: list[list[str]], rows: Iterator[Sequence[object]]
) -> Iterator[Sequence[str]]:
    yield head
    yield from waiting
    for row in rows:
        yield [_cell(value) for value in row]


def _cell(value: object) -> str:
    return "-" if value is None else shown(str(value))


def say_fields(fields: Fields) -> None:
    """One `name: value` a line; what is not there is left out."""
    width = max(len(name) for name in fields) + 1
    for name, value in fields.items():
        if value is not None:
            click.echo(f"{name + ':':<{width}} {shown(str(value))}")


def say_text(title: str, text: str) -> None:
    """A text that has lines of its own, under its title."""
    click.echo(f"{title}:")
    for line in text.split("\n"):
        for part in wrap(shown(line), TEXT_WIDTH) or [""]:
            click.echo(f"    {part}".rstrip())


def progress(unit: str, done: int, of: int) -> None:
    """Tells a person who watches how far it is."""
    if sys.stderr.isatty():
        end = "\n" if done >= of else ""
        click.echo(f"\r{done * 100 // max(of, 1)} % of {of:,} {unit}{end}", err=True, nl=False)


def shown(text: str) -> str:
    """Text as it can stand on a terminal: signs that could steer it are escaped, the rest is as it was."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def time_text(seconds: int | None) -> str | None:
    """`2026-03-01T14:05:26Z`, or None when there is no time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def world(live: bool) -> str:
    return "live" if live else "test"
