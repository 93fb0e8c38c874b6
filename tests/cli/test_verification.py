"""`afterword verify`: what it says, and with which exit code."""

from pathlib import Path
from typing import NamedTuple

import pytest

from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.verification import written_line
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.reviews.chain import entries_from
from tests.cli.command import Command
from tests.store.cast import Customer, Member
from tests.store.databases import ask, execute


class Bakery(NamedTuple):
    """The key that signs for Alba's bakery, and the receipt of one of its two reviews."""

    key: str
    review: int
    hash: str
    salt: str


@pytest.fixture
def bakery(alba: Member, clara: Customer, signer: Signer) -> Bakery:
    about = alba.order("A-1")
    first = clara.writes(about, text="Stale.", rating=1, signer=signer)
    clara.reviews(about, 1, signer=signer)
    assert first.entry is not None
    key = signer.public_key(alba.shop.id)
    return Bakery(key, first.review.id, first.entry.hash, first.review.salt)


def test_an_intact_chain_is_said_with_its_last_entry_and_key(afterword: Command, bakery: Bakery) -> None:
    said = afterword.say("verify", "Alba's bakery")
    assert said.startswith("Intact: Alba's bakery (live reviews), 5 entries, 2 reviews.\nLast entry: ")
    assert f"Signed with: {bakery.key}\n" in said
    found = afterword.json("verify", "1")
    assert (found["intact"], found["entries"], found["reviews"], found["faults"]) == (True, 5, 2, 0)
    assert (found["public_key"], found["findings"], len(found["head"])) == (bakery.key, [], 64)
    nothing = afterword.say("verify", "1", "--test")
    assert nothing == "Intact: Alba's bakery (test reviews), 0 entries, 0 reviews.\n"


def test_what_was_changed_is_said_in_sentences_with_exit_code_1(
    afterword: Command, database: SqliteDatabase, bakery: Bakery
) -> None:
    execute(database, "UPDATE reviews SET text = 'Fresh.', rating = 5 WHERE rating = 1")
    ran = afterword.run("verify", "1")
    assert (ran.code, ran.err) == (1, "")
    assert f"review {bakery.review}: what was written is not what the chain commits to\n" in ran.out
    assert "\n3 FAULTS: Alba's bakery" in ran.out
    assert afterword.run("verify", "1", "--json").code == 1


def test_an_end_that_was_cut_off_is_a_fault_until_the_operator_accepts_it(
    afterword: Command, database: SqliteDatabase, bakery: Bakery
) -> None:
    for table in ("chain", "chain_heads", "reviews", "review_counts"):
        execute(database, f"DELETE FROM {table}")
    ran = afterword.run("verify", "1")
    assert ran.code == 1 and "head: the send journal has noted entry 3 with a hash of " in ran.out
    assert "\n1 FAULT: Alba's bakery" in ran.out
    said = afterword.say("verify", "1", "--accept")
    assert said == "Intact: Alba's bakery (live reviews), 0 entries, 0 reviews.\n"
    assert afterword.say("verify", "1") == said
    (database.path.parent / "send.journal").unlink()
    assert afterword.run("verify", "1", "--accept").sentence.startswith("the send journal is missing")


def test_a_receipt_is_found_with_the_status_of_its_review(afterword: Command, bakery: Bakery) -> None:
    receipt = ("verify", "1", "--receipt", bakery.hash)
    said = afterword.say(*receipt)
    assert f"version 1 of review {bakery.review}. The review is published, as it was written.\n" in said
    found = afterword.json(*receipt, "--salt", bakery.salt)["receipt"]
    named = {"entry": 2, "review": bakery.review, "version": 1}
    assert found == named | {"status": "published", "has_words": True}
    wrong = afterword.run(*receipt, "--salt", "0" * 32)
    assert wrong.code == 1 and "THE SALT DOES NOT MATCH" in wrong.out
    nothing = afterword.run("verify", "1", "--receipt", "0" * 64)
    assert nothing.code == 1 and "Receipt: NOT FOUND. No author's entry has this hash." in nothing.out


def test_a_downloaded_chain_needs_no_database(
    afterword: Command, database: SqliteDatabase, bakery: Bakery, tmp_path: Path
) -> None:
    file = tmp_path / "chain.jsonl"
    file.write_text("".join(map(written_line, ask(database, entries_from, 1, live=True))))
    elsewhere = Command(tmp_path / "elsewhere", default=True)
    elsewhere.folder.mkdir()
    said = elsewhere.say("verify", "--file", str(file), "--key", bakery.key)
    assert f"Intact: {file}, 5 entries, 2 reviews.\n" in said and bakery.key in said
    receipt = elsewhere.json("verify", "--file", str(file), "--receipt", bakery.hash)["receipt"]
    assert (receipt["status"], receipt["has_words"]) == ("published", None)
    assert elsewhere.run("verify", "--file", str(file), "--key", "0" * 64).code == 1
    assert not elsewhere.data.exists()


def test_a_shop_or_a_file_is_named_and_not_both(afterword: Command) -> None:
    for words in ((), ("1", "--file", "f"), ("--file", "f", "--test"), ("--file", "f", "--accept")):
        assert "give a SHOP, or a --file without" in afterword.run("verify", *words).usage
    assert "64 hex digits" in afterword.run("verify", "1", "--key", "0").usage
    assert "--salt needs --receipt" in afterword.run("verify", "1", "--salt", "0" * 32).usage
    assert afterword.run("verify", "Bruno's books").sentence.startswith("there is no shop")
    assert "No such file" in afterword.run("verify", "--file", "not-there").sentence
