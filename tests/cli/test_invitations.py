import re
import time
from datetime import datetime
from typing import Any

import pytest

from afterword.cli.options import parse_moment
from tests.cli.command import Command
from tests.store.cast import Member, order


def only(afterword: Command) -> dict[str, Any]:
    [row] = afterword.json("invitation", "list", "Alba's bakery")
    return row  # type: ignore[no-any-return]


def test_a_list_is_of_one_shop_and_state(afterword: Command, alba: Member, bruno: Member) -> None:
    alba.sends("A-1")
    assert only(afterword)["due_at"] == "2026-03-11T14:12:06Z"
    assert afterword.json("invitation", "list", "Bruno's books") == []
    assert afterword.say("invitation", "list", "1", "--state", "sent") == "No invitations.\n"
    assert "is not one of" in afterword.run("invitation", "list", "1", "--state", "lost").usage


def test_a_long_list_is_written_whole_newest_first(afterword: Command, alba: Member) -> None:
    alba.sends_batch(*(order(f"A-{number}") for number in range(1_010)))
    listed = [row["id_order"] for row in afterword.json("invitation", "list", "1")]
    assert listed == [f"A-{number}" for number in reversed(range(1_010))]
    assert len(afterword.say("invitation", "list", "1", "--state", "scheduled").splitlines()) == 1_011


def test_one_is_shown_with_its_order_and_its_message_id(afterword: Command, alba: Member) -> None:
    number = str(alba.sees(alba.sends("A-1", reference="R-1")).id)
    shown = afterword.json("invitation", "show", number, AFTERWORD_URL="https://reviews.alba.example")
    more = {"reference": "R-1", "email": "clara@nunez.example", "shop": "Alba's bakery"}
    assert (only(afterword) | more).items() <= shown.items()
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


def test_one_is_moved_to_a_time_and_never_before_it_or_by_a_delay_from_now(
    afterword: Command, alba: Member
) -> None:
    move = ("invitation", "move", str(alba.sees(alba.sends("A-1")).id), "--to")
    due = "2030-03-01T13:05:27Z"
    assert afterword.say(*move, "2030-03-01 14:05:26.2+01:00").endswith(f" is due at {due}.\n")
    assert only(afterword)["due_at"] == due == afterword.json(*move, due)["due_at"]
    before = time.time()
    moved = datetime.fromisoformat(afterword.json(*move, "+2d")["due_at"]).timestamp()
    assert before + 2 * 86_400 <= moved <= time.time() + 2 * 86_400 + 1
    assert "'tomorrow' is not a time" in afterword.run(*move, "tomorrow").usage


def test_all_in_doubt_are_settled_by_one_command(afterword: Command, alba: Member) -> None:
    settle = ("invitation", "settle", "Alba's bakery")
    for number in range(3):
        alba.sends(f"A-{number}")
    for claim in alba.claims():
        alba.marks(claim)
        alba.records(claim, "in_doubt", "the connection broke")
    assert "Say --sent if they arrived" in afterword.run(*settle).usage
    assert len(alba.lists("in_doubt")) == 3
    assert afterword.say(*settle, "--again") == "E-mails in doubt that are due now: 3.\n"
    assert len(alba.lists("scheduled")) == 3
    assert afterword.json(*settle, "--sent") == {"shop_id": 1, "settled": 0, "sent": True}


@pytest.mark.parametrize("to", ["2030-03-01", "2030-03-01T14:05:26", "+2", "1969-01-01T00:00:00Z"])
def test_a_time_without_its_offset_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(to.lstrip("+")))):
        parse_moment(to, 0)


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


def test_links_are_voided_and_the_new_one_is_printed(afterword: Command, alba: Member) -> None:
    number = str(alba.sees(alba.sends("A-1")).id)
    url = {"AFTERWORD_URL": "https://reviews.alba.example"}
    first = afterword.json("invitation", "void", number, **url)
    assert first["id"] == int(number) and first["link"].startswith("https://reviews.alba.example/r/1/")
    sentence, second = afterword.say("invitation", "void", number, **url).splitlines()
    assert sentence.startswith(f"The links of invitation {number} no longer work.")
    assert second.startswith("https://reviews.alba.example/r/1/") and second != first["link"]
    assert alba.rows("SELECT voided FROM orders") == [(2,)]
    assert afterword.run("invitation", "void", "99").sentence == "there is no invitation 99"
