"""`afterword copy`: what it prints, and what it refuses."""

import re

from tests.cli.command import Command
from tests.store.databases import closing_now, open_database

TO = ("copy", "--from", "data/afterword.db", "--to", "new.db")


def test_everything_is_in_the_new_database(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    copied = afterword.json(*TO)
    old, new = str(afterword.data / "afterword.db"), str(afterword.folder / "new.db")
    assert (copied["from"], copied["to"]) == (old, new)
    assert copied["tables"]["shops"]["rows"] == 1
    assert copied["tables"]["keys"]["rows"] == 4
    assert len(copied["tables"]["orders"]["sha256"]) == 64
    [shop] = afterword.json("shop", "list", AFTERWORD_DATABASE="new.db")
    assert shop["name"] == "Alba's bakery"
    assert afterword.json(*TO) == copied


def test_the_hashes_and_what_to_do_next_are_printed_and_progress_on_a_terminal(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    shown = afterword.on_terminal(*TO)
    assert "100 % of " in shown and "rows copied" in shown and "rows compared" in shown
    said = afterword.say(*TO)
    assert re.search(r"^shops +1 +[0-9a-f]{64}$", said, re.MULTILINE)
    assert "Set AFTERWORD_DATABASE to the new database" in said and "send journal" in said


def test_what_cannot_be_copied_is_refused(afterword: Command) -> None:
    assert afterword.run(*TO).sentence == "there is no database data/afterword.db"
    afterword.say("migrate")
    with closing_now(open_database(afterword.data)):
        assert afterword.run(*TO).sentence == "data/afterword.db is in use: stop Afterword, then copy"
