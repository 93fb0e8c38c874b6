"""The nodes of a Citus cluster: which one has a shop's rows, and whether it answers.

A node that does not answer costs its own shops and nothing else. A statement that waits for long has the nodes of its
shops looked at over a connection of their own: the statement's own may hang for as long as the node does, whatever
its time limit, since Citus then waits for the node to take note of the cancellation. If a node does not answer, all
connections that wait for it are closed, and what names one of its shops is refused at once until it answers again.
"""

import math
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from afterword.base.errors import NodeAway
from afterword.base.log import log_for

SUSPECT_AFTER = 2.5
"""Seconds that a statement waits before the nodes of its shops are looked at, and again."""

ANSWER_WITHIN = 1.5
"""Seconds within which a node answers that is looked at."""

GIVE_UP_AFTER = 65.0
"""Seconds after which a statement of a request or an e-mail is given up: a little more than the server's own limit,
which holds while the server is well."""

LOOK_EVERY = 1.0
"""Seconds between two looks at a node that is away."""

PLACES_COUNT_FOR = 60.0
"""Seconds until it is asked again where the shops are: a shop may be moved."""

_TICK = 0.25

_PLACES = """
SELECT n, p.groupid FROM generate_series(1, (SELECT next_id FROM counters WHERE name = 'shops')) AS n
JOIN pg_dist_placement p ON p.shardid = get_shard_id_for_distribution_column('shops', n)
"""
"""Asks the coordinator alone."""

_READS_SHOP = "SELECT 1 FROM shops WHERE shop_id = {shop_id:d}"

log = log_for("store")

Address = Mapping[str, Any]


@dataclass(eq=False)
class Nodes:
    """Those of one database; of one that is no cluster nothing is known, and none is ever away."""

    address: Address
    is_spread: bool = False
    away: set[int] = field(default_factory=set)
    _places: dict[int, int] = field(default_factory=dict)
    _places_until: float = -math.inf
    _looked_at: float = -math.inf
    _is_suspected: bool = False
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def of(self, shop_id: int | None) -> int | None:
        """The number of a shop's node, None while it is not known."""
        return self._places.get(shop_id) if shop_id is not None else None

    def refusal(self, shop_id: int | None) -> NodeAway | None:
        """Why nothing can be done for a shop: its node does not answer."""
        node = self.of(shop_id)
        return NodeAway(f"node {node} of the cluster does not answer") if node in self.away else None

    def refuse_away(self, shops: Iterable[int]) -> None:
        """Raises NodeAway if the node of one of these shops does not answer."""
        for shop_id in shops if self.away else ():
            if refusal := self.refusal(shop_id):
                raise refusal

    def are_away(self, shops: Iterable[int]) -> bool:
        return any(self.of(shop_id) in self.away for shop_id in shops)

    @property
    def shops_there(self) -> list[int]:
        """The shops whose nodes answer."""
        return [shop_id for shop_id, node in self._places.items() if node not in self.away]

    def look(self, shops: Iterable[int]) -> bool:
        """Looks at the nodes of these shops, or at all, and returns whether one of them does not answer."""
        if not self.is_spread:
            return False
        wanted = set(shops)
        with self._looking:
            self._find_places()
            nodes = {node for shop_id in wanted if (node := self.of(shop_id)) is not None}
            for node in nodes or set(self._places.values()):
                if node not in self.away and not self._answers(node):
                    self.away.add(node)
                    log.error("node away", node=node)
        return self.are_away(wanted) if wanted else bool(self.away)

    def suspect(self) -> None:
        """Another process says that a node does not answer."""
        self._is_suspected = True

    def keep(self) -> None:
        """What is to be done again and again: where the shops are, and whether those that are away are back."""
        if not self.is_spread:
            return
        if self._is_suspected:
            self._is_suspected = False
            self.look(())
        with self._looking:
            self._find_places()
            if self.away and time.monotonic() - self._looked_at >= LOOK_EVERY:
                for node in sorted(self.away):
                    if self._answers(node):
                        self.away.discard(node)
                        log.info("node back", node=node)
                self._looked_at = time.monotonic()

    def _find_places(self) -> None:
        if time.monotonic() >= self._places_until:
            with suppress(psycopg.Error):
                self._places = dict(self._ask(_PLACES))
            self._places_until = time.monotonic() + PLACES_COUNT_FOR

    def _answers(self, node: int) -> bool:
        """While the coordinator does not answer, what was known holds."""
        shop_id = next(shop_id for shop_id, place in self._places.items() if place == node)
        try:
            self._ask("SELECT 1")
        except psycopg.Error:
            return node not in self.away
        try:
            self._ask(_READS_SHOP.format(shop_id=shop_id))
        except psycopg.errors.LockNotAvailable:
            return True  # the schema is being changed
        except psycopg.Error:
            return False
        return True

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Over a connection of its own, which has no line to a node yet: on one that has, the time limit would not
        hold."""
        wanted = {**self.address, "connect_timeout": 2}
        with closing(psycopg.connect(**wanted, autocommit=True, cursor_factory=psycopg.ClientCursor)) as raw:
            limit = int(ANSWER_WITHIN * 1e3)
            limits = f"SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit // 2}"
            cursor = raw.execute(f"BEGIN; {limits}; {sql}")
            while cursor.nextset():
                pass
            return cursor.fetchall()


_nodes: weakref.WeakValueDictionary[str, Nodes] = weakref.WeakValueDictionary()


def nodes_of(url: str, address: Address) -> Nodes:
    """The same for all connections of this process to one address."""
    found = _nodes.get(url)
    if found is None:
        _nodes[url] = found = Nodes(address)
    return found


class Wait:
    """A connection's statement that is under way, for the shops that it names; none names those of every node, or
    rows of the coordinator alone."""

    def __init__(
        self,
        nodes: Nodes,
        raw: psycopg.Connection[Any],
        shops: set[int],
        *,
        needs_nodes: bool,
        gives_up: bool,
    ) -> None:
        now = time.monotonic()
        self.nodes = nodes
        self.shops = shops
        self.suspect_at = now + SUSPECT_AFTER if needs_nodes else math.inf
        self.give_up_at = now + GIVE_UP_AFTER if gives_up else math.inf
        self._raw = raw

    def cut(self) -> None:
        """Closes the connection under the statement, which then fails."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


class Watch:
    """A thread that looks after all waiting statements of this process."""

    def __init__(self) -> None:
        self._waits: dict[int, Wait] = {}
        self._thread: threading.Thread | None = None

    def begin(self, wait: Wait) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nodes", daemon=True)
            self._thread.start()
        self._waits[id(wait)] = wait

    def end(self, wait: Wait) -> None:
        self._waits.pop(id(wait), None)

    def _run(self) -> None:
        while True:
            time.sleep(_TICK)
            try:
                for nodes in [known() for known in _nodes.valuerefs()]:
                    if nodes is not None:
                        nodes.keep()
                for wait in [*self._waits.values()]:
                    self._look_after(wait)
            except Exception:
                log.exception("watching statements failed")

    def _look_after(self, wait: Wait) -> None:
        now = time.monotonic()
        is_hopeless = now > wait.give_up_at
        if now > wait.suspect_at and not is_hopeless:
            is_hopeless = wait.nodes.look(wait.shops)
            wait.suspect_at = time.monotonic() + SUSPECT_AFTER
        if is_hopeless and id(wait) in self._waits:
            wait.cut()

    def forget(self) -> None:
        """In a process that was forked: it has no thread, and none of these connections."""
        self._waits.clear()
        self._thread = None


WATCH = Watch()

os.register_at_fork(after_in_child=WATCH.forget)
os.register_at_fork(after_in_child=_nodes.clear)
