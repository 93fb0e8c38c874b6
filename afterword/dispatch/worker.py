"""Sends what is due in one queue of one mode. Each queue has, for each mode, a worker and connections of its own, so
that neither a backlog nor trouble of one holds up another.

Never early (guarantee 4): a worker looks at due rows when `watch` says that there are any, and sets no timer for any
of them, so steps of the clock are harmless.
"""

import asyncio
import random
import secrets
from collections import Counter, deque
from collections.abc import Iterable
from functools import partial

from afterword.base.clock import Clock
from afterword.base.errors import NodeAway
from afterword.base.log import log_for
from afterword.dispatch.caution import Attempt, Caution
from afterword.dispatch.fairness import Turns
from afterword.dispatch.recording import UNWELL, Recorder
from afterword.dispatch.settling import Carrier
from afterword.dispatch.watch import Watch
from afterword.domain.messages import Outcome, Queue, next_try_at
from afterword.mail.transport import TransportTrouble
from afterword.store.engine.database import Database
from afterword.store.messages.claims import Claim, Source
from afterword.store.messages.due import Hold, claim_due
from afterword.store.messages.steps import Mark, Record, release, renew_leases

CLAIMED_AT_ONCE = 64

LEASE = 40
"""Seconds that a claim counts without being renewed."""

log = log_for("dispatch")


class Worker:
    """The due messages of one queue and mode, and what carries them."""

    def __init__(
        self, database: Database, watch: Watch, queue: Queue, carrier: Carrier, clock: Clock, *, live: bool
    ) -> None:
        self._database = database
        self._queue = queue
        self._carrier = carrier
        self._clock = clock
        self._live = live
        self._claimed: deque[Claim] = deque()
        self._in_hand: dict[int, Claim] = {}
        self._claiming = asyncio.Lock()
        self._idle = 0
        self._news = asyncio.Event()
        self._is_stopping = False
        self._caution = Caution()
        self._turns = Turns(database, watch, queue, live=live)
        self._recorder = Recorder(database, self._record_of, self._is_settled)

    async def run(self) -> None:
        """Sends what is due until `stop`; then finishes the messages in progress and releases the other claims."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._carrier.at_once):
                tasks.create_task(self._deliver_one_by_one())
        await self._put_back()
        await self._recorder.until_all_are_settled()
        await self._carrier.close()

    def stop(self) -> None:
        self._is_stopping = True
        self._news.set()

    @property
    def in_hand(self) -> frozenset[int]:
        """The messages that are claimed here and not yet settled."""
        return frozenset(self._in_hand)

    async def renew(self) -> None:
        """Renews the leases of its claims: their holder is alive."""
        until = int(self._clock()) + LEASE
        for shop_id, claims in self._by_node(self._in_hand.values()):
            try:
                await self._database.write(partial(renew_leases, claims=claims, lease_until=until), shop_id)
            except NodeAway as error:
                log.error("leases not renewed", claims=len(claims), error=str(error))

    def _by_node(self, claims: Iterable[Claim]) -> list[tuple[int, list[Claim]]]:
        return self._database.by_node(claims, lambda claim: claim.shop.id)

    async def _deliver_one_by_one(self) -> None:
        """While one message's outcome is on its way to the disk, the next one is on its way to the transport.

        But only as far as RCPT: its mark waits, so each of these has never more than one message whose fate a crash
        would leave open.
        """
        recording: asyncio.Task[None] | None = None
        while not self._is_stopping:
            if claim := await self._next_claim():
                outcome = await self._deliver(claim, recording)
                if recording:
                    await recording
                recording = asyncio.create_task(self._recorder.settle(claim, outcome))
        if recording:
            await recording

    async def _next_claim(self) -> Claim | None:
        self._idle += 1
        try:
            async with self._claiming:
                if not self._claimed and not self._is_stopping:
                    await self._claim_or_rest()
                if self._claimed and not self._is_stopping:
                    return self._claimed.popleft()
                return None
        finally:
            self._idle -= 1

    async def _claim_or_rest(self) -> None:
        self._news.clear()
        if self._caution.pause:
            await self._rest(self._caution.pause)
        if not await self._claim_what_is_due():
            await self._rest(self._turns.rest)

    async def _rest(self, seconds: float) -> None:
        """Until there is news: a webhook can take more, or it is time to stop."""
        if self._is_stopping:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _claim_what_is_due(self) -> bool:
        """Whether there was something. A transport in trouble gets one message, to see whether it is well again; one
        that left a message in doubt, not before all others have come back."""
        try:
            now = self._clock()
            found = await self._turns.look(now)
            if not found or self._database.is_held or self._is_stopping or self._caution.is_waiting:
                return False
            most = 1 if self._caution.pause else CLAIMED_AT_ONCE if self._carrier.claims_ahead else self._idle
            sources, part = self._turns.next(most)
            claims = await self._claim(sources, part, now)
        except UNWELL as error:
            log.error("claiming postponed", error=str(error))
            return False
        except Exception:
            log.exception("claiming failed")
            return False
        if sources:
            self._hold(claims, sources, part)
        return bool(claims)

    async def _claim(self, sources: list[Source], part: int, now: float) -> list[Claim]:
        """Of a node that does not answer there is nothing to claim; what was claimed of another before is kept."""
        hold = Hold(secrets.token_hex(8), now, int(now) + LEASE)
        claims: list[Claim] = []
        for shop_id, group in self._database.by_node(sources, lambda source: source.shop_id):
            most = part * len(group)
            work = partial(claim_due, queue=self._queue, sources=group, hold=hold, live=self._live, most=most)
            try:
                claims += await self._database.write(work, shop_id)
            except UNWELL as error:
                log.error("claiming postponed", sources=len(group), error=str(error))
        return claims

    def _hold(self, claims: list[Claim], sources: list[Source], part: int) -> None:
        self._in_hand |= {claim.message.id: claim for claim in claims}
        self._claimed.extend(claims)
        claimed = Counter(claim.source for claim in claims)
        self._turns.had(sources, [source for source in sources if claimed[source] == part])
        if self._queue == Queue.WEBHOOKS:
            for source in claimed:
                self._turns.is_busy(source)

    async def _deliver(self, claim: Claim, recording: asyncio.Task[None] | None) -> Outcome | None:
        """Brings one message to its outcome; None when there is nothing to record.

        Whatever goes wrong is this message's own: the others go on.
        """
        marked, attempt = False, self._caution.sets_out()

        async def mark() -> bool:
            nonlocal marked
            now = self._clock()
            step = Mark(claim, now, int(now) + LEASE)
            marked = bool(await self._recorder.take(step))
            if recording:
                await recording
            if self._caution.is_outdated(attempt):
                raise TransportTrouble("another message is in doubt: one at a time is tried now")
            return marked

        try:
            outcome = await self._carrier.deliver(claim, mark)
        except NodeAway as away:  # this shop's: DATA has not begun, and the transport is well
            return Outcome("untaken", str(away))
        except (TransportTrouble, *UNWELL) as trouble:
            longest_pause = getattr(trouble, "longest_pause", TransportTrouble.longest_pause)
            self._caution.met_trouble(attempt, longest_pause)
            outcome = Outcome("untaken", str(trouble))
        except Exception as error:
            log.exception("message handling failed", message=claim.fingerprint)
            reason = f"an error of Afterword's own: {type(error).__name__}"
            outcome = Outcome("in_doubt" if marked else "deferred", reason)
        finally:
            self._caution.came_back()
        return await self._judge(claim, outcome, attempt, marked=marked)

    async def _judge(
        self, claim: Claim, outcome: Outcome, attempt: Attempt, *, marked: bool
    ) -> Outcome | None:
        """What an outcome says of the transport; the outcome to record, if there is one."""
        if outcome.kind == "in_doubt":
            self._caution.left_in_doubt(attempt)
        if outcome.kind in ("in_doubt", "untaken"):
            await self._wait_for_better_times(outcome.reply)
        else:
            self._caution.was_answered(attempt, marked=marked)
        if outcome.kind == "untaken" and not marked:
            await self._release([claim], self._soon(), outcome.reply)
            return None
        return None if outcome.kind == "withdrawn" else outcome

    def _is_settled(self, claim: Claim, outcome: Outcome | None) -> None:
        if outcome is not None and self._queue == Queue.WEBHOOKS:
            (self._turns.is_well if outcome.kind == "sent" else self._turns.is_in_trouble)(claim.source)
            self._news.set()
        if self._in_hand.get(claim.message.id) is claim:
            del self._in_hand[claim.message.id]

    def _record_of(self, claim: Claim, outcome: Outcome) -> Record:
        now, later = self._clock(), None
        if outcome.kind == "deferred":
            later = next_try_at(claim.message, int(now), random.random())  # noqa: S311
        elif outcome.kind == "untaken":
            later = self._soon()
        return Record(claim, outcome, now, later)

    async def _wait_for_better_times(self, trouble: str) -> None:
        """Nothing fails because the transport or the store is in trouble; everything waits, not counted as a try."""
        log.error("transport failed", live=self._live, error=trouble, pause=self._caution.pause)
        await self._put_back()  # first, so that none of these sets out and meets it too

    def _soon(self) -> int:
        """When one that met trouble is tried again: behind the others, and all within the pause."""
        return int(self._clock()) + 1 + random.randrange(max(1, int(self._caution.pause)))  # noqa: S311

    async def _put_back(self) -> None:
        claims = list(self._claimed)
        self._claimed.clear()
        if claims:
            await self._release(claims, int(self._clock()), None)

    async def _release(self, claims: list[Claim], next_try_at: int, reason: str | None) -> None:
        """A claim that cannot be released now is freed when its lease lapses, since it is not renewed any more."""
        for claim in claims:
            self._in_hand.pop(claim.message.id, None)
        for shop_id, group in self._by_node(claims):
            work = partial(release, claims=group, next_try_at=next_try_at, reason=reason)
            try:
                await self._database.write(work, shop_id)
            except UNWELL as error:
                log.error("claims not released", claims=len(group), error=str(error))
            except Exception:
                log.exception("claims not released", claims=len(group))
