"""`afterword migrate` and `afterword backup`."""

import os
import secrets
import sys
from pathlib import Path

import click

from afterword.base.files import sync
from afterword.base.settings import read_settings
from afterword.cli.options import json_option, opened
from afterword.cli.output import say, say_json, shown
from afterword.store.migrate import migrations
from afterword.store.shops import Refused
from afterword.store.sqlite import SqliteDatabase


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database's schema up to date.

    Every command does so by itself; this one says what was done.
    """
    with opened() as database:
        applied = database.migrated
    schema = migrations()[-1][0]
    if as_json:
        say_json({"schema": schema, "applied": applied})
    elif applied:
        say(f"Applied {', '.join(map(str, applied))}: the schema is now {schema}.")
    else:
        say(f"The schema is up to date: {schema}.")


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
    say(f"Keep {shown(str(settings.journal))} where it is: a restore needs it as it is then.")
    if settings.secret is None:
        say(f"{shown(str(settings.data / 'secret'))} signs the links in letters: keep a copy of it too.")


def _copy(database: SqliteDatabase, file: Path) -> None:
    """Guarantee: a file of this name is a whole copy that survives a power cut."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        database.backup(draft, _progress)
        sync(draft)
        draft.rename(file)
        sync(file.parent)
    finally:
        for left in (draft, draft.with_name(draft.name + "-journal")):
            left.unlink(missing_ok=True)


def _progress(done: int, pages: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= pages else ""
        click.echo(f"\r{done * 100 // max(pages, 1)} % of {pages:,} pages{end}", err=True, nl=False)
