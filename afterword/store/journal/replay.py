"""Carries over what the send journal knows and the database does not: after a crash between the journal's fsync
and the commit, and after an old backup was restored (guarantee 9)."""

from collections.abc import Iterable, Iterator

from afterword.domain.invitations import fingerprint
from afterword.domain.notices import fingerprint as fingerprint_of_notice
from afterword.store.engine.database import Transaction
from afterword.store.queries import query

_ENDED = {"sent": "sent", "failed": "failed", "in_doubt": "in_doubt", "sending": "in_doubt"}
_REASON = "the send journal says so"


def replay(tx: Transaction, lines: Iterable[list[str]]) -> int:
    """Applies journal lines, the oldest first, and returns how many invitations they settled or remembered.

    Of each order only the last word counts: `deferred` and `released` leave it to be sent, everything else
    keeps it from being sent again.
    """
    last_words: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line[0] in ("suppressed", "allowed"):
            _replay_suppression(tx, line)
        elif line[0] == "noticed":
            _forget_notice(tx, *line[1:4])
        else:
            last_words[line[2], line[1]] = line
    return sum(_settle(tx, *line[:5]) for line in last_words.values())


def _settle(tx: Transaction, word: str, mark: str, shop_id: str, order_id: str, epoch: str) -> bool:
    state = _ENDED.get(word)
    if state is None:
        return False
    if _is_order(tx, int(shop_id), int(order_id), mark):
        settle(tx, int(shop_id), int(order_id), state, int(epoch))
    else:
        remember = {"shop_id": int(shop_id), "fingerprint": mark, "outcome": state, "happened_at": int(epoch)}
        tx.run(query("remember"), remember)
    return True


def settle(tx: Transaction, shop_id: int, order_id: int, state: str, happened_at: int) -> None:
    """Gives an invitation the end that the journal knows of."""
    values = {"shop_id": shop_id, "order_id": order_id, "state": state, "reason": _REASON}
    tx.run(query("settle_from_journal"), values | {"sent_at": happened_at if state == "sent" else None})


def _is_order(tx: Transaction, shop_id: int, order_id: int, mark: str) -> bool:
    for live, id_order, salt in tx.rows(query("order_identity"), {"shop_id": shop_id, "order_id": order_id}):
        return fingerprint(salt, live=bool(live), id_order=id_order) == mark
    return False


def _forget_notice(tx: Transaction, mark: str, shop_id: str, notice_id: str) -> None:
    """A letter about a review that may have left does not go again."""
    key = {"shop_id": int(shop_id), "notice_id": int(notice_id)}
    for live, kind, created_at, salt in tx.rows(query("notice_identity"), key):
        named = {"notice_id": int(notice_id), "kind": kind, "created_at": created_at}
        if fingerprint_of_notice(salt, live=bool(live), **named) == mark:
            tx.run(query("forget_notice"), key)


def _replay_suppression(tx: Transaction, line: list[str]) -> None:
    word, address_hash, shop_id, live, epoch, *reason = line
    key = {"shop_id": int(shop_id), "address_hash": address_hash}
    if word == "allowed":
        tx.run(query("delete_suppression"), key)
    else:
        row = {"live": int(live), "address": None, "reason": " ".join(reason), "created_at": int(epoch)}
        tx.run(query("insert_suppression"), key | row)


def journal_lines_of_suppressions(tx: Transaction) -> Iterator[str]:
    """Every suppression as a journal line, for a new journal that takes the place of a lost one."""
    for shop_id, live, address_hash, reason, created_at in tx.rows(query("all_suppressions")):
        yield f"suppressed {address_hash} {shop_id} {live} {created_at} {reason}"
