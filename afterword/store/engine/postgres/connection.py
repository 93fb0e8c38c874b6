"""Connections to PostgreSQL through psycopg, and their errors."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence

import psycopg

from afterword.base.errors import NodeAway, SettingsError, StoreUnavailable
from afterword.store.engine.connection import Dialect, Params, Row, Verdict, unusable
from afterword.store.engine.postgres.address import read_address
from afterword.store.engine.postgres.nodes import WATCH, Wait, nodes_of
from afterword.store.engine.postgres.statements import (
    BEGIN,
    COMMIT_EARLY,
    NO_LIMIT,
    Values,
    insertion,
    named_values,
    translated,
)
from afterword.store.queries import id_of, query, query_by_ids

SPREAD_ASKED_EVERY = 60.0
"""Seconds until it is asked again whether the rows are spread over a cluster."""

_LOCK = 5_242_871_108
"""The advisory lock of `exclude_others`: an arbitrary number that other programs are unlikely to use."""

_TLS_HINT = (
    " (a server on another machine must show a certificate that this one trusts: give it one, name its issuer's file "
    "with sslrootcert= in the address, or choose another sslmode: docs/postgresql.md)"
)

_OfId = tuple[Row, int]
"""The parameters of a statement other than the row's id, and the row's id."""


class PostgresConnection:
    """See `connection.Connection`. If the connection is lost, the next transaction or query reconnects.

    Works behind PgBouncer in transaction mode: parameters are interpolated on the client (psycopg's ClientCursor),
    and settings apply to one transaction.
    """

    dialect: Dialect = "postgres"

    def __init__(self, url: str, *, needs_nodes: bool = True, gives_up: bool = False) -> None:
        """One that does not need the nodes of a cluster asks the coordinator for its own rows alone. One that gives
        up waits for no query for ever, as all do in transactions that have a time limit.

        Raises SettingsError, StoreUnavailable.
        """
        self._url, self._address = url, read_address(url)
        self._beside: PostgresConnection | None = None
        self._is_writing = False
        self._spread_asked_at = -math.inf
        self._nodes = nodes_of(url, self._address)
        self._shops: set[int] = set()
        self._needs_nodes, self._gives_up = needs_nodes, gives_up
        self._is_unlimited = False
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
        text, names = translated(sql, bool(self._nodes.away))
        if "here" in names:
            others = named_values([name for name in names if name != "here"], params)
            params = {**others, "here": self._nodes.shops_there}
        named = named_values(names, params)
        return self._ask(text, named, [named["shop_id"]] if "shop_id" in names else [])

    def _ask(
        self,
        text: str,
        values: Values = (),
        shops: Iterable[int] = (),
        kind: type[psycopg.Cursor[Row]] = psycopg.ClientCursor,
    ) -> psycopg.Cursor[Row]:
        """Sends a statement about these shops, or about those of every node, with its values in it or, by
        psycopg.Cursor, beside it. Raises NodeAway, before it is sent, and psycopg's errors."""
        connection = self._connected()
        if not self._is_writing:
            self._shops.clear()
        self._shops.update(shops)
        self._nodes.refuse_away(shops)
        self._is_unlimited = self._is_unlimited or text.startswith(NO_LIMIT)
        wait = Wait(
            self._nodes,
            connection,
            self._shops,
            needs_nodes=self._needs_nodes and not self._is_unlimited,
            gives_up=(self._is_writing or self._gives_up) and not self._is_unlimited,
        )
        WATCH.begin(wait)
        try:
            return kind(connection).execute(text, values or None)
        finally:
            WATCH.end(wait)

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
        text, names = translated(sql)
        named = [named_values(names, params) for params in many]
        mogrify = psycopg.ClientCursor(self._connected()).mogrify
        shops = {each["shop_id"] for each in named} if "shop_id" in names else ()
        cursor = self._ask(";".join([mogrify(text, each) for each in named]), (), shops)
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
        names, ident = translated(sql)[1], id_of(sql)
        others = [name for name in names if name != ident]
        keys: list[_OfId] = []
        alike: dict[Row, list[int]] = {}
        for params in many:
            values = named_values(names, params)
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
        text, values, kind = insertion(name, rows, self.is_on_cluster())
        shops = [rows[0][0]]
        if "ON CONFLICT" in text:
            return len(self._ask(f"{text} RETURNING 1", values, shops, kind).fetchall())
        self._ask(text, values, shops, kind)
        return len(rows)

    def is_on_cluster(self) -> bool:
        """Whether the rows are spread over one, as they were a minute ago."""
        if time.monotonic() - self._spread_asked_at > SPREAD_ASKED_EVERY:
            self._nodes.is_spread = bool(self.rows(query("is_spread")))
            self._spread_asked_at = time.monotonic()
            if self._nodes.is_spread:
                self.rows(query("spare_nodes"))
        return self._nodes.is_spread

    def stream(self, sql: str, params: Params = ()) -> Iterator[Row]:
        return self._connected().cursor().stream(translated(sql)[0], params or None)

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self._ask(NO_LIMIT)
        with self._raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def begin(self) -> None:
        connection = self._connected()
        self._is_writing, self._is_unlimited = True, False
        self._shops.clear()
        connection.execute(BEGIN)

    def exclude_others(self) -> None:
        self._raw.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))

    def commit(self, *, awaited: bool = False, announced: bool = False) -> None:
        """Also raises if the connection broke before the answer; then the transaction may have been committed."""
        statements = [COMMIT_EARLY if awaited else "COMMIT"]
        if announced and self.is_on_cluster():
            statements.append(query("announce"))
        cursor = self._ask("; ".join(statements))
        while cursor.nextset():
            pass
        self._is_writing = False

    def rollback(self) -> None:
        self._is_writing = False
        if self._nodes.are_away(self._shops):  # it would hang with the node
            self._raw.close()
        if not self._raw.closed:
            try:
                self._raw.execute("ROLLBACK")
            except psycopg.Error:
                self._raw.close()

    def judge(self, error: Exception) -> Verdict:
        if isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure):
            return "again"
        if isinstance(error, NodeAway) or self._is_of_a_node(error):
            return "apart"
        if isinstance(error, StoreUnavailable | psycopg.OperationalError | psycopg.InterfaceError):
            return "none"
        return "apart"

    def _is_of_a_node(self, error: Exception) -> bool:
        """Whether it failed since a node does not answer that has shops of this transaction. A refused line to one is
        an error of the statement alone."""
        if not isinstance(error, psycopg.OperationalError | psycopg.InternalError):
            return False
        if (error.sqlstate or "").startswith(_OF_CONNECTIONS) and not self._raw.closed:
            return self._nodes.look(self._shops)
        return self._nodes.are_away(self._shops)

    def node_of(self, shop_id: int | None) -> int | None:
        return self._nodes.of(shop_id)

    def refuse_if_partial(self) -> None:
        if self._nodes.away:
            raise NodeAway("a node of the cluster does not answer, so it is not known")

    def beside(self) -> "PostgresConnection | None":
        if self._beside is None and self.is_on_cluster():
            self._beside = PostgresConnection(self._url, needs_nodes=False)
        return self._beside

    def refusal(self, shop_id: int | None) -> Exception | None:
        return self._nodes.refusal(shop_id)

    def unavailable(self, error: Exception) -> Exception:
        if isinstance(error, OSError):  # the send journal
            return unusable(error)
        if self._is_of_a_node(error):
            return NodeAway("a node of the cluster does not answer")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
            return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
        return error

    def close(self) -> None:
        self._raw.close()
        if self._beside is not None:
            self._beside.close()


_OF_CONNECTIONS = "08"
"""SQLSTATE's class of errors about connections: where the one to the server is open, about one to a node."""
