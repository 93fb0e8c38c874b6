"""`afterword migrate`, `afterword backup` and `afterword copy-journal`."""

import os
import secrets
from functools import partial
from pathlib import Path

import click

from afterword.base.errors import Refused
from afterword.base.files import sync
from afterword.base.settings import journal_address, read_settings
from afterword.cli.options import json_option, opened
from afterword.cli.output import progress, say, say_json, shown
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.migrate import migrations
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.journal.journal import copy_journal as copy_lines
from afterword.store.journal.place import journal_place


@click.command()
@click.option("--citus", is_flag=True, help="Spread the tables by shop over the nodes of a Citus cluster.")
@json_option
def migrate(citus: bool, as_json: bool) -> None:
    """Bring the database's schema up to date.

    Every command does so by itself; this one says what was done. Only this one, with --citus, spreads tables.
    """
    if citus and read_settings().database_path is not None:
        raise Refused(
            "--citus is for a Citus cluster, and this database is a SQLite file: set AFTERWORD_DATABASE to the "
            "address of the coordinator"
        )
    with opened() as database:
        applied = database.migrated
        spread = _distribute(database) if citus else []
    schema = migrations()[-1][0]
    if as_json:
        say_json({"schema": schema, "applied": applied} | ({"spread": spread} if citus else {}))
        return
    if applied:
        say(f"Applied {', '.join(map(str, applied))}: the schema is now {schema}.")
    else:
        say(f"The schema is up to date: {schema}.")
    if spread:
        say(f"Spread over the nodes by shop: {', '.join(spread)}.")
    elif citus:
        say("The tables are spread over the nodes already.")


def _distribute(database: EngineDatabase) -> list[str]:
    from afterword.store.transfer.citus import (
        distribute,  # whoever keeps a SQLite file need not wait for psycopg
    )

    return distribute(database)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Copy the database into FILE, while everything goes on.

    FILE is there when it is whole, and not before; one that exists is not overwritten. The send journal is no
    part of it, on purpose: a restored database goes on with the journal of today, which knows what was sent.
    """
    if os.path.lexists(file):
        raise Refused(f"{file} exists already: a backup overwrites nothing")
    if not file.parent.is_dir():
        raise Refused(f"there is no folder {file.parent}")
    with opened() as database:
        if not isinstance(database, SqliteDatabase):
            raise Refused(
                "backup copies a SQLite file: of PostgreSQL take pg_dump, or the server's own backups"
            )
        _copy(database, file)
    settings = read_settings()
    if as_json:
        say_json({"file": str(file), "bytes": file.stat().st_size, "schema": migrations()[-1][0]})
        return
    say(f"{shown(str(file))} holds the whole database ({file.stat().st_size:,} bytes).")
    say(f"Keep {shown(settings.journal_name)} where it is: a restore needs it as it is then.")
    if settings.secret is None:
        say(f"{shown(str(settings.data / 'secret'))} signs the links in letters: keep a copy of it too.")


def _copy(database: SqliteDatabase, file: Path) -> None:
    """Guarantee: a file of this name is a whole copy that survives a power cut."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        database.backup(draft, partial(progress, "pages"))
        sync(draft)
        draft.rename(file)
        sync(file.parent)
    finally:
        for left in (draft, draft.with_name(draft.name + "-journal")):
            left.unlink(missing_ok=True)


@click.command()
@click.option(
    "--to", required=True, metavar="PLACE", help="A file, or postgresql://… with a database of its own."
)
@json_option
def copy_journal(to: str, as_json: bool) -> None:
    """Copy the send journal to another place.

    To go on with it there: stop whatever sends, copy, name the new place in AFTERWORD_JOURNAL everywhere, start.
    Whoever still has the old one sends nothing any more once a letter has gone with the new one. Run again, it
    copies what is missing.
    """
    target = journal_place(journal_address(to, "--to"))
    source = journal_place(read_settings().journal).find()
    if source is None:
        raise Refused("there is no send journal to copy: it is made when Afterword first starts")
    try:
        copy_lines(source, target, partial(progress, "bytes"))
        size = source.size()
    except FileExistsError as error:
        raise Refused(f"nothing is copied: {error}") from error
    finally:
        source.close()
    if as_json:
        say_json({"bytes": size})
    else:
        say(
            f"The send journal is copied ({size:,} bytes). Name the new place in AFTERWORD_JOURNAL, and start."
        )
