"""Carries over what the send journal knows and the database does not: after a crash between the journal's fsync
and the commit, and after an old backup was restored (guarantee 9)."""

from collections.abc import Iterable, Iterator

from afterword.domain.figures import Figure, day_of
from afterword.domain.messages import row_fingerprint
from afterword.store.engine.database import Transaction
from afterword.store.figures import add_to_figure
from afterword.store.journal.journal import HEAD_WORDS, head_line
from afterword.store.queries import query

_ENDED = {"sent": "sent", "failed": "failed", "in_doubt": "in_doubt", "sending": "in_doubt"}
_REASON = "the send journal says so"


def replay(tx: Transaction, lines: Iterable[list[str]]) -> None:
    """Applies journal lines, the oldest first.

    Of each message only the last word counts: `deferred` and `released` leave it to be sent, everything else keeps
    it from being sent again.
    """
    last_words: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line[0] in ("suppressed", "allowed"):
            _replay_suppression(tx, line)
        elif line[0] not in HEAD_WORDS:
            last_words[line[2], line[1]] = line[:5]
    for word, mark, *numbers in last_words.values():
        if state := _ENDED.get(word):
            _settle(tx, state, mark, *map(int, numbers))


def _settle(tx: Transaction, state: str, mark: str, shop_id: int, message_id: int, epoch: int) -> None:
    if _is_message(tx, shop_id, message_id, mark):
        settle(tx, shop_id, message_id, state, epoch)
    else:
        row = {"shop_id": shop_id, "fingerprint": mark, "outcome": state, "happened_at": epoch}
        tx.run(query("insert_journaled"), row)


def settle(tx: Transaction, shop_id: int, message_id: int, state: str, happened_at: int) -> None:
    """Gives a message the end that the journal knows of. What was sent is removed, unless it is an invitation."""
    key = {"shop_id": shop_id, "message_id": message_id}
    sent_at = happened_at if state == "sent" else None
    values = {"state": state, "sent_at": sent_at, "reason": _REASON}
    if tx.run(query("settle_from_journal"), key | values):
        _count(tx, key, state, happened_at)
    if state == "sent":
        tx.run(query("remove_message"), key)


def _count(tx: Transaction, key: dict[str, int], state: str, happened_at: int) -> None:
    """Adds the end of an invitation to the shop's figures."""
    name = {"sent": "sent", "failed": "bounced"}.get(state)
    for live, kind, _, _, _, timezone in tx.rows(query("message_identity"), key) if name else ():
        if name and kind == "invitation":
            add_to_figure(tx, Figure(key["shop_id"], bool(live), name, day_of(timezone, happened_at)), 1)


def _is_message(tx: Transaction, shop_id: int, message_id: int, mark: str) -> bool:
    key = {"shop_id": shop_id, "message_id": message_id}
    for live, kind, created_at, id_order, salt, _ in tx.rows(query("message_identity"), key):
        return row_fingerprint(salt, kind, message_id, created_at, id_order, live=bool(live)) == mark
    return False


def _replay_suppression(tx: Transaction, line: list[str]) -> None:
    word, address_hash, shop_id, live, epoch, *reason = line
    key = {"shop_id": int(shop_id), "address_hash": address_hash}
    if word == "allowed":
        tx.run(query("delete_suppression"), key)
    else:
        row = {"live": int(live), "address": None, "reason": " ".join(reason), "created_at": int(epoch)}
        tx.run(query("insert_suppression"), key | row)


def lines_for_new_journal(tx: Transaction) -> Iterator[str]:
    """Every suppression and every chain's head, for a new journal that takes the place of a lost one."""
    for shop_id, live, seq, hashed in tx.rows(query("all_heads")):
        yield head_line(shop_id, bool(live), seq, hashed)
    for shop_id, live, address_hash, reason, created_at in tx.rows(query("all_suppressions")):
        yield f"suppressed {address_hash} {shop_id} {live} {created_at} {reason}"
