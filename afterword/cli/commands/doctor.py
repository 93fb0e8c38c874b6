"""`afterword doctor`: checks everything, and says in plain sentences what needs attention."""

import sys

import click

from afterword import __version__
from afterword.actions.operating import health
from afterword.actions.operating.backlog import Finding
from afterword.actions.operating.health import Health
from afterword.base.clock import system_clock
from afterword.base.errors import SettingsError
from afterword.base.settings import read_settings
from afterword.cli.options import json_option, opened
from afterword.cli.output import say, say_json, shown
from afterword.domain.values import counted


@click.command()
@click.option("--accept", is_flag=True, help="Accept that the send journal is lost, and resume sending.")
@json_option
def doctor(accept: bool, as_json: bool) -> None:
    """Check everything, and report what needs attention.

    Exit code 0 if nothing does, 1 if something does.
    """
    if accept:
        _accept(as_json)
        return
    found = _examine()
    if as_json:
        checks = [finding._asdict() for finding in found.findings]
        say_json({"ok": found.is_ok, "version": __version__, "checks": checks, **found.details})
    else:
        _say(found)
    if not found.is_ok:
        sys.exit(1)


def _accept(as_json: bool) -> None:
    with opened() as database:
        doubtful = health.accept_journal_loss(database)
    if as_json:
        say_json({"accepted": True, "in_doubt": doubtful})
        return
    say("A new send journal was started; a running Afterword resumes sending within seconds.")
    say("E-mails sent after the last backup that are still due in it will be sent a second time.")
    if doubtful:
        say(f"{counted(doubtful, 'invitation')} in doubt. See: afterword doctor")


def _examine() -> Health:
    # Other commands start in half the time without what sends.
    from afterword.app import build_dispatcher

    try:
        settings = read_settings()
    except SettingsError as error:
        return Health([Finding("settings", "action", str(error))], {})
    return health.examine(settings, build_dispatcher, system_clock())


def _say(found: Health) -> None:
    for finding in found.findings:
        mark = "ACTION" if finding.level == "action" else finding.level
        say(f"{mark:<6} {finding.check:<12} {shown(finding.says)}")
    needing = sum(finding.level == "action" for finding in found.findings)
    say()
    if needing:
        say(f"{counted(needing, 'finding')} need{'s' if needing == 1 else ''} attention.")
    else:
        say("Everything is fine.")
