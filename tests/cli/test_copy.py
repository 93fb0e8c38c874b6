"""`afterword copy`: what it prints, and what it refuses."""

import os
import pty
import re
import subprocess
from contextlib import closing

import pytest

from afterword.store.transfer.copy import connect, copy
from tests.cli.command import AFTERWORD, Command
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


def test_the_hashes_and_what_to_do_next_are_printed(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    said = afterword.say(*TO)
    assert re.search(r"^shops +1 +[0-9a-f]{64}$", said, re.MULTILINE)
    assert "Set AFTERWORD_DATABASE to the new database" in said and "send journal" in said


def test_what_cannot_be_copied_is_refused(afterword: Command) -> None:
    assert afterword.run(*TO).sentence == "there is no database data/afterword.db"
    afterword.say("migrate")
    with closing_now(open_database(afterword.data)):
        assert afterword.run(*TO).sentence == "data/afterword.db is in use: stop Afterword, then copy"


def test_an_unfinished_copy_is_not_opened(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with (
        closing(connect(str(afterword.data / "afterword.db"))) as old,
        closing(connect(str(afterword.folder / "new.db"), is_new=True)) as new,
        pytest.raises(KeyboardInterrupt),
    ):
        copy(old, new, interrupt)
    refused = afterword.run("shop", "list", AFTERWORD_DATABASE="new.db").sentence
    assert refused == "this database is an unfinished copy: run the same afterword copy again"
    doctor = afterword.run("doctor", AFTERWORD_DATABASE="new.db")
    assert doctor.code == 1 and refused in doctor.out
    afterword.say(*TO)
    afterword.say("shop", "list", AFTERWORD_DATABASE="new.db")


def test_a_terminal_shows_progress(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    mine, theirs = pty.openpty()
    subprocess.run(
        [*AFTERWORD, *TO, "--json"],
        cwd=afterword.folder,
        env=afterword.environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    with os.fdopen(mine, "rb", buffering=0) as terminal:
        said = terminal.read(4_000)
    assert b"100 % of " in said and b"rows copied" in said and b"rows compared" in said
