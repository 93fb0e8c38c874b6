import json
import re
import time
from datetime import datetime
from typing import Any

import pytest

from afterword.actions import invitations
from afterword.cli.options import parse_moment
from afterword.store.messages.invitations import MOST_CANCELLED
from tests.cli.command import Command
from tests.store.cast import DUE, NOW, Member, order


def only(afterword: Command) -> dict[str, Any]:
    [row] = afterword.json("invitation", "list", "Alba's bakery")
    return row  # type: ignore[no-any-return]


def test_a_list_is_of_one_shop_and_state(afterword: Command, alba: Member, bruno: Member) -> None:
    alba.sends("A-1")
    assert only(afterword)["due_at"] == "2026-03-11T14:12:06Z"
    assert afterword.json("invitation", "list", "Bruno's books") == []
    assert afterword.say("invitation", "list", "1", "--state", "sent") == "No invitations.\n"
    assert "is not one of" in afterword.run("invitation", "list", "1", "--state", "lost").usage


def test_a_long_list_is_cut_and_says_how_many_more_there_are(afterword: Command, alba: Member) -> None:
    alba.sends_batch(*(order(f"A-{number}") for number in range(1_010)))
    newest_first = [f"A-{number}" for number in reversed(range(1_010))]
    whole = afterword.json("invitation", "list", "1", "--limit", "1010")
    assert [row["id_order"] for row in whole] == newest_first
    cut = afterword.run("invitation", "list", "1", "--json")
    assert [row["id_order"] for row in json.loads(cut.out)] == newest_first[:100]
    assert cut.err == "Not listed: 910 older ones. See --limit.\n"
    lines = afterword.say("invitation", "list", "1", "--state", "scheduled", "--limit", "5").splitlines()
    assert len(lines) == 7 and lines[-1] == "Not listed: 1,005 older ones. See --limit."


def test_it_is_found_by_order_and_by_address(afterword: Command, alba: Member, bruno: Member) -> None:
    alba.sends("A-1", reference="R-1", email="Diego@nunez.example", order_date="2026-02-28 10:00:00")
    alba.sends("A-2")
    alba.sends("A-1", live=False)
    bruno.sends("A-1", email="diego@nunez.example")

    def found(*options: str) -> list[tuple[str, bool]]:
        rows = afterword.json("invitation", "list", "1", *options)
        return [(row["id_order"], row["live"]) for row in rows]

    assert found("--order", "A-1") == [("A-1", False), ("A-1", True)]
    assert found("--order", "R-1") == [("A-1", True)]
    assert found("--email", "diego@Nunez.example") == [("A-1", True)]
    assert found("--order", "A-1", "--email", "clara@nunez.example") == [("A-1", False)]
    assert found("--order", "A-1", "--state", "sent") == found("--order", "A-3") == []
    assert found("--email", "clara@nunez.example") == [("A-1", False), ("A-2", True)]
    said = afterword.say("invitation", "list", "1", "--email", "clara@nunez.example", "--limit", "1")
    assert said.endswith("\nNot listed: 1 older one. See --limit.\n") and "clara" not in said
    assert "2026-02-28" in afterword.say("invitation", "list", "1", "--order", "R-1")
    assert "not an e-mail address" in afterword.run("invitation", "list", "1", "--email", "diego").usage


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


def test_all_that_wait_for_orders_of_a_stolen_key_are_cancelled_once_that_is_confirmed(
    afterword: Command, alba: Member, bruno: Member
) -> None:
    thief = alba.adds_key()
    sent = thief.sends("T-1", at=NOW - 10)
    assert [claim.message.id for claim in alba.claims(DUE - 10)] == [sent.number]
    kept = [alba.sends("A-1"), bruno.sends("B-1")]
    stolen = [thief.sends("T-2"), thief.sends("T-3")]
    number = str(thief.live.id)
    listed = afterword.json("order", "list", "1", "--key", number)
    assert [(row["id_order"], row["key_id"], row["state"]) for row in listed] == [
        ("T-3", thief.live.id, "scheduled"),
        ("T-2", thief.live.id, "scheduled"),
        ("T-1", thief.live.id, "claimed"),
    ]
    cancel = ("invitation", "cancel", "Alba's bakery", "--key", number, "--reason", "stolen key")
    assert "sent orders whose invitations wait: 2. Add --yes to cancel them." in afterword.run(*cancel).usage
    assert alba.states(*stolen) == ["scheduled", "scheduled"]
    assert afterword.say(*cancel, "--yes").splitlines() == [
        f"Cancelled: 2 invitations for orders that key {number} sent.",
        f"The key still works. To revoke it: afterword key revoke {number}",
    ]
    assert alba.states(*stolen, sent) == ["cancelled", "cancelled", "claimed"]
    assert alba.sees(stolen[0]).reason == "stolen key"
    assert alba.states(*kept) == ["scheduled", "scheduled"]
    assert afterword.json(*cancel, "--yes")["cancelled"] == 0
    refused = afterword.run("invitation", "cancel", "2", "--key", number, "--reason", "x", "--yes").sentence
    assert refused == f"Bruno's books has no private key {number}: see afterword key list 2"


def test_many_of_a_key_are_cancelled_in_transactions_of_a_bounded_size(alba: Member) -> None:
    thief = alba.adds_key()
    thief.sends_batch(*(order(f"T-{number}") for number in range(MOST_CANCELLED + 20)))
    assert alba.sends("A-1")
    assert (
        invitations.cancel_all_of_key(alba.store, alba.shop, thief.live, "stolen", time.time())
        == MOST_CANCELLED + 20
    )  # type: ignore[arg-type]
    assert [row.id_order for row in alba.lists("scheduled")] == ["A-1"]


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
