"""`afterword key`: a shop's private and public keys."""

import click

from afterword.actions import keys, present, shops
from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, opened, opened_for, row_id, shop_argument
from afterword.cli.output import log_command, mode, say_list, say_result, warn
from afterword.domain.shops import KEY_SCOPES, KeyScope, check_lang


@click.group()
def key() -> None:
    """Add, list and revoke a shop's keys."""


@key.command()
@shop_argument
@click.option("--test", is_flag=True, help="A test key: ten seconds' delay, and e-mails become files.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(KEY_SCOPES),
    help="What it is good for; can be repeated (default: both).",
)
@click.option("--lang", callback=checked(check_lang), help="Language of the e-mails (default: the shop's).")
@json_option
def add(id_or_name: str, test: bool, scopes: tuple[KeyScope, ...], lang: str | None, as_json: bool) -> None:
    """Add a private key and show it, once.

    A key with the scope orders sends orders; one with the scope reviews reads reviews, with their authors' names and
    addresses. A shop's program needs only one of them. Orders sent with a key get e-mails in its language.
    """
    with opened_for(id_or_name) as (database, shop):
        new, text = database.write_now(
            lambda tx: keys.add(tx, shop, lang, system_clock(), live=not test, scopes=scopes)
        )
    if lang:
        warn(shops.language_warning(lang))
    log_command("key added", shop=shop.id, key=new.id, live=new.live, scopes=" ".join(new.scopes))
    words = ", ".join((mode(new.live), *new.scopes))
    sentence = f"Key {new.id} of {shop.name} ({words}). It is shown only now; it is not stored."
    say_result({**present.key(new), "key": text}, sentence, text, as_json=as_json)


@key.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's keys, what they are good for, and in which hour they were last used.

    Public keys are shown; private keys are stored only as hashes.
    """
    with opened_for(id_or_name) as (database, shop):
        listed = database.read_now(lambda tx: keys.listed(tx, shop))
    rows = ({**present.key(each.key), "key": each.public} for each in listed)
    say_list(rows, "id kind live scopes lang created_at used_at revoked_at key", "No keys.", as_json=as_json)


@key.command()
@click.argument("key_id", type=row_id)
@json_option
def revoke(key_id: int, as_json: bool) -> None:
    """Revoke a key permanently: requests with it are refused.

    What it sent before still goes: afterword invitation cancel SHOP --key KEY_ID
    """
    with opened() as database:
        revoked = database.write_now(lambda tx: keys.revoke(tx, key_id, system_clock()))
    log_command("key revoked", shop=revoked.shop_id, key=key_id, live=revoked.live)
    say_result(present.key(revoked), f"Key {key_id} of shop {revoked.shop_id} is revoked.", as_json=as_json)
