"""What the commands take: arguments and options with their checks, and the database that they open."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import Any

import click

from afterword.actions import shops
from afterword.base.settings import read_settings
from afterword.domain.reviews.chain import Signer
from afterword.domain.shops import Shop, parse_delay
from afterword.store.engine.database import Database
from afterword.store.opening import link_secret, open_database

LARGEST_ID = 2**53 - 1
LONGEST_REASON = 200

Callback = Callable[[click.Context, click.Parameter, str | None], Any]


def checked(check: Callable[[str], Any], *, clearable: bool = False) -> Callback:
    """Reads an option or argument; the sentence of the check's ValueError becomes a usage error. An empty text that
    clears something stays as it is."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None or (value == "" and clearable):
            return value
        try:
            return check(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return read


def check_text(text: str) -> str:
    """Printable text on one line. Raises ValueError."""
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        raise ValueError(f"write 1 to {LONGEST_REASON} printable characters")
    return text


def parse_moment(text: str, now: float) -> int:
    """Epoch seconds of a moment with its offset, or of a delay from now such as `+2d`. Raises ValueError."""
    if text.startswith("+"):
        return ceil(now) + parse_delay(text[1:])
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        seconds = ceil(moment.timestamp())
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time: write 2026-03-01T14:05:26Z, 2026-03-01T15:05:26+01:00 or +2d"
        ) from None
    if seconds < 0:
        raise ValueError(f"{text!r} is before 1970")
    return seconds


limit_option = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
shop_argument = click.argument("id_or_name", metavar="SHOP")
row_id = click.IntRange(1, LARGEST_ID)


@contextmanager
def opened() -> Iterator[Database]:
    """The database, migrated. Raises SettingsError, SchemaTooNew, StoreUnavailable."""
    database = open_database(read_settings())
    try:
        yield database
    finally:
        database.close_now()


@contextmanager
def opened_for(id_or_name: str) -> Iterator[tuple[Database, Shop]]:
    """The database, and the shop that SHOP names. Raises Refused too."""
    with opened() as database:
        yield database, database.read_now(lambda tx: shops.named(tx, id_or_name))


def signer_of(database: Database) -> Signer:
    """What signs the chain. Raises SettingsError."""
    return Signer(link_secret(read_settings(), database))
