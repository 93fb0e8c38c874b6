"""`afterword verify`: what it says, with which exit code, and what a receipt or a downloaded chain is worth."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from afterword.actions.moderation import reject
from afterword.actions.writing import Written
from afterword.base.settings import read_settings
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.verification import written_line
from afterword.store.engine.database import Transaction
from afterword.store.reviews.chain import entries_from
from tests.cli.command import Command
from tests.store.cast import NOW, Member, add_member, order
from tests.store.reviews.reviewing import LINES, reviewed_order, write


class Bakery(NamedTuple):
    """Alba's bakery with two reviews, the key that signs, and the first review's receipt."""

    member: Member
    key: str
    hash: str
    salt: str
    review: int


@pytest.fixture
def bakery(afterword: Command) -> Bakery:
    signer = Signer(read_settings(afterword.environment).link_secret())

    def work(tx: Transaction) -> tuple[Member, Written]:
        member = add_member(tx, "Alba's bakery")
        about = reviewed_order(tx, member, order("A-1", lines=LINES))
        first = write(tx, about, text="Stale.", rating=1, signer=signer)
        write(tx, about, 1, signer=signer)
        return member, first

    member, first = changed(afterword, work)
    assert first.entry is not None
    key = signer.public_key(member.shop.id)
    return Bakery(member, key, first.entry.hash, first.review.salt, first.review.id)


def changed(afterword: Command, work: Any) -> Any:
    database = afterword.database()
    try:
        return database.write_now(work)
    finally:
        database.close_now()


def download(afterword: Command, bakery: Bakery) -> Path:
    database = afterword.database()
    entries = database.read_now(lambda tx: entries_from(tx, bakery.member.shop.id, live=True))
    database.close_now()
    file = afterword.folder / "chain.jsonl"
    file.write_text("".join(map(written_line, entries)))
    return file


def test_a_whole_chain_is_said_to_be_whole_with_its_head_and_key(afterword: Command, bakery: Bakery) -> None:
    said = afterword.say("verify", "Alba's bakery")
    assert said.startswith("Whole: Alba's bakery (live reviews), 5 entries, 2 reviews.\nLast entry: ")
    assert f"Signed with: {bakery.key}\n" in said
    found = afterword.json("verify", "1")
    assert (found["whole"], found["entries"], found["reviews"], found["faults"]) == (True, 5, 2, 0)
    assert (found["public_key"], found["findings"], len(found["head"])) == (bakery.key, [], 64)
    assert afterword.say("verify", "1", "--test") == (
        "Whole: Alba's bakery (test reviews), 0 entries, 0 reviews.\n"
    )


def test_what_was_changed_is_told_in_sentences_with_exit_code_1(afterword: Command, bakery: Bakery) -> None:
    changed(afterword, lambda tx: tx.run("UPDATE reviews SET text = 'Fresh.', rating = 5 WHERE rating = 1"))
    ran = afterword.run("verify", "1")
    assert (ran.code, ran.err) == (1, "")
    assert f"review {bakery.review}: what was written is not what the chain commits to\n" in ran.out
    assert "counts of site: 1 published rated 1 are counted, but there are 0\n" in ran.out
    assert "\n3 FAULTS: Alba's bakery" in ran.out
    assert afterword.run("verify", "1", "--json").code == 1


def test_a_key_that_this_installation_has_not_is_a_fault_unless_it_is_named(
    afterword: Command, bakery: Bakery
) -> None:
    """Somebody who can write to the database could have signed it all anew."""
    other = {"AFTERWORD_SECRET": "another secret of thirty-two or more characters"}
    ran = afterword.run("verify", "1", **other)
    assert ran.code == 1 and f"introduces a key that may not sign this chain, {bakery.key}" in ran.out
    assert afterword.say("verify", "1", "--key", bakery.key, "--key", "0" * 64, **other)
    assert afterword.run("verify", "1", "--key", "0" * 64).code == 1
    assert "64 hex digits" in afterword.run("verify", "1", "--key", "0").usage


def test_a_receipt_is_found_with_what_became_of_the_words(afterword: Command, bakery: Bakery) -> None:
    receipt = ("verify", "1", "--receipt", bakery.hash)
    assert f"of review {bakery.review}. The review is published, as it was written.\n" in afterword.say(
        *receipt
    )
    found = afterword.json(*receipt, "--salt", bakery.salt)["receipt"]
    assert found == {
        "entry": 2,
        "review": bakery.review,
        "version": 1,
        "became": "published",
        "has_words": True,
    }
    assert afterword.run(*receipt, "--salt", "0" * 32).code == 1
    nothing = afterword.run("verify", "1", "--receipt", "0" * 64)
    assert nothing.code == 1 and "Receipt: NOT FOUND. No author's entry has this hash." in nothing.out
    assert "--salt goes with --receipt" in afterword.run("verify", "1", "--salt", bakery.salt).usage


def test_a_downloaded_chain_is_checked_without_any_database(
    afterword: Command, bakery: Bakery, tmp_path: Path
) -> None:
    file = download(afterword, bakery)
    elsewhere = Command(tmp_path / "elsewhere", default=True)
    elsewhere.folder.mkdir()
    said = elsewhere.say("verify", "--file", str(file), "--key", bakery.key)
    assert f"Whole: {file}, 5 entries, 2 reviews.\n" in said and bakery.key in said
    receipt = elsewhere.json("verify", "--file", str(file), "--receipt", bakery.hash)["receipt"]
    assert (receipt["became"], receipt["has_words"]) == ("published", None)
    assert elsewhere.run("verify", "--file", str(file), "--key", "0" * 64).code == 1
    assert elsewhere.run("verify", "--file", str(file), "--receipt", "0" * 64).code == 1
    assert not elsewhere.data.exists()


def test_what_became_of_a_receipt_is_read_from_a_downloaded_chain(afterword: Command, bakery: Bakery) -> None:
    def work(tx: Transaction) -> None:
        about = reviewed_order(tx, bakery.member, order("A-2"))
        signer = Signer(read_settings(afterword.environment).link_secret())
        review = write(tx, about, text="Bad.", signer=signer).review
        reject(tx, review, "abuse", signer, NOW)

    changed(afterword, work)
    file = download(afterword, bakery)
    database = afterword.database()
    entries = database.read_now(lambda tx: entries_from(tx, 1, live=True))
    database.close_now()
    [hashed] = [
        each.hash for each in entries if each.kind == "written" and each.review_id == entries[-1].review_id
    ]
    found = afterword.json("verify", "--file", str(file), "--receipt", hashed)
    assert found["receipt"]["became"] == "rejected"


def test_a_changed_or_cut_line_of_a_download_is_told(afterword: Command, bakery: Bakery) -> None:
    file = download(afterword, bakery)
    lines = file.read_text().splitlines(keepends=True)
    for told, content in (
        ("entry 3: its hash is not that of its content", [line.replace("checks", "shop") for line in lines]),
        ("line 5: is no entry of a chain", [*lines[:4], lines[4][:-20]]),
        ("entry 3: is missing", lines[:2] + lines[3:]),
        ("line 1: is no entry of a chain", ["x" * 25_000 + "\n", *lines]),
    ):
        file.write_text("".join(content))
        ran = afterword.run("verify", "--file", str(file))
        assert ran.code == 1 and told in ran.out, ran.out


def test_a_shop_or_a_file_is_named_and_not_both(afterword: Command, bakery: Bakery) -> None:
    file = str(download(afterword, bakery))
    for words in ((), ("1", "--file", file), ("--file", file, "--test")):
        assert "name a SHOP, or a --file alone" in afterword.run("verify", *words).usage
    assert afterword.run("verify", "Bruno's books").sentence.startswith("there is no shop")
    assert "No such file" in afterword.run("verify", "--file", "not-there").sentence
