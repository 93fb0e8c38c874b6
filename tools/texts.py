"""Collects the sentences that people read, by file."""

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import extract_from_ast

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
        if call == "_":
            yield message if isinstance(message, str) else message[0] or ""
        else:
            yield message[0] or "", message[1] or ""


def _marked(tree: ast.AST) -> Iterator[Message]:
    """The messages in Python code, which are marked as `sentence("…")` or `plural("…", "…")`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("sentence"), args=[ast.Constant(str(message))]):
                yield message
            case ast.Call(func=ast.Name("plural"), args=[ast.Constant(str(one)), ast.Constant(str(many))]):
                yield one, many
