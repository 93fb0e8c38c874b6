"""The SQL, in named pieces. `query("claim_due")` is the text under `-- name: claim_due` in one of the files."""

import re
from collections import namedtuple
from functools import cache
from importlib import resources
from typing import Any

_PIECE = re.compile(
    r"^-- name: (\w+)\n((?:-- [^\n]*\n)*)(.*?);\n(?=\s*(?:-- name: |\Z))", re.MULTILINE | re.DOTALL
)

_ONE_ROW = re.compile(r"\b(order_id|message_id) = :\1\b")


def query(name: str) -> str:
    """The SQL text of that name. Raises KeyError."""
    return all_queries()[name]


@cache
def query_of_rows(name: str, rows: int) -> str:
    """An INSERT of one row made into one of several rows, whose values are given one row after the other."""
    before, values, after = re.split(r"(?<=VALUES )(\(.*?\))", query(name), maxsplit=1, flags=re.DOTALL)
    return before + ", ".join([re.sub(r":\w+", "?", values)] * rows) + after


@cache
def query_of_json(name: str, types: tuple[str, ...]) -> str:
    """An INSERT of one row made into one of all that is in `:rows`, for PostgreSQL: a JSON array of arrays with the
    values that `query_of_rows` takes, of these types; a column in which there is no value has none.

    The rows have their shop from the row of `:shop_id`, so that Citus sends the statement to the shop's node as it
    is: all functions are immutable, and the array, after nothing of the shop's name, is no constant, which the
    coordinator would compute. (From the array alone it would read the rows itself, and copy them to the node.)
    """
    parts = re.fullmatch(
        r"INSERT INTO (\w+) \((.*?)\)\s+VALUES \(:shop_id, (.*?)\)(.*)", query(name), re.DOTALL
    )
    if parts is None:
        raise ValueError(f"{name} is not an INSERT of one row of a shop")
    table, columns, values, after = parts.groups()
    given = iter([f"(r ->> {place})::{type}" if type else "NULL" for place, type in enumerate(types)][1:])
    selected = ", ".join(
        next(given) if value.strip().startswith(":") else value for value in values.split(",")
    )
    rows = "jsonb_array_elements((left(s.name, 0) || :rows)::jsonb) r"
    return (
        f"INSERT INTO {table} ({columns}) SELECT s.shop_id, {selected} "  # noqa: S608 (our own words)
        f"FROM shops s, {rows} WHERE s.shop_id = :shop_id{after}"
    )


@cache
def id_of(sql: str) -> str:
    """Which column says whose row a text is about: `order_id` or `message_id`. Raises ValueError unless it is one."""
    found = _ONE_ROW.findall(sql)
    if len(found) != 1:
        raise ValueError(f"this is not about the row of one order or message: {sql}")
    return str(found[0])


@cache
def query_by_ids(sql: str) -> str:
    """A SELECT or an UPDATE of one order's or message's row made into one of all whose numbers are in an array, for
    PostgreSQL. An UPDATE returns the numbers of those that it changed."""
    column = id_of(sql)
    returning = f"\nRETURNING {column}" if sql.startswith("UPDATE") else ""
    return _ONE_ROW.sub(r"\1 = ANY(:\1)", sql) + returning


@cache
def row_of(name: str) -> Any:
    """A named tuple for the rows of the SELECT of that name: its columns are named there alone."""
    sql = query(name)
    selected = re.sub(r"\([^()]*\)", "", sql[len("SELECT ") : sql.index("FROM ")])
    columns = [re.split(r"[.\s]", column.strip())[-1] for column in selected.split(",")]
    return namedtuple(name, columns)


@cache
def all_queries() -> dict[str, str]:
    """Every named piece. Raises ValueError when a name stands twice."""
    found: dict[str, str] = {}
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            for name, _, text in _PIECE.findall(file.read_text(encoding="utf-8")):
                if name in found:
                    raise ValueError(f"two queries are named {name}")
                found[name] = text.strip()
    return found
