"""`afterword export`: all reviews of a shop, for a spreadsheet, a program, or Google."""

import sys
from pathlib import Path

import click

from afterword.actions.reviews import exports
from afterword.actions.reviews.exports import FORMATS, Export
from afterword.base.files import whole_file
from afterword.base.settings import read_settings
from afterword.cli.options import opened_for, shop_argument
from afterword.cli.output import say, say_progress, shown
from afterword.domain.values import counted


@click.command()
@shop_argument
@click.option(
    "--format", type=click.Choice(tuple(FORMATS)), default="csv", show_default=False, help="Default: csv."
)
@click.option("--test", is_flag=True, help="Test reviews instead of live ones.")
@click.option(
    "--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="Default: standard output."
)
def export(id_or_name: str, format: str, test: bool, file: Path | None) -> None:
    """Export all reviews of a shop, in every state.

    csv and json include the customers' names and addresses. google is the feed of published product reviews, and
    has nothing private. --output replaces an existing file once the new one is complete.
    """
    with opened_for(id_or_name) as (database, shop):
        what = Export(shop, not test, read_settings().url)
        if file is None:
            sys.stdout.buffer.writelines(map(str.encode, exports.write(database, what, format)))
            sys.stdout.flush()
            return
        with whole_file(file) as draft, draft.open("wb") as stream:
            parts = exports.write(database, what, format, lambda done: say_progress(counted(done, "review")))
            stream.writelines(map(str.encode, parts))
    say(f"{shown(str(file))} was written ({file.stat().st_size:,} bytes).")
