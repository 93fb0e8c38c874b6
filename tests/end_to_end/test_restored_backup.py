"""An old backup is restored beside the send journal that went on, or without one (guarantee 9)."""

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import apsw

from tests.end_to_end.letters import read_letter, recipients
from tests.end_to_end.mailing import mailing_server
from tests.peers import RelayPeer
from tests.server import Server, address_of, an_order

DELAY = 2
DIEGO = {"firstname": "Diego", "email": "diego@mail.example"}


def back_up(alba: Server, target: Path) -> None:
    """Copies the database while the server runs."""
    source, copy = apsw.Connection(str(alba.database)), apsw.Connection(str(target))
    with copy.backup("main", source, "main") as backup:
        backup.step()
    copy.execute("PRAGMA journal_mode = DELETE")
    copy.close()
    source.close()


def a_day_at_the_bakery(alba: Server, relay: RelayPeer, backup: Path) -> None:
    """Two orders, a backup before their letters go, an unsubscribe and one more order after it."""
    alba.post_orders([an_order("Clara's"), an_order("Diego's", **DIEGO)])
    back_up(alba, backup)
    relay.wait_for(len(relay.messages) + 2)
    [to_diego] = [one for one in map(read_letter, relay.messages) if one.recipient == DIEGO["email"]]
    alba.request("POST", urlsplit(to_diego.unsubscribe).path, "List-Unsubscribe=One-Click")
    alba.post_orders([an_order("after the backup")])
    alba.wait_until(lambda: alba.states()["after the backup"] == "sent")
    alba.stop()


def test_beside_its_journal_a_restored_database_sends_nothing_twice(tmp_path: Path) -> None:
    """Not even to those whose orders the backup did not have, when the shop sends them again."""
    with RelayPeer() as relay, mailing_server(tmp_path, relay, DELAY) as alba:
        a_day_at_the_bakery(alba, relay, tmp_path / "backup.db")
        alba.put_back(tmp_path / "backup.db")
        alba.start()
        again = [an_order("Clara's"), an_order("after the backup"), an_order("Diego again", **DIEGO)]
        assert alba.post_orders([*again, an_order("fresh")]).counts == (1, 4, 3)
        ended = {"Clara's": "sent", "Diego's": "sent", "after the backup": "sent"}
        ended |= {"Diego again": "cancelled", "fresh": "sent"}
        alba.wait_until(lambda: alba.states() == ended)
        alba.stop()
        others = map(address_of, ("Clara's", "after the backup", "fresh"))
        assert sorted(recipients(relay.messages)) == sorted([DIEGO["email"], *others])


def test_without_its_journal_a_restored_database_is_held(tmp_path: Path) -> None:
    """Everything due waits for the operator's word, loudly; orders are taken all the same."""
    with RelayPeer() as relay, mailing_server(tmp_path, relay, delay=1) as alba:
        alba.post_orders([an_order("Clara's")])
        alba.wait_until(lambda: alba.states()["Clara's"] == "sent")
        alba.post_orders([an_order("Diego's", **DIEGO)])
        back_up(alba, tmp_path / "backup.db")
        relay.wait_for(2)
        alba.stop()
        alba.put_back(tmp_path / "backup.db")
        alba.journal.unlink()
        alba.start()
        assert json.loads(alba.get("/healthz").content)["status"] == "held"
        assert "sending paused" in alba.log
        assert alba.post_orders([an_order("while it is held")]).counts == (1, 1, 1)
        time.sleep(3)
        assert len(relay.messages) == 2
        assert alba.states() == {"Clara's": "sent", "Diego's": "scheduled", "while it is held": "scheduled"}
