"""Tells people by mail, and programs by webhook, what became of reviews.

A letter goes at most once (guarantee 5) and never to a suppressed address (guarantee 6), by the same mark as an
invitation's; a program is told at least once, always under the same `webhook-id`, in no certain order. Notices have
transports of their own, and each receiver is told one thing at a time: one that is slow or dead delays neither
invitations nor other receivers. Like every lane this one looks at rows that are due and sets no timer for any.
"""

import asyncio
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Literal

from afterword.base.clock import Clock
from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.base.ids import new_claim
from afterword.base.log import log_for
from afterword.dispatch.receivers import Receiver
from afterword.domain.invitations import Outcome
from afterword.domain.notices import next_try_at
from afterword.mail.headers import AddressError
from afterword.mail.transport import ComposedMessage, Transport, TransportTrouble
from afterword.store.due_notices import (
    Due,
    NoticeClaim,
    claim_notices,
    due_notices,
    end_notice,
    keep_notice,
    mark_notice,
    release_notices,
    stop_receiver,
)
from afterword.store.engine.database import Database
from afterword.webhooks.sending import Sender
from afterword.webhooks.signing import signed_headers

TICK = 0.5
"""Seconds between two looks for what is due."""

LOOK = 200
"""Rows that a look reads."""

AT_ONCE = 8
"""Receivers that are told something at the same time."""

IN_A_ROW = 4
"""Notices that a receiver gets before the rows are looked at again."""

LEASE = 180
"""Seconds that a claim counts: longer than a receiver may take for all that it gets in a row, and than a letter is
on its way after its mark."""

ComposeNotice = Callable[[NoticeClaim, float], ComposedMessage]

log = log_for("notices")


class NoticeLane:
    """What is to be told, of both worlds."""

    def __init__(
        self,
        database: Database,
        compose: ComposeNotice,
        transports: dict[bool, Transport],
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._database = database
        self._compose = compose
        self._transports = transports
        self._sender = sender
        self._clock = clock
        self._receivers: defaultdict[tuple[int, bool], Receiver] = defaultdict(Receiver)
        self._is_stopping = False
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Tells what is due until `stop`; then finishes what is in hand and puts the other claims back."""
        async with asyncio.TaskGroup() as tasks:
            while not self._is_stopping:
                self._news.clear()
                try:
                    for claims in await self._claim_what_is_due():
                        tasks.create_task(self._tell_one_by_one(claims))
                except Exception:
                    log.exception("looking for notices met an error of ours")
                await self._rest(TICK)
        for transport in self._transports.values():
            await transport.close()
        self._sender.close()

    def stop(self) -> None:
        self._is_stopping = True
        self._news.set()

    async def _rest(self, seconds: float) -> None:
        """Until there is news: somebody is free again, or it is time to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _claim_what_is_due(self) -> list[deque[NoticeClaim]]:
        """What each receiver that is free is to be told next."""
        try:
            now = self._clock()
            if self._database.is_held:
                return []
            due = await self._database.read(lambda tx: due_notices(tx, now=now, most=LOOK))
            wanted, others = self._share(due)
            if not wanted and len(due) < LOOK:
                return []
            claims = await self._database.write(
                partial(
                    claim_notices,
                    wanted=wanted,
                    put_off=self._put_off(others, int(now)) if len(due) == LOOK else [],
                    holder=new_claim(),
                    now=now,
                    lease_until=int(now) + LEASE,
                )
            )
        except StoreUnavailable as error:
            log.error("cannot look for what is to be told", error=str(error))
            return []
        found: defaultdict[tuple[int, bool], deque[NoticeClaim]] = defaultdict(deque)
        for claim in claims:
            found[claim.receiver].append(claim)
        for receiver in found:
            self._receivers[receiver].is_busy = True
        return list(found.values())

    def _share(self, due: Sequence[Due]) -> tuple[list[Due], list[Due]]:
        """What goes now, and what does not: some for each receiver that is free, for so many receivers at once."""
        room = AT_ONCE - sum(receiver.is_busy for receiver in self._receivers.values())
        has: Counter[tuple[int, bool]] = Counter()
        wanted, others = [], []
        for one in due:
            is_new = one.receiver not in has
            has_room = len(has) < room if is_new else has[one.receiver] < IN_A_ROW
            if one.state == "sending" or (has_room and self._receivers[one.receiver].is_free):
                wanted.append(one)
                has[one.receiver] += 1
            else:
                others.append(one)
        return wanted, others

    def _put_off(self, others: Sequence[Due], now: int) -> list[tuple[Due, int]]:
        """When there is more than a look reads: what cannot go yet must not hide what others are to be told."""
        places: Counter[tuple[int, bool]] = Counter()
        until = []
        for one in others:
            seconds = self._receivers[one.receiver].seconds_until(places[one.receiver])
            until.append((one, now + 1 + int(seconds)))
            places[one.receiver] += 1
        return until

    async def _tell_one_by_one(self, claims: deque[NoticeClaim]) -> None:
        receiver = self._receivers[claims[0].receiver]
        try:
            while claims and not self._is_stopping and receiver.free_at <= monotonic():
                await self._tell(claims.popleft(), receiver)
            if claims:
                later = int(self._clock()) + int(max(0.0, receiver.free_at - monotonic()))
                await self._release(list(claims), later, None)
        except Exception:
            log.exception("a notice met an error of ours")
        finally:
            receiver.is_busy = False
            self._news.set()

    async def _tell(self, claim: NoticeClaim, receiver: Receiver) -> None:
        """Whatever goes wrong is this notice's own: the others go on."""
        began = monotonic()
        try:
            is_well = await (self._mail(claim) if claim.webhook is None else self._post(claim))
        except (TransportTrouble, StoreUnavailable, JournalMissing) as trouble:
            receiver.is_in_trouble()
            log.error("notices wait", live=claim.notice.live, trouble=str(trouble), pause=receiver.pause)
            later = int(self._clock()) + 1 + random.randrange(1 + int(receiver.pause))  # noqa: S311
            await self._release([claim], later, str(trouble))
        except Exception as error:
            log.exception("a notice met an error of ours", notice=claim.notice.id)
            await self._keep(claim, f"an error of Afterword's own: {type(error).__name__}")
            receiver.is_in_trouble()
        else:
            if is_well:
                receiver.took_it(monotonic() - began)
            else:
                receiver.is_in_trouble()

    async def _mail(self, claim: NoticeClaim) -> bool:
        """Whether the transport is well; what it says of this letter says nothing of the next one."""

        async def mark() -> bool:
            now = self._clock()
            work = partial(mark_notice, claim=claim, now=now, lease_until=int(now) + LEASE)
            return await self._database.write(work)

        try:
            letter = self._compose(claim, self._clock())
        except AddressError as error:
            outcome = Outcome("failed", str(error))
        else:
            outcome = await self._transports[claim.notice.live].deliver(letter, mark)
        if outcome.kind == "sent":
            await self._settle(partial(end_notice, claim=claim, now=self._clock()), claim, "told")
        elif outcome.kind == "deferred":
            await self._keep(claim, outcome.reply)
        elif outcome.kind != "withdrawn":
            await self._give_up(claim, outcome.reply)
        return True

    async def _post(self, claim: NoticeClaim) -> bool:
        """Whether the program has taken it."""
        assert claim.webhook is not None
        now = self._clock()
        body = claim.notice.payload.encode()
        headers = signed_headers(claim.webhook.secret, f"msg_{claim.fingerprint}", body, now)
        answer = await self._sender.post(claim.webhook.url, headers, body)
        if answer.kind == "taken":
            await self._settle(partial(end_notice, claim=claim, now=self._clock()), claim, "told")
        elif answer.kind == "gone":
            log.warning("a webhook is stopped", webhook=claim.webhook.id, shop=claim.shop.id)
            work = partial(stop_receiver, claim=claim, why=answer.says, now=self._clock())
            await self._settle(work, claim, "failed")
        else:
            await self._keep(claim, answer.says)
        return answer.kind == "taken"

    async def _keep(self, claim: NoticeClaim, error: str) -> None:
        """It is tried again, unless that would be too late."""
        again = next_try_at(claim.notice, int(self._clock()), random.random())  # noqa: S311
        if again is None:
            await self._give_up(claim, error)
        else:
            work = partial(keep_notice, claim=claim, error=error, next_try_at=again)
            await self._settle(work, claim, "deferred")

    async def _give_up(self, claim: NoticeClaim, error: str) -> None:
        work = partial(keep_notice, claim=claim, error=error, next_try_at=None)
        if await self._settle(work, claim, "failed"):
            log.warning("a webhook is stopped", webhook=claim.notice.webhook_id, shop=claim.shop.id)

    async def _settle(
        self, work: Callable[..., object], claim: NoticeClaim, what: Literal["told", "deferred", "failed"]
    ) -> object:
        """Stores what came of it, however long the store takes to be well again. A mark that is never settled counts
        as one that a crash left behind."""
        while True:
            try:
                result = await self._database.write(work)
                break
            except StoreUnavailable as error:
                log.error("what was told waits to be stored", notice=claim.notice.id, error=str(error))
                if self._is_stopping:
                    return None
                await self._rest(1.0)
        notice = claim.notice
        by = "mail" if notice.is_by_mail else "webhook"
        self._database.metrics.count_notice(f"{by}_{what}")
        log.info("notice " + what, notice=notice.id, shop=claim.shop.id, live=notice.live, by=by)
        return result

    async def _release(self, claims: list[NoticeClaim], later: int, error: str | None) -> None:
        """What cannot be put back now is free when its lease lapses."""
        work = partial(release_notices, claims=claims, next_try_at=later, error=error)
        try:
            await self._database.write(work)
        except StoreUnavailable as trouble:
            log.error("claims could not be put back", claims=len(claims), error=str(trouble))
