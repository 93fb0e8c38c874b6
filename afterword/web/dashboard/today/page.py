"""What a shop's people see first: what needs them, and what is new."""

from collections.abc import Iterator
from typing import NamedTuple

from starlette.responses import Response

from afterword.domain.reviews.review import Review
from afterword.i18n.dates import number
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import SentOrder, list_sent_orders
from afterword.store.refused import RefusedOfDay, count_refused
from afterword.store.reviews.pages import Selection, count_selected
from afterword.store.reviews.rows import changed_reviews, waiting_reviews
from afterword.store.webhooks import Webhook, webhooks_of
from afterword.web.dashboard.access import Page, PageOrForm, Place, number_in
from afterword.web.dashboard.frame import LANG, Frame, Moments, asked
from afterword.web.dashboard.today.figures import PERIODS, Figures, cells, plot, read_figures, stars, way

LATEST = 5
"""Reviews that are shown."""

MOST_DOUBTS = 100
"""E-mails in doubt that are counted."""

USUAL_PERIOD = 90
"""Days that figures are about, unless another period is asked for."""

_DAY = 86_400


class Attention(NamedTuple):
    """Something that waits for a person: a symbol and its meaning, a sentence and another one, and what to press."""

    symbol: str
    meaning: str
    title: str
    note: str
    button: str
    path: str


class _Found(NamedTuple):
    waiting: int
    oldest: list[Review]
    doubts: list[SentOrder]
    webhooks: list[Webhook]
    refused: list[RefusedOfDay]
    reviews: list[Review]
    figures: Figures


class Today:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [Page("", self.show)]

    async def show(self, place: Place) -> Response:
        asked_for = number_in(asked(place).get("days", ""))
        period = asked_for if asked_for in PERIODS else USUAL_PERIOD
        found = await self._database.read(lambda tx: _found(tx, place, period))
        moment, figures = Moments(place.shop.timezone, place.now), found.figures
        return await self._frame.page(
            place,
            "today.html",
            at="",
            attention=list(_attention(found, place, moment)),
            reviews=found.reviews,
            figures=figures,
            periods=PERIODS,
            cells=cells(figures, moment),
            plot=plot(figures),
            way=way(figures),
            given=stars(figures),
            now=place.now,
        )


def _found(tx: Transaction, place: Place, period: int) -> _Found:
    shop, live = place.shop, place.live
    return _Found(
        count_selected(tx, Selection(shop.id, live, states=("waiting",))),
        waiting_reviews(tx, shop.id, live=live, most=1),
        list_sent_orders(tx, shop, live=live, state="in_doubt", most=MOST_DOUBTS),
        [each for each in webhooks_of(tx, shop.id) if each.live == live],
        [each for each in count_refused(tx, shop, place.now) if each.live == live],
        changed_reviews(tx, shop.id, live=live, state="published", most=LATEST),
        read_figures(tx, place, period),
    )


def _attention(found: _Found, place: Place, moment: Moments) -> Iterator[Attention]:
    """The gravest first."""
    for webhook in found.webhooks:
        if webhook.stopped:
            title = f"Nothing is sent to the webhook {webhook.url} any more"
            yield Attention("alert", "bad", title, webhook.stopped, "Look into it", "/webhooks")
    amount = sum(day.amount for day in found.refused if day.day > place.now - 2 * _DAY)
    if amount:
        title = _counted(amount, "order was refused", "orders were refused") + " yesterday and today"
        note = "They were not imported, and get no e-mail."
        yield Attention("box", "bad", title, note, "See why", "/refused")
    if found.doubts:
        title = _counted(len(found.doubts), "e-mail is in doubt", "e-mails are in doubt")
        title += " at least" if len(found.doubts) == MOST_DOUBTS else ""
        each = "it" if len(found.doubts) == 1 else "each"
        note = f"The connection broke while {each} was being sent. Did it arrive?"
        yield Attention("mail", "warn", title, note, "Decide", "/orders?state=in_doubt")
    if found.waiting:
        title = _counted(
            found.waiting, "review is waiting for moderation", "reviews are waiting for moderation"
        )
        note = f"The oldest since {moment.day(found.oldest[0].written_at)}." if found.oldest else ""
        yield Attention("queue", "info", title, note, "Moderate", "/moderation")


def _counted(amount: int, one: str, more: str) -> str:
    return f"{number(amount, LANG)} {one if amount == 1 else more}"
