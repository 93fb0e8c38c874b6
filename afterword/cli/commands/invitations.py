"""`afterword invitation`: the one e-mail of each order."""

from collections.abc import Callable
from typing import get_args

import click

from afterword.actions import invitations, keys, present
from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.options import (
    check_text,
    checked,
    json_option,
    limit_option,
    opened,
    opened_for,
    parse_moment,
    row_id,
    shop_argument,
)
from afterword.cli.output import log_command, say_fields, say_json, say_list, say_result
from afterword.domain.figures import CANCEL_REASONS
from afterword.domain.messages import State
from afterword.domain.orders.email import check_address
from afterword.domain.values import counted, utc_text
from afterword.store.engine.database import Transaction
from afterword.store.messages.invitations import InvitationRow
from afterword.store.opening import link_secret

_id = click.argument("invitation_id", metavar="ID", type=row_id)


def _address(text: str) -> str:
    return check_address(text).casefold()


@click.group()
def invitation() -> None:
    """List, show, cancel, move, send, void and settle invitations."""


@invitation.command("list")
@shop_argument
@click.option("--state", type=click.Choice(get_args(State)), help="Only invitations in this state.")
@click.option("--order", "named", help="Only those of the order with this id_order or reference.")
@click.option("--email", callback=checked(_address), help="Only those to this address; looks at every order.")
@limit_option
@json_option
def list_(
    id_or_name: str, state: str | None, named: str | None, email: str | None, limit: int, as_json: bool
) -> None:
    """List a shop's invitations, newest first.

    Times are UTC; ordered is the day of the order as the shop sent it.
    """
    wanted = invitations.Wanted(state, named, email)
    with opened_for(id_or_name) as (database, shop):
        found = invitations.listed(database, shop, wanted, limit)
    rows = ({**present.invitation(row), "ordered": row.order_date[:10]} for row in found.rows)
    columns = "id id_order ordered live state due_at sent_at tries reason"
    say_list(
        map(present.invitation, found.rows) if as_json else rows, columns, "No invitations.", as_json=as_json
    )
    if found.more:
        at_least = "at least " if found.more == invitations.MOST_BEHIND else ""
        click.echo(f"Not listed: {at_least}{counted(found.more, 'older one')}. See --limit.", err=as_json)


@invitation.command()
@_id
@json_option
def show(invitation_id: int, as_json: bool) -> None:
    """Show an invitation and its order.

    The Message-ID is what a mail server's log names.
    """
    host = read_settings().link_host
    with opened() as database:
        found = database.read_now(lambda tx: invitations.found(tx, invitation_id, host))
    fields = {
        **present.invitation(found.row),
        "next_try_at": utc_text(found.row.next_try_at),
        "message_id": found.message_id,
        "shop": found.shop.name,
        **present.order(found.order),
    }
    (say_json if as_json else say_fields)(fields)


@invitation.command()
@click.argument("id_or_name", metavar="ID|SHOP")
@click.option("--key", "key_id", type=row_id, help="All of SHOP's that wait and whose orders this key sent.")
@click.option("--yes", is_flag=True, help="With --key: cancel them, instead of counting them.")
@click.option(
    "--reason",
    required=True,
    callback=checked(check_text),
    help=f"Why: {', '.join(CANCEL_REASONS[:-1])}, or other words. Each is counted, and the number is public.",
)
@json_option
def cancel(id_or_name: str, key_id: int | None, yes: bool, reason: str, as_json: bool) -> None:
    """Cancel an invitation that is scheduled or in doubt, or all that wait for orders sent with a key.

    After a key was stolen: revoke it, see what it sent (afterword order list SHOP --key KEY), then cancel.
    """
    if key_id is not None:
        _cancel_of_key(id_or_name, key_id, reason if yes else None, as_json)
        return
    invitation_id = row_id(id_or_name)
    row = _change(lambda tx: invitations.cancel(tx, invitation_id, reason, system_clock()))
    say_result(present.invitation(row), f"Invitation {row.id} is cancelled.", as_json=as_json)


def _cancel_of_key(id_or_name: str, key_id: int, reason: str | None, as_json: bool) -> None:
    """Without a reason, they are only counted."""
    with opened_for(id_or_name) as (database, shop):
        key = database.read_now(lambda tx: keys.named(tx, shop, key_id))
        if reason is None:
            waiting = database.read_now(lambda tx: invitations.waiting_of_key(tx, key))
            words = f"Key {key_id} of {shop.name} sent orders whose invitations wait: {waiting:,}."
            raise click.UsageError(f"{words} Add --yes to cancel them.")
        cancelled = invitations.cancel_all_of_key(database, shop, key, reason, system_clock())
    log_command("invitations cancelled", shop=shop.id, key=key_id, invitations=cancelled)
    sentence = f"Cancelled: {counted(cancelled, 'invitation')} for orders that key {key_id} sent."
    hint = [] if key.revoked_at else [f"The key still works. To revoke it: afterword key revoke {key_id}"]
    say_result(
        {"shop_id": shop.id, "key_id": key_id, "cancelled": cancelled}, sentence, *hint, as_json=as_json
    )


def _moment(text: str) -> int:
    return parse_moment(text, system_clock())


@invitation.command()
@_id
@click.option("--to", required=True, callback=checked(_moment), help="2026-03-01T14:05:26Z, or +2d from now.")
@json_option
def move(invitation_id: int, to: int, as_json: bool) -> None:
    """Give a scheduled invitation another due time.

    A time in the past means now.
    """
    row = _change(lambda tx: invitations.move(tx, invitation_id, to))
    sentence = f"Invitation {row.id} is due at {utc_text(row.due_at)}."
    say_result(present.invitation(row), sentence, as_json=as_json)


@invitation.command()
@_id
@json_option
def send(invitation_id: int, as_json: bool) -> None:
    """Send an invitation now, even if it failed or was cancelled.

    Refused once it has been sent. Sending one in doubt confirms that it did not arrive: look for its Message-ID
    (afterword invitation show) in the mail server's log first.
    """
    row = _change(lambda tx: invitations.send(tx, invitation_id, system_clock()))
    sentence = f"Invitation {row.id} is due now; a running Afterword sends it within seconds."
    say_result(present.invitation(row), sentence, as_json=as_json)


@invitation.command()
@_id
@json_option
def void(invitation_id: int, as_json: bool) -> None:
    """Void the links to the reviews of an invitation's order, and print the new one.

    For a customer whose e-mail came into other hands. The links in all e-mails about the order answer as unknown ones
    do, except for those to unsubscribe. Later e-mails have the new link; send it to the customer alone.
    """
    settings = read_settings()
    with opened() as database:
        secret = link_secret(settings, database)
        link = database.write_now(
            lambda tx: invitations.void_links_of(tx, invitation_id, settings.url, secret)
        )
    log_command("links voided", invitation=invitation_id)
    sentence = (
        f"The links of invitation {invitation_id} no longer work. The new one is only for the customer:"
    )
    say_result({"id": invitation_id, "link": link}, sentence, link, as_json=as_json)


@invitation.command()
@shop_argument
@click.option("--sent", "word", flag_value="sent", help="All of them arrived.")
@click.option("--again", "word", flag_value="again", help="None of them arrived: send all again.")
@json_option
def settle(id_or_name: str, word: str | None, as_json: bool) -> None:
    """Settle all of a shop's e-mails in doubt, of every kind.

    With --again, customers whose e-mail did arrive get it twice: look into the mail server's log first.
    """
    if word is None:
        raise click.UsageError("Say --sent if they arrived, or --again if none did.")
    arrived = word == "sent"
    with opened_for(id_or_name) as (database, shop):
        settled = invitations.settle(database, shop, arrived=arrived, now=system_clock())
    state = "counted as sent" if arrived else "due now"
    sentence = f"E-mails in doubt that are {state}: {settled}."
    say_result({"shop_id": shop.id, "settled": settled, "sent": arrived}, sentence, as_json=as_json)


def _change(action: Callable[[Transaction], InvitationRow]) -> InvitationRow:
    with opened() as database:
        return database.write_now(action)
