"""`afterword person`: all that is kept of an address comes out as one object, or is in no file any more."""

import json
from pathlib import Path

from afterword.store.engine.sqlite import SqliteDatabase
from tests.cli.command import Command
from tests.store.cast import Customer, Member

CLARA = "Clara.Nunez@mail.example"
SECRETS = (b"clara.nunez", b"klarissa", b"nunezova", b"sourdough secret", b"33 1 40 00")
"""What only Clara's data have, in lower case."""


def orders_and_reviews(alba: Member, clara: Customer) -> None:
    about = alba.order(
        "A-1", email=CLARA, firstname="Klarissa", lastname="Nunezova", phone="+33 1 40 00 00 00"
    )
    clara.reviews(about, 1, 4, text="A sourdough secret.")
    clara.reviews(about, 1, 5, text="A sourdough secret, kept. " * 200, seen=1)
    alba.suppresses(CLARA, reason="complained")
    other = alba.order("A-2", email="diego@mail.example", firstname="Diego")
    clara.reviews(other, 1, 5, text="Soft rolls.")


def test_all_of_a_person_is_exported(afterword: Command, alba: Member, clara: Customer) -> None:
    orders_and_reviews(alba, clara)
    exported = json.loads(afterword.say("person", "export", "1", CLARA.upper()))
    [order] = exported["orders"]
    assert (order["id_order"], order["firstname"], order["phone"]) == ("A-1", "Klarissa", "+33 1 40 00 00 00")
    [review] = order["reviews"]
    assert [review["version"], *[version["text"] for version in review["versions"]]] == [
        2,
        "A sourdough secret.",
    ]
    assert [each["reason"] for each in exported["suppressions"]] == ["complained"]
    refused = afterword.run("person", "export", "1", "noor@mail.example").sentence
    assert refused == "Alba's bakery keeps nothing of noor@mail.example"


def test_no_file_has_an_erased_person_and_a_backup_has_not_either(
    afterword: Command, database: SqliteDatabase, alba: Member, clara: Customer
) -> None:
    orders_and_reviews(alba, clara)
    outbox = afterword.data / "outbox"
    outbox.mkdir()
    (outbox / "A-1-c0ffee.eml").write_text(f"To: <{CLARA}>\r\n\r\nKlarissa")
    assert "keeps 1 order and 1 review of" in afterword.run("person", "erase", "1", CLARA).usage
    assert _found(afterword.data) == set(SECRETS)
    said = afterword.say("person", "erase", "1", CLARA, "--yes")
    assert said.startswith(
        f"Erased: 1 order and 1 review, 1 e-mail in {outbox}. Alba's bakery does not write"
    )
    afterword.say("backup", str(afterword.data / "backup.db"))
    assert _found(afterword.data) == set()
    assert b"Soft rolls." in (afterword.data / "backup.db").read_bytes()
    assert afterword.json("person", "erase", "1", CLARA, "--yes")["orders"] == 0


def _found(folder: Path) -> set[bytes]:
    contents = [file.read_bytes().lower() for file in folder.rglob("*") if file.is_file()]
    return {secret for secret in SECRETS for content in contents if secret in content}


def test_how_long_orders_are_kept_is_set(afterword: Command, alba: Member) -> None:
    assert afterword.json("shop", "set", "1", "--keep-for", "365d")["keep_for"] == "365d"
    assert "is not from 365d to 3650d" in afterword.run("shop", "set", "1", "--keep-for", "364d").usage
