"""`afterword mail`: whether e-mails arrive."""

import sys

import click

from afterword.base.clock import system_clock
from afterword.base.settings import read_settings
from afterword.cli.options import json_option
from afterword.cli.output import say_result, shown

_SENTENCES = {
    "sent": "{server} accepted the e-mail to {recipient}: {reply}\n"
    "Look into that mailbox, also for spam, and in the e-mail's headers for spf=pass, dkim=pass and dmarc=pass.",
    "deferred": "{server} does not accept the e-mail to {recipient} now: {reply}",
    "failed": "{server} refused the e-mail to {recipient}: {reply}",
    "in_doubt": "It is unknown whether {server} accepted the e-mail to {recipient}: {reply}",
}


@click.group()
def mail() -> None:
    """Test whether e-mails arrive."""


@mail.command("test")
@click.argument("recipient", metavar="ADDRESS")
@json_option
def send_test(recipient: str, as_json: bool) -> None:
    """Send a real e-mail to ADDRESS at once, and show the mail server's answer.

    It goes through the server of AFTERWORD_SMTP, from AFTERWORD_FROM, and not through the database. Exit code 1 if
    the server does not accept it.
    """
    from afterword.actions.operating import (
        mail as sending,  # other commands start in half the time without what sends
    )

    address, outcome = sending.send_test(read_settings(), recipient.strip(), system_clock())
    server = f"the mail server {address.host}:{address.port}"
    said = {"server": server, "recipient": shown(recipient.strip()), "reply": shown(outcome.reply)}
    sentence = _SENTENCES[outcome.kind].format(**said)
    fields = {"address": recipient.strip(), "outcome": outcome.kind, "says": outcome.reply}
    say_result(fields, sentence[:1].upper() + sentence[1:], as_json=as_json)
    if outcome.kind != "sent":
        sys.exit(1)
