"""`GET /openapi.json` and `GET /docs`: the API reference for programs and for people, from one document."""

import json
from importlib import resources
from shlex import quote
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from afterword.web.render import fixed, page

KEY = "YOUR_TEST_KEY"
"""The placeholder for a key in example commands."""

LONGEST_LINE = 84
"""Maximum characters of JSON on one line."""


class Command(NamedTuple):
    """An example command, and the name of the document's example of its answer."""

    title: str
    text: str
    answer: str


class Docs:
    """`url` is the public address, which the document and the commands contain."""

    def __init__(self, url: str) -> None:
        text = resources.files("afterword.web").joinpath("static", "openapi.json").read_text("utf-8")
        self._document = {**json.loads(text), "servers": [{"url": url}]}
        self._address = f"{url}/private/v3/orders"
        self._commands = _commands(self._document, self._address)
        content = json.dumps(self._document, ensure_ascii=False, indent=1).encode()
        self.document = fixed(content, "application/json")

    async def page(self, request: Request) -> Response:
        components = self._document["components"]
        send = self._document["paths"]["/private/v3/orders"]["post"]
        refusals = {
            status: components["responses"][found["$ref"].rpartition("/")[2]]
            for status, found in send["responses"].items()
            if "$ref" in found
        }
        return page(
            request,
            "docs.html",
            "en",
            document=self._document,
            schemas=components["schemas"],
            answers=send["responses"]["200"]["content"]["application/json"]["examples"],
            refusals=refusals,
            commands=self._commands,
            address=self._address,
            mandatory=lambda schema: schema.get("required", ()),
            pretty=_pretty,
        )


def _commands(document: dict[str, Any], address: str) -> list[Command]:
    examples = document["components"]["examples"]
    orders = json.loads(examples["OneOrderForm"]["value"]["orders"])
    detailed = {
        name: value for name, value in examples["TwoOrdersDetails"]["value"].items() if name != "api_key"
    }
    return [
        Command(
            "One order, in a form",
            _curl(
                address,
                f"--form-string 'api_key={KEY}'",
                f"--form-string {quote('orders=' + _pretty(orders))}",
            ),
            "imported",
        ),
        Command(
            "Two orders in JSON, with details",
            _curl(
                address,
                f"-H 'Authorization: Bearer {KEY}'",
                "-H 'Content-Type: application/json'",
                f"-d {quote(_pretty(detailed))}",
            ),
            "with_details",
        ),
    ]


def _curl(address: str, *options: str) -> str:
    return " \\\n  ".join((f"curl {quote(address)}", *options))


def _pretty(value: object, indent: str = "") -> str:
    """JSON for people: short values stay on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= LONGEST_LINE or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        opening, closing = "{", "}"
        parts = [f"{json.dumps(name)}: {_pretty(each, inner)}" for name, each in value.items()]
    else:
        opening, closing = "[", "]"
        parts = [_pretty(each, inner) for each in value]
    return "\n".join(
        (opening, *(f"{inner}{part}," for part in parts[:-1]), f"{inner}{parts[-1]}", indent + closing)
    )
