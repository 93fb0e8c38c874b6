"""`afterword key`: a shop's private and public keys."""

import click

from afterword.actions import keys, present, shops
from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, opened, opened_for, row_id, shop_argument
from afterword.cli.output import mode, say_list, say_result, warn
from afterword.domain.shops import check_lang


@click.group()
def key() -> None:
    """Add, list and revoke a shop's keys."""


@key.command()
@shop_argument
@click.option("--test", is_flag=True, help="A test key: ten seconds' delay, and e-mails become files.")
@click.option("--lang", callback=checked(check_lang), help="Language of the e-mails (default: the shop's).")
@json_option
def add(id_or_name: str, test: bool, lang: str | None, as_json: bool) -> None:
    """Add a private key and show it, once.

    Orders sent with a key get e-mails in its language.
    """
    with opened_for(id_or_name) as (database, shop):
        new, text = database.write_now(lambda tx: keys.add(tx, shop, lang, system_clock(), live=not test))
    if lang:
        warn(shops.language_warning(lang))
    sentence = f"Key {new.id} of {shop.name} ({mode(new.live)}). It is shown only now; it is not stored."
    say_result({**present.key(new), "key": text}, sentence, text, as_json=as_json)


@key.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's keys. Public keys are shown; private keys are stored only as hashes."""
    with opened_for(id_or_name) as (database, shop):
        listed = database.read_now(lambda tx: keys.listed(tx, shop))
    rows = ({**present.key(each.key), "key": each.public} for each in listed)
    say_list(rows, "id kind live lang created_at revoked_at key", "No keys.", as_json=as_json)


@key.command()
@click.argument("key_id", type=row_id)
@json_option
def revoke(key_id: int, as_json: bool) -> None:
    """Revoke a key permanently: requests with it are refused."""
    with opened() as database:
        revoked = database.write_now(lambda tx: keys.revoke(tx, key_id, system_clock()))
    say_result(present.key(revoked), f"Key {key_id} of shop {revoked.shop_id} is revoked.", as_json=as_json)
