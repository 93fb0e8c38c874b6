"""`afterword key`: what a shop shows to be let in."""

import click

from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, named_shop, opened, row_id, shop_argument
from afterword.cli.output import say, say_json, say_json_array, say_table, time_text, world
from afterword.domain.shops import Key, Shop, check_lang
from afterword.store.engine.database import Transaction
from afterword.store.shops import add_private_key, list_keys, public_keys, revoke_key


@click.group()
def key() -> None:
    """Add, list and revoke a shop's keys."""


@key.command()
@shop_argument
@click.option("--test", is_flag=True, help="A test key: ten seconds' delay, letters become files.")
@click.option("--lang", callback=checked(check_lang), help="Of the letters; the shop's own by default.")
@json_option
def add(id_or_name: str, test: bool, lang: str | None, as_json: bool) -> None:
    """Add a private key and show it, once.

    The language of a key is that of the letters for the orders it sends.
    """

    def work(tx: Transaction) -> tuple[Shop, int, str]:
        shop = named_shop(tx, id_or_name)
        lang_of_key = lang or shop.lang
        return shop, *add_private_key(tx, shop, live=not test, lang=lang_of_key, now=system_clock())

    with opened() as database:
        shop, key_id, private_key = database.write_now(work)
    if as_json:
        named = {"id": key_id, "shop_id": shop.id, "kind": "private", "live": not test}
        say_json(named | {"lang": lang or shop.lang, "key": private_key})
    else:
        say(f"Key {key_id} of {shop.name}, {world(not test)}. It is shown only now; it is not kept.")
        say(private_key)


@key.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's keys. Public keys are shown; of private ones only the hash is kept."""

    def work(tx: Transaction) -> list[dict[str, object]]:
        shop = named_shop(tx, id_or_name)
        public = public_keys(tx, shop)
        return [_key_fields(each) | {"key": public.get(each.id)} for each in list_keys(tx, shop)]

    with opened() as database:
        rows = database.read_now(work)
    if as_json:
        say_json_array(rows)
    else:
        say_table(list(rows[0]), (list(row.values()) for row in _for_people(rows)))


def _for_people(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row | {"live": world(bool(row["live"]))} for row in rows]


@key.command()
@click.argument("key_id", type=row_id)
@json_option
def revoke(key_id: int, as_json: bool) -> None:
    """Revoke a key: it is refused from now on, for good."""
    with opened() as database:
        revoked = database.write_now(lambda tx: revoke_key(tx, key_id, system_clock()))
    if as_json:
        say_json(_key_fields(revoked))
    else:
        say(f"Key {key_id} of shop {revoked.shop_id} is revoked.")


def _key_fields(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "shop_id": key.shop_id,
        "kind": key.kind,
        "live": key.live,
        "lang": key.lang,
        "created_at": time_text(key.created_at),
        "revoked_at": time_text(key.revoked_at),
    }
