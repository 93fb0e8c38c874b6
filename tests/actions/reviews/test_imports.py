from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from afterword.actions import present
from afterword.actions.reviews.exports import Export, write
from afterword.actions.reviews.foreign import Collection
from afterword.actions.reviews.imports import Import, Imported, RowRefused, rows_of
from afterword.store.engine.database import Database
from afterword.store.reviews.walking import all_reviews
from tests.store.cast import NOW, SIGNER, Customer, Member
from tests.store.databases import ask

HEAD = "id,rating,text,author,date,product_id,product_name"
ROWS = (
    'r-1,5,"Good, crusty bread.",Clara Nunez,2026-02-10,100,Rye bread\n'
    'r-2,1,"Stale.\nTwice.",Diego,2026-02-11 10:00,site,\n'
)


class Importer:
    """Imports texts into Alba's bakery, and keeps what was wrong with their rows. The counts that it returns have no
    columns."""

    def __init__(self, database: Database, member: Member, folder: Path) -> None:
        self.database, self.member, self.file = database, member, folder / "reviews.csv"
        self.refused: list[RowRefused] = []

    def __call__(
        self, text: str, *, encoding: str = "utf-8", source: str = "elsewhere", dry_run: bool = False
    ) -> Imported:
        self.file.write_bytes(text.encode(encoding))
        collection = Collection(self.member.shop, source, True)
        run = Import(self.database, collection, SIGNER, lambda: NOW, self.refused.append)
        with rows_of(self.file) as rows:
            return replace(run.run(rows, dry_run=dry_run), columns={})

    def reviews(self, member: Member | None = None) -> list[dict[str, Any]]:
        """As they would be exported."""
        shop = (member or self.member).shop
        found = ask(self.database, all_reviews, shop, live=True)
        return [dict(present.exported(row)) for row in found]


@pytest.fixture
def importer(database: Database, alba: Member, tmp_path: Path) -> Importer:
    return Importer(database, alba, tmp_path)


def test_reviews_are_imported_and_labelled(importer: Importer, bruno: Member) -> None:
    done = importer(f"{HEAD}\n{ROWS}", source="Old Reviews Ltd")
    assert done == Imported(imported=2)
    bread, shop = importer.reviews()
    assert (bread["rating"], bread["text"], bread["author"]) == (5, "Good, crusty bread.", "Clara N.")
    assert (bread["product_id"], bread["published_at"]) == ("100", "2026-02-10T11:00:00Z")
    assert (shop["product_id"], shop["text"], shop["author"]) == ("site", "Stale.\nTwice.", "Diego")
    assert {each["imported_from"] for each in (bread, shop)} == {"Old Reviews Ltd"}
    assert importer.reviews(bruno) == []


def test_a_wrong_row_is_reported_and_the_others_are_imported(importer: Importer) -> None:
    done = importer(f"{HEAD}\n{ROWS}r-3,6,,Clara,soon,,\nr-4,3,Fair.,Clara,2026-02-12,1,,,too,many\n")
    assert (done.imported, done.refused, done.rows) == (2, 2, 4)
    assert importer.refused == [
        (5, "rating", "not 1 to 5 stars"),
        (5, "date", "not a date and time: write 2025-11-03 or 2025-11-03 18:30"),
        (5, "product_id", "missing: write the product's id in your orders, or site for a review of the shop"),
        (6, "", "more cells than the first line has"),
    ]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("\ufefftext;stars;date\nGood.;5;2026-02-10\n", "utf-8"),
        ("date\ttext\trating\r\n2026-02-10\tGood.\t5\r\n", "utf-16"),
        ('"Created at","Review Text","Score"\r2026-02-10,Good.,5.0\r', "ascii"),
        ("\ufeffsep=;\r\ntext;stars;date\r\nGood.;5;2026-02-10\r\n", "utf-8"),
    ],
)
def test_a_file_may_be_as_spreadsheets_write_it(importer: Importer, text: str, encoding: str) -> None:
    assert importer(text, encoding=encoding).imported == 1
    assert [(each["rating"], each["text"]) for each in importer.reviews()] == [(5, "Good.")]


def test_a_row_that_is_not_utf_8_is_refused_alone(importer: Importer) -> None:
    importer("rating,text,date\n5,Good.,2026-02-10\n4,Très bon.,2026-02-11\n", encoding="cp1252")
    assert importer.refused == [(3, "text", "text in UTF-8")]
    assert [each["text"] for each in importer.reviews()] == ["Good."]


def test_a_dry_run_counts_the_same_and_changes_nothing(importer: Importer) -> None:
    text = f"{HEAD}\n{ROWS}r-3,3,See www.evil.example,,2026-02-12,1,\nr-1,5,Again.,,2026-02-13,1,\n"
    dry = importer(text, dry_run=True)
    assert dry == Imported(imported=3, waiting=1, imported_before=1)
    assert importer.reviews() == []
    assert importer(text) == dry
    assert importer(text, dry_run=True) == importer(text) == Imported(imported_before=4)
    assert len(importer.reviews()) == 3


def test_a_flagged_review_waits(importer: Importer) -> None:
    done = importer("rating,text,date,Colour\n5,Write to clara@nunez.example,2026-02-10,red\n")
    assert (done.imported, done.waiting, done.ignored_columns) == (1, 1, ("Colour",))
    [review] = importer.reviews()
    assert (review["state"], review["flags"]) == ("waiting", "e-mail address")


STATES = "rating,text,date,status\n5,Good.,2026-02-10,approved\n1,Bad.,2026-02-10,spam\n2,Hm.,2026-02-10,escalated\n"


def test_only_what_its_source_shows_is_published(importer: Importer) -> None:
    dry = importer(STATES, dry_run=True)
    assert importer(STATES) == dry == Imported(imported=2, waiting=1, not_shown=1)
    assert importer.refused == []
    assert [(each["text"], each["state"], each["flags"]) for each in importer.reviews()] == [
        ("Good.", "published", None),
        ("Hm.", "waiting", "unknown state"),
    ]


def test_what_is_not_known_stays_unknown(importer: Importer) -> None:
    """The date of the experience, and the words."""
    assert importer("rating,text,date,order_date\n5,,2026-02-10,\n").imported == 1
    [review] = importer.reviews()
    assert (review["text"], review["experience_date"], review["state"]) == ("", None, "published")


def shown(reviews: list[dict[str, Any]]) -> list[list[str]]:
    """What the public sees of published reviews."""
    names = ("rating", "text", "author", "product_id", "lang", "experience_date", "published_at")
    return sorted([str(each[name]) for name in names] for each in reviews if each["state"] == "published")


def test_one_shops_export_is_anothers_import(
    database: Database, importer: Importer, bruno: Member, clara: Customer
) -> None:
    """But for what is not published there, which is counted and no error."""
    about = bruno.order("B-1")
    clara.reviews(about, 1, 4, text="-10% was a lie;\nbut a good book.")
    clara.reviews(about, 0, 5, text="=1+1 friendly.")
    bruno.rejects(clara.reviews(about, 2, 1, text="Advertising."), "advertising")
    about_more = bruno.order("B-2")
    clara.reviews(about_more, 1, 2, text="Read; =1+1\n- torn\n- wet")
    clara.reviews(bruno.changes(moderation="by hand").order("B-3"), 1, 2, text="Not yet published.")
    done = importer("".join(write(database, Export(bruno.shop, True, ""), "csv")), source="Bruno's books")
    assert (done.imported, done.waiting, done.not_shown, done.refused) == (3, 0, 2, 0)
    assert importer.refused == []
    assert shown(importer.reviews()) == shown(importer.reviews(bruno))
