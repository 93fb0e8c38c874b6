"""`afterword login`: sign in to the dashboard without an e-mail."""

from typing import Any

import click

from afterword.actions import users
from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.options import checked, opened
from afterword.cli.output import log_command, say
from afterword.domain.orders.email import check_address
from afterword.store.opening import link_secret


@click.command()
@click.argument("email", callback=checked(check_address))
def login(email: str) -> Any:
    """Print a link that signs in to the dashboard.

    It works once, within ten minutes, for one of a shop's people. The address given with
    shop add --email is that of its owner.

    \b
      afterword login alba@example.com
    """
    settings = read_settings()
    with opened() as database:
        secret = link_secret(settings, database)
        link = database.write_now(lambda tx: users.link_for(tx, email, settings.url, secret, system_clock()))
    log_command("sign-in link printed")
    say(link)
