"""`GET /openapi.json` and `GET /docs`: the API reference for programs and for people, from one document."""

import json
from functools import partial
from importlib import resources
from shlex import quote
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from afterword.web.render import cached, page

KEY = "YOUR_TEST_KEY"
"""The placeholder for a key in example commands."""

LONGEST_LINE = 84
"""Maximum characters of JSON on one line."""


class Docs:
    """`url` is the public address, which the document and the commands contain."""

    def __init__(self, url: str) -> None:
        text = resources.files("afterword.web").joinpath("static", "openapi.json").read_text("utf-8")
        self._document = {**json.loads(text), "servers": [{"url": url}]}
        self._address = f"{url}/private/v3/orders"
        content = json.dumps(self._document, ensure_ascii=False, indent=1).encode()
        self.document = partial(cached, content=content, media_type="application/json")

    async def page(self, request: Request) -> Response:
        return page(
            request,
            "docs.html",
            "en",
            document=self._document,
            commands=_commands(self._document, self._address),
            address=self._address,
            pretty=pretty,
        )


def _commands(document: dict[str, Any], address: str) -> list[tuple[str, str, str]]:
    """Example commands: a title, the text, and the name of the document's example of its answer."""
    examples = document["components"]["examples"]
    orders = json.loads(examples["OneOrderForm"]["value"]["orders"])
    detailed = {
        name: value for name, value in examples["TwoOrdersDetails"]["value"].items() if name != "api_key"
    }
    return [
        (
            "One order, in a form",
            curl(
                address,
                f"--form-string 'api_key={KEY}'",
                f"--form-string {quote('orders=' + pretty(orders))}",
            ),
            "imported",
        ),
        (
            "Two orders in JSON, with details",
            curl(
                address,
                f"-H 'Authorization: Bearer {KEY}'",
                "-H 'Content-Type: application/json'",
                f"-d {quote(pretty(detailed))}",
            ),
            "with_details",
        ),
    ]


def curl(address: str, *options: str) -> str:
    """A command for sh, an option a line."""
    return " \\\n  ".join((f"curl {quote(address)}", *options))


def pretty(value: object, indent: str = "") -> str:
    """JSON for people: short values stay on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= LONGEST_LINE or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {pretty(each, inner)}" for name, each in value.items()]
    else:
        parts = [pretty(each, inner) for each in value]
    return f"{line[0]}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{line[-1]}"
