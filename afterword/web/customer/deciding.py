"""Acts on a submitted form. Each possible result is a type with the values that its page needs."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from afterword.actions.reviews.writing import CHECKS, Submission, Written, withdraw, write_reviews
from afterword.base.errors import ReviewChanged, StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database
from afterword.web.customer.drafts import Typed, check, read_typed, see_again
from afterword.web.customer.reading import Fields
from afterword.web.customer.sheet import Sheet, read_sheet

log = log_for("form")


class Saved(NamedTuple):
    """All reviews were stored."""


class Withdrawn(NamedTuple):
    """The review is withdrawn now, was withdrawn before, or never existed."""


class StillThere(NamedTuple):
    """The review of this line changed at the same time, so it is shown again before it can be withdrawn."""

    line: int


class OtherPage(NamedTuple):
    """Another page of the form was requested, beginning with product `start`. Nothing was submitted yet."""

    typed: Typed
    start: int


class Incomplete(NamedTuple):
    """The submission is invalid; `typed` contains the errors."""

    typed: Typed


class Conflict(NamedTuple):
    """Another window submitted a different text first: the current state, and the lines that changed."""

    sheet: Sheet
    typed: Typed
    changed: Sequence[int]


class NotStored(NamedTuple):
    """The store is unavailable."""

    typed: Typed


class TooLate(NamedTuple):
    """The review period has ended."""

    typed: Typed


Result = Saved | Withdrawn | StillThere | OtherPage | Incomplete | Conflict | NotStored | TooLate


class Decider(NamedTuple):
    """Carries out what a form asks for."""

    database: Database
    signer: Signer

    async def decide(self, fields: Fields, sheet: Sheet, now: float) -> Result:
        """Raises StoreUnavailable if a withdrawal could not be stored."""
        if fields.withdraw is not None:
            return await self._withdraw(sheet, fields.withdraw, now)
        typed = read_typed(fields.by_name, sheet.topics)
        if now > sheet.write_until:
            return TooLate(typed)
        if fields.more is not None:
            return OtherPage(typed, fields.more)
        said, typed = check(typed, sheet.reviews)
        if typed.is_wrong:
            return Incomplete(typed)
        return await self._write(sheet, Submission(sheet.visit.order, said, typed.wants_reply), typed, now)

    async def _withdraw(self, sheet: Sheet, line: int, now: float) -> Result:
        """A withdrawal is durable when this returns."""
        if sheet.can_withdraw(line):
            review = sheet.reviews[line]
            try:
                await self.database.write(partial(withdraw, review=review, signer=self.signer, now=now))
            except ReviewChanged:
                return StillThere(line)
            log.info("review withdrawn", shop=review.shop_id, live=review.live)
        return Withdrawn()

    async def _write(self, sheet: Sheet, submission: Submission, typed: Typed, now: float) -> Result:
        work = partial(write_reviews, submission=submission, look=CHECKS, signer=self.signer, now=now)
        try:
            written = await self._twice(work)
        except ReviewChanged:
            current = await self.database.read(lambda tx: read_sheet(tx, sheet.visit))
            return Conflict(current, *see_again(typed, current.reviews))
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return NotStored(typed)
        _log(written)
        return Saved()

    async def _twice(self, work: partial[list[Written]]) -> list[Written]:
        """Tries twice: if another window submits the same text at the same time, the second try finds it stored.
        Raises ReviewChanged if it was a different text, and StoreUnavailable."""
        try:
            return await self.database.write(work)
        except ReviewChanged:
            return await self.database.write(work)


def _log(written: Sequence[Written]) -> None:
    new = [one.review for one in written if one.entry]
    if new:
        waiting = sum(review.state == "waiting" for review in new)
        log.info("reviews written", shop=new[0].shop_id, live=new[0].live, new=len(new), waiting=waiting)
