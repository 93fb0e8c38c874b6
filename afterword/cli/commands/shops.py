"""`afterword shop`: the shops that send orders here."""

from collections.abc import Callable
from typing import Any

import click

from afterword.actions import present, shops
from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, opened, opened_for, shop_argument
from afterword.cli.output import say, say_fields, say_json, say_list, warn
from afterword.domain.orders.email import check_address
from afterword.domain.shops import (
    check_lang,
    check_name,
    check_order_rules,
    check_phones,
    check_site,
    check_timezone,
    parse_delay,
    parse_keep_for,
    parse_mode,
)

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


@click.group()
def shop() -> None:
    """Add, list and change shops."""


def _option(name: str, check: Callable[[str], Any], says: str, *, clearable: bool = False) -> Decorator:
    return click.option(name, callback=checked(check, clearable=clearable), help=says)


_OPTIONS = (
    _option("--lang", check_lang, "Language of its e-mails: en, fr, pt-br …"),
    _option("--site", check_site, "Its web address: https://shop.example", clearable=True),
    _option(
        "--phones",
        check_phones,
        "Its telephone numbers, with commas between: reviews may name them.",
        clearable=True,
    ),
    _option("--timezone", check_timezone, "Its time zone: Europe/Paris, America/New_York, UTC …"),
    _option("--delay", parse_delay, "Time from an order's receipt to its e-mail: 10d, 36h, 90m, 5s."),
    _option("--email", check_address, "Its e-mail address, for replies and notifications.", clearable=True),
    _option(
        "--moderation",
        parse_mode,
        "checks: publish reviews at once unless flagged. by-hand: a person decides on each.",
    ),
    _option(
        "--publish-after",
        parse_delay,
        "With manual moderation, publish unreviewed reviews after this long (default: 7d).",
    ),
    _option(
        "--orders",
        check_order_rules,
        "tolerant: also import orders without a first or last name, and leave out products without id or name.",
    ),
    _option(
        "--keep-for",
        parse_keep_for,
        "Erase names and addresses of orders this long after their receipt, 365d to 3650d (default: 730d).",
    ),
)


def _shop_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@shop.command()
@click.argument("name", callback=checked(check_name))
@_shop_options
@json_option
def add(name: str, as_json: bool, **options: Any) -> None:
    """Add a shop and show its keys, once.

    Defaults: e-mails in English, ten days after an order's receipt; time zone UTC.

    \b
      afterword shop add "Alba's bakery" --lang fr --timezone Europe/Paris --delay 7d
    """
    with opened() as database:
        new, keys = database.write_now(lambda tx: shops.add(tx, name, system_clock(), **_given(options)))
    warn(shops.language_warning(new.lang))
    if as_json:
        say_json({**present.shop(new), **keys._asdict()})
        return
    say_fields(present.shop(new))
    say()
    say("The two private keys are shown only now; they are not stored.")
    say(f"  private key, for live orders:      {keys.private_key}")
    say(f"  test key, e-mails become files:    {keys.test_key}")
    say(f"  public key, to read reviews:       {keys.public_key}")
    say(f"  public key, for test reviews:      {keys.public_test_key}")


@shop.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the shops."""
    with opened() as database:
        rows = [present.shop(each) for each in database.read_now(shops.listed)]
    columns = "id name lang site phones timezone email delay moderation publish_after orders keep_for"
    say_list(rows, columns, "No shops. Add one with: afterword shop add NAME", as_json=as_json)


@shop.command("set")
@shop_argument
@_option("--name", check_name, "A new name.")
@_shop_options
@json_option
def set_(id_or_name: str, as_json: bool, **options: Any) -> None:
    """Change the given settings of a shop. --site "", --phones "" and --email ""
    clear them.

    A new delay applies to later orders, a new moderation mode to later reviews.
    """
    changes = _given(options)
    if not changes:
        raise click.UsageError("give at least one option to change")
    with opened_for(id_or_name) as (database, found):
        changed = database.write_now(lambda tx: shops.change(tx, found, system_clock(), **changes))
    if "lang" in changes:
        warn(shops.language_warning(changed.lang))
    if as_json:
        say_json(present.shop(changed))
        return
    say_fields(present.shop(changed))
    if "delay" in changes:
        say("The delay applies to later orders; scheduled e-mails keep their time.")
    if {"moderation", "publish_after"} & changes.keys():
        say("The moderation mode applies to later reviews.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; an empty text clears."""
    return {name: None if value == "" else value for name, value in options.items() if value is not None}
