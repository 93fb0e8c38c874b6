"""`afterword shop`: who sends orders here."""

from collections.abc import Callable
from typing import Any

import click

from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, named_shop, opened, shop_argument
from afterword.cli.output import say, say_fields, say_json, say_json_array, say_table
from afterword.domain.orders.email import check_address
from afterword.domain.shops import (
    DEFAULT_DELAY,
    Shop,
    check_lang,
    check_name,
    check_site,
    check_timezone,
    format_delay,
    format_mode,
    parse_delay,
    parse_mode,
)
from afterword.store.shops import NewKeys, add_shop, change_shop, list_shops

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


@click.group()
def shop() -> None:
    """Add, list and change shops."""


def _shop_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        _checked(
            "--publish-after", parse_delay, "By hand: what nobody has looked at by then is published: 7d."
        ),
        _checked(
            "--moderation", parse_mode, "Of its reviews: checks (at once, if they find nothing) or by-hand."
        ),
        _checked("--email", check_address, "How to reach the shop.", clearable=True),
        _checked("--delay", parse_delay, "From an order's receipt to its letter: 10d, 36h, 90m, 5s."),
        _checked("--timezone", check_timezone, "Of its local time: Europe/Paris, America/New_York, UTC …"),
        _checked("--site", check_site, "Its web address: https://shop.example", clearable=True),
        _checked("--lang", check_lang, "Of its letters: en, fr, pt-br …"),
    ):
        command = option(command)
    return command


def _checked(name: str, check: Callable[[str], Any], says: str, *, clearable: bool = False) -> Decorator:
    return click.option(name, callback=checked(check, clearable=clearable), help=says)


@shop.command()
@click.argument("name", callback=checked(check_name))
@_shop_options
@json_option
def add(name: str, as_json: bool, **options: Any) -> None:
    """Add a shop and show its keys, once.

    Without options its letters are in English, ten days after an order's receipt, and its local time is UTC.

    \b
      afterword shop add "Alba's bakery" --lang fr --timezone Europe/Paris --delay 7d
    """
    defaults = {"lang": "en", "timezone": "UTC", "delay": DEFAULT_DELAY, "site": None, "email": None}
    fields = {"name": name} | defaults | _given(options)
    with opened() as database:
        new, keys = database.write_now(lambda tx: add_shop(tx, system_clock(), **fields))
    if as_json:
        say_json(shop_fields(new) | keys._asdict())
    else:
        say_fields(shop_fields(new))
        _say_keys(keys)


def _say_keys(keys: NewKeys) -> None:
    say()
    say("The two private keys are shown only now; they are not kept.")
    say(f"  private key, for real orders:     {keys.private_key}")
    say(f"  test key, letters become files:   {keys.test_key}")
    say(f"  public key, to read reviews:      {keys.public_key}")
    say(f"  public key of the test reviews:   {keys.public_test_key}")


@shop.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the shops."""
    with opened() as database:
        rows = [shop_fields(each) for each in database.read_now(list_shops)]
    if as_json:
        say_json_array(rows)
    elif rows:
        say_table(list(rows[0]), (list(row.values()) for row in rows))
    else:
        say("There is no shop yet: afterword shop add NAME")


@shop.command("set")
@shop_argument
@_checked("--name", check_name, "Another name.")
@_shop_options
@json_option
def set_(id_or_name: str, as_json: bool, **options: Any) -> None:
    """Change a shop; what is not named stays. --site "" and --email "" clear them.

    Another delay is for the orders to come: what is scheduled keeps its time. So it is with the moderation, for the
    reviews to come.
    """
    changes = _given(options)
    if not changes:
        raise click.UsageError("name at least one option to change")
    with opened() as database:
        changed = database.write_now(lambda tx: change_shop(tx, named_shop(tx, id_or_name), **changes))
    if as_json:
        say_json(shop_fields(changed))
        return
    say_fields(shop_fields(changed))
    if "delay" in changes:
        say("The delay counts for the orders to come; what is scheduled keeps its time.")
    if {"moderation", "publish_after"} & changes.keys():
        say("The moderation counts for the reviews to come; what waits keeps waiting.")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were named; an empty text clears."""
    return {name: None if value == "" else value for name, value in options.items() if value is not None}


def shop_fields(shop: Shop) -> dict[str, object]:
    """What is shown of a shop, spelled as the options take it."""
    return {
        "id": shop.id,
        "name": shop.name,
        "lang": shop.lang,
        "site": shop.site,
        "timezone": shop.timezone,
        "email": shop.email,
        "delay": format_delay(shop.delay),
        "moderation": format_mode(shop.moderation),
        "publish_after": format_delay(shop.publish_after),
    }
