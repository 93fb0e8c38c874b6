"""What doctor finds, and what it says then."""

import os
import threading
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import psycopg
import pytest

from afterword.actions.operating import health, pulse
from afterword.actions.operating.backlog import LATE, MOST_LISTED
from afterword.actions.operating.health import Health
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
    """On a port on which nothing serves, if not given."""
    settings = read_settings({"AFTERWORD_DATA": str(folder), "AFTERWORD_PORT": "1", **more})
    return health.examine(settings, build_dispatcher, now)


def actions(found: Health) -> dict[str, str]:
    """What needs a person, by check."""
    return {each.check: each.says for each in found.findings if each.level == "action"}


def said(found: Health, check: str) -> list[tuple[str, str]]:
    return [(each.level, each.says) for each in found.findings if each.check == check]


def is_fine(found: Health) -> bool:
    """But for what runs: nothing does beside these tests."""
    return actions(found).keys() == {"serving", "dispatching"}


def fails(alba: Member, kind: str, count: int = 1, reply: str = "") -> None:
    """Orders of Alba's, whose invitations end like that."""
    alba.sends_batch(*(order(f"A-{number}", email=f"c{number}@mail.example") for number in range(count)))
    for claim in alba.claims():
        assert alba.marks(claim)
        alba.records(claim, kind, reply)


def test_a_new_folder_is_fine(tmp_path: Path) -> None:
    found = examine(tmp_path / "data")
    assert is_fine(found)
    assert found.details["invitations"] == dict.fromkeys(get_args(State), 0)
    [(level, says)] = said(found, "mail")
    assert level == "note" and says.startswith("NO LIVE E-MAIL IS SENT: AFTERWORD_SMTP is not set. ")
    [(level, says)] = said(examine(tmp_path / "data", AFTERWORD_SMTP="outbox:"), "mail")
    assert level == "note" and says.startswith(
        "NO E-MAIL IS SENT: with AFTERWORD_SMTP=outbox:, e-mails become files"
    )


def test_live_emails_that_wait_for_a_transport_need_a_person_before_they_are_due(
    tmp_path: Path, alba: Member
) -> None:
    alba.sends("A-1", live=False)
    assert "mail" not in actions(examine(tmp_path))
    alba.sends("A-1")
    assert actions(examine(tmp_path))["mail"].startswith("NO LIVE E-MAIL IS SENT: ")
    assert "mail" not in actions(examine(tmp_path, AFTERWORD_SMTP="outbox:"))


def test_a_database_that_cannot_be_written_needs_a_person(tmp_path: Path, postgres: str) -> None:
    with new_database(postgres) as rows:
        there = {"AFTERWORD_DATABASE": rows}
        assert is_fine(examine(tmp_path, **there))
        with psycopg.connect(rows, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        assert "database" in actions(examine(tmp_path, **there))


def test_files_that_this_user_cannot_write_need_a_person(sent: Path, anyone: None) -> None:
    """As when a command was once run as root."""
    database, journal = sent / "afterword.db", sent / "send.journal"
    journal.chmod(0o444)
    assert actions(examine(sent))["journal"].startswith(
        f"SENDING IS PAUSED: the send journal, {journal}, cannot be reached (Permission denied), so it is unknown"
    )
    journal.chmod(0o600)
    database.chmod(0o444)
    assert " cannot be written " in actions(examine(sent))["database"]
    database.chmod(0o000)
    assert actions(examine(sent))["database"] == (
        f"{database} cannot be opened as a database: permission denied. Run this as the user that owns it: "
        f"{database.owner()}"
    )


@pytest.fixture
def anyone(sent: Path) -> Iterator[None]:
    """Not the superuser, whom no mode of a file stops."""
    if os.geteuid() != 0:
        yield
        return
    for each in (*sent.parents[:-2], sent, *sent.iterdir()):
        each.chmod(each.stat().st_mode | 0o055)
    for each in (sent, *sent.iterdir()):
        os.chown(each, 65534, -1)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_dispatches_and_serves_is_looked_at(tmp_path: Path) -> None:
    found = actions(examine(tmp_path))
    assert found["serving"].startswith("NOTHING SERVES: no Afterword answers at http://127.0.0.1:1 (")
    assert "(none has ever used this data folder)" in found["dispatching"]
    (tmp_path / "pulse").touch()
    os.utime(tmp_path / "pulse", (NOW, NOW))
    assert "dispatching" not in actions(examine(tmp_path, NOW + 60))
    assert "(the last at 2026-03-01T14:12:06Z)" in actions(examine(tmp_path, NOW + 62))["dispatching"]


@pytest.mark.parametrize(
    ("status", "body", "answers"),
    [
        (200, '{"status": "ok"}', True),
        (200, '{"status": "held"}', True),
        (503, '{"status": "unavailable"}', True),
        (200, '{"status": "fine"}', False),
        (200, '["status"]', False),
        (404, "<p>Not here</p>", False),
    ],
)
def test_only_an_afterword_counts_as_serving(status: int, body: str, answers: bool) -> None:
    with program(status, body) as url:
        found = pulse.ask(url)
    assert (found.answers, found.why_not) == (
        answers,
        "" if answers else "what answers there is not Afterword",
    )
    assert pulse.ask(url).why_not == "nothing accepts connections there"


def test_a_public_address_that_does_not_answer_is_noted(tmp_path: Path) -> None:
    with program(200, '{"status": "ok"}') as url:
        here = {"AFTERWORD_PORT": url.rpartition(":")[2]}
        assert said(examine(tmp_path, **here), "serving") == [("ok", f"Afterword answers at {url}.")]
        [(level, says)] = said(examine(tmp_path, **here, AFTERWORD_URL="http://127.0.0.1:2"), "serving")
        assert level == "note" and "but from this machine not at http://127.0.0.1:2 (nothing accepts" in says
        assert said(examine(tmp_path, AFTERWORD_URL=url), "serving")[0][0] == "ok"


@contextmanager
def program(status: int, body: str) -> Iterator[str]:
    """The address of a program that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_secret_that_is_missing_beside_a_database_that_sent_needs_a_person(sent: Path) -> None:
    (sent / "secret").unlink()
    assert " is missing, and no AFTERWORD_SECRET is set, though " in actions(examine(sent))["sender"]
    assert not (sent / "secret").exists()
    (sent / "secret").write_text("")
    assert actions(examine(sent))["sender"].startswith(f"{sent / 'secret'} is empty: ")


def test_a_wrong_setting_is_a_finding(tmp_path: Path) -> None:
    found = examine(tmp_path, AFTERWORD_FROM="clara", AFTERWORD_SMTP="smtp://127.0.0.1:1?tls=none")
    assert actions(found).keys() >= {"sender", "mail"}
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
    assert said(found, "mail") == [
        (
            "ok",
            f"The mail server 127.0.0.1:{peer.port} accepts e-mails. To send one: afterword mail test ADDRESS",
        )
    ]
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
    assert said(none, "reviews") == [("ok", "No live review is waiting for moderation.")]
    clara.reviews(alba.moderates().order("A-1"))
    clara.reviews(bruno.moderates().order("B-1"), look=phone_number_found)
    waits = (
        "1 review of shop {0} has been waiting for moderation since 2026-03-01T14:12:06Z: "
        "afterword review list {0} --state waiting"
    )
    early = examine(tmp_path, NOW + 3_599)
    assert ("reviews" in actions(early), early.details["waiting_reviews"]) == (False, 2)
    assert said(early, "reviews") == [("note", waits.format(2)), ("note", waits.format(1))]
    flagged, other = said(examine(tmp_path, NOW + 3_600), "reviews")
    assert flagged[0] == "action"
    assert flagged[1].startswith(
        waits.format(2) + ". One with personal data or a threat, which is never published automatically"
    )
    assert "longer than 1h" in flagged[1]
    assert other == ("note", waits.format(1))


def test_a_waiting_test_review_is_not_passed_over(
    tmp_path: Path, alba: Member, bruno: Member, clara: Customer
) -> None:
    clara.reviews(alba.moderates().order("T-1", live=False))
    one = "1 test review waits for moderation: afterword review list 1 --test --state waiting"
    assert said(examine(tmp_path), "reviews")[1:] == [("note", one)]
    clara.reviews(bruno.moderates().order("T-1", live=False))
    two = "2 test reviews wait for moderation: afterword review list SHOP --test --state waiting"
    assert said(examine(tmp_path), "reviews")[1:] == [("note", two)]


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
    read_settings({"AFTERWORD_DATA": str(tmp_path)}).link_secret()
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
    assert is_fine(examine(sent))
    journal.unlink()
    assert accept(sent) == 0
    assert journal.exists() and is_fine(examine(sent))


@pytest.mark.parametrize("has_sent", [True, False])
def test_a_journal_whose_server_cannot_be_reached_is_not_called_lost(
    tmp_path: Path, postgres: str, has_sent: bool
) -> None:
    with new_database(postgres) as rows, new_database(postgres) as journal:
        there = {"AFTERWORD_DATABASE": rows, "AFTERWORD_JOURNAL": journal}
        read_settings({"AFTERWORD_DATA": str(tmp_path)}).link_secret()
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
        assert is_fine(examine(tmp_path, **there))
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
