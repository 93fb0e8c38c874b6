"""How results are written to stdout: a few lines for people, or one JSON value for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from textwrap import wrap

import click

from afterword.actions.present import Fields

TEXT_WIDTH = 92
"""Characters of a line of a longer text."""

PAGE = 1_000
"""Rows whose cells decide how wide the columns of a table are."""

TITLES = {"live": "mode", "id_order": "order"}
"""Of columns that are not called like their fields."""


def say(line: str = "") -> None:
    click.echo(line)


def say_json(value: object) -> None:
    """One JSON value on one line, in ASCII: it survives every locale."""
    click.echo(json.dumps(value))


def say_result(fields: Fields, *lines: str, as_json: bool) -> None:
    """What a command did: as JSON, or in sentences."""
    if as_json:
        say_json(fields)
    else:
        say("\n".join(lines))


def say_list(items: Iterable[Fields], columns: str, empty: str, *, as_json: bool) -> None:
    """A JSON array; or a table, of which `columns` are fields; or, when it is empty, a sentence."""
    items, names = iter(items), columns.split()
    if as_json:
        _say_json_array(items)
    elif first := next(items, None):
        people = map(_of_people, chain([first], items))
        titles = [TITLES.get(name, name.removesuffix("_at")) for name in names]
        say_table(titles, ([fields[name] for name in names] for fields in people))
    else:
        say(empty)


def _say_json_array(items: Iterable[Fields]) -> None:
    """Written as the items come: however long it is, it is never held whole."""
    before = "["
    for item in items:
        click.echo(before + json.dumps(item))
        before = ","
    click.echo("[]" if before == "[" else "]")


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns under a head, as wide as the first page of rows needs; written as they come."""
    lines = ([_cell(value) for value in row] for row in rows)
    first = [list(head), *islice(lines, PAGE)]
    widths = [max(map(len, column)) for column in zip(*first, strict=True)]
    for line in chain(first, lines):
        columns = zip(line, widths, strict=True)
        click.echo("  ".join(cell.ljust(width) for cell, width in columns).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, list):
        return shown(", ".join(map(str, value))) or "-"
    return "-" if value is None else shown(str(value))


def say_fields(fields: Fields) -> None:
    """One `name: value` a line; empty fields are left out."""
    width = max(len(name) for name in fields) + 1
    for name, value in _of_people(fields).items():
        if value is not None:
            click.echo(f"{name + ':':<{width}} {shown(str(value))}")


def _of_people(fields: Fields) -> Fields:
    """`live` is a word."""
    return {**fields, "live": mode(bool(fields["live"]))} if "live" in fields else fields


def warn(sentence: str | None) -> None:
    """On stderr: what people should know and programs need not."""
    if sentence:
        click.echo(f"Note: {shown(sentence)}", err=True)


def say_text(title: str, text: str) -> None:
    """A text with lines of its own, under its title."""
    click.echo(f"{title}:")
    for line in text.split("\n"):
        for part in wrap(shown(line), TEXT_WIDTH) or [""]:
            click.echo(f"    {part}".rstrip())


def log_command(event: str, **fields: object) -> None:
    """A line of the security log, on stderr, for a command that changes who may do what."""
    from afterword.base.log import set_up_log
    from afterword.base.security import log

    set_up_log()
    log.info(event, **fields)


def progress(unit: str, done: int, of: int) -> None:
    """Shows a person at a terminal how far it is."""
    say_progress(f"{done * 100 // max(of, 1)} % of {of:,} {unit}", is_last=done >= of)


def say_progress(text: str, *, is_last: bool = False) -> None:
    """On one line of the terminal, over and over."""
    if sys.stderr.isatty():
        click.echo(f"\r{text}\033[K", err=True, nl=is_last)


def shown(text: str) -> str:
    """Text as a terminal can show it: characters that could control it are escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def mode(live: bool) -> str:
    return "live" if live else "test"
