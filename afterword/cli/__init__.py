"""The commands that an operator types: each parses, calls one action, and prints. Results go to stdout, everything
else to stderr.

Exit codes: 0 done, 1 refused (one sentence on stderr), 2 usage.
"""

import os
import sys

import click

from afterword import __version__
from afterword.base.errors import JournalMissing, Refused, SchemaTooNew, SettingsError, StoreUnavailable
from afterword.cli.commands.doctor import doctor
from afterword.cli.commands.invitations import invitation
from afterword.cli.commands.keys import key
from afterword.cli.commands.mail import mail
from afterword.cli.commands.maintenance import backup, copy, copy_journal, migrate
from afterword.cli.commands.orders import order
from afterword.cli.commands.people import person
from afterword.cli.commands.reviews.exports import export
from afterword.cli.commands.reviews.imports import import_
from afterword.cli.commands.reviews.moderation import review
from afterword.cli.commands.reviews.verification import verify
from afterword.cli.commands.shops import shop
from afterword.cli.commands.suppressions import suppression
from afterword.cli.commands.users import login
from afterword.cli.commands.webhooks import webhook
from afterword.cli.output import shown
from afterword.cli.serving.running import dispatch, serve

SECTIONS = {
    "Run": (serve, dispatch),
    "Set up": (shop, key, login),
    "Orders and e-mails": (order, invitation, suppression, mail),
    "Reviews": (review, verify, import_, export),
    "People": (person,),
    "Webhooks": (webhook,),
    "Maintenance": (doctor, backup, copy, copy_journal, migrate),
}

_SENTENCES = (Refused, SettingsError, SchemaTooNew, StoreUnavailable)


class Commands(click.Group):
    """The commands in sections; what is refused becomes one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except _SENTENCES as error:
            raise click.ClickException(shown(str(error))) from error
        except JournalMissing as error:
            raise click.ClickException(f"{error}: run afterword doctor") from error
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(shown(f"{error.filename}: {error.strerror}")) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(each.name or "", each.get_short_help_str(80)) for each in commands])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings come from the environment: AFTERWORD_DATA (the data folder, ./afterword-data by default), "
    "AFTERWORD_SMTP and AFTERWORD_FROM (without them, live e-mails wait), AFTERWORD_URL and more. See "
    "docs/settings.md.",
)
@click.version_option(__version__, prog_name="afterword", message="%(prog)s %(version)s")
def main() -> None:
    """Self-hosted server for verified shop reviews.

    A shop posts its orders; ten days later each customer gets one e-mail asking for a review.

    \b
    First steps:
      afterword serve                       serve; a new data folder gets a demo shop
      afterword shop add "Alba's bakery"    add your own shop and show its keys

    Each command has its own --help. SHOP is a shop's id or name.
    """
    # Orders are personal data: no file that we make is for others on this machine to read.
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


for _commands in SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
