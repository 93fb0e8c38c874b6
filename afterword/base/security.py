"""The security log: what was refused for want of a good key or link, and who may do what (docs/operating.md, "The
security log"). Its lines have `module=security`, and no key, link, name or address."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from time import monotonic

from afterword.base.log import log_for

log = log_for("security")

PAUSE = 1.0
"""Seconds from one line to the next of the same event and reason, however much is refused."""


@dataclass
class _Refused:
    """Refusals of one kind: when a line was written last (seconds of a monotonic clock), and what came since."""

    said_at: float = -PAUSE
    count: int = 0
    fields: dict[str, object] = field(default_factory=dict)
    """Of the last of them."""


class Refusals:
    """Logs what strangers try: a flood of it costs counting alone, and a line a second.

    The first refusal is logged at once. Those that follow within PAUSE are counted, and end in one line with their
    `count` and the fields of the last of them. Needs a running event loop.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Refused] = defaultdict(_Refused)
        """By event and reason, of which there are a handful."""

    def key(self, reason: str, **fields: object) -> None:
        self._add("key refused", reason, fields)

    def link(self, page: str) -> None:
        """One that no e-mail of ours has: forged, cut off, voided, or signed with a former secret."""
        self._add("link refused", "unknown", {"page": page})

    def post(self, page: str) -> None:
        """One that a page of another site has submitted."""
        self._add("post refused", "cross-site", {"page": page})

    def _add(self, event: str, reason: str, fields: dict[str, object]) -> None:
        kind = self._kinds[event, reason]
        kind.count += 1
        kind.fields = fields
        left = kind.said_at + PAUSE - monotonic()
        if left <= 0:
            self._say(event, reason)
        elif kind.count == 1:
            asyncio.get_running_loop().call_later(left, self._say, event, reason)

    def _say(self, event: str, reason: str) -> None:
        kind = self._kinds[event, reason]
        if kind.count:
            log.warning(event, reason=reason, count=kind.count, **kind.fields)
            kind.count, kind.said_at = 0, monotonic()


refusals = Refusals()
"""Those of this process."""
