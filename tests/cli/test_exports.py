import csv
import io
import json
import stat
from contextlib import closing

import apsw
import pytest

from afterword.actions.reviews.moderation import answer, doubt, erase, reject
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.reviews.walking import REVIEWS_A_PAGE
from tests.cli.command import Command
from tests.google_feed import check_feed
from tests.store.cast import NOW, add_member, closing_now, order
from tests.store.reviews.reviewing import LINES, SIGNER, reviewed_order, write

FORMULA = '=HYPERLINK("https://evil.example")'


@pytest.fixture(autouse=True)
def reviews(afterword: Command) -> dict[str, Review]:
    """A review of each kind, at Alba's bakery; Bruno has one of his own."""

    def work(tx: Transaction) -> dict[str, Review]:
        alba, bruno = add_member(tx, "Alba's bakery"), add_member(tx, "Bruno's books")
        about = [reviewed_order(tx, alba, order(f"A-{each}", f"R-{each}", lines=LINES)) for each in range(4)]
        bread = write(tx, about[0], 1, 4, 'Good "crust";\nkeeps, too.').review
        answer(tx, bread, "Thank you!", SIGNER, NOW + 60)
        shop = write(tx, about[1], 0, 5, FORMULA).review
        late = reject(tx, write(tx, about[1], 2, 1, "Late.").review, "off topic", SIGNER, NOW + 120)
        doubt(tx, write(tx, about[2], 0, 1, "Stale.").review, "This order was cancelled.", SIGNER, NOW)
        erase(tx, write(tx, about[3], 0, 2, "A secret.").review, SIGNER, NOW)
        write(tx, reviewed_order(tx, alba, order("T-1"), live=False), 1, 3, "A test.")
        write(tx, reviewed_order(tx, bruno, order("B-1")), 1, 5, "A good book.")
        return {"bread": bread, "shop": shop, "late": late}

    with closing_now(afterword.database()) as database:
        return database.write_now(work)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_json_has_all_that_the_shop_may_know(afterword: Command, reviews: dict[str, Review]) -> None:
    bread, shop, late, doubted = json.loads(afterword.say("export", "Alba's bakery", "--format", "json"))
    assert bread == {
        "id": reviews["bread"].id,
        "id_order": "A-0",
        "reference": "R-0",
        "product_id": "100",
        "product_name": "Rye bread",
        "state": "published",
        "reason": None,
        "flags": None,
        "rating": 4,
        "text": 'Good "crust";\nkeeps, too.',
        "author": "Clara N.",
        "firstname": "Clara",
        "lastname": "Nunez",
        "email": "clara@nunez.example",
        "lang": "en",
        "experience_date": "2019-01-01",
        "written_at": "2026-03-01T14:12:06Z",
        "published_at": "2026-03-01T14:12:06Z",
        "changed_at": "2026-03-01T14:13:06Z",
        "version": 1,
        "reply": "Thank you!",
        "replied_at": "2026-03-01T14:13:06Z",
        "doubt": None,
        "doubted_at": None,
        "imported_from": None,
        "live": True,
    }
    assert (shop["product_id"], shop["text"]) == (None, FORMULA)
    assert (late["id"], late["state"], late["reason"]) == (reviews["late"].id, "rejected", "off topic")
    assert (doubted["doubt"], doubted["state"]) == ("This order was cancelled.", "published")


def test_csv_has_the_same_as_json(afterword: Command) -> None:
    told = json.loads(afterword.say("export", "1", "--format", "json"))
    content = afterword.bytes("export", "1")
    assert content.startswith(b"id,id_order,") and content.count(b"\r\n") == len(told) + 1
    rows = rows_of(content.decode())
    assert rows == [{name: spelled(value) for name, value in each.items()} for each in told]


def spelled(value: object) -> str:
    """A value of JSON as its cell holds it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value).replace(FORMULA, f"'{FORMULA}")


def test_no_cell_is_a_formula(afterword: Command) -> None:
    cells = [cell for row in rows_of(afterword.bytes("export", "1").decode()) for cell in row.values()]
    assert f"'{FORMULA}" in cells
    assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in cells)


def test_what_was_erased_is_in_no_export(afterword: Command) -> None:
    for form in ("csv", "json", "google"):
        assert "secret" not in afterword.bytes("export", "1", "--format", form).decode()


def test_the_test_reviews_are_exported_apart(afterword: Command) -> None:
    [told] = json.loads(afterword.say("export", "1", "--test", "--format", "json"))
    assert (told["text"], told["live"]) == ("A test.", False)


def test_no_shop_exports_anothers_reviews(afterword: Command) -> None:
    assert [row["text"] for row in rows_of(afterword.bytes("export", "2").decode())] == ["A good book."]


def test_google_gets_what_its_feed_has(afterword: Command, reviews: dict[str, Review]) -> None:
    [found] = check_feed(
        afterword.bytes("export", "1", "--format", "google", AFTERWORD_URL="https://reviews.example")
    )
    assert found.id == reviews["bread"].id
    assert found.text("review_url") == "https://reviews.example/s/1/products/100"


def test_a_shop_without_reviews_has_an_empty_export(afterword: Command) -> None:
    afterword.json("shop", "add", "Carla's cups")
    assert afterword.say("export", "3", "--format", "json") == "[]\n"
    assert rows_of(afterword.bytes("export", "3").decode()) == []
    assert check_feed(afterword.bytes("export", "3", "--format", "google")) == []


def test_many_reviews_come_once_each(afterword: Command) -> None:
    def work(tx: Transaction) -> None:
        carla = add_member(tx, "Carla's cups")
        for number in range(2 * REVIEWS_A_PAGE):
            write(tx, reviewed_order(tx, carla, order(f"C-{number}")), 1)

    with closing_now(afterword.database()) as database:
        database.write_now(work)
    told = json.loads(afterword.say("export", "Carla's cups", "--format", "json"))
    assert [each["id_order"] for each in told] == [f"C-{number}" for number in range(2 * REVIEWS_A_PAGE)]


def test_a_file_is_there_when_it_is_whole_and_replaces_the_last_one(afterword: Command) -> None:
    file = afterword.folder / "reviews.csv"
    file.write_text("the last one")
    said = afterword.say("export", "1", "--output", "reviews.csv")
    assert said == f"reviews.csv is written ({file.stat().st_size:,} bytes).\n"
    assert file.read_bytes() == afterword.bytes("export", "1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "reviews.csv"]


def test_an_export_that_fails_leaves_the_last_file(afterword: Command) -> None:
    file = afterword.folder / "reviews.csv"
    file.write_text("the last one")
    with closing(apsw.Connection(str(afterword.data / "afterword.db"))) as broken:
        broken.execute("UPDATE orders SET lines = 'no JSON'")
    assert afterword.run("export", "1", "--output", "reviews.csv").code == 1
    assert file.read_text() == "the last one"
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "reviews.csv"]


def test_what_cannot_be_exported_is_one_sentence(afterword: Command) -> None:
    assert "there is no shop 'Nobody'" in afterword.run("export", "Nobody").sentence
    assert afterword.run("export", "1", "--output", "no/r.csv").sentence == "there is no folder no"
    assert "is not one of" in afterword.run("export", "1", "--format", "xls").usage
