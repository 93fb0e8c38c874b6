"""`afterword webhook`: programs of a shop that are told what becomes of its reviews."""

import asyncio
import json
import sys
from contextlib import suppress
from functools import partial

import click

from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.ids import new_message_id
from afterword.base.settings import read_settings
from afterword.cli.options import json_option, named_shop, opened, row_id, shop_argument
from afterword.cli.output import Fields, say, say_json, say_json_array, say_table, shown, time_text, world
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.webhooks import (
    Webhook,
    add_webhook,
    deliveries_by_webhook,
    find_webhook,
    note_answer,
    remove_webhook,
    webhooks_of,
)


@click.group()
def webhook() -> None:
    """Add, list, remove and test a shop's webhooks."""


@webhook.command()
@shop_argument
@click.argument("url")
@click.option("--test", is_flag=True, help="Of the test reviews, not of the live ones.")
@json_option
def add(id_or_name: str, url: str, test: bool, as_json: bool) -> None:
    """Have a program told what becomes of a shop's reviews. The secret is shown once."""
    from afterword.webhooks.signing import new_secret

    _check(url)
    secret = new_secret()

    def work(tx: Transaction) -> tuple[Shop, Webhook]:
        shop = named_shop(tx, id_or_name)
        return shop, add_webhook(tx, shop, url, secret, live=not test, now=system_clock())

    with opened() as database:
        shop, added = database.write_now(work)
    if as_json:
        say_json(_fields(added) | {"secret": secret})
    else:
        say(f"Webhook {added.id} of {shop.name}, {world(added.live)}. Its secret is shown only now:")
        say(secret)
        say(f"Try it: afterword webhook test {added.id}")


def _check(url: str) -> None:
    """Raises Refused for an address to which nothing would ever be sent. One that cannot be looked up just now is
    taken: it is looked up each time."""
    from afterword.webhooks.addresses import AddressRefused, reachable, read_url

    try:
        target = read_url(url)
        with suppress(OSError):
            reachable(target, read_settings().webhook_allow)
    except AddressRefused as error:
        raise Refused(f"{url!r} cannot be a webhook: {error}") from error


@webhook.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's webhooks, and how it goes with them."""

    def work(tx: Transaction) -> list[Fields]:
        shop = named_shop(tx, id_or_name)
        amounts = deliveries_by_webhook(tx, shop.id)
        return [_fields(each) | amounts(each.id) for each in webhooks_of(tx, shop.id)]

    with opened() as database:
        rows = database.read_now(work)
    if as_json:
        say_json_array(rows)
    elif rows:
        people = [{**row, "live": world(bool(row["live"]))} for row in rows]
        say_table(list(rows[0]), (list(row.values()) for row in people))
    else:
        say("There is none. One is made with: afterword webhook add SHOP URL")


@webhook.command()
@click.argument("webhook_id", type=row_id)
@json_option
def remove(webhook_id: int, as_json: bool) -> None:
    """Tell a program nothing more, not even what waits for it."""
    with opened() as database:
        removed = database.write_now(partial(remove_webhook, webhook_id=webhook_id))
    if as_json:
        say_json(_fields(removed))
    else:
        say(f"Webhook {webhook_id} of shop {removed.shop_id} is removed.")


@webhook.command()
@click.argument("webhook_id", type=row_id)
@json_option
def test(webhook_id: int, as_json: bool) -> None:
    """Send a program a signed webhook.test now, and say what came back. One that was stopped goes on if it is taken.

    Exit code 1 when it was not taken.
    """
    from afterword.webhooks.sending import Sender
    from afterword.webhooks.signing import signed_headers

    sender = Sender(read_settings().webhook_allow)
    with opened() as database:
        found = database.read_now(partial(find_webhook, webhook_id=webhook_id))
        now = system_clock()
        told = {"type": "webhook.test", "timestamp": time_text(int(now)), "data": {"webhook": found.id}}
        body = json.dumps(told).encode()
        headers = signed_headers(found.secret, f"msg_{new_message_id()}", body, now)
        answer = asyncio.run(sender.post(found.url, headers, body))
        is_taken = answer.kind == "taken"
        if is_taken:
            note = partial(note_answer, shop_id=found.shop_id, webhook_id=found.id, now=now)
            database.write_now(note)
    if as_json:
        say_json({"id": found.id, "taken": is_taken, "says": answer.says})
    else:
        say(f"Webhook {found.id} has {'taken' if is_taken else 'not taken'} it: {shown(answer.says)}.")
    if not is_taken:
        sys.exit(1)


def _fields(webhook: Webhook) -> dict[str, object]:
    """All but the secret."""
    return {
        "id": webhook.id,
        "shop_id": webhook.shop_id,
        "live": webhook.live,
        "url": webhook.url,
        "created_at": time_text(webhook.created_at),
        "answered_at": time_text(webhook.answered_at),
        "stopped": webhook.stopped,
    }
