"""Our portable SQL in the syntax of psycopg, and what begins and ends a transaction."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from afterword.store.engine.connection import Params

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
