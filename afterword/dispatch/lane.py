"""Sends what is due. Each world has a lane of its own: live letters go to the shop's transport, test letters to the
outbox, and trouble with one transport never holds up the other.

At most one letter (guarantee 5): a letter goes only after its mark is durable, and after that nothing but the
transport's answer or a person settles it. Never early (guarantee 4): a lane looks at due rows every quarter of a
second (see `turns`) and sets no timer for any of them, so steps of the clock are harmless.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from functools import partial

from afterword.base.clock import Clock
from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.base.ids import new_claim
from afterword.base.log import log_for
from afterword.dispatch.turns import Turns
from afterword.domain.invitations import Outcome, is_out_of_tries, retry_after
from afterword.mail.headers import AddressError
from afterword.mail.transport import ComposedMessage, Transport, TransportTrouble
from afterword.store.engine.database import Database
from afterword.store.invitations import (
    Claim,
    Mark,
    Record,
    claim_due,
    release,
    renew_leases,
    take_steps,
)

AT_ONCE = 16
"""Letters that a lane has in the transport's hands at the same time."""

CLAIMED_AT_ONCE = 64

LEASE = 40
"""Seconds that a claim counts without being renewed."""

LONGEST_PAUSE = 10.0
"""Seconds between two tries of a transport that is in trouble: when it is well again, letters go at once."""

Compose = Callable[[Claim, float], ComposedMessage]

log = log_for("dispatch")


class Lane:
    """The due invitations of one world (live or test), and the transport who carries their letters."""

    def __init__(
        self, database: Database, compose: Compose, transport: Transport, clock: Clock, *, live: bool
    ) -> None:
        self._database = database
        self._compose = compose
        self._transport = transport
        self._clock = clock
        self._live = live
        self._claimed: deque[Claim] = deque()
        self._in_hand: dict[int, Claim] = {}
        self._claiming = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._pause = 0.0
        self._turns = Turns(database, live=live)

    async def run(self) -> None:
        """Sends what is due until `stop`; then finishes the letters in hand and puts the other claims back."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._deliver_one_by_one())
        await self._put_back()
        await self._transport.close()

    def stop(self) -> None:
        self._stopping.set()

    @property
    def in_hand(self) -> frozenset[int]:
        """The invitations that are claimed here and not yet settled."""
        return frozenset(self._in_hand)

    async def _deliver_one_by_one(self) -> None:
        """While one letter's outcome is on its way to the disk, the next one is on its way to the transport.

        But only as far as RCPT: its mark waits, so each of these has never more than one letter whose fate a crash
        would leave open.
        """
        recording: asyncio.Task[None] | None = None
        while not self._stopping.is_set():
            if claim := await self._next_claim():
                outcome = await self._deliver(claim, recording)
                if recording:
                    await recording
                recording = asyncio.create_task(self._settle(claim, outcome))
        if recording:
            await recording

    async def _settle(self, claim: Claim, outcome: Outcome | None) -> None:
        if outcome is not None:
            await self._record(claim, outcome)
        if self._in_hand.get(claim.invitation.id) is claim:
            del self._in_hand[claim.invitation.id]

    async def _next_claim(self) -> Claim | None:
        async with self._claiming:
            if not self._claimed and not self._stopping.is_set():
                if self._pause:
                    await self._rest(self._pause)
                if not await self._claim_what_is_due():
                    await self._rest(self._turns.rest)
            if self._claimed and not self._stopping.is_set():
                return self._claimed.popleft()
            return None

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _claim_what_is_due(self) -> bool:
        """Whether there was something. A transport in trouble gets one letter, to see whether it is well again."""
        try:
            now = self._clock()
            found = await self._turns.look(now)
            if not found or self._database.is_held or self._stopping.is_set():
                return False
            most = 1 if self._pause else CLAIMED_AT_ONCE
            shops, part = self._turns.next(most)
            claims = await self._database.write(
                partial(
                    claim_due,
                    shops=shops,
                    holder=new_claim(),
                    live=self._live,
                    now=now,
                    lease_until=int(now) + LEASE,
                    most=most,
                )
            )
        except StoreUnavailable as error:
            log.error("cannot look for what is due", error=str(error))
            return False
        self._in_hand |= {claim.invitation.id: claim for claim in claims}
        self._claimed.extend(claims)
        claimed = Counter(claim.shop.id for claim in claims)
        self._turns.had(shops, [shop_id for shop_id in shops if claimed[shop_id] == part])
        return bool(claims)

    async def _deliver(self, claim: Claim, recording: asyncio.Task[None] | None) -> Outcome | None:
        """Brings one letter to its outcome; None when there is nothing to record.

        Whatever goes wrong is this letter's own: the others go on.
        """
        marked, pause = False, self._pause

        async def mark() -> bool:
            nonlocal marked
            now = self._clock()
            step = Mark(claim, now, int(now) + LEASE)
            marked = bool(await self._database.write_together(take_steps, step))
            if recording:
                await recording
            return marked

        try:
            letter = self._compose(claim, self._clock())
            outcome = await self._transport.deliver(letter, mark)
        except AddressError as error:
            outcome = Outcome("failed", str(error))
        except (TransportTrouble, StoreUnavailable, JournalMissing) as trouble:
            await self._wait_for_better_times(claim, trouble, pause)
            return None
        except Exception as error:
            log.exception("a letter met an error of ours", invitation=claim.invitation.id)
            outcome = Outcome(
                "in_doubt" if marked else "deferred", f"an error of Afterword's own: {type(error).__name__}"
            )
        self._pause = 0.0
        return None if outcome.kind == "withdrawn" else outcome

    async def _record(self, claim: Claim, outcome: Outcome) -> None:
        """Stores the outcome, however long the store takes to be well again."""
        now = self._clock()
        invitation = claim.invitation
        first_try_at = invitation.first_try_at or int(now)
        later: int | None = int(now) + retry_after(invitation.tries + 1, random.random())  # noqa: S311
        if outcome.kind != "deferred" or is_out_of_tries(first_try_at, later or 0):
            later = None
        while True:
            try:
                state = await self._database.write_together(take_steps, Record(claim, outcome, now, later))
                break
            except StoreUnavailable as error:
                log.error("an outcome waits to be stored", invitation=invitation.id, error=str(error))
                await asyncio.sleep(1.0)
        # Deferred for the last time is failed, as the journal has it.
        self._database.metrics.count_letters("failed" if state == "failed" else outcome.kind)
        log.info(
            "letter " + outcome.kind,
            invitation=invitation.id,
            shop=claim.shop.id,
            live=invitation.live,
            state=state,
            **({"letter": outcome.reply} if outcome.kind == "sent" and not invitation.live else {}),
        )

    async def _wait_for_better_times(self, claim: Claim, trouble: Exception, pause: float) -> None:
        """Nothing fails because the transport or the store is in trouble; everything waits, not counted as a try.

        `pause` is what it was when this letter set out: all that meet the same trouble together double it once.
        """
        self._pause = max(self._pause, min(max(1.0, pause * 2), LONGEST_PAUSE))
        log.error("letters wait", live=self._live, trouble=str(trouble), pause=self._pause)
        later = int(self._clock()) + 1 + random.randrange(int(self._pause))  # noqa: S311
        await self._release([claim], later, str(trouble))
        await self._put_back()

    async def _put_back(self) -> None:
        claims = list(self._claimed)
        self._claimed.clear()
        if claims:
            await self._release(claims, int(self._clock()), None)

    async def _release(self, claims: list[Claim], next_try_at: int, reason: str | None) -> None:
        """What cannot be put back now is freed when its lease lapses, since it is not in hand any more."""
        for claim in claims:
            self._in_hand.pop(claim.invitation.id, None)
        try:
            await self._database.write(
                partial(release, claims=claims, next_try_at=next_try_at, reason=reason)
            )
        except StoreUnavailable as error:
            log.error("claims could not be put back", claims=len(claims), error=str(error))

    async def renew(self) -> None:
        """Says that the claims in hand are held by someone alive."""
        claims = list(self._in_hand.values())
        if claims:
            until = int(self._clock()) + LEASE
            await self._database.write(partial(renew_leases, claims=claims, lease_until=until))
