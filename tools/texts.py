"""Every sentence that people read, once, by place: `make texts` prints them, for proofreaders and translators.

E-mails, pages, the widget, the API's documentation, command help, what commands print, errors and log events.
"""

import ast
import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import groupby
from pathlib import Path

import click
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from afterword.cli import main

PACKAGE = Path(__file__).parents[1] / "afterword"

Message = str | tuple[str, str]
"""A message of the catalogues: one text, or its singular and plural."""

_PAGES = Environment()  # noqa: S701 - only parses
_EMAILS = Environment(  # noqa: S701 - only parses; delimiters as in mail/wording.py
    variable_start_string="[[",
    variable_end_string="]]",
    block_start_string="[%",
    block_end_string="%]",
    comment_start_string="[#",
    comment_end_string="#]",
)


def messages() -> dict[str, dict[Message, None]]:
    """The catalogue messages that each file of the package uses, in their order in the file."""
    found = {_name(path): dict.fromkeys(_messages_of(path)) for path in sorted(PACKAGE.rglob("*"))}
    return {name: messages for name, messages in found.items() if messages}


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _messages_of(path: Path) -> Iterator[Message]:
    if path.suffix == ".py":
        yield from _marked(ast.parse(path.read_text("utf-8")))
    elif path.parent.name == "templates" and path.parents[1].name == "mail":
        yield from _asked(_EMAILS, path) if path.suffix in (".mjml", ".txt") else ()
    elif path.parent.name == "templates" and path.suffix == ".html":
        yield from _asked(_PAGES, path)


def _asked(environment: Environment, path: Path) -> Iterator[Message]:
    tree = environment.parse(path.read_text("utf-8"))
    for _, call, message in extract_from_ast(tree, ("_", "ngettext")):
        texts = message if isinstance(message, tuple) else (message,)
        if call == "ngettext":
            yield texts[0] or "", texts[1] or ""
        elif texts[0]:  # else it is marked where it is written
            yield texts[0]


def _marked(tree: ast.AST) -> Iterator[Message]:
    """The messages in Python code, which are marked as `sentence("…")` or `counted("…", "…")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("sentence"), args=[ast.Constant(str(message))]):
                yield message
            case ast.Call(func=ast.Name("counted"), args=[ast.Constant(str(one)), ast.Constant(str(many))]):
                yield one, many


def places() -> Iterator[tuple[str, str, str]]:
    """Every sentence: the file or command that says it, its kind, and its text; f-strings with the code in braces."""
    for name, found in messages().items():
        for message in found:
            yield name, "message", message if isinstance(message, str) else " | ".join(message)
    yield from _of_commands(main, "afterword")
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".py":
            yield from ((_name(path), *said) for said in _of_code(path))
        elif path.name in ("docs.html", "openapi.json"):
            yield from ((_name(path), "docs", said) for said in _of_docs(path))


def _of_commands(command: click.Command, name: str) -> Iterator[tuple[str, str, str]]:
    yield name, "help", " ".join((command.help or "").split())
    for param in command.params:
        if isinstance(param, click.Option) and param.help and not param.hidden:
            yield name, "help", f"{param.opts[0]}: {param.help}"
    if isinstance(command, click.Group):
        for each, inner in sorted(command.commands.items()):
            yield from _of_commands(inner, f"{name} {each}")


_LOGGED = ("debug", "info", "warning", "error", "exception", "critical")


def _of_code(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Raise(exc=ast.Call(args=[first, *_])):
                yield from (("error", text) for text in _texts(first))
            case ast.Call(func=ast.Attribute(ast.Name("log"), level), args=[first, *_]) if level in _LOGGED:
                yield from (("log", text) for text in _texts(first))
            case ast.Call(args=args) if "cli" in path.parts:
                yield from (("print", text) for each in args for text in _texts(each) if " " in text)


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(values):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
                for part in values
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)


def _of_docs(path: Path) -> Iterator[str]:
    """The summaries and descriptions of the OpenAPI document; what the template of its page says by itself."""
    if path.suffix == ".json":
        yield from _described(json.loads(path.read_text("utf-8")))
        return
    source = re.sub(r"{%.*?%}|{#.*?#}", "", path.read_text("utf-8"), flags=re.DOTALL)
    for block in re.split(
        r"</?(?:p|li|h\d|th|td|a|title|pre|nav|strong|link)\b[^>]*>", re.sub("{{.*?}}", "…", source)
    ):
        yield unescape(re.sub(r"<[^>]*>", "", block))


def _described(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[key] for key in ("summary", "description") if isinstance(value.get(key), str))
        for each in value.values():
            yield from _described(each)
    elif isinstance(value, list):
        for each in value:
            yield from _described(each)


def once(found: Iterator[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Each text at the first place that says it; what has no word in it is left out."""
    seen: set[str] = set()
    for place, kind, text in found:
        plain = " ".join(text.split())
        if plain not in seen and re.search(r"[^\W\d_]{2}", plain):
            seen.add(plain)
            yield place, kind, plain


def printed(found: Iterator[tuple[str, str, str]]) -> str:
    """The sentences as text, a paragraph a place."""
    paragraphs = []
    for place, said in groupby(sorted(found, key=lambda one: one[0]), key=lambda one: one[0]):
        paragraphs.append("\n".join([place, *(f"  {kind:8} {text}" for _, kind, text in said)]))
    return "\n\n".join(paragraphs) + "\n"


if __name__ == "__main__":
    click.echo(printed(once(places())), nl=False)
