import csv
import io
import json
from typing import Any

import pytest

from afterword.actions.present import EXPORTED
from afterword.actions.reviews.exports import FORMATS, Export, write
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from afterword.store.reviews.walking import REVIEWS_A_PAGE
from tests.google_feed import check_feed
from tests.store.cast import NOW, Customer, Member

MARK = "\ufeff"
"""The byte order mark, by which spreadsheets know UTF-8."""

FORMULA = '=HYPERLINK("https://evil.example")'


@pytest.fixture
def reviews(alba: Member, bruno: Member, clara: Customer) -> dict[str, Review]:
    """A review of each kind, at Alba's bakery; Bruno has one of his own."""
    orders = [alba.order(f"A-{number}", reference=f"R-{number}") for number in range(4)]
    bread = clara.reviews(orders[0], 1, 4, text='Good "crust";\nkeeps, too.')
    alba.replies(bread, "Thank you!", NOW + 60)
    shop = clara.reviews(orders[1], 0, 5, text=FORMULA)
    late = alba.rejects(clara.reviews(orders[1], 2, 1, text="Late."), "off topic", NOW + 120)
    alba.disputes(clara.reviews(orders[2], 0, 1, text="Stale."), "This order was cancelled.")
    alba.erases(clara.reviews(orders[3], 0, 2, text="A secret."))
    clara.reviews(alba.order("T-1", live=False), 1, 3, text="A test.")
    clara.reviews(bruno.order("B-1"), 1, 5, text="A good book.")
    return {"bread": bread, "shop": shop, "late": late}


def export(database: Database, member: Member, form: str = "json", *, live: bool = True) -> str:
    return "".join(write(database, Export(member.shop, live, "https://reviews.example"), form))


def as_json(database: Database, member: Member, *, live: bool = True) -> Any:
    return json.loads(export(database, member, live=live))


def as_csv(database: Database, member: Member) -> list[dict[str, str]]:
    text = export(database, member, "csv").removeprefix(MARK)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_json_has_all_that_the_shop_may_know(
    database: Database, alba: Member, reviews: dict[str, Review]
) -> None:
    bread, shop, late, disputed = as_json(database, alba)
    known = {
        "id": reviews["bread"].id,
        "id_order": "A-0",
        "reference": "R-0",
        "live": True,
        "lang": "en",
        "product_id": "100",
        "product_name": "Rye bread",
        "state": "published",
        "rating": 4,
        "version": 1,
        "text": 'Good "crust";\nkeeps, too.',
        "author": "Clara N.",
        "experience_date": "2019-01-01",
        "firstname": "Clara",
        "lastname": "Nunez",
        "email": "clara@nunez.example",
        "reply": "Thank you!",
        "written_at": "2026-03-01T14:12:06Z",
        "published_at": "2026-03-01T14:12:06Z",
        "changed_at": "2026-03-01T14:13:06Z",
        "replied_at": "2026-03-01T14:13:06Z",
    }
    assert bread == known | dict.fromkeys(("reason", "flags", "dispute", "disputed_at", "imported_from"))
    assert (shop["product_id"], shop["text"]) == ("site", FORMULA)
    assert (late["id"], late["state"], late["reason"]) == (reviews["late"].id, "rejected", "off topic")
    assert (disputed["dispute"], disputed["state"]) == ("This order was cancelled.", "published")


@pytest.mark.usefixtures("reviews")
def test_csv_has_the_same_but_no_formula(database: Database, alba: Member) -> None:
    def spelled(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value).replace(FORMULA, f"'{FORMULA}")

    expected = [{name: spelled(value) for name, value in each.items()} for each in as_json(database, alba)]
    assert as_csv(database, alba) == expected
    assert not any(cell.startswith(tuple("=+-@\t\r")) for row in expected for cell in row.values())
    text = export(database, alba, "csv")
    assert text.startswith(MARK + ",".join(EXPORTED) + "\r\n") and text.count("\r\n") == len(expected) + 1


@pytest.mark.usefixtures("reviews")
def test_each_shop_and_mode_exports_its_own_and_nothing_erased(
    database: Database, alba: Member, bruno: Member
) -> None:
    [test] = as_json(database, alba, live=False)
    assert (test["text"], test["live"]) == ("A test.", False)
    assert [row["text"] for row in as_csv(database, bruno)] == ["A good book."]
    for form in FORMATS:
        assert "secret" not in export(database, alba, form)
        assert export(database, alba, form).startswith(MARK) == (form == "csv")


def test_google_gets_what_its_feed_has(database: Database, alba: Member, reviews: dict[str, Review]) -> None:
    [found] = check_feed(export(database, alba, "google").encode())
    assert found.id == reviews["bread"].id
    assert found.text("review_url") == f"https://reviews.example/s/{alba.shop.id}/products/100"


def test_a_shop_without_reviews_has_an_empty_export(database: Database, alba: Member) -> None:
    assert (export(database, alba), as_csv(database, alba)) == ("[]\n", [])
    assert check_feed(export(database, alba, "google").encode()) == []


def test_many_reviews_come_once_each(database: Database, alba: Member, clara: Customer) -> None:
    names = [f"A-{number}" for number in range(2 * REVIEWS_A_PAGE)]
    database.write_now(
        lambda tx: [clara.within(tx).reviews(alba.within(tx).order(name), 1) for name in names]
    )
    done: list[int] = []
    text = "".join(write(database, Export(alba.shop, True, ""), "json", done.append))
    assert [each["id_order"] for each in json.loads(text)] == names
    assert done == [REVIEWS_A_PAGE, 2 * REVIEWS_A_PAGE]
