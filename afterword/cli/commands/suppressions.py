"""`afterword suppression`: the addresses that a shop must not write to."""

import click

from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.cli.options import checked, json_option, named_shop, opened, shop_argument
from afterword.cli.output import say, say_json, say_json_array, say_table, time_text, world
from afterword.domain.orders.email import check_address
from afterword.domain.shops import Shop
from afterword.domain.suppressions import SUPPRESSION_REASONS
from afterword.store.engine.database import Transaction
from afterword.store.suppressions import Suppression, allow, list_suppressions, suppress

_email = click.argument("email", metavar="EMAIL", callback=checked(check_address))


@click.group()
def suppression() -> None:
    """List, add and remove addresses that a shop must not write to."""


@suppression.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's suppressions, the oldest first."""
    with opened() as database:
        found = database.read_now(lambda tx: list_suppressions(tx, named_shop(tx, id_or_name)))
    rows = [_suppression_fields(each) for each in found]
    if as_json:
        say_json_array(rows)
    elif rows:
        say_table(
            ("address", "reason", "since", "letters"),
            ((row["address"], row["reason"], row["created_at"], world(bool(row["live"]))) for row in rows),
        )
    else:
        say("Nobody is suppressed.")


def _suppression_fields(each: Suppression) -> dict[str, object]:
    """`address` is null when only its hash is known (after an erasure, or from the send journal)."""
    return {
        "shop_id": each.shop_id,
        "live": each.live,
        "address": each.address,
        "address_hash": each.address_hash,
        "reason": each.reason,
        "created_at": time_text(each.created_at),
    }


@suppression.command()
@shop_argument
@_email
@click.option(
    "--reason", type=click.Choice(SUPPRESSION_REASONS), default=SUPPRESSION_REASONS[-1], show_default=True
)
@json_option
def add(id_or_name: str, email: str, reason: str, as_json: bool) -> None:
    """Keep every letter of this shop from an address, from now on.

    What is scheduled for it is cancelled when it comes to be due.
    """

    def work(tx: Transaction) -> tuple[Shop, bool]:
        shop = named_shop(tx, id_or_name)
        return shop, suppress(tx, shop, email, live=True, reason=reason, now=system_clock())

    with opened() as database:
        shop, is_new = database.write_now(work)
    if as_json:
        say_json({"shop_id": shop.id, "address": email, "reason": reason, "new": is_new})
    elif is_new:
        say(f"{shop.name} writes no more to {email}.")
    else:
        say(f"{shop.name} did not write to {email} before; the first reason stays.")


@suppression.command()
@shop_argument
@_email
@json_option
def remove(id_or_name: str, email: str, as_json: bool) -> None:
    """Let this shop write to an address again.

    Only with the customer's word. What was cancelled stays so.
    """

    def work(tx: Transaction) -> Shop:
        shop = named_shop(tx, id_or_name)
        if not allow(tx, shop, email, system_clock()):
            raise Refused(f"{email} is not suppressed at {shop.name}")
        return shop

    with opened() as database:
        shop = database.write_now(work)
    if as_json:
        say_json({"shop_id": shop.id, "address": email, "removed": True})
    else:
        say(f"{shop.name} may write to {email} again; what was cancelled stays so.")
