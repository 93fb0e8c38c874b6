"""A notice: that somebody is to be told what became of a review, a person by mail or a program by webhook.

To whoever wrote a review go `receipt`, `rejected` and `reply`, to the shop `waiting`; to a program `received`,
`published`, `rejected`, `withdrawn` and `replied`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from afterword.domain.invitations import is_out_of_tries, retry_after

POST_AGAIN = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
"""Seconds before each further try of a webhook; after that always the last (Standard Webhooks, "Retries")."""

GIVE_UP_POST_AFTER = 3 * 86_400
"""Seconds after the event from which a program is not told of it any more."""


class Notice(msgspec.Struct, frozen=True):
    """A claimed notice. Times are epoch seconds; `recipient` is an e-mail address, or empty for a program, and
    `details` are what the kind needs: for a program, the whole body as JSON."""

    shop_id: int
    id: int
    live: bool
    kind: str
    webhook_id: int
    review_id: int
    recipient: str
    payload: str
    created_at: int
    tries: int

    @property
    def is_by_mail(self) -> bool:
        return not self.webhook_id

    @property
    def details(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = msgspec.json.decode(self.payload)
        return found


def fingerprint(salt: str, *, live: bool, notice_id: int, kind: str, created_at: int) -> str:
    """32 hex digits that stand for a notice in the send journal, in its Message-ID, and as its `webhook-id`.

    Its time is part of them: a restored database gives numbers out anew.
    """
    world = "live" if live else "test"
    named = f"notice:{world}:{notice_id}:{kind}:{created_at}"
    return hashlib.blake2b(named.encode(), key=bytes.fromhex(salt), digest_size=16).hexdigest()


def next_try_at(notice: Notice, now: int, spread: float) -> int | None:
    """When a notice that could not be told just now is tried again; None when it is given up.

    By mail as for every letter. By webhook sooner at first, and for three days. `spread` (0 to 1, random) adds up
    to a quarter.
    """
    if notice.is_by_mail:
        again = now + retry_after(notice.tries + 1, spread)
        return None if is_out_of_tries(notice.created_at, again) else again
    wait = POST_AGAIN[min(notice.tries, len(POST_AGAIN) - 1)]
    again = now + wait + int(wait * spread / 4)
    return None if again - notice.created_at > GIVE_UP_POST_AFTER else again
