"""The introduction that `afterword serve` prints for new users: a demo shop, and a command to paste."""

import json
import shlex
import shutil
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from afterword.base.settings import Settings
from afterword.domain.shops import DEFAULT_DELAY, TEST_DELAY
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.shops import add_shop, find_shop, list_shops

NAME = "Demo shop"


def introduction(settings: Settings, database: EngineDatabase, now: float) -> list[str]:
    """Lines for stdout. An empty default data folder gets a demo shop, and the lines contain its test key."""
    serving = f"Afterword serves at {settings.url}"
    if not database.read_now(list_shops):
        return [serving, "", *_first_steps(settings, database, now)]
    if settings.is_default and database.read_now(lambda tx: find_shop(tx, NAME)):
        return [serving, "", *_next_steps()]
    return [serving]


def _first_steps(settings: Settings, database: EngineDatabase, now: float) -> list[str]:
    if not settings.is_default:
        return [
            "There is no shop yet. Add one, with the same settings, from another terminal:",
            *_add_a_shop(),
        ]
    test_key = database.write_now(partial(_add_demo_shop, now=now))
    return [
        f'The data folder is new, so here is a shop to try: "{NAME}". Its test key, shown only now:',
        "",
        f"    {test_key}",
        "",
        "Send an order with it: paste this into another terminal.",
        "",
        curl_line(settings.url, test_key, now),
        "",
        f"{TEST_DELAY} seconds later the e-mail to the customer is in {settings.outbox}, where any mail program can",
        "open it, and the log below says so. E-mails for test keys never leave this machine.",
    ]


def _add_demo_shop(tx: Transaction, now: float) -> str:
    defaults = {"lang": "en", "timezone": "UTC", "delay": DEFAULT_DELAY, "site": None, "email": None}
    return add_shop(tx, now, name=NAME, **defaults)[1].test_key


def _next_steps() -> list[str]:
    return [
        "The demo shop's test key was shown at the first start and is not stored. To add another one:",
        f"    {command()} key add {shlex.quote(NAME)} --test",
        "To add your own shop:",
        *_add_a_shop(),
    ]


def _add_a_shop() -> list[str]:
    return [f'    {command()} shop add "Alba\'s bakery"']


def curl_line(url: str, key: str, now: float) -> str:
    """A one-line shell command that sends an order as shops do. All its parts are quoted."""
    order = {
        "id_order": "1",
        "order_date": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "firstname": "Clara",
        "lastname": "Martin",
        "email": "clara@example.com",
        "products": [{"id": 100, "name": "Rye bread", "qty": 2, "unit_price": 3.9}],
    }
    form = [f"api_key={key}", f"orders={json.dumps([order])}"]
    fields = " ".join(f"-F {shlex.quote(field)}" for field in form)
    return f"curl {fields} {shlex.quote(url + '/private/v3/orders')}"


def command() -> str:
    """The command to call Afterword from the user's shell: its name if it is on the PATH, else the way it was
    called."""
    called = Path(sys.argv[0])
    if called.name != "afterword":
        return f"{shlex.quote(sys.executable)} -m afterword"
    found = shutil.which("afterword")
    on_path = found is not None and Path(found).samefile(called)
    return "afterword" if on_path else shlex.quote(str(called))
