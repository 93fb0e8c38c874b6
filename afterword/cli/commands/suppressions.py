"""`afterword suppression`: the addresses that a shop must not write to."""

import click

from afterword.actions import present, suppressions
from afterword.base.clock import system_clock
from afterword.cli.options import checked, json_option, opened_for, shop_argument
from afterword.cli.output import log_command, say_list, say_result
from afterword.domain.orders.email import check_address
from afterword.domain.people.suppressions import SUPPRESSION_REASONS

_email = click.argument("email", metavar="EMAIL", callback=checked(check_address))


@click.group()
def suppression() -> None:
    """List, add and remove addresses that a shop must not write to."""


@suppression.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's suppressed addresses, oldest first."""
    with opened_for(id_or_name) as (database, shop):
        listed = database.read_now(lambda tx: suppressions.listed(tx, shop))
    rows = map(present.suppression, listed)
    say_list(rows, "address reason created_at live", "No suppressed addresses.", as_json=as_json)


@suppression.command()
@shop_argument
@_email
@click.option(
    "--reason",
    type=click.Choice(SUPPRESSION_REASONS),
    default=SUPPRESSION_REASONS[-1],
    show_default=True,
    help="Why; shown in the list.",
)
@json_option
def add(id_or_name: str, email: str, reason: str, as_json: bool) -> None:
    """Stop this shop's e-mails to an address.

    Its scheduled invitations are cancelled when they become due.
    """
    with opened_for(id_or_name) as (database, shop):
        is_new = database.write_now(lambda tx: suppressions.add(tx, shop, email, reason, system_clock()))
    log_command("suppression added", shop=shop.id, reason=reason, new=is_new)
    fields = {"shop_id": shop.id, "address": email, "reason": reason, "new": is_new}
    sentence = (
        f"{shop.name} no longer writes to {email}."
        if is_new
        else f"{email} was already suppressed for {shop.name}; the first reason stays."
    )
    say_result(fields, sentence, as_json=as_json)


@suppression.command()
@shop_argument
@_email
@json_option
def remove(id_or_name: str, email: str, as_json: bool) -> None:
    """Let this shop write to an address again.

    Only with the customer's consent. Cancelled invitations stay cancelled.
    """
    with opened_for(id_or_name) as (database, shop):
        database.write_now(lambda tx: suppressions.remove(tx, shop, email, system_clock()))
    log_command("suppression removed", shop=shop.id)
    fields = {"shop_id": shop.id, "address": email, "removed": True}
    sentence = f"{shop.name} may write to {email} again; cancelled invitations stay cancelled."
    say_result(fields, sentence, as_json=as_json)
