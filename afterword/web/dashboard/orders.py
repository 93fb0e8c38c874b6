"""Orders and their e-mails: the list, one order with its history, and what a person does with its e-mail."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.responses import Response

from afterword.actions import invitations, orders, people
from afterword.actions.orders import OrderDetails
from afterword.base.errors import Refused
from afterword.domain.figures import CANCEL_REASONS
from afterword.domain.messages import State
from afterword.domain.people.names import public_name
from afterword.domain.shops import LONGEST_DELAY, Shop
from afterword.i18n.codes import CANCELLED_IN_WORDS
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import ENDED, SentOrder, list_sent_orders
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, Question, number_in, redirect
from afterword.web.dashboard.frame import Frame, Moments, asked
from afterword.web.dashboard.shop_pages.fields import LONGEST_TYPED

ON_A_PAGE = 25

STATE_WORDS: dict[State, tuple[str, str]] = {
    "scheduled": ("info", "Scheduled"),
    "claimed": ("info", "Being sent"),
    "sending": ("info", "Being sent"),
    "in_doubt": ("warn", "In doubt"),
    "sent": ("", "Sent"),
    "answered": ("good", "Reviewed"),
    "failed": ("bad", "Failed"),
    "cancelled": ("", "Cancelled"),
}
"""What a state means by its colour, and its word."""

_FILTERS: tuple[tuple[State, str], ...] = tuple((state, STATE_WORDS[state][1]) for state in ENDED)


class Orders:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/orders", self.listed),
            Question("/orders", self.find),
            Page("/orders/{order:path}", self.one),
            Button("/cancel", self.cancel, "moderator"),
            Button("/move", self.move, "moderator"),
            Button("/send", self.send, "moderator"),
            Button("/settle", self.settle, "moderator"),
        ]

    async def listed(self, place: Place) -> Response:
        """The newest orders first: all, or those in one state."""
        given = asked(place)
        if wanted := given.get("q", "").strip():
            return await self._found(place, wanted)
        state = next((state for state in ENDED if state == given.get("state")), None)
        before = number_in(given.get("before", "")) or 2**62
        read = partial(
            list_sent_orders, shop=place.shop, live=place.live, state=state, before=before, most=ON_A_PAGE + 1
        )
        rows = await self._database.read(read)
        older = rows[ON_A_PAGE - 1].number if len(rows) > ON_A_PAGE else None
        return await self._list(
            place,
            rows[:ON_A_PAGE],
            state=state,
            older="?" + urlencode({"before": older} | ({"state": state} if state else {})) if older else "",
            newest=("?" + urlencode({"state": state} if state else {})) if "before" in given else "",
            is_empty=not rows and not state and "before" not in given,
        )

    async def find(self, place: Place) -> Response:
        """The order with a number or reference, or those of an address, which is in the body, so that no log of a
        proxy has it."""
        return await self._found(place, place.form.get("q", "")[:LONGEST_TYPED].strip())

    async def _found(self, place: Place, wanted: str) -> Response:
        if wanted and (found := await self._named(place, wanted)):
            return redirect(place.request, f"{place.path}/orders/{quote(found, safe='')}")
        read = partial(people.orders_to, shop=place.shop, email=wanted, live=place.live, most=ON_A_PAGE)
        return await self._list(
            place, await self._database.read(read) if "@" in wanted else [], wanted=wanted
        )

    async def _list(self, place: Place, rows: list[SentOrder], **more: Any) -> Response:
        moment = Moments(place.shop.timezone, place.now)
        usual: dict[str, Any] = {"state": None, "older": "", "newest": "", "is_empty": False, "wanted": ""}
        return await self._frame.page(
            place,
            "orders.html",
            at="/orders",
            rows=[(row, *state_of(row, moment)) for row in rows],
            filters=_FILTERS,
            named=public_name,
            **usual | more,
        )

    async def _named(self, place: Place, wanted: str) -> str | None:
        try:
            found = await self._read(place, wanted)
        except Refused:
            return None
        return found.order.id_order

    async def _read(self, place: Place, id_order: str) -> OrderDetails:
        return await self._database.read(lambda tx: orders.found(tx, place.shop, id_order, live=place.live))

    async def one(self, place: Place) -> Response:
        try:
            found = await self._read(place, place.request.path_params["order"])
        except Refused as refused:
            raise HTTPException(404) from refused
        moment = Moments(place.shop.timezone, place.now)
        return await self._frame.page(
            place,
            "order.html",
            at="/orders",
            found=found,
            badge=STATE_WORDS[found.invitation.state],
            story=_story(found, moment),
            customer=public_name(found.order.firstname, found.order.lastname),
            reasons=CANCELLED_IN_WORDS.items(),
            can={
                "cancel": found.invitation.state == "scheduled",
                "move": found.invitation.state == "scheduled",
                "send": found.order.email and found.invitation.state in ("scheduled", "failed", "cancelled"),
            },
        )

    async def cancel(self, place: Place) -> Response:
        reason = place.form.get("why", "")
        if reason not in CANCEL_REASONS:
            raise Refused("Choose why this e-mail is cancelled.")
        return await self._act(place, "cancelled", partial(_cancel, reason=reason, now=place.now))

    async def move(self, place: Place) -> Response:
        to = _moment(place.form.get("to", ""), place.shop.timezone)
        if not place.now - 86_400 < to < place.now + LONGEST_DELAY:
            raise Refused("Give a time between now and a year from now.")
        return await self._act(place, "moved", partial(_move, to=to))

    async def send(self, place: Place) -> Response:
        return await self._act(place, "sent", partial(_send, now=place.now))

    async def settle(self, place: Place) -> Response:
        """Of an e-mail in doubt a person says that it arrived, or that it did not and goes again."""
        said = place.form.get("settle", "")
        if said not in ("sent", "again"):
            raise Refused("Say whether this e-mail arrived.")
        done = "settled" if said == "sent" else "sent"
        return await self._act(place, done, partial(_settle, arrived=said == "sent", now=place.now))

    async def _act(self, place: Place, done: str, act: Callable[[Transaction, int], None]) -> Response:
        """The e-mail of the order that the form names, looked up in the shop and mode of the page."""
        order = place.form.get("order", "")
        work = partial(_of_order, shop=place.shop, named=order, live=place.live, act=act)
        id_order = await self._database.write(work, place.shop.id)
        return redirect(place.request, f"{place.path}/orders/{quote(id_order, safe='')}?done={done}")


def _of_order(
    tx: Transaction, shop: Shop, named: str, live: bool, act: Callable[[Transaction, int], None]
) -> str:
    found = orders.found(tx, shop, named, live=live)
    act(tx, found.invitation.id)
    return found.order.id_order


def _cancel(tx: Transaction, invitation_id: int, reason: str, now: float) -> None:
    invitations.cancel(tx, invitation_id, reason, now)


def _move(tx: Transaction, invitation_id: int, to: int) -> None:
    invitations.move(tx, invitation_id, to)


def _settle(tx: Transaction, invitation_id: int, arrived: bool, now: float) -> None:
    invitations.settle_one(tx, invitation_id, arrived=arrived, now=now)


def _send(tx: Transaction, invitation_id: int, now: float) -> None:
    invitations.send(tx, invitation_id, now)


def state_of(row: SentOrder, moment: Moments) -> tuple[str, str, str]:
    """The meaning and the word of a state, and what is to be said of it."""
    meaning, word = STATE_WORDS[row.state]
    if row.state == "scheduled":
        again = f"Tried {row.tries} times, again at {moment.short(row.next_try_at)}" if row.tries else ""
        return meaning, word, again or f"Due {moment.day(row.due_at)}"
    if row.state in ("sent", "answered") and row.sent_at is not None:
        return meaning, word, moment.short(row.sent_at)
    return meaning, word, _in_words(row.reason)


def _in_words(reason: str | None) -> str:
    """Of a cancelled e-mail what its code means; what was written by hand, or came from a server, as it is."""
    return next((words for code, words in CANCELLED_IN_WORDS.items() if code == reason), reason or "")


def _story(found: OrderDetails, moment: Moments) -> list[tuple[str, str, str, str, bool]]:
    """The steps of an order: symbol, meaning, what, when, and whether it is still to come."""
    invitation, more = found.invitation, found.more
    steps = [("box", "good", "Order received", moment.short(more.received_at), False)]
    state = invitation.state
    if state in ("scheduled", "claimed", "sending"):
        due = "E-mail due on " + moment.whole(invitation.due_at)
        tries = f"Tried {invitation.tries} times: {invitation.reason}" if invitation.tries else ""
        steps.append(
            ("clock", "info", due, "This address gets no e-mails" if found.suppressed else tries, False)
        )
        return [*steps, ("mail", "", "E-mail sent", "", True), ("pen", "", "Review written", "", True)]
    if state in ("sent", "answered"):
        sent = moment.short(invitation.sent_at) if invitation.sent_at else ""
        steps.append(("mail", "good", "E-mail sent", sent, False))
    else:
        word = {"failed": "E-mail failed", "cancelled": "E-mail cancelled", "in_doubt": "E-mail in doubt"}
        symbol, meaning = {"cancelled": ("ban", "")}.get(state, ("alert", STATE_WORDS[state][0]))
        steps.append((symbol, meaning, word[state], _in_words(invitation.reason), False))
    for review in found.reviews:
        about = review.product_name or "the shop"
        steps.append(("pen", "good", f"Review of {about} written", moment.short(review.written_at), False))
    if state == "sent":
        steps.append(("pen", "", "Review written", "within 180 days", True))
    return steps


def _moment(text: str, timezone: str) -> int:
    """A local time of a form (epoch seconds). Raises Refused."""
    try:
        return int(datetime.fromisoformat(text[:16]).replace(tzinfo=ZoneInfo(timezone)).timestamp())
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("Give a date and a time, such as 2026-12-11 13:40.") from error
