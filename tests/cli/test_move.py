"""`afterword move`: what it says, and what it refuses."""

import json
import os
import pty
import re
import subprocess
from contextlib import closing

from afterword.store.queries import query
from afterword.store.transfer.move import connect
from tests.cli.command import AFTERWORD, Command

PART = {"role": "source", "move": "m", "run": "r", "peer": "elsewhere.db", "since": 1_772_374_326}


def test_everything_is_at_the_new_database_and_the_old_one_says_where(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    told = afterword.json("move", "--from", "data/afterword.db", "--to", "new.db")
    old, new = str(afterword.data / "afterword.db"), str(afterword.folder / "new.db")
    assert (told["from"], told["to"]) == (old, new)
    assert told["tables"]["shops"]["rows"] == 1
    assert told["tables"]["keys"]["rows"] == 4
    assert len(told["tables"]["orders"]["sha256"]) == 64
    assert (
        afterword.run("shop", "list").sentence == f"this database was moved to {new}: start Afterword there"
    )
    [shop] = afterword.json("shop", "list", AFTERWORD_DATABASE="new.db")
    assert shop["name"] == "Alba's bakery"
    again = afterword.say("move", "--from", "data/afterword.db", "--to", "new.db")
    assert again.startswith(f"This move was finished before: everything is at {new}.")
    assert "no way back" in afterword.run("move", "--from", "data/afterword.db", "--cancel").sentence


def test_the_hashes_and_what_to_do_next_are_said(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    said = afterword.say("move", "--from", "data/afterword.db", "--to", "new.db")
    assert re.search(r"^shops +1 +[0-9a-f]{64}$", said, re.MULTILINE)
    assert "give AFTERWORD_DATABASE its address" in said


def test_it_is_called_with_one_of_to_and_cancel(afterword: Command) -> None:
    afterword.say("migrate")
    for words in ((), ("--to", "new.db", "--cancel")):
        assert (
            afterword.run("move", "--from", "data/afterword.db", *words).usage
            == "Give --to DATABASE, or --cancel."
        )
    assert (
        afterword.run("move", "--from", "none.db", "--to", "new.db").sentence
        == "there is no database none.db"
    )
    assert "no move" in afterword.run("move", "--from", "data/afterword.db", "--cancel").sentence


def test_an_unfinished_move_is_told_and_taken_back(afterword: Command) -> None:
    afterword.say("migrate")
    file = str(afterword.data / "afterword.db")
    with closing(connect(file)) as connection:
        connection.run(query("begin_relocation"), PART | {"state": "draining"})
    [check] = [each for each in _checks(afterword) if each["check"] == "move"]
    assert check["level"] == "action"
    assert "SENDING IS PAUSED" in check["says"] and "elsewhere.db" in check["says"]
    with closing(connect(file)) as connection:
        connection.run(query("begin_relocation"), PART | {"state": "closed"})
    [check] = [each for each in _checks(afterword) if each["check"] == "database"]
    assert check["says"].startswith("this database is being moved to elsewhere.db")
    assert afterword.json("move", "--from", file, "--cancel") == {"cancelled": True, "to": "elsewhere.db"}
    assert not [each for each in _checks(afterword) if each["check"] == "move"]


def _checks(afterword: Command) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(afterword.run("doctor", "--json").out)["checks"]
    return found


def test_a_terminal_is_told_how_far_it_is(afterword: Command) -> None:
    afterword.json("shop", "add", "Alba's bakery")
    mine, theirs = pty.openpty()
    subprocess.run(
        [*AFTERWORD, "move", "--from", "data/afterword.db", "--to", "new.db", "--json"],
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
