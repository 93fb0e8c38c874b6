"""What `afterword serve` prints at its first start: a demo shop, and a command to paste."""

import json
import shlex
import shutil
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from afterword.actions import shops
from afterword.base.settings import Settings
from afterword.domain.shops import TEST_DELAY
from afterword.store.engine.database import Database

NAME = "Demo shop"


def introduction(settings: Settings, database: Database, now: float) -> list[str]:
    """Lines for stdout. An empty default data folder gets the demo shop, whose test key is among them."""
    running = f"Afterword is running at {settings.url}"
    there = database.read_now(shops.listed)
    if not there:
        return [running, "", *_first_steps(settings, database, now)]
    if settings.is_default and any(shop.name == NAME for shop in there):
        return [
            running,
            "",
            "The demo shop's test key was shown at the first start and is not stored. To add another one:",
            f"    {command()} key add {shlex.quote(NAME)} --test",
            "To add your own shop:",
            _add_a_shop(),
        ]
    return [running]


def _first_steps(settings: Settings, database: Database, now: float) -> list[str]:
    if not settings.is_default:
        return ["No shops yet. Add one from another terminal, with the same settings:", _add_a_shop()]
    _, keys = database.write_now(partial(shops.add, name=NAME, now=now))
    return [
        f'The data folder is new, so "{NAME}" was added for you to try. Its test key, shown only now:',
        "",
        f"    {keys.test_key}",
        "",
        "To send an order with it, paste this into another terminal:",
        "",
        curl_line(settings.url, keys.test_key, now),
        "",
        f"{TEST_DELAY} seconds later the customer's e-mail is a file in {settings.outbox}, which any mail program",
        "can open. The log below then has the link to its form, where you can write a review. E-mails for test",
        "orders never leave this machine.",
    ]


def _add_a_shop() -> str:
    return f'    {command()} shop add "Alba\'s bakery"'


def curl_line(url: str, key: str, now: float) -> str:
    """One order dated now, sent as shops do; one line for sh, whatever its parts contain."""
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
    """How to call us from the shell that called us: by name where we are on the PATH, else as we were called."""
    called = Path(sys.argv[0])
    if called.name != "afterword":
        return f"{shlex.quote(sys.executable)} -m afterword"
    found = shutil.which("afterword")
    on_path = found is not None and Path(found).samefile(called)
    return "afterword" if on_path else shlex.quote(str(called))
