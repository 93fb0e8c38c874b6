"""`afterword doctor`: looks at everything that needs a person, and says in plain sentences what it found."""

import sys
from collections.abc import Callable, Iterator
from typing import Any, get_args

import click

from afterword import __version__
from afterword.base.clock import system_clock
from afterword.base.errors import Refused, SchemaTooNew, SettingsError, StoreUnavailable
from afterword.base.settings import Settings, read_settings
from afterword.cli import checks
from afterword.cli.checks import Finding
from afterword.cli.commands.invitations import invitation_fields
from afterword.cli.options import json_option, opened
from afterword.cli.output import say, say_json, shown
from afterword.domain.messages import State
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.migrate import migrations
from afterword.store.messages.invitations import doubtful_invitations
from afterword.store.overview import count_by_state, unsent_messages, waiting_by_shop
from afterword.store.shops import shops_of
from afterword.store.webhooks import stopped_webhooks

MOST_NAMED = 20
"""Invitations in doubt, and shops with reviews that wait, that are named one by one."""

MARKS = {"well": "ok  ", "note": "note", "trouble": "LOOK"}


@click.command()
@click.option(
    "--accept", is_flag=True, help="Accept that the send journal is lost, and go on sending what is due."
)
@json_option
def doctor(accept: bool, as_json: bool) -> None:
    """Check everything, and say what needs a person.

    Exit code 0 when nothing does, 1 when something does.
    """
    if accept:
        _accept(as_json)
        return
    findings, details = _examine()
    well = not any(finding.level == "trouble" for finding in findings)
    if as_json:
        listed = [finding._asdict() for finding in findings]
        say_json({"well": well, "version": __version__, "checks": listed, **details})
    else:
        _tell(findings)
    if not well:
        sys.exit(1)


def _accept(as_json: bool) -> None:
    with opened() as database:
        if not database.is_held:
            raise Refused("the send journal is there: nothing is held back, and nothing needs to be accepted")
        if why := checks.why_journal_is_away(database):
            raise Refused(
                f"the send journal cannot be reached just now ({why}): whether it is lost, nobody can tell; nothing "
                "was accepted"
            )
        database.accept_journal_loss()
        doubtful = database.read_now(count_by_state).get("in_doubt", 0)
    if as_json:
        say_json({"accepted": True, "in_doubt": doubtful})
        return
    say("A new send journal is begun; a running Afterword goes on within seconds.")
    say("What an older backup shows as due, and was sent after that backup, is sent a second time.")
    if doubtful:
        say(f"In doubt: {doubtful}. See: afterword doctor")


def _examine() -> tuple[list[Finding], dict[str, Any]]:
    try:
        settings = read_settings()
        findings = list(checks.of_settings(settings))
    except SettingsError as error:
        return [Finding("settings", "trouble", str(error))], {}
    details: dict[str, Any] = {}
    try:
        with opened() as database:
            findings += _examine_store(settings, database, details)
    except (SettingsError, SchemaTooNew, StoreUnavailable) as error:
        findings.append(Finding("database", "trouble", str(error)))
    for check in (checks.of_courier, checks.of_room, checks.of_privacy):
        findings += _each(check, settings)
    return findings, details


def _each(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except OSError as error:
        yield Finding("files", "trouble", f"{error.filename or 'a file'}: {error.strerror or error}")


def _examine_store(
    settings: Settings, database: EngineDatabase, details: dict[str, Any]
) -> Iterator[Finding]:
    """`details` gets what programs want to read besides the sentences."""
    now = system_clock()
    counts = database.read_now(count_by_state)
    details["schema"] = migrations()[-1][0]
    details["invitations"] = {state: counts.get(state, 0) for state in get_args(State)}
    doubtful = (
        database.read_now(lambda tx: doubtful_invitations(tx, MOST_NAMED)) if counts.get("in_doubt") else []
    )
    details["in_doubt"] = [invitation_fields(row) for row in doubtful]
    yield from checks.of_database(database)
    yield from checks.of_journal(settings, database)
    yield from checks.of_sender(settings, database)
    yield from checks.of_lateness(database, now)
    yield checks.of_counts(details["invitations"])
    yield from checks.of_doubt(doubtful, counts.get("in_doubt", 0))
    yield from checks.of_unsent(*database.read_now(lambda tx: (unsent_messages(tx), stopped_webhooks(tx))))
    yield from _examine_reviews(database, details, now)


def _examine_reviews(database: EngineDatabase, details: dict[str, Any], now: float) -> Iterator[Finding]:
    waiting = database.read_now(waiting_by_shop)
    details["waiting_reviews"] = sum(found.amount for found in waiting)
    named = sorted(waiting, key=lambda found: (found.found_since is None, found.found_since or found.since))[
        :MOST_NAMED
    ]
    shops = database.read_now(lambda tx: shops_of(tx, [found.shop_id for found in named]))
    yield from checks.of_reviews(list(zip(named, shops, strict=True)), now)
    if len(waiting) > len(named):
        says = f"And of {len(waiting) - len(named):,} more shops: afterword review list SHOP --state waiting"
        yield Finding("reviews", "note", says)


def _tell(findings: list[Finding]) -> None:
    for finding in findings:
        say(f"{MARKS[finding.level]} {finding.check:<11} {shown(finding.says)}")
    troubles = sum(finding.level == "trouble" for finding in findings)
    say()
    if troubles:
        say(f"{troubles} of these need{'s' if troubles == 1 else ''} a person.")
    else:
        say("All is well.")
