import json
import time

import pytest

from afterword.store.engine.sqlite import SqliteDatabase
from tests.cli.command import Command
from tests.store.cast import Member
from tests.store.databases import counted, rows

GOOD = "id,rating,text,date\nr-1,5,Good.,2026-02-10\nr-2,4,See www.evil.example,2026-02-11\n"
WRONG = "r-3,6,,2026-02-12\n"


@pytest.fixture(autouse=True)
def table(afterword: Command, alba: Member) -> None:
    """A file of two reviews that can be imported, and one of three of which the last cannot."""
    (afterword.folder / "good.csv").write_text(GOOD)
    (afterword.folder / "wrong.csv").write_text(GOOD + WRONG)


def test_a_file_is_imported_once(afterword: Command, database: SqliteDatabase) -> None:
    dry = afterword.json("import", "Alba's bakery", "good.csv", "--dry-run")
    counts = {"imported": 2, "waiting": 1, "imported_before": 0, "not_shown": 0, "refused": 0}
    columns = {name: [name] for name in ("id", "rating", "text", "date")}
    assert dry == counts | {"columns": columns, "ignored_columns": [], "errors": [], "dry_run": True}
    said = afterword.say("import", "1", "good.csv", "--dry-run")
    assert "\n2 reviews would be imported; 1 of " in said
    assert counted(database, "reviews") == 0
    said = afterword.say("import", "1", "good.csv", "--from", "Old Reviews Ltd")
    assert said == "2 reviews imported; 1 of them flagged, waiting for moderation.\n"
    assert rows(database, "SELECT DISTINCT imported_from FROM reviews") == [("Old Reviews Ltd",)]
    again = afterword.say("import", "1", "good.csv", "--from", "Old Reviews Ltd")
    assert again == "0 reviews imported.\n2 reviews imported before.\n"
    assert afterword.json("import", "1", "good.csv", "--test")["imported"] == 2


def test_a_wrong_row_is_reported_with_exit_code_1_and_ignored_columns_are_named(afterword: Command) -> None:
    ran = afterword.run("import", "1", "wrong.csv")
    assert ran.code == 1 and ran.out.endswith("\n1 row not imported: see the errors above.\n")
    assert ran.err == "line 4, rating: not 1 to 5 stars\n"
    ran = afterword.run("import", "1", "wrong.csv", "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err, found["refused"], found["imported_before"]) == (1, "", 1, 2)
    assert found["errors"][0] == {"line": 4, "field": "rating", "message": "not 1 to 5 stars"}
    (afterword.folder / "more.csv").write_text("rating,text,date,Colour,\x1b[31m\n5,Good.,2026-02-10,red,\n")
    assert afterword.say("import", "1", "more.csv").splitlines()[0] == r"Ignored columns: Colour, \x1b[31m."


def test_a_dry_run_says_which_column_is_taken_for_what(afterword: Command) -> None:
    """What the source does not show is counted, and no error."""
    table = "Review Score,Review Content,Created_at,Is Hidden,curated,Colour\n5,,2026-02-10,no,ok,red\n"
    (afterword.folder / "foreign.csv").write_text(table + "1,Bad.,2026-02-10,yes,ok,red\n")
    assert afterword.say("import", "1", "foreign.csv", "--dry-run").splitlines() == [
        "Columns:",
        "  rating: Review Score",
        "  text:   Review Content",
        "  date:   Created_at",
        "  state:  Is Hidden, curated",
        "Ignored columns: Colour.",
        "1 review would be imported.",
        "1 review not imported: not shown by its source.",
    ]
    assert afterword.run("import", "1", "foreign.csv").code == 0


def test_an_import_that_was_killed_continues(afterword: Command, database: SqliteDatabase) -> None:
    count = 3_000
    lines = "".join(f"{number},5,Review number {number}.,2026-02-10\n" for number in range(count))
    (afterword.folder / "many.csv").write_text(f"id,rating,text,date\n{lines}")
    with afterword.start("import", "1", "many.csv") as process:
        while not counted(database, "imports"):
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
        process.communicate()
    done = counted(database, "imports")
    assert 0 < done < count
    found = afterword.json("import", "1", "many.csv")
    assert (found["imported"], found["imported_before"]) == (count - done, done)
    assert rows(database, "SELECT count(DISTINCT text) FROM reviews") == [(count,)]


def test_what_cannot_be_imported_at_all_is_one_sentence(afterword: Command) -> None:
    (afterword.folder / "none.csv").write_text("name,stars\nClara,5\n")
    sentence = afterword.run("import", "1", "none.csv").sentence
    assert sentence == "the first line names no column text or date"
    assert "there is no shop 'Clara'" in afterword.run("import", "Clara", "good.csv").sentence
    assert "does not exist" in afterword.run("import", "1", "nowhere.csv").usage
    assert "printable" in afterword.run("import", "1", "good.csv", "--from", "").usage


FOUND = {
    "judge.me": (
        "title,body,rating,review_date,curated,reviewer_name,product_id\n"
        "Super,J&#039;ai aim&eacute; &amp; mes filles aussi<br />Merci,5,2025-03-02 10:12:00 UTC,ok,Camille Rousset,"
        "7012\n"
        "Buy,Cheap watches,5,2025-01-10 10:00:00 UTC,spam,Bot,7012\n",
        ["1 review imported.", "1 review not imported: not shown by its source."],
    ),
    "shopify": (
        "product_handle,state,rating,title,author,body,created_at\n"
        "soap,published,1,Bad,Ines K.,Foams badly,2023-06-01T10:00:00-04:00\n",
        ["0 reviews imported.", "1 row not imported: see the errors above."],
    ),
    "this API": (
        "id,order,product,review_rating,review_text,reviewer_name,reviewer_lastname,date_time,review_status,answer_text\n"
        "1024,A-1,no,4,Good shop,Diego,Cruz,2025-03-02 11:12:00,1,Thanks\n"
        "2048,A-2,no,1,Advertising,Diego,Cruz,2025-03-02 11:12:00,2,\n",
        ["1 review imported.", "1 review not imported: not shown by its source."],
    ),
}
"""Files of other services, and what is said of them in the end."""


def test_files_of_other_services_are_imported_as_they_are(
    afterword: Command, database: SqliteDatabase
) -> None:
    for source, (table, said) in FOUND.items():
        (afterword.folder / "found.csv").write_text(table)
        ran = afterword.run("import", "1", "found.csv", "--from", source)
        assert ran.out.splitlines()[-2:] == said, ran
        assert (ran.code, "line 2, product_id: missing" in ran.err) == (
            int(bool(ran.err)),
            source == "shopify",
        )
    names = "imported_from, scope, rating, text, author, written_at, state, reply"
    assert rows(database, f"SELECT {names} FROM reviews ORDER BY imported_from") == [
        (
            "judge.me",
            "7012",
            5,
            "Super\n\nJ'ai aimé & mes filles aussi\nMerci",
            "Camille R.",
            1_740_910_320,
            "published",
            None,
        ),
        ("this API", "site", 4, "Good shop", "Diego C.", 1_740_910_320, "published", "Thanks"),
    ]
