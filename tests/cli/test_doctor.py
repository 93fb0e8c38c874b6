import json
import os
from collections import namedtuple
from typing import Any

import pytest

from afterword.base.settings import read_settings
from afterword.cli import checks
from afterword.cli.commands.doctor import MOST_NAMED
from afterword.domain.messages import Outcome
from afterword.store.engine.database import Transaction
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.opening import open_postgres
from afterword.store.shops import change_shop
from tests.cli.command import Command
from tests.conftest import closing_now
from tests.peers import RelayPeer
from tests.postgres import new_database, unreachable
from tests.store.cast import NOW, Member, add_member, claim, import_batch, mark_sending, order, record_outcome
from tests.store.journal.journals import journal_of
from tests.store.reviews.reviewing import reviewed_order, write

LATER = NOW + 11 * 86_400


def examine(afterword: Command, code: int, **settings: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The doctor's whole answer, and the sentences of what is in trouble."""
    ran = afterword.run("doctor", "--json", **settings)
    assert (ran.code, ran.err) == (code, ""), ran
    told = json.loads(ran.out)
    assert told["well"] == (code == 0)
    return told, {each["check"]: each["says"] for each in told["checks"] if each["level"] == "trouble"}


def send_some(tx: Transaction, outcome: Outcome, count: int = 1) -> Member:
    member = add_member(tx, "Alba's bakery")
    import_batch(
        tx, member, *(order(f"A-{i}", reference=None, email=f"c{i}@mail.example") for i in range(count))
    )
    for each in claim(tx, member, LATER):
        assert mark_sending(tx, each, now=LATER, lease_until=2**40)
        record_outcome(tx, each, outcome, now=LATER, next_try_at=None)
    return member


def sent(afterword: Command, outcome: Outcome, count: int = 1) -> None:
    database = afterword.database()
    database.write_now(lambda tx: send_some(tx, outcome, count))
    database.close_now()


def test_a_new_folder_is_well(afterword: Command) -> None:
    told, troubles = examine(afterword, 0)
    assert troubles == {}
    assert told["invitations"] == dict.fromkeys(
        ("scheduled", "claimed", "sending", "in_doubt", "sent", "answered", "failed", "cancelled"), 0
    )
    said = afterword.say("doctor")
    assert said.endswith("\nAll is well.\n")
    assert "NO MAIL IS SENT" in said


def test_a_wrong_setting_is_told_as_the_rest_is(afterword: Command) -> None:
    _, troubles = examine(afterword, 1, AFTERWORD_PORT="eighty")
    assert troubles == {"settings": "AFTERWORD_PORT is not a whole number from 1 to 65535"}
    _, troubles = examine(afterword, 1, AFTERWORD_FROM="nobody", AFTERWORD_SMTP="smtp://127.0.0.1:1?tls=none")
    assert troubles.keys() == {"letters", "mail"}
    assert troubles["letters"].startswith("AFTERWORD_FROM: ")


def test_the_mail_server_is_visited(afterword: Command) -> None:
    with RelayPeer() as peer:
        settings = {"AFTERWORD_SMTP": peer.url, "AFTERWORD_FROM": "reviews@alba.example"}
        told, troubles = examine(afterword, 0, **settings)
        assert (peer.connections, peer.messages) == (1, [])
    assert f"The mail server 127.0.0.1:{peer.port} takes letters." in [
        each["says"] for each in told["checks"]
    ]
    _, troubles = examine(afterword, 1, **settings)
    assert f"127.0.0.1:{peer.port} cannot be used" in troubles["mail"]


def test_one_in_doubt_is_named_with_what_to_do(afterword: Command) -> None:
    sent(afterword, Outcome("in_doubt", "the connection broke"), count=MOST_NAMED + 2)
    told, troubles = examine(afterword, 1)
    assert troubles["in doubt"] == "And 2 more: afterword invitation list SHOP --state in_doubt"
    assert len(told["in_doubt"]) == MOST_NAMED
    number = told["in_doubt"][0]["id"]
    said = afterword.run("doctor").out
    assert f"LOOK in doubt    Invitation {number} of shop 1 (order A-0) may have been sent or not" in said
    assert f"afterword invitation send {number}" in said


def test_a_letter_that_waits_too_long_needs_a_person(afterword: Command) -> None:
    database = afterword.database()
    member = database.write_now(lambda tx: add_member(tx, "Alba's bakery", delay=0))
    database.write_now(lambda tx: import_batch(tx, member, order("A-1")))
    database.close_now()
    _, troubles = examine(afterword, 1)
    assert troubles["lateness"].startswith("The oldest due letter waits since 2026-03-01T14:12:06Z")


def reviews_of(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["level"], each["says"]) for each in told["checks"] if each["check"] == "reviews"]


def test_a_review_that_waits_is_noted_and_one_that_waits_too_long_needs_a_person(afterword: Command) -> None:
    def work(tx: Transaction, found: tuple[str, ...]) -> None:
        member = add_member(tx, f"Alba's {found}")
        shop = change_shop(tx, member.shop, moderation="by hand", publish_after=3_600)
        about = reviewed_order(tx, member._replace(shop=shop), order("A-1"))
        tx.run("UPDATE messages SET state = 'sent'")
        write(tx, about, look=lambda text: found)

    database = afterword.database()
    told, _ = examine(afterword, 0)
    assert (told["waiting_reviews"], reviews_of(told)) == (0, [("well", "No review waits for a person.")])
    database.write_now(lambda tx: work(tx, ()))
    waits = (
        "1 review waits for a person of shop {0}, since 2026-03-01T14:12:06Z: "
        "afterword review list {0} --state waiting"
    )
    told, _ = examine(afterword, 0)
    assert (told["waiting_reviews"], reviews_of(told)) == (1, [("note", waits.format(1))])
    database.write_now(lambda tx: work(tx, ("link",)))
    database.close_now()
    told, troubles = examine(afterword, 1)
    assert reviews_of(told) == [("trouble", troubles["reviews"]), ("note", waits.format(1))]
    assert troubles["reviews"].startswith(waits.format(2) + ". In one of them the checks found something")
    assert "longer than 1h" in troubles["reviews"]


def test_a_lost_journal_holds_everything_until_it_is_accepted(afterword: Command) -> None:
    assert "nothing is held back" in afterword.run("doctor", "--accept").sentence
    sent(afterword, Outcome("sent", "250 ok"))
    journal = afterword.data / "send.journal"
    journal.rename(afterword.folder / "elsewhere")
    _, troubles = examine(afterword, 1)
    assert troubles["journal"].startswith("NOTHING IS SENT: ")
    assert "afterword doctor --accept" in troubles["journal"]
    assert afterword.json("doctor", "--accept") == {"accepted": True, "in_doubt": 0}
    assert journal.exists()
    examine(afterword, 0)


def test_a_journal_that_is_put_back_is_enough(afterword: Command) -> None:
    sent(afterword, Outcome("sent", "250 ok"))
    journal = afterword.data / "send.journal"
    journal.rename(afterword.folder / "elsewhere")
    examine(afterword, 1)
    (afterword.folder / "elsewhere").rename(journal)
    examine(afterword, 0)


@pytest.mark.parametrize("before", ["has sent", "has never sent"])
def test_a_journal_whose_server_is_away_is_not_called_lost(
    afterword: Command, postgres: str, before: str
) -> None:
    with new_database(postgres) as rows, new_database(postgres) as journal:
        settings = {"AFTERWORD_DATABASE": rows, "AFTERWORD_JOURNAL": journal}
        with closing_now(open_postgres(rows, journal)) as database:
            if before == "has sent":
                database.write_now(lambda tx: send_some(tx, Outcome("sent")))
        with unreachable(journal):
            _, troubles = examine(afterword, 1, **settings)
            assert troubles["journal"].startswith(
                "NOTHING IS SENT: the send journal, the database that AFTERWORD_JOURNAL names, cannot be reached "
                "just now (PostgreSQL cannot be reached: "
            )
            assert "--accept" not in troubles["journal"]
            refused = afterword.run("doctor", "--accept", **settings).sentence
            assert refused.startswith("the send journal cannot be reached just now (PostgreSQL cannot be ")
            assert refused.endswith("nobody can tell; nothing was accepted")
        examine(afterword, 0, **settings)
        with journal_of(journal) as found:
            assert len(list(found.lines_from(HEADER_SIZE))) == (2 if before == "has sent" else 0)


def test_sending_by_hand_is_refused_while_the_journal_is_lost(afterword: Command) -> None:
    sent(afterword, Outcome("failed", "550 no such user"))
    (afterword.data / "send.journal").unlink()
    refused = afterword.run("invitation", "send", "1").sentence
    assert refused == (
        "the send journal of this database is missing or cannot be reached: run afterword doctor"
    )


def test_a_damaged_database_is_told_in_a_sentence(afterword: Command) -> None:
    sent(afterword, Outcome("sent", "250 ok"), count=50)
    path = afterword.data / "afterword.db"
    content = bytearray(path.read_bytes())
    content[4_096 * 2 : 4_096 * 12] = os.urandom(4_096 * 10)
    path.write_bytes(content)
    ran = afterword.run("doctor")
    assert (ran.code, ran.err) == (1, "")
    assert "LOOK database" in ran.out


def test_data_that_everybody_can_read_needs_a_person(afterword: Command) -> None:
    afterword.say("migrate")
    afterword.data.chmod(0o755)
    examine(afterword, 0)
    (afterword.data / "afterword.db").chmod(0o644)
    _, troubles = examine(afterword, 1)
    assert troubles["privacy"].startswith("Everybody on this machine can read ")
    afterword.data.chmod(0o700)
    examine(afterword, 0)


def test_little_disk_space_needs_a_person(afterword: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    afterword.say("migrate")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(2**40, 2**40, 2**20))
    [found] = checks.of_room(read_settings({"AFTERWORD_DATA": str(afterword.data)}))
    assert (found.level, found.says) == ("trouble", f"Only 1 MiB are free in {afterword.data}.")
