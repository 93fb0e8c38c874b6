"""The commands about reviews, one by one, and what they say."""

import shlex
from pathlib import Path

import pytest

from afterword.cli.commands.reviews.moderation import BELOW
from afterword.store.engine.sqlite import SqliteDatabase
from tests.cli.command import Command
from tests.store.cast import NOW, Customer, Member, link_found
from tests.store.databases import ask
from tests.store.reviews.reviewing import notified


@pytest.fixture
def waiting(alba: Member, clara: Customer) -> str:
    """The number of Clara's flagged review of the rye bread."""
    text = "Crisp, still warm.\nSee https://evil.example"
    return str(clara.reviews(alba.order(), 1, 4, text=text, look=link_found).id)


def test_a_list_is_of_one_shop_mode_and_state(
    afterword: Command, alba: Member, bruno: Member, clara: Customer, waiting: str
) -> None:
    test = clara.reviews(alba.order("T-1", live=False))
    assert [row["id"] for row in afterword.json("review", "list", "1", "--test")] == [test.id]
    [row] = afterword.json("review", "list", "Alba's bakery", "--state", "waiting")
    assert (row["id"], row["flags"], row["published_at"]) == (int(waiting), ["link"], None)
    assert afterword.say("review", "list", "1", "--state", "published") == "No reviews.\n"
    assert afterword.json("review", "list", "Bruno's books") == []
    assert "is not one of" in afterword.run("review", "list", "1", "--state", "hidden").usage


def test_one_is_shown_with_its_history(
    afterword: Command, alba: Member, clara: Customer, waiting: str
) -> None:
    [review] = afterword.json("review", "list", "1")
    shown = afterword.json("review", "show", waiting)
    assert {name: shown.pop(name) for name in review} == review
    [invitation] = afterword.json("invitation", "list", "1")
    of_order = [shown.pop(name) for name in ("shop", "id_order", "invitation")]
    assert of_order == ["Alba's bakery", "A-1", invitation["id"]]
    entry = {"seq": 2, "kind": "written", "version": 1, "happened_at": "2026-03-01T14:12:06Z"}
    assert shown == {"past_versions": [], "chain": [entry]}
    about = alba.order("A-2")
    clara.reviews(about, 1, 4, text="Crisp, still warm.\nSee you.")
    new = clara.reviews(about, 1, 5, text="Crisp.\n\nTruly.", seen=1, now=NOW + 60)
    entries = [
        (each["kind"], each["version"]) for each in afterword.json("review", "show", str(new.id))["chain"]
    ]
    assert entries == [("written", 1), ("published", 1), ("written", 2), ("published", 2)]
    said = afterword.say("review", "show", str(new.id))
    assert "\ntext:\n    Crisp.\n\n    Truly.\n" in said
    assert "\nversion 1, 4 stars, 2026-03-01T14:12:06Z:\n    Crisp, still warm.\n    See you." in said
    assert afterword.run("review", "show", "99").sentence == "there is no review 99"


def test_characters_that_could_control_a_terminal_are_escaped(
    afterword: Command, alba: Member, clara: Customer
) -> None:
    text = "Good\x9b2J \N{RIGHT-TO-LEFT MARK}bread " + "and so on " * 30
    number = str(clara.reviews(alba.order(), text=text).id)
    for said in (afterword.say("review", "show", number), afterword.say("review", "list", "1")):
        assert r"Good\x9b2J" in said or "Good 2J" in said
        assert said.replace("\n", "").isprintable() and max(map(len, said.splitlines())) < 150


def test_the_version_that_was_read_is_published_once(afterword: Command, waiting: str) -> None:
    decisions = (
        ["publish", waiting],
        ["reject", waiting, "--reason", "abuse"],
        ["reply", waiting, "Thanks."],
    )
    for words in decisions:
        refused = afterword.run("review", *words, "--version", "2").sentence
        assert refused == f"review {waiting} has changed since you read it: read it again"
    said = afterword.say("review", "publish", waiting, "--version", "1")
    assert said == f"Review {waiting} is published.\n"
    [row] = afterword.json("review", "list", "1", "--state", "published")
    assert row["published_at"] == row["changed_at"] > row["written_at"]
    refused = afterword.run("review", "publish", waiting).sentence
    assert refused == f"review {waiting} is published and cannot be published"


def test_one_is_rejected_for_a_listed_reason_alone_and_its_author_is_notified(
    afterword: Command, database: SqliteDatabase, waiting: str
) -> None:
    missing = afterword.run("review", "reject", waiting)
    assert missing.code == 2 and "Missing option '--reason'. Choose from:\n\tabuse," in missing.err
    assert "is not one of 'abuse'" in afterword.run("review", "reject", waiting, "--reason", "4 stars").usage
    row = afterword.json("review", "reject", waiting, "--reason", "advertising")
    assert (row["state"], row["reason"], row["published_at"]) == ("rejected", "advertising", None)
    assert ask(database, notified)[-1] == ("rejection", 0, "clara@nunez.example")
    refused = afterword.run("review", "reject", waiting, "--reason", "abuse").sentence
    assert refused == f"review {waiting} is rejected and cannot be rejected"
    assert afterword.json("review", "publish", waiting)["reason"] is None
    said = afterword.say("review", "reject", waiting, "--reason", "abuse")
    assert said == f"Review {waiting} is rejected: insults, hatred or threats.\n"


def test_the_shop_replies_once_changes_it_and_removes_it(afterword: Command, waiting: str) -> None:
    assert afterword.say("review", "reply", waiting, "Thank you!") == "The reply is saved.\n"
    afterword.say("review", "publish", waiting)
    row = afterword.json("review", "reply", waiting, "Thank you,\nClara!")
    assert row["reply"] == "Thank you,\nClara!"
    assert row["published_at"] <= row["replied_at"] <= row["changed_at"]
    assert "    Thank you,\n    Clara!\n" in afterword.say("review", "show", waiting)
    again = afterword.say("review", "reply", waiting, "Thanks.")
    assert again == "The reply is saved and shown with the review.\n"
    assert afterword.say("review", "reply", waiting, "--remove") == "The reply is removed.\n"
    assert afterword.run("review", "reply", waiting, "--remove").sentence == f"review {waiting} has no reply"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give a TEXT, - to read it from stdin, or --remove"),
        (["Thanks.", "--remove"], "give either a TEXT or --remove"),
        (["\N{SMILING FACE WITH SMILING EYES}" * 5_001], "Invalid value for TEXT: This is too long"),
        (["a" * 5_001], "Invalid value for TEXT: This is too long: the limit is 5,000 characters."),
        (["Thanks\udcff"], "Invalid value for TEXT: Your text contains a character we cannot save. "),
    ],
)
def test_a_reply_is_a_few_words(afterword: Command, words: list[str], sentence: str) -> None:
    assert afterword.run("review", "reply", "1", *words).usage.startswith(sentence)


@pytest.mark.parametrize(("words", "stdin"), [("", ""), (" - ", ""), ("-", "-\n"), ("-", " \n")])
def test_an_empty_reply_or_a_lone_dash_is_never_published(
    afterword: Command, waiting: str, words: str, stdin: str
) -> None:
    ran = afterword.run("review", "reply", waiting, words, stdin=stdin)
    assert ran.sentence == "the reply is empty: nothing was changed"


def test_a_reply_is_read_from_stdin(afterword: Command, waiting: str) -> None:
    ran = afterword.run("review", "reply", waiting, "-", stdin="Thank you,\nClara!\n")
    assert ran.out == "The reply is saved.\n"
    assert afterword.json("review", "show", waiting)["reply"] == "Thank you,\nClara!"
    wrong = afterword.run("review", "reply", waiting, "-", stdin="a" * 200_000)
    assert wrong.usage.startswith("Invalid value for TEXT: This is too long")


class Editor:
    """What a person writes in an editor, which is a program that this writes."""

    def __init__(self, folder: Path) -> None:
        self.program, self.seen = folder / "editor", folder / "seen"

    def writes(self, text: str) -> dict[str, str]:
        self.program.write_text(f'#!/bin/sh\ncp "$1" {self.seen}\nprintf %s {shlex.quote(text)} > "$1"\n')
        self.program.chmod(0o700)
        return {"EDITOR": str(self.program), "VISUAL": ""}


def test_a_reply_is_written_in_an_editor_and_confirmed(
    afterword: Command, waiting: str, tmp_path: Path
) -> None:
    editor = Editor(tmp_path)
    written = editor.writes(f"Thank you,\nClara!\n\n{BELOW}\nand what was below")
    said = afterword.at_terminal("review", "reply", waiting, types="y\n", **written)
    assert "    Thank you,\r\n    Clara!\r\nPublish this reply" in said.out
    assert said.code == 0 and "The reply is saved." in said.out
    assert "Clara N., 4 stars:\nCrisp, still warm." in editor.seen.read_text()
    assert afterword.json("review", "show", waiting)["reply"] == "Thank you,\nClara!"
    emptied = afterword.at_terminal("review", "reply", waiting, **editor.writes(f"\n{BELOW}\n"))
    assert editor.seen.read_text().startswith("Thank you,\nClara!\n")
    assert emptied.code == 1 and "the reply is empty" in emptied.out


def test_words_of_the_command_line_are_confirmed_too(afterword: Command, waiting: str) -> None:
    asked = afterword.at_terminal("review", "reply", waiting, "Thanks.", types="n\n")
    assert asked.code == 1 and "not confirmed: nothing was changed" in asked.out
    assert afterword.at_terminal("review", "reply", waiting, "Thanks!", "--yes").code == 0
    assert afterword.json("review", "show", waiting)["reply"] == "Thanks!"


def test_a_copied_text_names_the_reviews_that_have_it(
    afterword: Command, alba: Member, clara: Customer
) -> None:
    text = "The crust is thick and dark, and the crumb is open without being full of holes."
    first = clara.reviews(alba.order("A-1"), text=text)
    copied = clara.reviews(alba.order("A-2"), text=text.upper())
    assert copied.flags == ("copied text",)
    why = f"copied text (as review {first.id})"
    assert why in afterword.say("review", "list", "1", "--state", "waiting")
    assert why in afterword.say("review", "show", str(copied.id))


def test_a_dispute_is_shown_beside_the_review_which_stays_as_it_is(afterword: Command, waiting: str) -> None:
    row = afterword.json("review", "dispute", waiting, "--reason", "This order was never collected.")
    assert (row["state"], row["dispute"]) == ("waiting", "This order was never collected.")
    assert "\ndispute:\n    This order was never" in afterword.say("review", "show", waiting)
    again = afterword.say("review", "dispute", waiting, "--reason", "Never.")
    assert again == f"The dispute of review {waiting} is saved and shown beside it.\n"


def test_what_is_erased_is_named_and_gone(
    afterword: Command, database: SqliteDatabase, alba: Member, clara: Customer
) -> None:
    about = alba.order()
    clara.reviews(about, 1, 4, text="Crisp, still warm.")
    review = str(clara.reviews(about, 1, 5, text="Crisp. Truly.", seen=1).id)
    afterword.json("review", "reply", review, "Thank you, Clara!")
    assert afterword.say("review", "erase", review) == (
        f"Review {review} is erased: its text, its author's name, its earlier versions and the reply are removed "
        "permanently.\n"
    )
    said = afterword.say("review", "show", review)
    assert "erased" in said and "author" not in said and "stars" not in said
    assert not any(word in said for word in ("Crisp", "Clara", "Thank"))
    assert ask(database, notified) == []
    assert afterword.run("review", "erase", review).sentence == f"review {review} is already erased"


def test_no_file_has_what_was_erased_and_a_backup_has_not_either(
    afterword: Command, database: SqliteDatabase, alba: Member, clara: Customer
) -> None:
    about, other = alba.order("A-1"), alba.order("A-2")
    clara.reviews(about, 1, 4, text="Crisp, still warm.")
    one = clara.reviews(about, 1, 5, text="Crisp and honest. " * 300, seen=1)
    alba.replies(one, "Thanks for the crisp words!")
    clara.reviews(other, 1, 5, text="Soft rolls.")
    outbox = afterword.data / "outbox"
    outbox.mkdir()
    for name, address in (
        ("A-1-c0ffee", "clara@nunez.example"),
        ("A-1-decade", "b"),
        ("A-12-c0ffee", "clara"),
    ):
        (outbox / f"{name}.eml").write_text(f"To: <{address}>\r\n\r\n")
    secrets = [b"Crisp", b"crisp words", one.salt.encode()]
    assert any(
        secret in file.read_bytes() for file in afterword.data.glob("afterword.db*") for secret in secrets
    )
    assert afterword.say("review", "erase", str(one.id)).endswith(f" So is 1 e-mail in {outbox}.\n")
    afterword.say("backup", str(afterword.data / "backup.db"))
    for file in filter(Path.is_file, afterword.data.rglob("*")):
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret in content], file
    assert b"Soft rolls." in (afterword.data / "backup.db").read_bytes()
    assert sorted(file.name for file in outbox.iterdir()) == ["A-1-decade.eml", "A-12-c0ffee.eml"]
