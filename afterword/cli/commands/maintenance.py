"""`afterword migrate`, `afterword backup`, `afterword copy` and `afterword copy-journal`."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from afterword.base.errors import Refused, StoreUnavailable
from afterword.base.files import whole_file
from afterword.base.settings import journal_address, read_settings
from afterword.cli.options import json_option, opened
from afterword.cli.output import progress, say, say_json, say_result, say_table, shown, warn
from afterword.domain.values import counted
from afterword.store.engine.migrate import migrations
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.journal.journal import copy_journal as copy_lines
from afterword.store.journal.place import journal_place
from afterword.store.transfer.copy import Copied, connect
from afterword.store.transfer.copy import copy as copy_database

ROWS_A_SECOND = 100_000
"""That Citus copied to nodes on a small machine."""


@click.command()
@click.option(
    "--citus", is_flag=True, help="Distribute the tables by shop over the nodes of a Citus cluster."
)
@json_option
def migrate(citus: bool, as_json: bool) -> None:
    """Update the database's schema.

    Every command does so by itself; this one says what was done. Only this one, with --citus, distributes tables.
    """
    if citus and read_settings().database_path is not None:
        raise Refused(
            "--citus is for a Citus cluster, and this database is a SQLite file: set AFTERWORD_DATABASE to the "
            "address of the coordinator"
        )
    with opened() as database:
        applied = database.migrated
        spread = []
        if citus:
            from afterword.store.transfer.citus import distribute  # a SQLite file should not wait for psycopg

            spread = distribute(database, _say_what_waits)
    schema = migrations()[-1][0]
    if as_json:
        say_json({"schema": schema, "applied": applied} | ({"spread": spread} if citus else {}))
        return
    if applied:
        say(f"Applied {', '.join(map(str, applied))}: the schema is now {schema}.")
    else:
        say(f"The schema is up to date: {schema}.")
    if spread:
        say(f"Distributed by shop over the nodes: {', '.join(spread)}.")
    elif citus:
        say("The tables are already distributed.")


def _say_what_waits(rows: int) -> None:
    seconds = max(1, rows // ROWS_A_SECOND)
    warn(
        f"about {rows:,} rows are copied to the nodes, which takes some {counted(seconds, 'second')}. Until it is "
        "done, all requests wait, and orders are answered 503 after ten seconds, to be sent again."
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Copy the database into FILE, while Afterword runs.

    FILE appears once it is complete; an existing file is never overwritten. The send journal is left out on purpose:
    a restored database continues with the current journal, which knows what was sent.
    """
    if os.path.lexists(file):
        raise Refused(f"{file} already exists: a backup never overwrites a file")
    with opened() as database, whole_file(file) as draft:
        if not isinstance(database, SqliteDatabase):
            raise Refused(
                "backup copies a SQLite file: for PostgreSQL use pg_dump, or the server's own backups"
            )
        try:
            database.backup(draft, partial(progress, "pages"))
        finally:
            draft.with_name(draft.name + "-journal").unlink(missing_ok=True)
    settings = read_settings()
    size = file.stat().st_size
    if as_json:
        say_json({"file": str(file), "bytes": size, "schema": migrations()[-1][0]})
        return
    say(f"{shown(str(file))} holds the whole database ({size:,} bytes).")
    say(f"Keep {shown(settings.journal_name)} where it is: a restored database needs its current content.")
    if settings.secret is None:
        say(f"{shown(str(settings.data / 'secret'))} signs the links in e-mails: keep a copy of it too.")


@click.command()
@click.option(
    "--to", required=True, metavar="PLACE", help="A file, or postgresql://… of a database of its own."
)
@json_option
def copy_journal(to: str, as_json: bool) -> None:
    """Copy the send journal to another place.

    To use the copy: stop everything that sends, copy, set AFTERWORD_JOURNAL to the new place everywhere, and start
    again. A sender that still uses the old one stops sending once something has been sent with the new one. Running
    the command again copies only what is missing.
    """
    target = journal_place(journal_address(to, "--to"))
    source = journal_place(read_settings().journal).find()
    if source is None:
        raise Refused("there is no send journal to copy: it is made when Afterword first starts")
    try:
        copy_lines(source, target, partial(progress, "bytes"))
        size = source.size()
    except FileExistsError as error:
        raise Refused(f"nothing was copied: {error}") from error
    finally:
        source.close()
    sentence = (
        f"The send journal is copied ({size:,} bytes). Set AFTERWORD_JOURNAL to the new place, and start."
    )
    say_result({"bytes": size}, sentence, as_json=as_json)


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
        say_json(_copied_fields(copied))
    else:
        _say_copied(copied)


def _copied_fields(copied: Copied) -> dict[str, object]:
    tables = {name: {"rows": found.rows, "sha256": found.sha256} for name, found in copied.tables.items()}
    return {"from": copied.source, "to": copied.destination, "tables": tables}


def _say_copied(copied: Copied) -> None:
    rows = [(name, f"{found.rows:,}", found.sha256) for name, found in copied.tables.items()]
    say_table(("table", "rows", "SHA-256, the same in both"), rows)
    say()
    say(f"{shown(copied.destination)} has everything that is in {shown(copied.source)}.")
    say("Set AFTERWORD_DATABASE to the new database and start Afterword. Leave every other setting as it is,")
    say("above all the send journal. Do not start Afterword on the old database again.")
