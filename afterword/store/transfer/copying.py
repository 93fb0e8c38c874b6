"""Makes the rows of one database equal to those of another, chunk by chunk, whichever engines keep them.

Each chunk is hashed here, over its values in one order, so that the hash is the same for every engine. What the
destination has was always read back from it.

The three statements of a table are made of its columns: there is nothing to say about them one by one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from afterword.base.errors import Refused
from afterword.domain.reviews.review import LINES_AN_ORDER
from afterword.store.engine.connection import Connection
from afterword.store.queries import query

CHUNK = 10_000
"""Order numbers in one piece of work."""

MOST_TRIES = 3
"""Of a chunk that differs after it was copied."""

LAST = 2**52
"""Above every order number, and times 1024 still an integer of the store's."""

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


class Table(NamedTuple):
    """A table, its columns, and which of its rows stand in which order."""

    name: str
    columns: tuple[str, ...]
    rows: str

    @property
    def select(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE {self.rows}"  # noqa: S608

    @property
    def delete(self) -> str:
        return f"DELETE FROM {self.name} WHERE {self.rows.partition(' ORDER BY ')[0]}"  # noqa: S608


def _table(name: str, columns: str, rows: str) -> Table:
    return Table(name, tuple(columns.split()), rows)


_EACH_SHOP = "/* postgres: shop_id = ANY (ARRAY(SELECT s.shop_id FROM shops s)) AND */"
"""PostgreSQL finds a range of numbers in the index of each shop."""

_REVIEWS = f"review_id BETWEEN :first * {LINES_AN_ORDER} AND :last * {LINES_AN_ORDER} + {LINES_AN_ORDER - 1}"
"""Of those orders: see `review_id_of`. An entry of the chain that is about no review has the number 0."""

_TEXT = '/* postgres: COLLATE "C" */'
"""The order of the bytes, as SQLite has it."""

SMALL_TABLES = (
    _table(
        "shops",
        "shop_id name lang site timezone email delay salt created_at moderation publish_after",
        "shop_id > 0 ORDER BY shop_id",
    ),
    _table(
        "keys",
        "shop_id key_id kind live lang secret created_at revoked_at",
        "shop_id > 0 ORDER BY shop_id, key_id",
    ),
    _table(
        "suppressions",
        "shop_id live address_hash address reason created_at",
        f"shop_id > 0 ORDER BY shop_id, live, address_hash {_TEXT}",
    ),
    _table(
        "journaled",
        "shop_id fingerprint outcome happened_at",
        f"shop_id > 0 ORDER BY shop_id, fingerprint {_TEXT}",
    ),
    _table(
        "imports",
        "shop_id live source_key review_id",
        f"shop_id > 0 ORDER BY shop_id, live, source_key {_TEXT}",
    ),
    _table(
        "review_counts",
        "shop_id live scope state reason rating amount",
        f"shop_id > 0 ORDER BY shop_id, live, scope {_TEXT}, state {_TEXT}, reason {_TEXT}, rating",
    ),
    _table("chain_heads", "shop_id live seq hash public_key", "shop_id > 0 ORDER BY shop_id, live"),
    _table(
        "webhooks",
        "shop_id webhook_id live url secret created_at answered_at stopped",
        "shop_id > 0 ORDER BY shop_id, webhook_id",
    ),
    _table("journals", "journal position", f"journal IS NOT NULL ORDER BY journal {_TEXT}"),
    _table("counters", "name next_id", f"name <> 'orders' ORDER BY name {_TEXT}"),
)
"""Those that are copied in one piece, the shops first."""

LARGE_TABLES = (
    _table(
        "orders",
        "shop_id order_id live id_order reference order_date received_at firstname lastname email lang phone "
        "store_id lines",
        f"{_EACH_SHOP} order_id BETWEEN :first AND :last ORDER BY order_id",
    ),
    _table(
        "messages",
        "shop_id message_id live kind queue webhook_id state due_at next_try_at tries first_try_at claim lease_until "
        "sent_at reason order_id review_id recipient payload created_at",
        f"{_EACH_SHOP} message_id BETWEEN :first AND :last ORDER BY message_id",
    ),
    _table(
        "reviews",
        "shop_id review_id order_id live scope product_name state version rating text author lang experience_date "
        "imported_from salt written_at changed_at published_at publish_at flags reason reply replied_at wants_reply "
        "doubt doubted_at text_hash address_hash",
        f"{_EACH_SHOP} {_REVIEWS} ORDER BY review_id",
    ),
    _table(
        "past_versions",
        "shop_id review_id version order_id rating text salt written_at",
        f"{_EACH_SHOP} {_REVIEWS} ORDER BY review_id, version",
    ),
    _table(
        "chain",
        "shop_id live seq order_id review_id version happened_at kind details previous hash signature",
        f"{_EACH_SHOP} {_REVIEWS} ORDER BY shop_id, review_id, live, seq",
    ),
)
"""Those that are copied chunk by chunk."""

TABLES = SMALL_TABLES + LARGE_TABLES


class Digest(NamedTuple):
    """Rows that were read, in their order: how many, and the SHA-256 of their values, the same for every engine."""

    rows: int
    sha256: bytes


class Copier:
    """Brings rows from a source that may change meanwhile to a destination that nobody else writes to: `filling`
    gives a transaction there and sees to that. So what was read back from a chunk there still stands."""

    def __init__(
        self,
        source: Connection,
        destination: Connection,
        filling: Callable[[], AbstractContextManager[Connection]],
        progress: Progress,
        chunk: int,
    ) -> None:
        self._source = source
        self._destination = destination
        self._filling = filling
        self._progress = progress
        self._chunk = chunk
        self._theirs: dict[tuple[str, int, int], Digest] = {}

    def bring_all(self, doing: str) -> dict[str, tuple[int, str]]:
        """Makes every chunk of the destination equal to the source's; the rows of each table, and their hash."""
        counted = [self._source.rows(f"SELECT count(*) FROM {table.name}")[0][0] for table in TABLES]  # noqa: S608
        total, done = sum(counted), 0
        found: dict[str, list[Digest]] = {table.name: [] for table in TABLES}
        for table, first, last in self._chunks():
            digest = self._bring(table, first, last)
            found[table.name].append(digest)
            done += digest.rows
            self._progress(f"rows {doing}", min(done, total), total)
        self._progress(f"rows {doing}", total, total)
        return {name: _together(digests) for name, digests in found.items()}

    def _chunks(self) -> Iterator[tuple[Table, int, int]]:
        """Each small table, then the large ones over every number that there is; the last chunk has no end."""
        for table in SMALL_TABLES:
            yield table, 0, 0
        last_order = self._source.rows(query("last_order"))[0][0] or 0
        first = 0
        while first <= last_order:
            for table in LARGE_TABLES:
                yield table, first, first + self._chunk - 1
            first += self._chunk
        for table in LARGE_TABLES:
            yield table, first, LAST

    def _bring(self, table: Table, first: int, last: int) -> Digest:
        """Copies the chunk unless both sides have it already. What the destination has was read back from it: in this
        run, in which nobody else writes there (`_filling`)."""
        key = table.name, first, last
        theirs = self._theirs.get(key) or _read(self._destination, table, first, last)
        ours = _read(self._source, table, first, last) if theirs.rows else None
        for tries in range(MOST_TRIES):
            if ours == theirs:
                break
            if tries:
                # PostgreSQL finds orders by their shops, one of which may have come after they were copied.
                self._bring(SMALL_TABLES[0], 0, 0)
            ours = self._copy(table, first, last)
            theirs = _read(self._destination, table, first, last)
        if ours != theirs:
            raise Refused(f"{table.name} {first} to {last} are not the same after they were copied")
        self._theirs[key] = theirs
        return theirs

    def _copy(self, table: Table, first: int, last: int) -> Digest:
        """Replaces a chunk of the destination; what was read at the source."""
        summing = _Summing()
        bounds = _bounds(table, first, last)
        with self._filling() as destination:
            destination.run(table.delete, bounds)
            rows = summing.watch(self._source.stream(table.select, bounds))
            destination.insert_all(table.name, table.columns, rows)
        return summing.digest

    def check_counts(self, tables: dict[str, tuple[int, str]]) -> None:
        """Nothing stands beside the chunks, on either side. Raises Refused."""
        for table in LARGE_TABLES:
            brought = tables[table.name][0]
            for connection in (self._source, self._destination):
                there = connection.rows(f"SELECT count(*) FROM {table.name}")[0][0]  # noqa: S608
                if there != brought:
                    raise Refused(
                        f"{connection.name} has {there:,} {table.name}, of which {brought:,} belong to a shop: "
                        "it is damaged"
                    )


class _Summing:
    """Counts and hashes rows while they pass by."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._rows = 0

    def watch(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Each row is hashed as MessagePack, which says where a value ends and of which kind it is."""
        encode = msgspec.msgpack.Encoder().encode
        for row in rows:
            self._hash.update(encode(row))
            self._rows += 1
            yield row

    @property
    def digest(self) -> Digest:
        return Digest(self._rows, self._hash.digest())


def _read(connection: Connection, table: Table, first: int, last: int) -> Digest:
    summing = _Summing()
    for _ in summing.watch(connection.stream(table.select, _bounds(table, first, last))):
        pass
    return summing.digest


def _bounds(table: Table, first: int, last: int) -> dict[str, int]:
    return {"first": first, "last": last} if table in LARGE_TABLES else {}


def _together(digests: list[Digest]) -> tuple[int, str]:
    """The rows of a table, and the hash of its chunks' hashes."""
    hashed = sha256(b"".join(digest.sha256 for digest in digests)).hexdigest()
    return sum(digest.rows for digest in digests), hashed
