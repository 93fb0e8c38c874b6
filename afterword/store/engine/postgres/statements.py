"""Our portable SQL in the syntax of psycopg, and what begins and ends a transaction."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import psycopg

from afterword.store.engine.connection import Params, Row
from afterword.store.queries import query_of_json, query_of_rows

_NAME = re.compile(r"(?<![:\w]):([a-z_]+)")
_OURS = re.compile(r"/\* postgres: (.*?) \*/")
_HERE = re.compile(r"/\* without a node: (.*?) \*/")

# A commit releases its locks when it returns. The first COMMIT here returns before it is durable, and a second
# transaction waits for the disk. The WAL is written in order, so no transaction that commits in between becomes
# durable before this one.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
COMMIT_EARLY = f"""SET LOCAL synchronous_commit = off; COMMIT; BEGIN; {_DURABLE};
SELECT pg_logical_emit_message(true, 'afterword', ''); COMMIT"""

# Guarantee 1: COMMIT returns after the fsync, whatever the server's default. The default may have changed since we
# connected, or differ between the connections of a pooler.
BEGIN = f"BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'; {_DURABLE}"

FEW, FEW_ON_CITUS = 3, 16
"""Rows that are inserted by VALUES. One JSON value for all of them takes an eighth less time for four, half as much
for sixteen; but on Citus more than twice as much for one, and as much for sixteen."""

Values = Mapping[str, Any] | Sequence[Any]


class Insertion(NamedTuple):
    """A statement, its values, and the kind of cursor that writes them into it or sends them beside it."""

    text: str
    values: Values
    kind: type[psycopg.Cursor[Row]]


NO_LIMIT = "SET LOCAL statement_timeout = 0"
"""Of what takes as long as it takes: migrations, copies."""


@lru_cache(maxsize=1_000)
def translated(sql: str, here: bool = False) -> tuple[str, tuple[str, ...]]:
    """The statement in psycopg's syntax, and its parameter names in the order in which they first occur; with `here`
    about the shops alone whose nodes answer."""
    text = _OURS.sub(r"\1", sql)
    text = _HERE.sub(r"\1" if here else "", text).replace("%", "%%")
    names = tuple(dict.fromkeys(_NAME.findall(text)))
    return _NAME.sub(r"%(\1)s", text), names


def named_values(names: Sequence[str], params: Params) -> Mapping[str, Any]:
    """The parameters by their names."""
    return params if isinstance(params, Mapping) else dict(zip(names, params, strict=True))


def insertion(name: str, rows: Sequence[Row], is_on_cluster: bool) -> Insertion:
    """The INSERT of that name for all of these rows of one shop. The values of many go beside it: in it, a long one
    would be read once more, character by character."""
    if len(rows) <= (FEW_ON_CITUS if is_on_cluster else FEW):
        text = query_of_rows(name, len(rows)).replace("%", "%%").replace("?", "%s")
        return Insertion(text, [value for row in rows for value in row], psycopg.ClientCursor)
    text = translated(query_of_json(name, _types(rows)))[0]
    return Insertion(text, {"shop_id": rows[0][0], "rows": _as_json(rows).decode()}, psycopg.Cursor)


def _types(rows: Sequence[Row]) -> tuple[str, ...]:
    """PostgreSQL's names for the types of these rows' columns, empty where a column has no value."""
    firsts = [
        next((value for value in column if value is not None), None) for column in zip(*rows, strict=True)
    ]
    return tuple([_TYPES[type(value)] for value in firsts])


_TYPES = {int: "bigint", str: "text", type(None): ""}

_as_json = msgspec.json.Encoder().encode
