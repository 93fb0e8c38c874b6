"""`afterword webhook`: programs of a shop that are notified about its reviews."""

import asyncio
import sys

import click

from afterword.actions import present, webhooks
from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.options import json_option, opened, opened_for, row_id, shop_argument
from afterword.cli.output import log_command, mode, say_list, say_result, shown
from afterword.webhooks.sending import Sender

_id = click.argument("webhook_id", metavar="ID", type=row_id)


@click.group()
def webhook() -> None:
    """Add, list, remove and test a shop's webhooks."""


@webhook.command()
@shop_argument
@click.argument("url")
@click.option("--test", is_flag=True, help="For test reviews instead of live ones.")
@json_option
def add(id_or_name: str, url: str, test: bool, as_json: bool) -> None:
    """Notify a program about a shop's reviews. Its secret is shown once."""
    webhooks.check_url(url, read_settings().webhook_allow)
    with opened_for(id_or_name) as (database, shop):
        new = database.write_now(lambda tx: webhooks.add(tx, shop, url, system_clock(), live=not test))
    log_command("webhook added", shop=shop.id, webhook=new.id, live=new.live)
    sentence = f"Webhook {new.id} of {shop.name} ({mode(new.live)}). Its secret is shown only now:"
    hint = f"Try it with: afterword webhook test {new.id}"
    fields = {**present.webhook(new), "secret": new.secret}
    say_result(fields, sentence, new.secret, hint, as_json=as_json)


@webhook.command("list")
@shop_argument
@json_option
def list_(id_or_name: str, as_json: bool) -> None:
    """List a shop's webhooks and their status."""
    with opened_for(id_or_name) as (database, shop):
        listed = database.read_now(lambda tx: webhooks.listed(tx, shop))
    rows = (
        {**present.webhook(each.webhook), "waiting": each.waiting, "failed": each.failed} for each in listed
    )
    columns = "id live url created_at answered_at stopped waiting failed"
    say_list(rows, columns, "No webhooks. Add one with: afterword webhook add SHOP URL", as_json=as_json)


@webhook.command()
@_id
@json_option
def remove(webhook_id: int, as_json: bool) -> None:
    """Remove a webhook, and drop its waiting deliveries."""
    with opened() as database:
        removed = database.write_now(lambda tx: webhooks.remove(tx, webhook_id))
    log_command("webhook removed", shop=removed.shop_id, webhook=webhook_id, live=removed.live)
    sentence = f"Webhook {webhook_id} of shop {removed.shop_id} is removed."
    say_result(present.webhook(removed), sentence, as_json=as_json)


@webhook.command()
@_id
@json_option
def test(webhook_id: int, as_json: bool) -> None:
    """Send a signed webhook.test now, and show the answer.

    A stopped webhook that accepts the test is started again. Exit code 1 if it does not.
    """
    sender = Sender(read_settings().webhook_allow)
    with opened() as database:
        answer = asyncio.run(webhooks.test(database, webhook_id, sender, system_clock()))
    is_accepted = answer.kind == "taken"
    fields = {"id": webhook_id, "accepted": is_accepted, "says": answer.says}
    verb = "accepted" if is_accepted else "did not accept"
    say_result(fields, f"Webhook {webhook_id} {verb} the test: {shown(answer.says)}.", as_json=as_json)
    if not is_accepted:
        sys.exit(1)
