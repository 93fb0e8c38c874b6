"""`afterword copy`: everything from one database to another."""

from contextlib import closing

import click

from afterword.base.errors import StoreUnavailable
from afterword.cli.options import json_option
from afterword.cli.output import progress, say, say_json, say_table, shown
from afterword.store.transfer.copy import Copied, connect
from afterword.store.transfer.copy import copy as copy_database


@click.command()
@click.option("--from", "source", metavar="DATABASE", required=True, help="The database to copy.")
@click.option("--to", "destination", metavar="DATABASE", required=True, help="An empty database.")
@json_option
def copy(source: str, destination: str, as_json: bool) -> None:
    """Copy everything to another database, and compare both.

    DATABASE is the path of a SQLite file, or postgresql://… Stop Afterword, copy, set AFTERWORD_DATABASE to the new
    database, and start Afterword again. Nothing is written to the old database. To continue an interrupted copy, run
    the same command again; until it is finished, nothing else opens the new database.

    Leave the send journal where it is: the new database continues it. To start on another machine, copy the journal
    there too (afterword copy-journal). Never run Afterword on both databases. See docs/copying.md.
    """
    try:
        with closing(connect(source)) as old, closing(connect(destination, is_new=True)) as new:
            copied = copy_database(old, new, progress)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{error}; to continue, run the same command again") from error
    except KeyboardInterrupt:
        click.echo("\nTo continue, run the same command again.", err=True)
        raise
    if as_json:
        say_json(_fields(copied))
    else:
        _say(copied)


def _fields(copied: Copied) -> dict[str, object]:
    tables = {name: {"rows": found.rows, "sha256": found.sha256} for name, found in copied.tables.items()}
    return {"from": copied.source, "to": copied.destination, "tables": tables}


def _say(copied: Copied) -> None:
    rows = [(name, f"{found.rows:,}", found.sha256) for name, found in copied.tables.items()]
    say_table(("table", "rows", "SHA-256, the same in both"), rows)
    say()
    say(f"{shown(copied.destination)} has everything that is in {shown(copied.source)}.")
    say("Set AFTERWORD_DATABASE to the new database and start Afterword. Leave every other setting as it is,")
    say("above all the send journal. Do not start Afterword on the old database again.")
