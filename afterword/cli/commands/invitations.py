"""`afterword invitation`: the one e-mail that each order earns."""

from collections.abc import Callable, Iterator
from typing import get_args

import click

from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.options import (
    check_text,
    checked,
    json_option,
    named_shop,
    opened,
    parse_moment,
    row_id,
    shop_argument,
)
from afterword.cli.output import (
    Fields,
    say,
    say_fields,
    say_json,
    say_json_array,
    say_table,
    time_text,
    world,
)
from afterword.domain.messages import State, message_id, order_fingerprint
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.messages.invitations import (
    InvitationRow,
    cancel_invitation,
    find_invitation,
    list_invitations,
    move_invitation,
    send_invitation,
)
from afterword.store.orders import order_of

_id = click.argument("invitation_id", metavar="ID", type=row_id)


@click.group()
def invitation() -> None:
    """See, cancel, move and send invitations."""


@invitation.command("list")
@shop_argument
@click.option("--state", type=click.Choice(get_args(State)), help="Only those in this state.")
@json_option
def list_(id_or_name: str, state: str | None, as_json: bool) -> None:
    """List a shop's invitations, the newest first."""
    with opened() as database:
        shop = database.read_now(lambda tx: named_shop(tx, id_or_name))
        rows = _all_rows(database, shop, state)
        if as_json:
            say_json_array(invitation_fields(row) for row in rows)
        else:
            _say_rows(rows)


def _all_rows(database: EngineDatabase, shop: Shop, state: str | None) -> Iterator[InvitationRow]:
    """Page after page, so that no reader keeps a snapshot open for long."""
    before = 2**62

    def page(tx: Transaction) -> list[InvitationRow]:
        return list_invitations(tx, shop, state, before=before)

    while rows := database.read_now(page):
        yield from rows
        before = rows[-1].id


def _say_rows(rows: Iterator[InvitationRow]) -> None:
    head = ("id", "id_order", "keys", "state", "due", "sent", "tries", "reason")
    cells = (
        (
            row.id,
            row.id_order,
            world(row.live),
            row.state,
            time_text(row.due_at),
            time_text(row.sent_at),
            row.tries,
            row.reason,
        )
        for row in rows
    )
    say_table(head, cells)


def invitation_fields(row: InvitationRow) -> dict[str, object]:
    """The fields that other programs rely on."""
    return {
        "id": row.id,
        "shop_id": row.shop_id,
        "id_order": row.id_order,
        "live": row.live,
        "state": row.state,
        "due_at": time_text(row.due_at),
        "sent_at": time_text(row.sent_at),
        "tries": row.tries,
        "reason": row.reason,
    }


@invitation.command()
@_id
@json_option
def show(invitation_id: int, as_json: bool) -> None:
    """Show one invitation, its order, and the Message-ID to look for in a mail server's log."""
    host = read_settings().link_host
    with opened() as database:
        fields = database.read_now(lambda tx: _shown_fields(tx, invitation_id, host))
    if as_json:
        say_json(fields)
    else:
        say_fields(fields)


def _shown_fields(tx: Transaction, invitation_id: int, host: str) -> Fields:
    row = find_invitation(tx, invitation_id)
    shop = named_shop(tx, str(row.shop_id))
    order = order_of(tx, shop, row.id)
    assert order is not None, "an invitation is born with its order, and ends with it"
    return invitation_fields(row) | {
        "next_try_at": time_text(row.next_try_at),
        "message_id": message_id(order_fingerprint(shop.salt, live=row.live, id_order=row.id_order), host),
        "shop": shop.name,
        "reference": order.reference,
        "order_date": order.order_date,
        "firstname": order.firstname,
        "email": order.email,
        "lang": order.lang,
    }


@invitation.command()
@_id
@click.option("--reason", required=True, callback=checked(check_text), help="Kept with the invitation.")
@json_option
def cancel(invitation_id: int, reason: str, as_json: bool) -> None:
    """Keep an invitation from being sent; one in doubt is settled by this."""
    row = _change(lambda tx: cancel_invitation(tx, invitation_id, reason))
    _tell(row, f"Invitation {row.id} is cancelled.", as_json=as_json)


def _moment(text: str) -> int:
    return parse_moment(text, system_clock())


@invitation.command()
@_id
@click.option("--to", required=True, callback=checked(_moment), help="2026-03-01T14:05:26Z, or +2d from now.")
@json_option
def move(invitation_id: int, to: int, as_json: bool) -> None:
    """Give a scheduled invitation another due time.

    A time that has passed means at once.
    """
    row = _change(lambda tx: move_invitation(tx, invitation_id, to))
    _tell(row, f"Invitation {row.id} is due at {time_text(row.due_at)}.", as_json=as_json)


@invitation.command()
@_id
@json_option
def send(invitation_id: int, as_json: bool) -> None:
    """Send an invitation now, also one that failed or was cancelled. Refused once it was sent.

    For one in doubt this is your word that it did not arrive: look into the mail server's log first
    (afterword invitation show gives the Message-ID).
    """
    row = _change(lambda tx: send_invitation(tx, invitation_id, system_clock()))
    _tell(
        row, f"Invitation {row.id} is due now; a running Afterword sends it within seconds.", as_json=as_json
    )


def _change(work: Callable[[Transaction], InvitationRow]) -> InvitationRow:
    with opened() as database:
        return database.write_now(work)


def _tell(row: InvitationRow, sentence: str, *, as_json: bool) -> None:
    if as_json:
        say_json(invitation_fields(row))
    else:
        say(sentence)
