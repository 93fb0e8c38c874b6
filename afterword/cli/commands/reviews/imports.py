"""`afterword import`: reviews that were collected elsewhere."""

from pathlib import Path

import click
import msgspec

from afterword.actions.reviews.foreign import Collection
from afterword.actions.reviews.imports import Import, Imported, RowRefused, rows_of
from afterword.base.clock import system_clock
from afterword.cli.options import check_text, checked, json_option, opened_for, shop_argument, signer_of
from afterword.cli.output import say, say_fields, say_json, say_progress, shown
from afterword.domain.values import counted

MOST_ERRORS = 1_000
"""In the JSON: what is wrong with refused rows. All rows are counted."""


@click.command("import")
@shop_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--from",
    "source",
    default="elsewhere",
    callback=checked(check_text),
    help="Where they were collected (default: elsewhere).",
)
@click.option("--test", is_flag=True, help="Import them as test reviews.")
@click.option(
    "--dry-run", is_flag=True, help="Change nothing; say what would be imported, and from which columns."
)
@json_option
def import_(id_or_name: str, file: Path, source: str, test: bool, dry_run: bool, as_json: bool) -> None:
    """Import reviews that were collected elsewhere, from a CSV file.

    Its first line names the columns: rating, text and date are required; id, author, product_id, product_name,
    lang, experience_date, title, reply, replied_at and state are optional. The exports of the usual review services
    are read as they are; --dry-run says which column is taken for what. Imported reviews are labelled. Running it
    again imports nothing twice, and continues where it was interrupted. See docs/feeds.md.

    \b
      afterword import "Alba's bakery" reviews.csv --from "Old Reviews Ltd" --dry-run
    """
    errors: list[RowRefused] = []

    def report(error: RowRefused) -> None:
        if not as_json:
            where = f"line {error.line}" + (f", {error.field}" if error.field else "")
            click.echo(f"{where}: {error.message}", err=True)
        elif len(errors) < MOST_ERRORS:
            errors.append(error)

    with opened_for(id_or_name) as (database, shop), rows_of(file) as rows:
        importing = Import(
            database, Collection(shop, source, not test), signer_of(database), system_clock, report
        )
        done = importing.run(
            rows, dry_run=dry_run, progress=lambda so_far: say_progress(counted(so_far.rows, "row"))
        )
    say_progress(counted(done.rows, "row"), is_last=True)
    if as_json:
        listed = [error._asdict() for error in errors]
        say_json({**msgspec.to_builtins(done), "errors": listed, "dry_run": dry_run})
    else:
        _say(done, dry_run)
    if done.refused:
        raise click.exceptions.Exit(1)


def _say(done: Imported, dry_run: bool) -> None:
    if dry_run:
        say("Columns:")
        say_fields({f"  {field}": ", ".join(headings) for field, headings in done.columns.items()})
    if done.ignored_columns:
        say(f"Ignored columns: {', '.join(map(shown, done.ignored_columns))}.")
    verb = "would be imported" if dry_run else "imported"
    waiting = f"; {done.waiting:,} of them flagged, waiting for moderation" if done.waiting else ""
    say(f"{counted(done.imported, 'review')} {verb}{waiting}.")
    if done.imported_before:
        say(f"{counted(done.imported_before, 'review')} imported before.")
    if done.not_shown:
        whose = "its" if done.not_shown == 1 else "their"
        say(f"{counted(done.not_shown, 'review')} not imported: not shown by {whose} source.")
    if done.refused:
        say(f"{counted(done.refused, 'row')} not imported: see the errors above.")
