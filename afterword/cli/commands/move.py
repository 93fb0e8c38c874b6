"""`afterword move`: everything from one database to another."""

import sys
from contextlib import closing

import click

from afterword.base.clock import system_clock
from afterword.base.errors import StoreUnavailable
from afterword.cli.options import json_option
from afterword.cli.output import say, say_json, say_table, shown
from afterword.store.transfer.move import Move, Moved, cancel, connect


@click.command()
@click.option("--from", "source", metavar="DATABASE", required=True, help="The database that is moved.")
@click.option("--to", "destination", metavar="DATABASE", help="Where to: an empty one.")
@click.option("--cancel", "is_cancelled", is_flag=True, help="Have the old database work again.")
@json_option
def move(source: str, destination: str | None, is_cancelled: bool, as_json: bool) -> None:
    """Move everything to another database.

    DATABASE is the path of a SQLite file or postgresql://… Afterword may go on serving meanwhile: it takes orders
    until the copy is nearly done, then answers 503 until it is started on the new database. When the move breaks
    off, the same command goes on. See docs/copying.md.
    """
    if is_cancelled == (destination is not None):
        raise click.UsageError("Give --to DATABASE, or --cancel.")
    if destination is None:
        _cancel(source, as_json)
        return
    try:
        with closing(connect(source)) as old, closing(connect(destination, is_new=True)) as new:
            moved = Move(old, new, system_clock, _progress).finish()
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{error}; the same command goes on where this one stopped") from error
    except KeyboardInterrupt:
        click.echo(
            "\nThe same command goes on where this one stopped; --cancel takes the move back.", err=True
        )
        raise
    if as_json:
        say_json(_fields(moved))
    else:
        _tell(moved)


def _cancel(source: str, as_json: bool) -> None:
    with closing(connect(source)) as old:
        peer = cancel(old)
    if as_json:
        say_json({"cancelled": True, "to": peer})
    else:
        say(
            f"It works again. What was copied to {shown(peer)} stays there, and a later move goes on with it."
        )


def _fields(moved: Moved) -> dict[str, object]:
    tables = moved.tables or {}
    return {
        "from": moved.source,
        "to": moved.destination,
        "tables": {name: {"rows": rows, "sha256": hashed} for name, (rows, hashed) in tables.items()},
        "shut_for": round(moved.shut_for, 1),
    }


def _tell(moved: Moved) -> None:
    if moved.tables is None:
        say(f"This move was finished before: everything is at {shown(moved.destination)}.")
    else:
        head = ("table", "rows", "SHA-256, the same on both sides")
        say_table(head, [(name, f"{rows:,}", hashed) for name, (rows, hashed) in moved.tables.items()])
        say()
        say(f"Everything is at {shown(moved.destination)}; the old one was shut {moved.shut_for:.1f} s ago.")
    say("Start Afterword there: give AFTERWORD_DATABASE its address, and leave every other setting as it is,")
    say("the send journal above all. The old database takes nothing any more.")


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        click.echo(f"\r{done * 100 // max(total, 1):3} % of {total:,} {what}\033[K{end}", err=True, nl=False)
