"""Today: what needs a person first, then figures of the day and of a period, each with what is usual."""

import re
import time

import pytest

from tests.store.cast import order
from tests.web.dashboard.conftest import Signed
from tests.web.reviewed import Reviewed

DAY = 86_400


def cells(page: str) -> dict[str, tuple[str, str]]:
    """The numbers on top of the page, with what is said of each."""
    found = re.findall(
        r'<span class="of">(.*?)</span><strong>(.*?)</strong><span class="note">(.*?)</span>', page
    )
    return {name: (value, re.sub("<.*?>", "", note)) for name, value, note in found}


def steps(page: str, named: str) -> dict[str, tuple[str, str]]:
    """The rows of a table of bars."""
    table = page.partition(f'<h2 id="{named}">')[2].partition("</table>")[0]
    row = r'<th scope="row">(.*?)</th><td class="num">(.*?)</td>.*?rect width="([\d.]+)"'
    return {name: (amount, share) for name, amount, share in re.findall(row, table)}


def test_a_shop_without_orders_is_taught_how_to_send_one(owner: Signed) -> None:
    page = owner.get().content.decode()
    assert "No orders yet" in page
    assert "<strong>" not in page


def test_orders_of_today_stand_beside_those_of_the_same_weekday(owner: Signed, reviewed: Reviewed) -> None:
    now = time.time()
    for week in range(9):
        names = [f"W{week}-{number}" for number in range(5 if week else 3)]
        reviewed.member.sends_batch(*[order(name) for name in names], at=now - week * 7 * DAY)
    page = owner.get().content.decode()
    value, note = cells(page)["Orders today"]
    assert value == "3"
    assert re.fullmatch(r"usually 5 on a \w+day", note)
    assert steps(page, "funnel")["Orders"] == ("43", "100.0")


def test_what_became_of_the_e_mails_is_counted(owner: Signed, reviewed: Reviewed) -> None:
    now = time.time()
    shop = reviewed.member
    shop.sends_batch(*[order(f"A-{number}") for number in range(4)], at=now - 10 * DAY - 60)
    first, second, third, _ = shop.claims(now=now)
    for claim in (first, second):
        shop.delivers(claim, now)
    shop.marks(third, now)
    shop.records(third, "failed", "550 no such mailbox", now=now)
    reviewed.review("B-1", rating=4, now=now)
    page = owner.get().content.decode()
    assert cells(page)["E-mails today"][0] == "2"
    assert cells(page)["Bounced"] == ("33.3%", "1 in 90 days")
    assert cells(page)["Score"] == ("4.0", "1 review of the shop")
    assert steps(page, "funnel") == {
        "Orders": ("4", "100.0"),
        "E-mails sent": ("2", "50.0"),
        "Form used": ("1", "25.0"),
        "Reviewed": ("1", "25.0"),
        "Reviews published": ("1", "25.0"),
    }
    assert steps(page, "spread")["4 stars"] == ("1", "100.0")


def test_e_mails_that_are_due_later_today_are_announced(owner: Signed, reviewed: Reviewed) -> None:
    now = time.time()
    reviewed.member.sends("A-1", at=now - 10 * DAY - 60)
    assert re.fullmatch(r"1 due; next at \d\d:\d\d", cells(owner.get().content.decode())["E-mails today"][1])


@pytest.mark.parametrize(
    ("asked", "shown"), [("30", "30 days"), ("365", "1 year"), ("7", "90 days"), ("x", "90 days")]
)
def test_the_period_is_chosen(owner: Signed, reviewed: Reviewed, asked: str, shown: str) -> None:
    reviewed.member.sends("A-1", at=time.time())
    page = owner.get(f"?days={asked}").content.decode()
    assert f"What happened in the last {shown}" in page
    assert f'aria-current="true">{shown}</a>' in page


def test_the_plot_is_also_a_table(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.member.sends_batch(order("A-1"), order("A-2"), at=time.time() - DAY)
    page = owner.get("?days=30").content.decode()
    table = page.partition('aria-label="Orders and reviews by week"')[2].partition("</table>")[0]
    rows = re.findall(r'<th scope="row">.*?</th><td class="num">(\d+)</td><td class="num">(\d+)</td>', table)
    assert len(rows) == 5
    assert sum(int(orders) for orders, _ in rows) == 2


def test_test_orders_are_counted_apart(owner: Signed, reviewed: Reviewed) -> None:
    reviewed.member.sends("T-1", live=False, at=time.time())
    assert "No orders yet" in owner.get().content.decode()
    assert cells(owner.get("", live=False).content.decode())["Orders today"][0] == "1"
