"""The figures that Today shows: five numbers, a plot over time, the way from order to review, and the stars given."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from babel.dates import format_date

from afterword.domain.figures import CANCELLED, FIGURES, GIVEN, day_of
from afterword.domain.reviews.review import SITE, Ratings
from afterword.i18n.dates import locale_of, number
from afterword.store.engine.database import Transaction
from afterword.store.figures import figures_of
from afterword.store.messages.invitations import DueSoon, due_until
from afterword.store.reviews.counts import ratings
from afterword.web.dashboard.access import Place
from afterword.web.dashboard.frame import LANG, Moments
from afterword.web.dashboard.today import plots

PERIODS = {30: "30 days", 90: "90 days", 365: "1 year"}
"""Days that a plot can show, and their names."""

MOST_DUE = 1_000
"""E-mails of a day that are counted."""

_EPOCH = date(1970, 1, 1)
_WEEK = 7
_SPARKS = 12
"""Weeks that a small line shows."""


class Cell(NamedTuple):
    """A number with its name, what is to be said of it, and a small line; `path` is the page with more. `change` is
    what it says in front, of which `is_good` is whether it is welcome."""

    of: str
    value: str
    note: str
    path: str
    line: str = ""
    change: str = ""
    is_good: bool = True


class Bar(NamedTuple):
    """A step of the way, or a number of stars: its share of the whole in percent, and what is to be said of it."""

    name: str
    amount: str
    share: str
    note: str = ""


class Plot(NamedTuple):
    """Orders and reviews over time: `weeks` are the rows of its table, `dates` what is written below."""

    axis: plots.Axis
    area: str
    orders: str
    reviews: str
    bands: list[plots.Band]
    dates: list[str]
    weeks: list[tuple[str, int, int]]
    says: str


class Figures(NamedTuple):
    """What is read for a period: of each name the amount of each day, over two such periods, up to today."""

    period: int
    today: int
    days: dict[str, list[int]]
    score: Ratings
    due: DueSoon

    def of(self, name: str) -> list[int]:
        """The days of the period."""
        return self.days[name][-self.period :]

    def sum(self, *names: str) -> int:
        return sum(sum(self.of(name)) for name in names)

    def sum_before(self, name: str) -> int:
        """Of the period before."""
        return sum(self.days[name][: self.period])

    def weekly(self, name: str) -> list[int]:
        """The sums of the last weeks."""
        days = self.days[name][-_SPARKS * _WEEK :]
        return [sum(days[start : start + _WEEK]) for start in range(len(days) % _WEEK, len(days), _WEEK)]

    @property
    def are_any(self) -> bool:
        return any(sum(self.days[name]) for name in ("orders", "reviews", "sent"))


def read_figures(tx: Transaction, place: Place, period: int) -> Figures:
    """Reads no row of orders, messages or reviews, but those that are due today, up to MOST_DUE."""
    shop, live = place.shop, place.live
    today = day_of(shop.timezone, place.now)
    first = today - 2 * period + 1
    names = [*FIGURES, *GIVEN, *CANCELLED]
    found = figures_of(tx, shop, names, live=live, first=first, last=today)
    days = {name: [of_day.get(day, 0) for day in range(first, today + 1)] for name, of_day in found.items()}
    score = ratings(tx, shop.id, SITE, live=live)
    end = Moments(shop.timezone, place.now).end_of_day
    return Figures(period, today, days, score, due_until(tx, shop, live=live, until=end, most=MOST_DUE))


def cells(figures: Figures, moment: Moments) -> list[Cell]:
    """Orders and e-mails of today, bounces and answers of the period, and the score."""
    sent, bounced, reviewed = (figures.sum(name) for name in ("sent", "bounced", "reviewed"))
    rate, rate_before = (
        _rate(reviewed, sent),
        _rate(figures.sum_before("reviewed"), figures.sum_before("sent")),
    )
    change = round(rate - rate_before, 1) if rate_before else 0.0
    of_period = f"in {PERIODS[figures.period]}"
    bounces = f"{_grouped(bounced)} {of_period}"
    return [
        Cell(
            "Orders today",
            _grouped(figures.of("orders")[-1]),
            _usual(figures),
            "/orders",
            plots.spark(figures.weekly("orders")),
        ),
        Cell("E-mails today", _grouped(figures.of("sent")[-1]), _due(figures.due, moment), "/orders"),
        Cell("Bounced", _percent(_rate(bounced, sent + bounced)), bounces, "/orders?state=failed"),
        Cell(
            "Response rate",
            _percent(rate),
            f"on the {PERIODS[figures.period]} before" if change else f"of e-mails sent {of_period}",
            "/orders?state=answered",
            plots.spark(_rates(figures.weekly("reviewed"), figures.weekly("sent"))),
            change=f"{change:+.1f}".replace("-", "\N{MINUS SIGN}") if change else "",
            is_good=change > 0,
        ),
        Cell(
            "Score",
            number(figures.score.average, LANG, "0.0") if figures.score.total else "–",
            _counted(figures.score.total, "review of the shop", "reviews of the shop"),
            "/reviews",
            plots.spark(_scores(figures)),
        ),
    ]


def _usual(figures: Figures) -> str:
    """The median of the same day of the eight weeks before, once there were orders in four of them."""
    orders = figures.days["orders"]
    same_days = [orders[-1 - _WEEK * week] for week in range(1, 9) if _WEEK * week < len(orders)]
    weekday = format_date(_date(figures.today), "EEEE", locale_of(LANG))
    if sum(bool(amount) for amount in same_days) < 4:
        return f"{_grouped(figures.sum('orders'))} in {PERIODS[figures.period]}"
    return f"usually {_grouped(round(median(same_days)))} on a {weekday}"


def _due(due: DueSoon, moment: Moments) -> str:
    if not due.amount or due.first_at is None:
        return "none due later today"
    amount = _grouped(due.amount) + (" or more" if due.amount == MOST_DUE else "")
    return f"{amount} due; next at {moment.time(due.first_at)}"


def _scores(figures: Figures) -> list[float]:
    """The score at the end of each of the last weeks: what it is now, less what has been added since."""
    total = figures.score.total
    stars = sum(rating * amount for rating, amount in enumerate(figures.score.distribution, 1))
    added = zip(figures.weekly("scored"), figures.weekly("stars"), strict=True)
    found: list[float] = []
    for scored, given in reversed(list(added)):
        if total:
            found.append(stars / total)
        total, stars = total - scored, stars - given
    return found[::-1]


def plot(figures: Figures) -> Plot:
    """Orders and reviews of each day, averaged over a week."""
    orders, reviews = figures.of("orders"), figures.of("reviews")
    smooth = [plots.averaged(figures.days[name])[-figures.period :] for name in ("orders", "reviews")]
    axis = plots.axis_for(max(*smooth[0], *smooth[1]))
    first = _date(figures.today - figures.period + 1)
    weeks = [
        (
            _day(first + timedelta(start)),
            sum(orders[start : start + _WEEK]),
            sum(reviews[start : start + _WEEK]),
        )
        for start in range(0, figures.period, _WEEK)
    ]
    words = [f"Week from {day}: {_orders(many)}, {_reviews(given)}" for day, many, given in weeks]
    places = [round(place * (figures.period - 1) / 3) for place in range(4)]
    line = plots.line(smooth[0], axis.top)
    return Plot(
        axis,
        plots.area(line),
        line,
        plots.line(smooth[1], axis.top),
        plots.bands(figures.period, _WEEK, words),
        [format_date(first + timedelta(place), "d MMM", locale_of(LANG)) for place in places],
        weeks,
        f"Orders: {_first_and_last(weeks, 1)}. Reviews: {_first_and_last(weeks, 2)}.",
    )


def _first_and_last(weeks: Sequence[tuple[str, int, int]], column: int) -> str:
    """The week of today is not over."""
    first, last = weeks[0], (weeks[:-1] or weeks)[-1]
    return f"{_grouped(int(first[column]))} in the first week, {_grouped(int(last[column]))} in the last whole one"


def way(figures: Figures) -> list[Bar]:
    """From orders to published reviews; each bar is measured by the longest."""
    orders, sent, opened, reviewed = (figures.sum(name) for name in ("orders", "sent", "opened", "reviewed"))
    published, whole = figures.sum("published"), max(figures.sum("orders"), figures.sum("sent"), 1)
    lost = [f"{_grouped(figures.sum('bounced'))} bounced", f"{_grouped(figures.sum(*CANCELLED))} cancelled"]
    of_sent = "of e-mails sent"
    return [
        Bar("Orders", _grouped(orders), _share(orders, whole)),
        Bar("E-mails sent", _grouped(sent), _share(sent, whole), ", ".join(lost)),
        Bar(
            "Form used", _grouped(opened), _share(opened, whole), f"{_percent(_rate(opened, sent))} {of_sent}"
        ),
        Bar(
            "Reviewed",
            _grouped(reviewed),
            _share(reviewed, whole),
            f"{_percent(_rate(reviewed, sent))} {of_sent}",
        ),
        Bar(
            "Reviews published",
            _grouped(published),
            _share(published, whole),
            f"of {_grouped(figures.sum('reviews'))} written; {_grouped(figures.sum('rejected'))} rejected",
        ),
    ]


def stars(figures: Figures) -> list[Bar]:
    """The stars of the reviews of the period, five first."""
    amounts = [figures.sum(name) for name in reversed(GIVEN)]
    names = ["5 stars", "4 stars", "3 stars", "2 stars", "1 star"]
    whole = max(*amounts, 1)
    return [
        Bar(name, _grouped(amount), _share(amount, whole))
        for name, amount in zip(names, amounts, strict=True)
    ]


def _rates(parts: Sequence[int], wholes: Sequence[int]) -> list[float]:
    """Of each week, with all weeks before it that are shown: so a quiet week does not jump."""
    return [
        _rate(part, whole) for part, whole in zip(accumulate(parts), accumulate(wholes), strict=True) if whole
    ]


def _rate(part: int, whole: int) -> float:
    """In percent."""
    return 100 * part / whole if whole else 0.0


def _share(part: int, whole: int) -> str:
    return f"{min(100.0, _rate(part, whole)):.1f}"


def _percent(value: float) -> str:
    return f"{number(value, LANG, '0.0')}%"


def _grouped(amount: int) -> str:
    return number(amount, LANG)


def _counted(amount: int, one: str, more: str) -> str:
    return f"{_grouped(amount)} {one if amount == 1 else more}"


def _orders(amount: int) -> str:
    return _counted(amount, "order", "orders")


def _reviews(amount: int) -> str:
    return _counted(amount, "review", "reviews")


def _date(day: int) -> date:
    return _EPOCH + timedelta(day)


def _day(of: date) -> str:
    return format_date(of, "d MMMM", locale_of(LANG))
