"""The page about feeds, export and import: its examples run, and its tables are those of the code."""

import json
import re
import shlex
from pathlib import Path

from afterword.actions.present import EXPORTED
from afterword.domain.reviews.headings import COLUMNS
from tests.cli.command import Command
from tests.docs.pages import blocks, read, rows, section
from tests.google_feed import check_feed


def test_the_examples_run_as_they_stand(tmp_path: Path) -> None:
    afterword = Command(tmp_path)
    afterword.say("shop", "add", "Alba's bakery", "--timezone", "Europe/Paris")
    table, commands = blocks(section(read("docs/feeds.md"), "## Import"))[0].split("\n\n")
    (tmp_path / "reviews.csv").write_text(table)
    trial, real = commands.splitlines()
    assert afterword.say(*shlex.split(trial)[1:]).endswith("\n2 reviews would be imported.\n")
    assert afterword.say(*shlex.split(real)[1:]) == "2 reviews imported.\n"
    to_stdout, to_file = blocks(section(read("docs/feeds.md"), "## Export"))[0].splitlines()
    assert afterword.say(*shlex.split(to_stdout.partition(" > ")[0])[1:]).startswith("\ufeffid,id_order,")
    afterword.say(*shlex.split(to_file)[1:])
    bread, shop = json.loads((tmp_path / "reviews.json").read_text())
    assert bread["text"] == "Good bread\n\nGood crust;\nkeeps for days."
    assert (shop["author"], shop["published_at"]) == ("Diego", "2025-11-04T17:30:00Z")
    [google] = re.findall(r"`afterword (export SHOP --format google .+?)`", read("docs/feeds.md"))
    afterword.say(*google.replace("SHOP", "1").split())
    assert [each.id for each in check_feed((tmp_path / "reviews.xml").read_bytes())] == [bread["id"]]


def test_the_columns_are_those_that_are_read() -> None:
    told = {
        name
        for row in rows(section(read("docs/feeds.md"), "### The file"))
        for cell in row[:2]
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert told == {name for known in COLUMNS.values() for name in known}


def test_the_fields_are_those_that_are_written() -> None:
    [line] = re.findall(r"^Both have the same fields: (.+)$", read("docs/feeds.md"), re.MULTILINE)
    assert tuple(name for name in re.findall(r"`(\w+)`", line)) == EXPORTED
