import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afterword.actions.moderation import reject
from afterword.cli.commands.exports import export_fields
from afterword.store.engine.database import Transaction
from afterword.store.reviews.walking import all_reviews
from tests.cli.command import Command
from tests.store.cast import NOW, add_member, closing_now, order
from tests.store.reviews.reviewing import LINES, SIGNER, reviewed_order, write

HEAD = "id,rating,text,author,date,product_id,product_name"
ROWS = (
    'r-1,5,"Good, crusty bread.",Clara Nunez,2026-02-10,100,Rye bread\n'
    'r-2,1,"Stale.\nTwice.",Diego,2026-02-11 10:00,,\n'
)


@pytest.fixture(autouse=True)
def shops(afterword: Command) -> None:
    with closing_now(afterword.database()) as database:
        for name in ("Alba's bakery", "Bruno's books"):
            database.write_now(lambda tx, name=name: add_member(tx, name))


@pytest.fixture
def file(afterword: Command) -> Callable[..., str]:
    """Writes a file, and says its name."""

    def write_file(text: str, encoding: str = "utf-8", name: str = "reviews.csv") -> str:
        Path(afterword.folder, name).write_bytes(text.encode(encoding))
        return name

    return write_file


def reviews(afterword: Command, shop_id: int = 1, *, live: bool = True) -> list[dict[str, Any]]:
    """As they would be exported."""
    with closing_now(afterword.database()) as database:
        rows = database.read_now(lambda tx: all_reviews(tx, shop_id, live=live, most=10_000))
    return [dict(export_fields(row)) for row in rows]


def test_a_table_of_reviews_is_imported_and_marked(afterword: Command, file: Callable[..., str]) -> None:
    name = file(f"{HEAD}\n{ROWS}")
    said = afterword.say("import", "Alba's bakery", name, "--from", "Old Reviews Ltd")
    assert said == "2 imported.\n"
    bread, shop = reviews(afterword)
    assert (bread["rating"], bread["text"], bread["author"]) == (5, "Good, crusty bread.", "Clara N.")
    assert (bread["product_id"], bread["published_at"]) == ("100", "2026-02-10T11:00:00Z")
    assert (shop["product_id"], shop["text"], shop["author"]) == (None, "Stale.\nTwice.", "Diego")
    assert {each["imported_from"] for each in (bread, shop)} == {"Old Reviews Ltd"}
    assert reviews(afterword, 2) == []


def test_the_same_file_again_imports_nothing_twice(afterword: Command, file: Callable[..., str]) -> None:
    name = file(f"{HEAD}\n{ROWS}")
    assert afterword.json("import", "1", name)["imported"] == 2
    told = afterword.json("import", "1", file(f"{HEAD}\n{ROWS}r-3,4,New.,,2026-02-12,,\n"))
    assert (told["imported"], told["imported_before"], told["refused"]) == (1, 2, 0)
    assert len(reviews(afterword)) == 3


def test_a_bad_row_is_told_and_takes_no_good_one_with_it(
    afterword: Command, file: Callable[..., str]
) -> None:
    name = file(f"{HEAD}\n{ROWS}r-3,6,,Clara,soon,,\nr-4,3,Fair.,Clara,2026-02-12,,,,too,many\n")
    ran = afterword.run("import", "1", name)
    assert (ran.code, ran.out) == (1, "2 imported.\n2 cannot be imported: what is wrong stands above.\n")
    assert ran.err.splitlines() == [
        "line 5, rating: not 1 to 5 stars",
        "line 5, text: missing",
        "line 5, date: not a date and time",
        "line 6: more cells than the first line has",
    ]
    told = json.loads(afterword.run("import", "1", name, "--json").out)
    assert told["errors"][0] == {"line": 5, "field": "rating", "message": "not 1 to 5 stars"}
    assert (told["refused"], told["imported_before"], len(told["errors"])) == (2, 2, 4)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("\ufefftext;stars;date\nGood.;5;2026-02-10\n", "utf-8"),
        ("date\ttext\trating\r\n2026-02-10\tGood.\t5\r\n", "utf-16"),
        ('"Created at","Review Text","Score"\r2026-02-10,Good.,5.0\r', "ascii"),
    ],
)
def test_a_table_may_be_as_spreadsheets_write_it(
    afterword: Command, file: Callable[..., str], text: str, encoding: str
) -> None:
    assert afterword.json("import", "1", file(text, encoding))["imported"] == 1
    assert [(each["rating"], each["text"]) for each in reviews(afterword)] == [(5, "Good.")]


def test_a_file_that_is_no_utf_8_loses_only_the_rows_that_are_not(
    afterword: Command, file: Callable[..., str]
) -> None:
    name = file("rating,text,date\n5,Good.,2026-02-10\n4,Très bon.,2026-02-11\n", "cp1252")
    ran = afterword.run("import", "1", name)
    assert (ran.code, ran.err) == (1, "line 3, text: text in UTF-8\n")
    assert [each["text"] for each in reviews(afterword)] == ["Good."]


def test_columns_of_which_nothing_is_read_are_named(afterword: Command, file: Callable[..., str]) -> None:
    name = file("rating,text,date,Colour,\x1b[31m\n5,Good.,2026-02-10,red,\n")
    assert afterword.say("import", "1", name).splitlines()[0] == r"Nothing was read of Colour, \x1b[31m."
    assert afterword.json("import", "1", name)["ignored_columns"] == ["Colour", "\x1b[31m"]


def test_a_dry_run_says_the_same_and_changes_nothing(afterword: Command, file: Callable[..., str]) -> None:
    name = file(f"{HEAD}\n{ROWS}r-3,3,See www.evil.example,,2026-02-12,,\nr-1,5,Again.,,2026-02-13,,\n")
    dry = afterword.json("import", "1", name, "--dry-run")
    assert (dry["imported"], dry["waiting"], dry["imported_before"], dry["dry_run"]) == (3, 1, 1, True)
    assert reviews(afterword) == []
    done = afterword.json("import", "1", name)
    assert done == dry | {"dry_run": False}
    assert afterword.say("import", "1", name, "--dry-run").startswith("0 would be imported.\n4 were imported")


def test_what_the_checks_find_waits(afterword: Command, file: Callable[..., str]) -> None:
    name = file("rating,text,date\n5,Write to clara@nunez.example,2026-02-10\n")
    assert "of which 1 wait for a person" in afterword.say("import", "1", name)
    [review] = reviews(afterword)
    assert (review["state"], review["flags"]) == ("waiting", "e-mail address")


def test_test_reviews_are_a_world_of_their_own(afterword: Command, file: Callable[..., str]) -> None:
    name = file(f"{HEAD}\n{ROWS}")
    assert afterword.json("import", "1", name, "--test")["imported"] == 2
    assert reviews(afterword) == [] and len(reviews(afterword, live=False)) == 2
    assert afterword.json("import", "1", name)["imported"] == 2


def test_one_shops_export_is_anothers_import(afterword: Command) -> None:
    """But for what is not published there."""

    def work(tx: Transaction) -> None:
        member = add_member(tx, "Carla's cups")
        about = reviewed_order(tx, member, order("C-1", lines=LINES))
        write(tx, about, 1, 4, "-10% was a lie;\nbut a good cup.")
        write(tx, about, 0, 5, "=1+1 friendly.")
        reject(tx, write(tx, about, 2, 1, "Advertising.").review, "advertising", SIGNER, NOW)

    with closing_now(afterword.database()) as database:
        database.write_now(work)
    afterword.say("export", "3", "--output", "cups.csv")
    ran = afterword.run("import", "1", "cups.csv", "--from", "Carla's cups")
    assert ran.err == "line 5, state: published: nothing else is shown\n"
    here, there = reviews(afterword), reviews(afterword, 3)
    same = (
        "rating",
        "text",
        "author",
        "product_id",
        "product_name",
        "lang",
        "experience_date",
        "published_at",
    )
    assert {tuple(each[name] for name in same) for each in here} == {
        tuple(each[name] for name in same) for each in there if each["state"] == "published"
    }


def test_an_import_that_was_killed_goes_on(afterword: Command, file: Callable[..., str]) -> None:
    count = 3_000
    rows = "".join(f"{number},5,Review number {number}.,,2026-02-10,,\n" for number in range(count))
    name = file(f"{HEAD}\n{rows}")
    with afterword.start("import", "1", name) as process, closing_now(afterword.database()) as database:
        stored = "SELECT count(*) FROM imports"
        while not database.read_now(lambda tx: tx.rows(stored))[0][0]:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
        process.communicate()
        done = database.read_now(lambda tx: tx.rows(stored))[0][0]
    assert 0 < done < count
    told = afterword.json("import", "1", name)
    assert (told["imported"], told["imported_before"]) == (count - done, done)
    assert sorted(each["text"] for each in reviews(afterword)) == sorted(
        f"Review number {number}." for number in range(count)
    )


def test_what_cannot_be_imported_at_all_is_one_sentence(afterword: Command, file: Callable[..., str]) -> None:
    name = file("name,stars\nClara,5\n")
    assert afterword.run("import", "1", name).sentence == "the first line names no column text or date"
    assert "names no column" in afterword.run("import", "1", file("")).sentence
    assert "there is no shop 'Nobody'" in afterword.run("import", "Nobody", name).sentence
    assert "does not exist" in afterword.run("import", "1", "nowhere.csv").usage
    assert "printable" in afterword.run("import", "1", name, "--from", "").usage
