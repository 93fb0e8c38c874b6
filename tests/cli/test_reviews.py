"""What a shop sees of its reviews, and what becomes of them by its own hand."""

from collections.abc import Callable
from typing import Any

import pytest

from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.reviews.writing import find_review
from tests.cli.command import Command
from tests.store.cast import NOW, Member, add_member, import_batch, order
from tests.store.reviews.reviewing import LINES, notified, reviewed_order, write

FIELDS = [
    "id",
    "shop_id",
    "invitation",
    "live",
    "product",
    "product_name",
    "state",
    "version",
    "rating",
    "text",
    "author",
    "lang",
    "experience_date",
    "imported_from",
    "flags",
    "reason",
    "reply",
    "doubt",
    "written_at",
    "changed_at",
    "published_at",
    "publish_at",
    "replied_at",
    "doubted_at",
]

SHOWN_TOO = ["shop", "id_order", "past_versions", "chain"]


def has_a_link(text: str) -> tuple[str, ...]:
    return ("link",)


def stored(afterword: Command, work: Callable[[Transaction], Any]) -> Any:
    database = afterword.database()
    try:
        return database.write_now(work)
    finally:
        database.close_now()


@pytest.fixture
def alba(afterword: Command) -> Member:
    member: Member = stored(afterword, lambda tx: add_member(tx, "Alba's bakery"))
    return member


@pytest.fixture
def about(afterword: Command, alba: Member) -> StoredOrder:
    """Clara's order A-1, for which she has waited to write."""
    found: StoredOrder = stored(afterword, lambda tx: reviewed_order(tx, alba, order("A-1", lines=LINES)))
    return found


@pytest.fixture
def waiting(afterword: Command, about: StoredOrder) -> str:
    """The number of Clara's review of the rye bread, in which the checks found something."""
    text = "Crisp, still warm.\nSee https://evil.example"
    number: int = stored(afterword, lambda tx: write(tx, about, 1, 4, text, look=has_a_link)).review.id
    return str(number)


def test_a_list_has_exactly_the_promised_fields(afterword: Command, alba: Member, waiting: str) -> None:
    [row] = afterword.json("review", "list", "Alba's bakery")
    assert list(row) == FIELDS
    assert row == {
        "id": int(waiting),
        "shop_id": alba.shop.id,
        "invitation": 1,
        "live": True,
        "product": "100",
        "product_name": "Rye bread",
        "state": "waiting",
        "version": 1,
        "rating": 4,
        "text": "Crisp, still warm.\nSee https://evil.example",
        "author": "Clara N.",
        "lang": "en",
        "experience_date": "2019-01-01",
        "imported_from": None,
        "flags": ["link"],
        "reason": None,
        "reply": None,
        "doubt": None,
        "written_at": "2026-03-01T14:12:06Z",
        "changed_at": "2026-03-01T14:12:06Z",
        "published_at": None,
        "publish_at": None,
        "replied_at": None,
        "doubted_at": None,
    }


def test_a_list_goes_through_all_pages_in_its_order(afterword: Command, alba: Member) -> None:
    def work(tx: Transaction) -> list[int]:
        written = []
        orders = (order(f"B-{n}", email=f"c{n}@mail.example") for n in range(1_010))
        imported = import_batch(tx, alba, *orders)
        numbers = [each.invitation_id for each in imported if each]
        for minute, number in enumerate(numbers):
            about = order_of(tx, alba.shop, number)
            assert about is not None
            written.append(write(tx, about, text=f"Bread {number}.", look=has_a_link, now=NOW + minute))
        return [each.review.id for each in written]

    numbers = stored(afterword, work)
    assert [row["id"] for row in afterword.json("review", "list", "1", "--state", "waiting")] == numbers
    assert [row["id"] for row in afterword.json("review", "list", "1")] == numbers[::-1]
    assert len(afterword.say("review", "list", "1").splitlines()) == 1_011
    assert afterword.json("review", "list", "1", "--state", "published") == []


def test_each_world_and_each_shop_lists_its_own(afterword: Command, alba: Member, waiting: str) -> None:
    def work(tx: Transaction) -> int:
        about = reviewed_order(tx, alba, order("T-1"), live=False)
        return write(tx, about).review.id

    number = stored(afterword, work)
    afterword.json("shop", "add", "Bruno's books")
    assert [row["id"] for row in afterword.json("review", "list", "1", "--test")] == [number]
    assert [row["id"] for row in afterword.json("review", "list", "1")] == [int(waiting)]
    assert afterword.json("review", "list", "Bruno's books") == []
    assert "is not one of" in afterword.run("review", "list", "1", "--state", "hidden").usage


def test_one_review_is_shown_with_all_that_became_of_it(
    afterword: Command, about: StoredOrder, waiting: str
) -> None:
    stored(afterword, lambda tx: write(tx, about, 1, 5, "Crisp.\n\nTruly.", seen=1, now=NOW + 60))
    shown = afterword.json("review", "show", waiting)
    assert list(shown) == FIELDS + SHOWN_TOO
    assert (shown["shop"], shown["id_order"], shown["version"]) == ("Alba's bakery", "A-1", 2)
    [past] = shown["past_versions"]
    assert (past["version"], past["rating"], past["written_at"]) == (1, 4, "2026-03-01T14:12:06Z")
    assert past["text"].startswith("Crisp, still warm.")
    assert [(each["kind"], each["version"]) for each in shown["chain"]] == [
        ("written", 1),
        ("written", 2),
        ("published", 2),
    ]
    said = afterword.say("review", "show", waiting)
    assert "\ntext:\n    Crisp.\n\n    Truly.\n" in said
    assert "\nversion 1, 4 stars, 2026-03-01T14:12:06Z:\n    Crisp, still warm.\n    See https" in said
    assert afterword.run("review", "show", "99").sentence == "there is no review 99"


def test_signs_that_could_steer_a_terminal_are_escaped_for_people(
    afterword: Command, about: StoredOrder
) -> None:
    text = "Good\x9b2J \N{RIGHT-TO-LEFT MARK}bread " + "and so on " * 30
    number = str(stored(afterword, lambda tx: write(tx, about, text=text)).review.id)
    for said in (afterword.say("review", "show", number), afterword.say("review", "list", "1")):
        assert r"Good\x9b2J" in said or "Good 2J" in said
        assert "\x9b" not in said and "\N{RIGHT-TO-LEFT MARK}" not in said
        assert max(map(len, said.splitlines())) < 150


def test_what_waits_is_published_by_a_person_once(afterword: Command, waiting: str) -> None:
    assert afterword.say("review", "publish", waiting) == f"Review {waiting} is published.\n"
    [row] = afterword.json("review", "list", "1", "--state", "published")
    assert row["published_at"] == row["changed_at"] > row["written_at"]
    refused = afterword.run("review", "publish", waiting).sentence
    assert refused == f"review {waiting} is published and cannot be published"


def test_one_is_rejected_for_a_listed_reason_alone_and_its_author_is_told(
    afterword: Command, waiting: str
) -> None:
    missing = afterword.run("review", "reject", waiting)
    assert missing.code == 2 and "Missing option '--reason'. Choose from:\n\tabuse," in missing.err
    assert "is not one of 'abuse'" in afterword.run("review", "reject", waiting, "--reason", "4 stars").usage
    row = afterword.json("review", "reject", waiting, "--reason", "advertising")
    assert (row["state"], row["reason"], row["published_at"]) == ("rejected", "advertising", None)
    assert stored(afterword, notified)[-1] == ("rejection", 0, "clara@nunez.example")
    refused = afterword.run("review", "reject", waiting, "--reason", "abuse").sentence
    assert refused == f"review {waiting} is rejected and cannot be rejected"
    assert afterword.json("review", "publish", waiting)["reason"] is None


def test_the_shop_replies_once_changes_it_and_takes_it_back(afterword: Command, waiting: str) -> None:
    said = afterword.say("review", "reply", waiting, "Thank you!")
    assert said == "The reply is stored.\n"
    afterword.say("review", "publish", waiting)
    row = afterword.json("review", "reply", waiting, "Thank you,\nClara!")
    assert row["reply"] == "Thank you,\nClara!"
    assert row["published_at"] <= row["replied_at"] <= row["changed_at"]
    assert "    Thank you,\n    Clara!\n" in afterword.say("review", "show", waiting)
    assert afterword.say("review", "reply", waiting, "--remove") == "The reply is taken back.\n"
    assert afterword.run("review", "reply", waiting, "--remove").sentence == f"review {waiting} has no reply"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "give either a TEXT or --remove"),
        (["Thanks.", "--remove"], "give either a TEXT or --remove"),
        ([""], "Invalid value for '[TEXT]': Write a few words."),
        (["a" * 5_001], "Invalid value for '[TEXT]': This is too long: the limit is 5,000 characters."),
        (
            ["Thanks\udcff"],
            "Invalid value for '[TEXT]': Your text contains a character we cannot save. Please remove it.",
        ),
    ],
)
def test_a_reply_is_a_few_words(afterword: Command, words: list[str], sentence: str) -> None:
    assert afterword.run("review", "reply", "1", *words).usage == sentence


def test_a_doubt_stands_beside_the_review_which_stays_where_it_is(afterword: Command, waiting: str) -> None:
    row = afterword.json("review", "doubt", waiting, "--reason", "This order was never collected.")
    assert (row["state"], row["doubt"]) == ("waiting", "This order was never collected.")
    assert "\ndoubt:\n    This order was never" in afterword.say("review", "show", waiting)


def test_what_is_erased_is_named_and_is_nowhere_any_more(
    afterword: Command, about: StoredOrder, waiting: str
) -> None:
    stored(afterword, lambda tx: write(tx, about, 1, 5, "Crisp. Truly.", seen=1, now=NOW + 60))
    afterword.json("review", "reply", waiting, "Thank you, Clara!")
    assert afterword.say("review", "erase", waiting) == (
        f"Review {waiting} is erased: its text, its author's name, what its author wrote before and the reply are "
        "gone for good.\n"
    )
    said = afterword.say("review", "show", waiting)
    assert "erased" in said and "author" not in said and "stars" not in said
    assert not any(word in said for word in ("Crisp", "Clara", "Thank"))
    assert stored(afterword, notified) == []
    assert afterword.run("review", "erase", waiting).sentence == f"review {waiting} is erased already"


def test_whoever_has_read_another_version_is_told_and_nothing_is_changed(
    afterword: Command, about: StoredOrder, waiting: str
) -> None:
    stored(afterword, lambda tx: write(tx, about, 1, 1, "Stale.", seen=1, look=has_a_link))
    for words in (["publish"], ["reject", "--reason", "off topic"], ["reply"]):
        text = ["Thanks."] if words == ["reply"] else []
        refused = afterword.run("review", *words, waiting, *text, "--version", "1").sentence
        assert refused == f"review {waiting} was changed meanwhile: look at it again"
    found = stored(afterword, lambda tx: find_review(tx, int(waiting)))[1]
    assert (found.state, found.version, found.reply) == ("waiting", 2, None)
    assert afterword.json("review", "publish", waiting, "--version", "2")["state"] == "published"
