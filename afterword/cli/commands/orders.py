"""`afterword order`: what became of the orders that a shop sent."""

import click

from afterword.actions import orders, present
from afterword.base.clock import system_clock
from afterword.cli.options import json_option, opened_for, shop_argument
from afterword.cli.output import say, say_json, say_list
from afterword.domain.orders.order import FieldError
from afterword.domain.values import counted


@click.group()
def order() -> None:
    """List a shop's refused orders."""


@order.command()
@shop_argument
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many."
)
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
