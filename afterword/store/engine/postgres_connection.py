"""Connections to PostgreSQL through psycopg, and their errors."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.store.engine.connection import Dialect, Params, Row, Verdict, unusable
from afterword.store.engine.postgres_tls import secured
from afterword.store.queries import id_of, query, query_by_ids, query_of_json, query_of_rows

DEFAULTS = {
    "application_name": "afterword",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Connection parameters that an address may override. In seconds, except `tcp_user_timeout`, which libpq takes in
milliseconds. A server that disappears silently is given up after half a minute; Linux alone would wait for a quarter
of an hour."""

FEW, FEW_ON_CITUS = 2, 16
"""Rows that are inserted by VALUES. One JSON value for all of them takes a quarter less time for four, half as much
for sixteen; but on Citus seven times as much for one, and a commit of two phases."""

SPREAD_ASKED_EVERY = 60.0
"""Seconds until it is asked again whether the rows are spread over a cluster."""

_LOCK = 5_242_871_108
"""The advisory lock of `exclude_others`: an arbitrary number that other programs are unlikely to use."""

_TLS_HINT = (
    " (a server on another machine must show a certificate that this one trusts: give it one, name its issuer's file "
    "with sslrootcert= in the address, or choose another sslmode: docs/postgresql.md)"
)

_NAME = re.compile(r"(?<![:\w]):([a-z_]+)")
_OURS = re.compile(r"/\* postgres: (.*?) \*/")

_OfId = tuple[Row, int]
"""The parameters of a statement other than the row's id, and the row's id."""

_as_json = msgspec.json.Encoder().encode


class PostgresConnection:
    """See `connection.Connection`. If the connection is lost, the next transaction or query reconnects.

    Works behind PgBouncer in transaction mode: parameters are interpolated on the client (psycopg's ClientCursor),
    and settings apply to one transaction.
    """

    dialect: Dialect = "postgres"

    def __init__(self, url: str) -> None:
        """Raises SettingsError, StoreUnavailable."""
        self._address = read_address(url)
        self._is_writing = False
        self._spread_asked_at, self._is_spread = -math.inf, False
        self._raw = self._connect()
        self._refuse_other_encodings()

    def _refuse_other_encodings(self) -> None:
        """The server says it when it connects. Only UTF8 has every character that an order may have."""
        encoding = self._raw.info.parameter_status("server_encoding")
        if encoding not in (None, "UTF8"):
            name = self.name
            self._raw.close()
            raise SettingsError(
                f"the database {name} is in {encoding}, which cannot store every character: make another one with "
                "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name that (AFTERWORD_DATABASE, "
                "AFTERWORD_JOURNAL)"
            )

    def _connect(self) -> psycopg.Connection[Row]:
        try:
            return psycopg.connect(
                **self._address,
                autocommit=True,
                cursor_factory=psycopg.ClientCursor,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            words = str(error).strip().partition("\n")[0]  # without the statement that follows it
            hint = _TLS_HINT if "SSL" in words or "certificate" in words else ""
            raise StoreUnavailable(f"PostgreSQL cannot be reached: {words}{hint}") from error

    def _connected(self) -> psycopg.Connection[Row]:
        if self._raw.closed and not self._is_writing:
            self._raw = self._connect()
            self._spread_asked_at = -math.inf
        return self._raw

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        return self._execute(sql, params).rowcount

    def _execute(self, sql: str, params: Params) -> psycopg.Cursor[Row]:
        connection = self._connected()
        text, names = _translated(sql)
        return connection.execute(text, _named(names, params) or None)

    def next_order_ids(self) -> int:
        return int(self.rows(query("next_order_ids"))[0][0])

    def next_review_number(self) -> int:
        return int(self.rows(query("next_review_number"))[0][0])

    @property
    def name(self) -> str:
        info = self._raw.info
        return f"postgresql://{info.user}@{info.host}:{info.port}/{info.dbname}"

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[Row]]:
        """Sends all queries in one message."""
        if not many:
            return []
        text, names = _translated(sql)
        cursor = psycopg.ClientCursor(self._connected())
        cursor.execute(";".join([cursor.mogrify(text, _named(names, params)) for params in many]))
        return [cursor.fetchall() for _ in cursor.results()]

    def rows_by_id(self, sql: str, many: Sequence[Params]) -> list[Row]:
        keys, found = self._ask_by_ids(sql, many)
        return [found[key] for key in keys]

    def run_by_id(self, sql: str, many: Sequence[Params]) -> list[bool]:
        keys, changed = self._ask_by_ids(sql, many)
        return [key in changed for key in keys]

    def _ask_by_ids(self, sql: str, many: Sequence[Params]) -> tuple[list[_OfId], dict[_OfId, Row]]:
        """Each request's key, and the row returned for each key. Requests that differ only in the id become one
        statement, which costs the server a fraction of parsing and planning each."""
        names, ident = _translated(sql)[1], id_of(sql)
        others = [name for name in names if name != ident]
        keys: list[_OfId] = []
        alike: dict[Row, list[int]] = {}
        for params in many:
            values = _named(names, params)
            same = tuple(values[name] for name in others)
            keys.append((same, values[ident]))
            alike.setdefault(same, []).append(values[ident])
        statements = [dict(zip(others, same, strict=True)) | {ident: ids} for same, ids in alike.items()]
        answers = self.rows_each(query_by_ids(sql), statements)
        return keys, {(same, row[0]): row for same, rows in zip(alike, answers, strict=True) for row in rows}

    def insert(self, name: str, rows: Sequence[Row]) -> int:
        """Where conflicts are skipped, what is returned is counted, and the command's tag not believed: Citus tells
        there of an INSERT … SELECT how many rows were given."""
        if not rows:
            return 0
        if len(rows) <= (FEW_ON_CITUS if self.is_on_cluster() else FEW):
            text = query_of_rows(name, len(rows)).replace("%", "%%").replace("?", "%s")
            values: Sequence[Any] | Mapping[str, Any] = [value for row in rows for value in row]
        else:
            text, columns = query_of_json(name)
            text = text.replace(":rows", "%(rows)s")
            values = {"rows": _as_json([dict(zip(columns, row, strict=True)) for row in rows]).decode()}
        if "ON CONFLICT" in text:
            return len(self._connected().execute(f"{text} RETURNING 1", values).fetchall())
        self._connected().execute(text, values)
        return len(rows)

    def is_on_cluster(self) -> bool:
        """Whether the rows are spread over one, as they were a minute ago."""
        if time.monotonic() - self._spread_asked_at > SPREAD_ASKED_EVERY:
            self._is_spread = bool(self.rows(query("is_spread")))
            self._spread_asked_at = time.monotonic()
            if self._is_spread:
                self.rows(query("spare_nodes"))
        return self._is_spread

    def stream(self, sql: str, params: Params = ()) -> Iterator[Row]:
        return self._connected().cursor().stream(_translated(sql)[0], params or None)

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self._raw.execute("SET LOCAL statement_timeout = 0")
        with self._raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def begin(self) -> None:
        connection = self._connected()
        self._is_writing = True
        connection.execute(_BEGIN)

    def exclude_others(self) -> None:
        self._raw.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))

    def commit(self, *, awaited: bool = False, announced: bool = False) -> None:
        """Also raises if the connection broke before the answer; then the transaction may have been committed."""
        statements = [_COMMIT_EARLY if awaited else "COMMIT"]
        if announced and self.is_on_cluster():
            statements.append(query("announce"))
        cursor = self._raw.execute("; ".join(statements))
        while cursor.nextset():
            pass
        self._is_writing = False

    def rollback(self) -> None:
        self._is_writing = False
        if not self._raw.closed:
            try:
                self._raw.execute("ROLLBACK")
            except psycopg.Error:
                self._raw.close()

    def judge(self, error: Exception) -> Verdict:
        if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            return "again"
        if isinstance(error, StoreUnavailable | psycopg.OperationalError | psycopg.InterfaceError):
            return "none"
        return "apart"

    def unavailable(self, error: Exception) -> Exception:
        if isinstance(error, OSError):  # the send journal
            return unusable(error)
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
            return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
        return error

    def close(self) -> None:
        self._raw.close()


def read_address(url: str) -> dict[str, Any]:
    """Parses an address `postgresql://…`; adds DEFAULTS, and verified TLS to a server on another machine. Raises
    SettingsError, whose message contains no part of the address.

    libpq's own errors would reveal a part of an unescaped password, as a host, a port or a database name.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"host": "@"}
    host, port, name = (str(parts.get(part, "")) for part in ("host", "port", "dbname"))
    if "@" in host + name or not re.fullmatch("[0-9,]*", port):
        raise SettingsError(
            "the address of PostgreSQL (AFTERWORD_DATABASE, AFTERWORD_JOURNAL) cannot be read: "
            "write postgresql://user:password@host:port/name, and escape characters such as / ? # @ % in the user "
            "or the password as %2F %3F %23 %40 %25"
        ) from None
    return DEFAULTS | secured(parts)


# A commit releases its locks when it returns. The first COMMIT here returns before it is durable, and a second
# transaction waits for the disk. The WAL is written in order, so no transaction that commits in between becomes
# durable before this one.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
_COMMIT_EARLY = f"""SET LOCAL synchronous_commit = off; COMMIT; BEGIN; {_DURABLE};
SELECT pg_logical_emit_message(true, 'afterword', ''); COMMIT"""

# Guarantee 1: COMMIT returns after the fsync, whatever the server's default. The default may have changed since we
# connected, or differ between the connections of a pooler.
_BEGIN = f"BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '60s'; {_DURABLE}"


@lru_cache(maxsize=1_000)
def _translated(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement in psycopg's syntax, and its parameter names in the order in which they first occur."""
    text = _OURS.sub(r"\1", sql).replace("%", "%%")
    names = tuple(dict.fromkeys(_NAME.findall(text)))
    return _NAME.sub(r"%(\1)s", text), names


def _named(names: Sequence[str], params: Params) -> Mapping[str, Any]:
    return params if isinstance(params, Mapping) else dict(zip(names, params, strict=True))
