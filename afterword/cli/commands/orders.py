"""`afterword order`: orders with their e-mails, and those that were refused."""

import click

from afterword.actions import keys, orders, present
from afterword.actions.orders import OrderDetails
from afterword.base.clock import system_clock
from afterword.cli.options import json_option, limit_option, opened_for, row_id, shop_argument
from afterword.cli.output import say, say_fields, say_json, say_list, shown
from afterword.domain.orders.order import FieldError
from afterword.domain.values import counted, local_text, utc_text
from afterword.store.messages.invitations import InvitationRow


@click.group()
def order() -> None:
    """Show an order and its e-mails; list orders and refused ones."""


@order.command("show")
@shop_argument
@click.argument("named", metavar="ORDER")
@click.option("--test", is_flag=True, help="An order sent with a test key.")
@json_option
def show_order(id_or_name: str, named: str, test: bool, as_json: bool) -> None:
    """Show an order: whether its e-mail was sent, and its reviews.

    ORDER is its id_order or its reference. Times for people are the shop's.
    """
    with opened_for(id_or_name) as (database, shop):
        found = database.read_now(lambda tx: orders.found(tx, shop, named, live=not test))
    if as_json:
        say_json(_order_fields(found))
    else:
        _say_order(found)


def _order_fields(found: OrderDetails) -> present.Fields:
    next_try_at = utc_text(found.invitation.next_try_at)
    return {
        **present.order(found.order),
        "lastname": found.order.lastname,
        "phone": found.more.phone,
        "store_id": found.more.store_id,
        "live": found.order.live,
        "received_at": utc_text(found.more.received_at),
        "products": list(map(present.order_line, found.order.lines)),
        "suppressed": found.suppressed,
        "invitation": {**present.invitation(found.invitation), "next_try_at": next_try_at},
        "reviews": list(map(present.review, found.reviews)),
        "unsent": list(map(present.unsent_email, found.unsent)),
    }


def _say_order(found: OrderDetails) -> None:
    zone = found.order.shop.timezone
    fields = _order_fields(found)
    nested = {"products", "suppressed", "invitation", "reviews", "unsent"}
    short = {name: value for name, value in fields.items() if name not in nested}
    say_fields(short | {"received_at": local_text(found.more.received_at, zone)})
    for line in found.order.lines:
        say(shown(f"product: {line.qty or 1:g} x {line.name} (id {line.id})"))
    say()
    say(
        shown(
            f"E-mail: {email_sentence(found.invitation, zone)} (afterword invitation show {found.invitation.id})"
        )
    )
    if found.suppressed:
        say(f"No e-mail is sent to this address: {found.suppressed} (see: afterword suppression list).")
    for email in found.unsent:
        say(
            shown(
                f"Another e-mail, {email.kind}: {email.state}{f', {email.reason}' if email.reason else ''}."
            )
        )
    for review in found.reviews:
        about = shown(review.product_name or "the shop")
        written = local_text(review.written_at, zone)
        say(f"Review of {about}: {review.state}, written {written} (afterword review show {review.id})")
    if not found.reviews:
        say("No reviews yet.")


def email_sentence(row: InvitationRow, zone: str) -> str:
    """Whether the customer got the e-mail. Moments are in this time zone."""
    sent = local_text(row.sent_at, zone) if row.sent_at else ""
    tried = f" after {counted(row.tries, 'try', 'tries')}: {row.reason}" if row.tries else ""
    return {
        "scheduled": f"not sent yet; due {local_text(row.next_try_at, zone)}{tried}",
        "claimed": "being sent just now",
        "sending": "being sent just now",
        "in_doubt": f"may have arrived or not ({row.reason}): see docs/operating.md, An e-mail in doubt",
        "sent": f"sent {sent}",
        "answered": f"sent {sent}, and answered by a review",
        "failed": f"could not be delivered: {row.reason}",
        "cancelled": f"cancelled, not sent: {row.reason}",
    }[row.state]


@order.command("list")
@shop_argument
@click.option("--key", "key_id", type=row_id, help="Only orders that were sent with this key.")
@limit_option
@json_option
def list_orders(id_or_name: str, key_id: int | None, limit: int, as_json: bool) -> None:
    """List a shop's orders, newest first, with the key that sent each and the state of its invitation."""
    with opened_for(id_or_name) as (database, shop):
        key = None if key_id is None else database.read_now(lambda tx: keys.named(tx, shop, key_id))
        found = database.read_now(lambda tx: orders.listed(tx, shop, key, most=limit))
    rows = map(present.listed_order, found)
    say_list(rows, "id id_order reference live received_at key_id state", "No orders.", as_json=as_json)


@order.command()
@shop_argument
@limit_option
@json_option
def refused(id_or_name: str, limit: int, as_json: bool) -> None:
    """List orders that were refused in the last 30 days, newest first, and why.

    Of each are kept: when, the mode, the order's numbers and what was wrong, but no names or addresses. Of one day at
    most 1,000 are kept, of the others their number.
    """
    now = system_clock()
    with opened_for(id_or_name) as (database, shop):
        found = database.read_now(lambda tx: orders.refused(tx, shop, now, most=limit))
    if as_json:
        rows = [present.refused_order(row) for row in found.rows]
        say_json({"orders": rows, "days": [present.refused_of_day(day) for day in found.days]})
        return
    rows = [
        {**present.refused_order(row), "errors": ", ".join(map(_in_words, row.errors))} for row in found.rows
    ]
    say_list(rows, "refused_at live id_order reference errors", "No orders were refused.", as_json=False)
    total = sum(day.amount for day in found.days)
    if total > len(rows):
        say(f"{counted(total, 'order')} refused in the last 30 days; these are the latest.")


def _in_words(error: FieldError) -> str:
    return f"{error.field or 'order'} ({error.expected or 'missing'})"
