"""Where a move between two databases stands, and who may write meanwhile. The move itself is in `move`.

The source goes from `copying` (it works) to `draining` (nothing new is claimed) to `closed` to `moved`; the
destination from `filling` to `open`. What is closed, moved or filling refuses every transaction that writes, of any
process, and what is moved stays so: so an invitation is never to be sent by both. The destination is opened by the
run that found both sides equal and the source closed all the while: so it is never to be sent by neither, but for the
time in which the move is not finished.
"""

from typing import Any, Literal, NamedTuple

from afterword.base.errors import Refused, StoreUnavailable
from afterword.store.engine.connection import Connection
from afterword.store.engine.database import Transaction
from afterword.store.queries import query

Role = Literal["source", "destination"]
State = Literal["copying", "draining", "closed", "moved", "filling", "open"]

_SENTENCES = {
    "closed": "this database is being moved to {}: nothing can be written until that is finished",
    "moved": "this database was moved to {}: start Afterword there",
    "filling": "a move from {} into this database is not finished: run it again",
}


class TakenOver(Refused):
    """Another run goes on with this move, or it was cancelled."""


class Relocation(NamedTuple):
    """A database's part in a move. `peer` is the other end, as people are told; `since` is epoch seconds."""

    state: State
    move: str
    run: str
    peer: str
    since: int


def refuse_if_shut(rows: list[tuple[Any, ...]]) -> None:
    """`rows` are what `look_for_a_move` has found. Raises StoreUnavailable with a sentence that says why."""
    for _, state, peer in rows:
        if state in _SENTENCES:
            raise StoreUnavailable(_SENTENCES[state].format(peer))


def relocation_of(tx: Transaction | Connection, role: Role) -> Relocation | None:
    """The part that this database has in that role."""
    for row in tx.rows(query("relocation"), {"role": role}):
        return Relocation(*row)
    return None


def unfinished_relocation(tx: Transaction) -> tuple[State, str, int] | None:
    """The state, the other end and since when, of a move from here that is not finished."""
    for state, peer, since in tx.rows(query("unfinished_relocation")):
        return state, peer, since
    return None


def begin_relocation(connection: Connection, role: Role, part: Relocation) -> None:
    connection.run(query("begin_relocation"), {"role": role, **part._asdict()})


def take_over(connection: Connection, role: Role, part: Relocation) -> None:
    """Makes `part.run` the one that goes on. Raises TakenOver when the move is another one by now."""
    values = {"role": role, "run": part.run, "peer": part.peer, "move": part.move}
    if not connection.run(query("take_over"), values):
        raise TakenOver("another move of this database was begun")


def relocate(
    connection: Connection, role: Role, run: str, from_state: State, to_state: State, now: float
) -> None:
    """From one state to the next. With twice the same state it holds the row until the transaction's end, so that no
    other run can take over meanwhile. Raises TakenOver."""
    values = {"role": role, "run": run, "from_state": from_state, "to_state": to_state, "since": int(now)}
    if not connection.run(query("relocate"), values):
        raise TakenOver("another run has taken this move over, or it was cancelled")
