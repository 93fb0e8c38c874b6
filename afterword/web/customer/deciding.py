"""What comes of a form that was sent: one of a few results, each with what its page needs."""

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
    """Everything is stored."""


class Withdrawn(NamedTuple):
    """It is withdrawn, or was before, or was never there."""


class StillThere(NamedTuple):
    """The review of this line changed at the same moment: it is shown again before it is withdrawn."""

    line: int


class OtherPage(NamedTuple):
    """Nothing was sent yet: other products are to be shown, from this one on."""

    typed: Typed
    start: int


class Incomplete(NamedTuple):
    """What was typed, with what is wrong with it."""

    typed: Typed


class Conflict(NamedTuple):
    """Another window sent other words first: what is there now, and the lines that changed."""

    sheet: Sheet
    typed: Typed
    changed: Sequence[int]


class NotStored(NamedTuple):
    """The store cannot take it now."""

    typed: Typed


class TooLate(NamedTuple):
    """The review period has ended."""

    typed: Typed


Result = Saved | Withdrawn | StillThere | OtherPage | Incomplete | Conflict | NotStored | TooLate


class Decider(NamedTuple):
    """Does what a form asks for."""

    database: Database
    signer: Signer

    async def decide(self, fields: Fields, sheet: Sheet, now: float) -> Result:
        """Raises StoreUnavailable when a withdrawal could not be stored."""
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
        """Permanent as soon as it is answered."""
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
        """When another window sends the same words at the same moment, the second try finds them stored. Raises
        ReviewChanged when they were other words, StoreUnavailable."""
        try:
            return await self.database.write(work)
        except ReviewChanged:
            return await self.database.write(work)


def _log(written: Sequence[Written]) -> None:
    new = [one.review for one in written if one.entry]
    if new:
        waiting = sum(review.state == "waiting" for review in new)
        log.info("reviews written", shop=new[0].shop_id, live=new[0].live, new=len(new), waiting=waiting)
