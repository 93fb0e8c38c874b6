"""What `afterword serve` prints at its start: where it is, and in a trial how to send an order."""

import json
import shlex
import shutil
import sys
from functools import partial
from pathlib import Path

from afterword.actions import shops, trial
from afterword.actions.trial import DEMO_SHOP, Trial
from afterword.base.settings import Settings
from afterword.domain.shops import TEST_DELAY
from afterword.store.engine.database import Database
from afterword.store.opening import link_secret


def introduction(settings: Settings, database: Database, now: float) -> list[str]:
    """Lines for stdout. An empty default data folder gets the demo shop, whose test key is among them as long as it
    is the only shop."""
    running = f"Afterword is running at {settings.url}"
    there = database.read_now(shops.listed)
    if not there and not settings.is_default:
        add = "No shops yet. Add one from another terminal, with the same settings:"
        return [running, "", add, _add_a_shop()]
    if not there:
        trial.add_demo_shop(database, settings.demo_key, now)
        running += f'\nThe data folder is new, so "{DEMO_SHOP}" was added for you to try.'
    found = database.read_now(partial(trial.found, key_file=settings.demo_key))
    if not settings.is_default or not found:
        return [running]
    return [running, *_steps(settings, found, now), *_dashboard(settings, database, found, now)]


def _steps(settings: Settings, found: Trial, now: float) -> list[str]:
    """From the trial's page to a shop of one's own."""
    return [
        *([f"Open {settings.url}/ on this machine: it leads from an order to a review."] * settings.is_trial),
        "",
        *(_an_order(settings, found, found.test_key, now) if found.test_key else _another_key()),
        "",
        "To add your own shop:",
        _add_a_shop(),
    ]


def _dashboard(settings: Settings, database: Database, found: Trial, now: float) -> list[str]:
    secret = link_secret(settings, database)
    making = partial(trial.dashboard_link, shop=found.shop, url=settings.url, secret=secret, now=now)
    link = database.write_now(making)
    return [
        "",
        "The dashboard of the demo shop; the link works once, within ten minutes:",
        f"    {link}",
        f"For another one: {command()} login {trial.DEMO_OWNER}",
    ]


def _an_order(settings: Settings, found: Trial, test_key: str, now: float) -> list[str]:
    return [
        "The demo shop's test key:",
        "",
        f"    {test_key}",
        "",
        "To send an order with it, paste this into another terminal:",
        "",
        curl_line(settings.url, test_key, now, found.next_id_order),
        "",
        f"{TEST_DELAY} seconds later the customer's e-mail is a file in {settings.outbox}, and the log below has the",
        "link to its form. E-mails for test orders never leave this machine.",
    ]


def _another_key() -> list[str]:
    return [
        "The demo shop's test key is gone or was revoked. To add another one:",
        f"    {command()} key add {shlex.quote(DEMO_SHOP)} --test",
    ]


def _add_a_shop() -> str:
    return f'    {command()} shop add "Alba\'s bakery"'


def curl_line(url: str, key: str, now: float, id_order: str = "1") -> str:
    """The example order, sent as shops do; one line for sh, whatever its parts contain."""
    form = [f"api_key={key}", f"orders={json.dumps([trial.example_order(now, id_order)])}"]
    fields = " ".join(f"-F {shlex.quote(field)}" for field in form)
    return f"curl {fields} {shlex.quote(url + '/private/v3/orders')}"


def command() -> str:
    """How to call us from the shell that called us: by name where we are on the PATH, else as we were called."""
    called = Path(sys.argv[0])
    if called.name != "afterword":
        return f"{shlex.quote(sys.executable)} -m afterword"
    found = shutil.which("afterword")
    on_path = found is not None and Path(found).samefile(called)
    return "afterword" if on_path else shlex.quote(str(called))
