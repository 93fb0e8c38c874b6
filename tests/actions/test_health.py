"""What doctor finds, and what it says then."""

import os
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from afterword.actions import health
from afterword.actions.backlog import LATE, MOST_LISTED
from afterword.actions.health import Health
from afterword.app import build_dispatcher
from afterword.base.errors import Refused
from afterword.base.settings import read_settings
from afterword.domain.messages import State
from afterword.store.engine.database import Database
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.opening import open_postgres
from tests.peers import RelayPeer
from tests.postgres import new_database, unreachable
from tests.store.cast import DUE, NOW, Customer, Member, new_member, order, phone_number_found
from tests.store.databases import closing_now, execute, open_database
from tests.store.journal.journals import journal_of

pytestmark = pytest.mark.sqlite


def examine(folder: Path, now: float = NOW, **more: str) -> Health:
    return health.examine(read_settings({"AFTERWORD_DATA": str(folder), **more}), build_dispatcher, now)


def actions(found: Health) -> dict[str, str]:
    """What needs a person, by check."""
    return {each.check: each.says for each in found.findings if each.level == "action"}


def said(found: Health, check: str) -> list[tuple[str, str]]:
    return [(each.level, each.says) for each in found.findings if each.check == check]


def fails(alba: Member, kind: str, count: int = 1, reply: str = "") -> None:
    """Orders of Alba's, whose invitations end like that."""
    alba.sends_batch(*(order(f"A-{number}", email=f"c{number}@mail.example") for number in range(count)))
    for claim in alba.claims():
        assert alba.marks(claim)
        alba.records(claim, kind, reply)


def test_a_new_folder_is_fine(tmp_path: Path) -> None:
    found = examine(tmp_path / "data")
    assert found.is_ok
    assert found.details["invitations"] == dict.fromkeys(get_args(State), 0)
    assert [level for level, says in said(found, "mail") if says.startswith("NO E-MAIL IS SENT")] == ["note"]


def test_a_wrong_setting_is_a_finding(tmp_path: Path) -> None:
    found = examine(tmp_path, AFTERWORD_FROM="clara", AFTERWORD_SMTP="smtp://127.0.0.1:1?tls=none")
    assert actions(found).keys() == {"sender", "mail"}
    assert actions(found)["sender"].startswith("AFTERWORD_FROM: ")
    assert [level for level, says in said(found, "settings") if "set AFTERWORD_URL" in says] == ["note"]
    wrong = examine(tmp_path, AFTERWORD_FROM="alba@alba.example", AFTERWORD_SMTP="smtp://a:b@c:d")
    assert actions(wrong)["mail"].startswith("AFTERWORD_SMTP: ")
    nowhere = examine(tmp_path, AFTERWORD_DATABASE="/dev/null/afterword.db")
    assert actions(nowhere)["database"].startswith("/dev/null/afterword.db cannot be opened")


def test_the_mail_server_is_visited(tmp_path: Path) -> None:
    with RelayPeer() as peer:
        mail = {"AFTERWORD_SMTP": peer.url, "AFTERWORD_FROM": "reviews@alba.example"}
        found = examine(tmp_path, **mail)
        assert (peer.connections, peer.messages) == (1, [])
    assert said(found, "mail") == [("ok", f"The mail server 127.0.0.1:{peer.port} accepts e-mails.")]
    assert f"127.0.0.1:{peer.port}" in actions(examine(tmp_path, **mail))["mail"]


def test_one_in_doubt_is_listed_with_what_to_do(tmp_path: Path, alba: Member) -> None:
    fails(alba, "in_doubt", MOST_LISTED + 2, "the connection broke")
    found = examine(tmp_path)
    first, *_, last = said(found, "in doubt")
    number = alba.lists()[-1].id
    assert first[1].startswith(
        f"Invitation {number} of shop 1 (order A-0) may or may not have been sent: the connection broke. "
    )
    assert f"afterword invitation send {number}; otherwise: afterword invitation cancel {number}" in first[1]
    assert last == ("action", "And 2 more: afterword invitation list SHOP --state in_doubt")
    assert len(said(found, "in doubt")) == MOST_LISTED + 1


def test_a_due_email_that_waits_needs_a_person(tmp_path: Path, alba: Member) -> None:
    alba.sends("A-1")
    assert said(examine(tmp_path, DUE + LATE - 1), "lateness") == [("ok", "No due e-mail is waiting.")]
    says = actions(examine(tmp_path, DUE + LATE))["lateness"]
    assert says.startswith("The oldest due e-mail has been waiting since 2026-03-11T14:12:06Z: ")


def test_a_waiting_review_is_noted_and_a_flagged_one_needs_a_person_in_the_end(
    tmp_path: Path, alba: Member, bruno: Member, clara: Customer
) -> None:
    none = examine(tmp_path)
    assert none.details["waiting_reviews"] == 0
    assert said(none, "reviews") == [("ok", "No review is waiting for moderation.")]
    clara.reviews(alba.moderates().order("A-1"))
    clara.reviews(bruno.moderates().order("B-1"), look=phone_number_found)
    waits = (
        "1 review of shop {0} has been waiting for moderation since 2026-03-01T14:12:06Z: "
        "afterword review list {0} --state waiting"
    )
    early = examine(tmp_path, NOW + 3_599)
    assert (early.is_ok, early.details["waiting_reviews"]) == (True, 2)
    assert said(early, "reviews") == [("note", waits.format(2)), ("note", waits.format(1))]
    flagged, other = said(examine(tmp_path, NOW + 3_600), "reviews")
    assert flagged[0] == "action"
    assert flagged[1].startswith(
        waits.format(2) + ". One with personal data or a threat, which is never published automatically"
    )
    assert "longer than 1h" in flagged[1]
    assert other == ("note", waits.format(1))


def test_shops_beyond_the_listed_ones_are_counted(
    tmp_path: Path, database: Database, clara: Customer
) -> None:
    for number in range(MOST_LISTED + 1):
        clara.reviews(new_member(database, f"Shop {number:02}").moderates().order())
    listed = said(examine(tmp_path), "reviews")
    assert len(listed) == MOST_LISTED + 1
    more = "And 1 more shop has reviews waiting: afterword review list SHOP --state waiting"
    assert listed[-1] == ("note", more)


def test_who_could_not_be_notified_is_named(tmp_path: Path, database: Database, alba: Member) -> None:
    row = (
        "INSERT INTO messages (shop_id, message_id, live, kind, queue, webhook_id, state, due_at, next_try_at, "
        "tries, reason) VALUES (1, :n, 1, 'any', 1 + :webhook, :webhook, :state, 1, 1, :tries, 'no')"
    )
    for number, (webhook, state, tries) in enumerate(
        ((1, "failed", 11), (1, "failed", 11), (0, "scheduled", 4), (1, "scheduled", 1))
    ):
        execute(database, row, {"n": number, "webhook": webhook, "state": state, "tries": tries})
    execute(
        database,
        "INSERT INTO webhooks (shop_id, webhook_id, live, url, secret, created_at, stopped) "
        "VALUES (1, 1, 1, 'https://alba.example/hook', 's', 1, 'it answered 410')",
    )
    found = examine(tmp_path)
    assert actions(found)["webhooks"].startswith("Webhook 1 of shop 1 is stopped (it answered 410). ")
    assert sorted(said(found, "messages")) == [
        ("note", "1 e-mail of shop 1 about reviews is waiting after 4 tries: no"),
        ("note", "2 deliveries of shop 1 to webhook 1 failed permanently: no"),
    ], "one try is not worth mentioning"


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Path]:
    """The folder of a database that has sent an e-mail, and that is not open."""
    with closing_now(open_database(tmp_path)) as database:
        fails(new_member(database, "Alba's bakery"), "sent", 50)
    yield tmp_path


def accept(folder: Path) -> int:
    with closing_now(open_database(folder)) as database:
        return health.accept_journal_loss(database)


def test_a_lost_journal_pauses_sending_until_it_is_put_back_or_accepted(sent: Path) -> None:
    with pytest.raises(Refused, match="the send journal is there: sending is not paused"):
        accept(sent)
    journal, elsewhere = sent / "send.journal", sent / "elsewhere"
    journal.rename(elsewhere)
    says = actions(examine(sent))["journal"]
    assert says.startswith("SENDING IS PAUSED: ") and " is missing. " in says and "doctor --accept" in says
    elsewhere.rename(journal)
    assert examine(sent).is_ok
    journal.unlink()
    assert accept(sent) == 0
    assert journal.exists() and examine(sent).is_ok


@pytest.mark.parametrize("has_sent", [True, False])
def test_a_journal_whose_server_cannot_be_reached_is_not_called_lost(
    tmp_path: Path, postgres: str, has_sent: bool
) -> None:
    with new_database(postgres) as rows, new_database(postgres) as journal:
        there = {"AFTERWORD_DATABASE": rows, "AFTERWORD_JOURNAL": journal}
        with closing_now(open_postgres(rows, journal)) as database:
            if has_sent:
                fails(new_member(database, "Alba's bakery"), "sent")
        with unreachable(journal):
            says = actions(examine(tmp_path, **there))["journal"]
            assert says.startswith(
                "SENDING IS PAUSED: the send journal, the database that AFTERWORD_JOURNAL names, cannot be reached "
                "(PostgreSQL cannot be reached: "
            )
            assert "--accept" not in says
            with (
                closing_now(open_postgres(rows, journal)) as database,
                pytest.raises(Refused, match=r"unknown whether it is lost; nothing was accepted$"),
            ):
                health.accept_journal_loss(database)
        assert examine(tmp_path, **there).is_ok
        with journal_of(journal) as found:
            assert len(list(found.lines_from(HEADER_SIZE))) == (2 if has_sent else 0)


def test_a_damaged_database_is_a_finding(sent: Path) -> None:
    path = sent / "afterword.db"
    content = bytearray(path.read_bytes())
    content[4_096 * 2 : 4_096 * 12] = os.urandom(4_096 * 10)
    path.write_bytes(content)
    assert "database" in actions(examine(sent))


def test_data_that_every_user_can_read_needs_a_person(sent: Path) -> None:
    sent.chmod(0o755)
    database = sent / "afterword.db"
    database.chmod(0o600)
    assert "privacy" not in actions(examine(sent))
    database.chmod(0o644)
    assert actions(examine(sent))["privacy"].startswith("Every user of this machine can read ")
    sent.chmod(0o700)
    assert "privacy" not in actions(examine(sent))


def test_little_disk_space_needs_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: usage(2**40, 2**40, 2**20))
    assert actions(examine(tmp_path))["disk"] == f"Only 1 MiB are free in {tmp_path}."
