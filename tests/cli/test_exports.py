import csv
import json
import stat
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.google_feed import check_feed
from tests.store.cast import Customer, Member
from tests.store.databases import execute


@pytest.fixture(autouse=True)
def file(afterword: Command, alba: Member, clara: Customer) -> Path:
    """Where an export of Alba's one review goes."""
    clara.reviews(alba.order("A-1"), 1, text="Très bon.")
    return afterword.folder / "reviews.csv"


def test_an_export_goes_to_standard_output_in_each_format(afterword: Command, alba: Member) -> None:
    [review] = json.loads(afterword.say("export", "Alba's bakery", "--format", "json"))
    assert (review["text"], review["id_order"]) == ("Très bon.", "A-1")
    table = afterword.say("export", "1")
    assert table.startswith("\ufeff"), "Excel takes it for the letters of another language"
    [row] = csv.DictReader(table[1:].splitlines())
    assert (row["id"], row["text"]) == (str(review["id"]), "Très bon.")
    feed = afterword.say("export", "1", "--format", "google", AFTERWORD_URL="https://reviews.example")
    assert [found.id for found in check_feed(feed.encode())] == [review["id"]]
    assert afterword.say("export", "1", "--test", "--format", "json") == "[]\n"


def test_a_file_replaces_the_last_one_once_it_is_whole(afterword: Command, file: Path) -> None:
    file.write_text("the last one")
    said = afterword.say("export", "1", "--output", "reviews.csv")
    assert said == f"reviews.csv was written ({file.stat().st_size:,} bytes).\n"
    assert file.read_text("utf-8").splitlines() == afterword.say("export", "1").splitlines()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "reviews.csv"]


def test_an_export_that_fails_says_why_and_leaves_the_last_file(
    afterword: Command, alba: Member, file: Path
) -> None:
    file.write_text("the last one")
    execute(alba.store, "UPDATE orders SET lines = 'no JSON'")
    assert afterword.run("export", "1", "--output", "reviews.csv").code == 1
    assert file.read_text() == "the last one"
    assert sorted(path.name for path in afterword.folder.iterdir()) == ["data", "reviews.csv"]
    assert "there is no shop 'Clara'" in afterword.run("export", "Clara").sentence
    assert afterword.run("export", "1", "--output", "no/r.csv").sentence == "there is no folder no"
    assert "is not one of" in afterword.run("export", "1", "--format", "xls").usage
