"""Reads a statement and says where a Citus cluster would run it. It knows no more SQL than ours: whatever else it
meets, it refuses, so that a new kind of statement is looked at by a person first. The parser also takes what
PostgreSQL would not; that PostgreSQL takes a statement is proved where it is run.

What it refuses is what Citus' documentation ("SQL support and workarounds") and its own tests name. A statement whose
tables are all held to one shop runs on that shop's node as PostgreSQL would run it; for all others the rules are few
and narrow, and these here are narrower still.
"""

import re
from collections.abc import Iterator, Set
from typing import Literal

import sqlglot
from sqlglot import exp

Place = Literal["coordinator", "one node", "all nodes"]

SHOP = "shop_id"

STATEMENTS = (exp.Select, exp.Update, exp.Delete, exp.Insert)

KNOWN = """
    select update delete insert with with_ cte materialized from from_ join joins left cross inner on where group
    order ordered desc nulls_first limit offset lock locks schema values onconflict conflict conflict_keys action
    var returning subquery query table tablealias alias identifier column star placeholder literal is_string null
    tuple paren and or not negate eq neq lt lte gt gte is in any exists case if ifs true default add coalesce count
    big_int max min sum div typed safe lower anonymous this expression expressions
"""
"""The kinds of nodes that a statement may have, and their parts. No function is among them that is not the same each
time, but `anonymous`: any that the parser does not know by name."""


class NotOnCitus(Exception):
    """Citus refuses the statement, or it is one that this reader does not know."""


def where_it_runs(sql: str, spread: Set[str]) -> Place:
    """`spread` are the tables that are spread by shop; all others are the coordinator's. Raises NotOnCitus."""
    return _Statement(_parsed(sql)).place(spread)


class _Statement:
    def __init__(self, tree: exp.Expr) -> None:
        self.tree = tree
        self.ctes = {cte.alias for cte in tree.find_all(exp.CTE) if cte.parent.parent is tree}
        self.tables = [table for table in tree.find_all(exp.Table) if self._is_table(table)]
        self.same_shop: list[set[int | str]] = [{id(table)} for table in self.tables]
        """The tables, by identity, and the values whose shops are the same."""
        self.seen_alike: list[set[int | str]] = [{id(table)} for table in self.tables]
        """Those of which Citus sees it when it looks for the shop: it carries none into a correlated subquery."""
        for part in tree.find_all(*STATEMENTS):
            self._read(part)

    def place(self, spread: Set[str]) -> Place:
        ours = [table for table in self.tables if table.name in spread]
        if not ours:
            return "coordinator"
        if len(ours) < len(self.tables):
            raise NotOnCitus("a table of the coordinator together with a spread one")
        if used := self.tree.find(exp.Anonymous):
            raise NotOnCitus(f"a function that may not be the same each time: {used.name}")
        shops = [name for same in self.same_shop for name in same if isinstance(name, str)]
        if len(shops) > 1:
            raise NotOnCitus("more than one shop is named")
        if len(shops) == len(self.seen_alike) == 1:
            return "one node"
        if self.tree.find(exp.Update, exp.Delete, exp.Insert):
            raise NotOnCitus("rows are changed and their shop is not named")
        if self.tree.find(exp.Lock):
            raise NotOnCitus("rows are locked and their shop is not named")
        if len(self.same_shop) > 1:
            raise NotOnCitus("tables are joined otherwise than by shop")
        within = [_around(query) for query in self.tree.find_all(exp.Select) if query is not self.tree]
        if self.tree.find(exp.With) or (None in within and any(within)):
            raise NotOnCitus("a CTE, or a subquery beside one in FROM, over all shops")
        return "all nodes"

    def _is_table(self, source: exp.Expr) -> bool:
        """Whether it is neither a subquery nor a CTE."""
        is_cte = source.name in self.ctes and not source.find_ancestor(exp.With)
        return isinstance(source, exp.Table) and not is_cte

    def _read(self, part: exp.Expr) -> None:
        if part.args.get("group") and _around(part):
            raise NotOnCitus("this reader does not know GROUP BY in a subquery")
        for changes in (part, part.args.get("conflict")):
            assigned = changes.expressions if isinstance(changes, exp.Update | exp.OnConflict) else []
            if any(SHOP in _names(change.this) for change in assigned):
                raise NotOnCitus("a row is moved to another shop")
        if isinstance(part, exp.Insert):
            self._read_insert(part)
        for condition in _conditions(part):
            if isinstance(condition, exp.EQ):
                self._hold(part, condition.left, condition.right)
            elif isinstance(condition, exp.Or) and SHOP in _names(condition):
                raise NotOnCitus("the shop is one of several conditions of which one must hold")

    def _read_insert(self, insert: exp.Insert) -> None:
        """INSERT INTO table (columns) VALUES (values) [ON CONFLICT …]."""
        into, values = insert.this, insert.expression
        rows = values.expressions if isinstance(values, exp.Values) else []
        if not isinstance(into, exp.Schema) or len(rows) != 1:
            raise NotOnCitus("this reader knows no other INSERT than that of one row of values")
        if values.find(exp.Select):
            raise NotOnCitus("a subquery among the values of an INSERT")
        for column, value in zip(into.expressions, rows[0].expressions, strict=True):
            self._hold(insert, exp.column(column), value)

    def _hold(self, part: exp.Expr, left: exp.Expr, right: exp.Expr) -> None:
        """Notes what an equation that must hold says of a shop."""
        ends = [self._shop(part, left), self._shop(part, right)]
        if None not in ends and any(isinstance(end, int) for end in ends):
            alike = {end for end in ends if end is not None}
            self.same_shop = _joined(self.same_shop, alike)
            here = {id(source) for source in _sources(part).values()}
            if all(isinstance(end, str) or end in here for end in alike):
                self.seen_alike = _joined(self.seen_alike, alike)

    def _shop(self, part: exp.Expr, node: exp.Expr) -> int | str | None:
        """A value, or the table whose shop a column is; None for a subquery's or a CTE's, and all else."""
        if isinstance(node, exp.Placeholder):
            return node.name or None
        if not isinstance(node, exp.Column) or node.name != SHOP:
            return None
        around: exp.Expr | None = part
        while around is not None:
            sources = _sources(around)
            if not node.table and len(sources) != 1:
                raise NotOnCitus("a shop_id that does not say of which table")
            source = sources.get(node.table or next(iter(sources)))
            if source is not None:
                return id(source) if self._is_table(source) else None
            around = _around(around)
        raise NotOnCitus(f"this reader does not find {node.table}")


def _joined(sets: list[set[int | str]], alike: set[int | str]) -> list[set[int | str]]:
    others = [same for same in sets if same.isdisjoint(alike)]
    return [*others, alike.union(*(same for same in sets if same not in others))]


def _parsed(sql: str) -> exp.Expr:
    """In small letters. What is for PostgreSQL alone counts, comments do not, nor does a collation."""
    sql = re.sub(r"/\* postgres: (.*?) \*/", r"\1", sql).replace('COLLATE "C"', "").lower()
    if (verb := sql.split()[0]) not in ("select", "update", "delete", "insert", "with"):
        raise NotOnCitus(f"a statement that begins with {verb}")
    try:
        tree, *more = sqlglot.parse(sql, read="postgres")
    except sqlglot.errors.SqlglotError as error:
        raise NotOnCitus(f"this reader does not know {sql!r}") from error
    if more:
        raise NotOnCitus("more than one statement")
    for node in tree.walk():
        if strange := _words(node).difference(KNOWN.split()):
            raise NotOnCitus(f"this reader does not know {', '.join(strange)} in {node.sql('postgres')}")
    return tree


def _words(node: exp.Expr) -> set[str]:
    """The kind of a node, and the parts that it has."""
    parts = {name: str(value).lower() for name, value in node.args.items() if value}
    return {node.key, *(value if name in ("side", "kind") else name for name, value in parts.items())}


def _sources(part: exp.Expr) -> dict[str, exp.Expr]:
    """What a statement names in FROM, or changes, by alias."""
    return {
        node.alias_or_name: node
        for node in part.find_all(exp.Table, exp.Subquery)
        if node.find_ancestor(*STATEMENTS) is part and (isinstance(node, exp.Table) or _stands_in_from(node))
    }


def _stands_in_from(query: exp.Expr | None) -> bool:
    return query is not None and query.arg_key == "this" and isinstance(query.parent, exp.From | exp.Join)


def _around(part: exp.Expr) -> exp.Expr | None:
    """The statement whose tables can be named in this part of it; a CTE and what stands in FROM see none."""
    if isinstance(part.parent, exp.CTE) or _stands_in_from(part.parent):
        return None
    return part.find_ancestor(*STATEMENTS)


def _conditions(part: exp.Expr) -> Iterator[exp.Expr]:
    """What must hold for each row."""
    for clause in (part.args.get("where"), *part.args.get("joins", [])):
        condition = clause and clause.args.get("on" if isinstance(clause, exp.Join) else "this")
        if isinstance(condition, exp.And):
            yield from condition.flatten(unnest=False)
        elif condition:
            yield condition


def _names(node: exp.Expr) -> set[str]:
    return {name.name for name in node.find_all(exp.Identifier)}
