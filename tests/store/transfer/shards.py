"""Reads a statement and says where a Citus cluster would run it. It knows no more SQL than ours: whatever else it
meets, it refuses, so that a new kind of statement is looked at by a person first.

What it refuses is what Citus' documentation ("SQL support and workarounds") and its own tests name. A statement whose
tables are all held to one shop runs on that shop's node as PostgreSQL would run it; for all others the rules are few
and narrow, and these here are narrower still.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Literal

Place = Literal["coordinator", "one node", "all nodes"]
Node = Any
"""A token, or a list of what stands in a pair of brackets."""

SHOP = "shop_id"

VOLATILE = {"now", "random", "nextval", "setval", "currval", "gen_random_uuid", "timeofday"}
VOLATILE |= {f"{what}_timestamp" for what in ("clock", "statement", "transaction", "current")}
VOLATILE |= {"current_date", "current_time", "localtime", "localtimestamp"}
CLAUSES = {"select", "from", "where", "group", "order", "limit", "for", "returning", "set", "values"}
STRANGE = {"union", "intersect", "except", "having", "window", "over", "distinct", "recursive"}
STRANGE |= {"fetch", "between", "lateral", "right", "full", "outer", "natural", "using"}
JOINS = {"cross", "inner", "left", "join", ",", "on"}

_TOKEN = re.compile(
    r"\s+|'(?:[^']|'')*'|:?[a-z_]\w*(?:\.(?:[a-z_]\w*|\*))?|\d+|::|<=|>=|<>|!=|[(),*=<>+\-/?|]",
    re.IGNORECASE,
)


class NotOnCitus(Exception):
    """Citus refuses the statement, or it is one that this reader does not know."""


@dataclass(eq=False)
class Table:
    """One mention of a table in a statement."""

    name: str
    shops: set[str] = field(default_factory=set)
    """The values that its shop_id is held to."""
    joined: set["Table"] = field(default_factory=set)
    """Itself and what its shop_id is joined with, directly or through others."""

    def __post_init__(self) -> None:
        self.joined.add(self)


@dataclass
class Scope:
    """One SELECT, UPDATE, DELETE or INSERT, with what surrounds it."""

    around: "Scope | None"
    tables: dict[str, Table | None] = field(default_factory=dict)
    """By alias; None stands for a subquery or a CTE."""


def where_it_runs(sql: str, spread: Set[str]) -> Place:
    """`spread` are the tables that are spread by shop; all others are the coordinator's. Raises NotOnCitus."""
    return _Statement(sql, spread).place()


class _Statement:
    def __init__(self, sql: str, spread: Set[str]) -> None:
        self.spread = spread
        self.found: list[Table] = []
        self.changes = self.locks = self.has_cte = self.looks_aside = False
        self.words = _tokens(sql)
        self._read(_nested(iter(self.words)), None, frozenset())

    def place(self) -> Place:
        ours = [table for table in self.found if table.name in self.spread]
        if not ours:
            return "coordinator"
        if len(ours) < len(self.found):
            raise NotOnCitus("a table of the coordinator together with a spread one")
        if used := VOLATILE.intersection(self.words):
            raise NotOnCitus(f"a function that is not the same each time: {', '.join(used)}")
        parts = {frozenset(table.joined) for table in ours}
        shops = [set[str]().union(*(table.shops for table in part)) for part in parts]
        if all(len(named) == 1 for named in shops) and len(set[str]().union(*shops)) == 1:
            return "one node"
        if len(set[str]().union(*shops)) > 1:
            raise NotOnCitus("more than one shop is named")
        if self.changes:
            raise NotOnCitus("rows are changed and their shop is not named")
        if self.locks:
            raise NotOnCitus("rows are locked and their shop is not named")
        if len(parts) > 1:
            raise NotOnCitus("tables are joined otherwise than by shop")
        if self.has_cte or self.looks_aside:
            raise NotOnCitus("a CTE, or a subquery beside one in FROM, over all shops")
        return "all nodes"

    def _read(self, nodes: list[Node], around: Scope | None, ctes: frozenset[str]) -> None:
        if nodes[0] == "with":
            nodes, ctes = self._read_ctes(nodes, around, ctes)
        verb = nodes[0]
        if verb not in ("select", "update", "delete", "insert"):
            raise NotOnCitus(f"a statement that begins with {verb}")
        if strange := STRANGE.intersection(node for node in nodes if isinstance(node, str)):
            raise NotOnCitus(f"this reader does not know {', '.join(strange)}")
        scope = Scope(around)
        if verb == "insert":
            self._read_insert(nodes, scope)
        else:
            self._read_clauses(nodes, scope, ctes)

    def _read_ctes(
        self, nodes: list[Node], around: Scope | None, ctes: frozenset[str]
    ) -> tuple[list[Node], frozenset[str]]:
        self.has_cte = True
        _, name, _, *rest = (node for node in nodes if node not in ("not", "materialized"))
        self._read(rest[0], around, ctes)
        return rest[1:], ctes | {name}

    def _read_clauses(self, nodes: list[Node], scope: Scope, ctes: frozenset[str]) -> None:
        clauses = _clauses(nodes)
        if nodes[0] == "update":
            self.changes = True
            self._add_table(scope, clauses["update"], ctes)
            if _assigns_shop(clauses["set"]):
                raise NotOnCitus("a row is moved to another shop")
        elif nodes[0] == "delete":
            self.changes = True
        self.locks |= clauses.get("for", [None])[0] == "update"
        holds = clauses.get("where", [])
        joined = self._add_tables(scope, clauses.get("from", []), ctes)
        if "or" not in holds:
            joined += _split(holds, "and")
        elif SHOP in str(holds):
            raise NotOnCitus("the shop is one of several conditions of which one must hold")
        for condition in joined:
            self._hold(scope, condition)
        for name, clause in clauses.items():
            if name != "from":
                self._read_within(clause, scope, ctes)

    def _add_tables(self, scope: Scope, nodes: list[Node], ctes: frozenset[str]) -> list[list[Node]]:
        """Adds what stands in FROM, and returns the conditions of its joins."""
        conditions: list[list[Node]] = []
        part: list[Node] = []
        kind = ","
        for node in [*nodes, ","]:
            if not (isinstance(node, str) and node in JOINS):
                part.append(node)
                continue
            if part and kind == "on":
                conditions += _split(part, "and")
                self._read_within(part, scope, ctes)
            elif part:
                self._add_table(scope, part, ctes)
            part, kind = [], node
        return conditions

    def _add_table(self, scope: Scope, nodes: list[Node], ctes: frozenset[str]) -> None:
        what, *rest = [node for node in nodes if node != "as"]
        alias = (rest or [what])[0]
        if len(rest) > 1 or not isinstance(alias, str) or "." in alias or "." in what:
            raise NotOnCitus(f"this reader does not know what is meant in FROM by {nodes}")
        scope.tables[alias] = None
        if isinstance(what, list):
            self._read(what, None, ctes)
        elif what not in ctes:
            scope.tables[alias] = Table(what)
            self.found.append(scope.tables[alias])

    def _hold(self, scope: Scope, condition: list[Node]) -> None:
        """Notes what one condition that must hold says of a shop."""
        if len(condition) != 3 or not isinstance(condition[0], str):
            return
        left, sign, right = condition
        if sign == "=" and isinstance(right, str):
            for column, value in ((left, right), (right, left)):
                table = self._table_of(scope, column)
                if table is not None and value.startswith(":"):
                    table.shops.add(value)
            one, other = self._table_of(scope, left), self._table_of(scope, right)
            if one is not None and other is not None:
                one.joined |= other.joined
                for table in one.joined:
                    table.joined = one.joined

    def _table_of(self, scope: Scope, column: str) -> Table | None:
        """The table whose shop this column is."""
        alias, _, name = column.rpartition(".")
        if name != SHOP:
            return None
        if not alias:
            if len(scope.tables) != 1:
                raise NotOnCitus("a shop_id that does not say of which table")
            return next(iter(scope.tables.values()))
        around: Scope | None = scope
        while around is not None:
            if alias in around.tables:
                return around.tables[alias]
            around = around.around
        raise NotOnCitus(f"this reader does not find {alias}")

    def _read_within(self, nodes: list[Node], scope: Scope, ctes: frozenset[str]) -> None:
        """Reads the subqueries of a clause."""
        for node in nodes:
            if isinstance(node, list):
                if node and node[0] in ("select", "with"):
                    self._read_subquery(node, scope, ctes)
                else:
                    self._read_within(node, scope, ctes)

    def _read_subquery(self, nodes: list[Node], scope: Scope, ctes: frozenset[str]) -> None:
        if "group" in nodes:
            raise NotOnCitus("this reader does not know GROUP BY in a subquery")
        self.looks_aside |= None in scope.tables.values()
        self._read(nodes, scope, ctes)

    def _read_insert(self, nodes: list[Node], scope: Scope) -> None:
        """INSERT INTO table (columns) VALUES (values) [ON CONFLICT …]."""
        self.changes = True
        if nodes[1:2] != ["into"] or nodes[4:5] != ["values"] or nodes[6:7] == [","]:
            raise NotOnCitus("this reader knows no other INSERT than that of one row of values")
        table = Table(nodes[2])
        self.found.append(table)
        columns, values, rest = _split(nodes[3], ","), _split(nodes[5], ","), nodes[6:]
        if any(isinstance(node, list) and node[:1] == ["select"] for value in values for node in value):
            raise NotOnCitus("a subquery among the values of an INSERT")
        if [SHOP] in columns:
            [value] = values[columns.index([SHOP])]
            if value.startswith(":"):
                table.shops.add(value)
        if "set" in rest and _assigns_shop(rest[rest.index("set") + 1 :]):
            raise NotOnCitus("a row is moved to another shop")


def _tokens(sql: str) -> list[str]:
    """In small letters. What is for PostgreSQL alone counts, comments do not."""
    sql = re.sub(r"/\* postgres: (.*?) \*/", r"\1", sql)
    sql = re.sub(r"/\*.*?\*/|--[^\n]*", "", sql).lower()
    found, at = [], 0
    while at < len(sql):
        token = _TOKEN.match(sql, at)
        if token is None:
            raise NotOnCitus(f"this reader does not know {sql[at : at + 20]!r}")
        found.append(token[0])
        at = token.end()
    return [token for token in found if not token.isspace()]


def _nested(tokens: Iterator[str]) -> list[Node]:
    nodes: list[Node] = []
    for token in tokens:
        if token == ")":
            break
        nodes.append(_nested(tokens) if token == "(" else token)
    return nodes


def _clauses(nodes: list[Node]) -> dict[str, list[Node]]:
    """What stands under each key word."""
    found: dict[str, list[Node]] = {}
    name = ""
    for node in nodes:
        if isinstance(node, str) and node in CLAUSES | {"update", "delete"} and name != "for":
            if node in found:
                raise NotOnCitus(f"this reader does not know two {node} in one statement")
            name = node
            found[name] = []
        else:
            found[name].append(node)
    return found


def _split(nodes: list[Node], by: str) -> list[list[Node]]:
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if node == by:
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def _assigns_shop(nodes: list[Node]) -> bool:
    return any(part[:2] == [SHOP, "="] for part in _split(nodes, ","))
