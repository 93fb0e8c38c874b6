"""`afterword person`: what is kept of the person with an address, to export and to erase."""

import click

from afterword.actions import people
from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.settings import read_settings
from afterword.cli.options import checked, json_option, opened_for, shop_argument, signer_of
from afterword.cli.output import log_command, say_json, say_result
from afterword.domain.orders.email import check_address
from afterword.domain.values import counted

MOST_EXPORTED = 100_000
"""Orders of one person that one export has."""

_email = click.argument("email", metavar="EMAIL", callback=checked(check_address))


@click.group()
def person() -> None:
    """Export or erase what a shop keeps of one person."""


@person.command()
@shop_argument
@_email
def export(id_or_name: str, email: str) -> None:
    """Print all that is kept of this address as one JSON object.

    Orders and the state of their e-mails, reviews with all versions, the do-not-e-mail list, and e-mails in the
    outbox folder.
    """
    now = system_clock()
    with opened_for(id_or_name) as (database, shop):
        found = database.read_now(lambda tx: people.person(tx, shop, email, most=MOST_EXPORTED))
        if not found.is_known:
            raise Refused(f"{shop.name} keeps nothing of {email}")
        exported = people.exported(found, shop, read_settings().outbox, now)
    log_command("person exported", shop=shop.id, orders=len(found.orders))
    say_json(exported)


@person.command()
@shop_argument
@_email
@click.option("--yes", is_flag=True, help="Erase, instead of counting what would be.")
@json_option
def erase(id_or_name: str, email: str, yes: bool, as_json: bool) -> None:
    """Erase all that is kept of this address permanently.

    Names, addresses and words go, from everything this machine has. What stays: the numbers of the orders, by which
    they are not imported again; stars and dates, without words or a name; and a hash of the address, which is not
    written to again.
    """
    with opened_for(id_or_name) as (database, shop):
        if not yes:
            found = database.read_now(lambda tx: people.person(tx, shop, email, most=MOST_EXPORTED))
            reviews = sum(len(each.details.reviews) for each in found.orders)
            kept = f"{counted(len(found.orders), 'order')} and {counted(reviews, 'review')}"
            raise click.UsageError(f"{shop.name} keeps {kept} of {email}. Add --yes to erase them.")
        outbox, signer = read_settings().outbox, signer_of(database)
        done = people.erase_person(database, shop, email, outbox, signer, system_clock())
    log_command("person erased", shop=shop.id, orders=done.orders, reviews=done.reviews)
    sentence = f"Erased: {counted(done.orders, 'order')} and {counted(done.reviews, 'review')}"
    sentence += f", {counted(done.emails, 'e-mail')} in {outbox}." if done.emails else "."
    fields = {"shop_id": shop.id, "orders": done.orders, "reviews": done.reviews, "emails": done.emails}
    sentence += f" {shop.name} does not write to this address again."
    say_result(fields, sentence, *([done.left] if done.left else []), as_json=as_json)
