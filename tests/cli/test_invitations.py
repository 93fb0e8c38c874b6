import time
from typing import Any

import pytest

from tests.cli.command import Command
from tests.store.cast import Member, order

FIELDS = ["id", "shop_id", "id_order", "live", "state", "due_at", "sent_at", "tries", "reason"]


def only(afterword: Command) -> dict[str, Any]:
    [row] = afterword.json("invitation", "list", "Alba's bakery")
    return row  # type: ignore[no-any-return]


def test_a_list_has_exactly_the_published_fields(afterword: Command, alba: Member, bruno: Member) -> None:
    alba.sends("A-1")
    row = only(afterword)
    assert list(row) == FIELDS
    assert (row["state"], row["due_at"], row["sent_at"]) == ("scheduled", "2026-03-11T14:12:06Z", None)
    assert afterword.json("invitation", "list", "Bruno's books") == []
    assert afterword.say("invitation", "list", "1", "--state", "sent") == "No invitations.\n"
    assert "is not one of" in afterword.run("invitation", "list", "1", "--state", "lost").usage


def test_a_long_list_is_written_whole(afterword: Command, alba: Member) -> None:
    alba.sends_batch(*(order(f"A-{number}") for number in range(1_010)))
    assert len(afterword.json("invitation", "list", "1")) == 1_010
    assert len(afterword.say("invitation", "list", "1", "--state", "scheduled").splitlines()) == 1_011


def test_one_is_shown_with_its_order_and_its_message_id(afterword: Command, alba: Member) -> None:
    number = str(alba.sees(alba.sends("A-1", reference="R-1")).id)
    shown = afterword.json("invitation", "show", number, AFTERWORD_URL="https://reviews.alba.example")
    assert {name: shown[name] for name in FIELDS} == only(afterword)
    told = (shown["reference"], shown["email"], shown["shop"])
    assert told == ("R-1", "clara@nunez.example", "Alba's bakery")
    assert shown["message_id"].endswith("@reviews.alba.example>")
    assert "clara@nunez.example" in afterword.say("invitation", "show", number)
    assert afterword.run("invitation", "show", "99").sentence == "there is no invitation 99"


def test_characters_that_could_control_a_terminal_are_escaped(afterword: Command, alba: Member) -> None:
    alba.sends("\N{RIGHT-TO-LEFT OVERRIDE}1-A\x9b2J")
    assert r"\u202e1-A\x9b2J" in afterword.say("invitation", "list", "1")


def test_one_is_cancelled_with_a_reason(afterword: Command, alba: Member) -> None:
    number = str(alba.sees(alba.sends("A-1")).id)
    assert "Missing option '--reason'" in afterword.run("invitation", "cancel", number).usage
    row = afterword.json("invitation", "cancel", number, "--reason", "the order was returned")
    assert (row["state"], row["reason"]) == ("cancelled", "the order was returned")
    refused = afterword.run("invitation", "cancel", number, "--reason", "again").sentence
    assert refused == f"invitation {number} is cancelled and cannot be cancelled"
    assert afterword.say("invitation", "send", number).startswith(f"Invitation {number} is due now; ")


@pytest.mark.parametrize(
    ("to", "due"),
    [
        ("2030-03-01T14:05:26Z", "2030-03-01T14:05:26Z"),
        ("2030-03-01 14:05:26.2+01:00", "2030-03-01T13:05:27Z"),
    ],
)
def test_one_is_moved_to_a_time_and_never_before_it(
    afterword: Command, alba: Member, to: str, due: str
) -> None:
    number = str(alba.sees(alba.sends("A-1")).id)
    said = afterword.say("invitation", "move", number, "--to", to)
    assert said == f"Invitation {number} is due at {due}.\n"
    assert only(afterword)["due_at"] == due


def test_one_is_moved_by_a_delay_from_now(afterword: Command, alba: Member) -> None:
    number = str(alba.sees(alba.sends("A-1")).id)
    before = time.time()
    row = afterword.json("invitation", "move", number, "--to", "+2d")
    due = time.strptime(row["due_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert before + 2 * 86_400 <= time.mktime(due) - time.timezone <= time.time() + 2 * 86_400 + 1


@pytest.mark.parametrize(
    "to", ["2030-03-01", "2030-03-01T14:05:26", "tomorrow", "+2", "1969-01-01T00:00:00Z"]
)
def test_a_time_without_its_offset_is_a_usage_error(afterword: Command, to: str) -> None:
    assert repr(to.lstrip("+")) in afterword.run("invitation", "move", "1", "--to", to).usage


def test_nothing_is_sent_by_hand_while_the_journal_is_lost(afterword: Command, alba: Member) -> None:
    alba.sends("A-1")
    claim = alba.claims_one()
    assert alba.marks(claim)
    alba.records(claim, "failed", "550 no such user")
    (afterword.data / "send.journal").unlink()
    refused = afterword.run("invitation", "send", str(alba.sees(claim).id)).sentence
    assert (
        refused == "the send journal of this database is missing or cannot be reached: run afterword doctor"
    )
