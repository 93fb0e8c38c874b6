import json
from pathlib import Path

import psycopg
import pytest

from tests.citus import pretend_citus
from tests.cli.command import Command
from tests.postgres import new_database
from tests.server import SERVE, Server
from tests.store.cast import Member


def test_everything_is_fine_while_it_serves_and_sends_and_not_when_nothing_runs(tmp_path: Path) -> None:
    alba = Server(tmp_path)
    afterword = Command(tmp_path, port=alba.port)
    ran = afterword.run("doctor")
    assert ran.code == 1 and ran.out.endswith("\n\n2 findings need attention.\n")
    assert "\nACTION serving      NOTHING SERVES: " in ran.out
    assert "\nACTION dispatching  NOTHING SENDS: " in ran.out
    with alba:
        alba.wait_until((afterword.data / "pulse").exists)
        found = afterword.json("doctor")
        assert (
            found["ok"] and {"version", "schema", "invitations", "in_doubt", "waiting_reviews"} < found.keys()
        )
        assert {each["level"] for each in found["checks"]} == {"ok", "note"}
        said = afterword.say("doctor")
    assert "\nnote   mail         NO E-MAIL IS SENT: " in said and said.endswith("\n\nEverything is fine.\n")
    assert "\nACTION serving      NOTHING SERVES: " in afterword.run("doctor").out


def test_a_server_that_does_not_dispatch_has_no_pulse(tmp_path: Path) -> None:
    alba = Server(tmp_path)
    with alba.start((*SERVE, "--no-dispatch")):
        ran = Command(tmp_path, port=alba.port).run("doctor")
    assert ran.code == 1 and ran.out.endswith("\n\n1 finding needs attention.\n")
    assert "\nACTION dispatching  NOTHING SENDS: no dispatcher is at work (none has ever used" in ran.out


def test_what_needs_a_person_is_marked_with_exit_code_1(afterword: Command, alba: Member) -> None:
    number = alba.sees(alba.sends("A-1")).id
    claim = alba.claims_one()
    assert alba.marks(claim)
    alba.records(claim, "in_doubt", "the connection broke")
    ran = afterword.run("doctor")
    assert (ran.code, ran.err) == (1, "")
    assert f"\nACTION in doubt     Invitation {number} of shop 1 (order A-1) may or may not" in ran.out
    assert ran.out.endswith("\n\n3 findings need attention.\n")
    found = json.loads(afterword.run("doctor", "--json").out)
    assert not found["ok"] and [each["id"] for each in found["in_doubt"]] == [number]


def test_an_invitation_without_its_order_is_a_finding(afterword: Command, alba: Member) -> None:
    for name in ("A-1", "A-2"):
        alba.sends(name)
    assert "no order" not in afterword.run("doctor").out
    alba.executes(
        "DELETE FROM orders WHERE shop_id = :shop_id AND id_order = 'A-1'", {"shop_id": alba.shop.id}
    )
    assert (
        "\nACTION invitations  1 invitation has no order and cannot be sent: " in afterword.run("doctor").out
    )


def test_the_lines_between_the_servers_of_a_cluster_are_looked_at(afterword: Command, postgres: str) -> None:
    with new_database(postgres) as url:
        afterword.say("migrate", AFTERWORD_DATABASE=url)
        pretend_citus(url)
        afterword.run("migrate", "--citus", AFTERWORD_DATABASE=url)
        with psycopg.connect(url, autocommit=True) as connection:
            [name] = connection.execute("SELECT current_database()").fetchone() or ()
            for settings, said in (
                (
                    "sslmode=require",
                    "note   cluster      Lines from worker-1:5432 to other servers have no time",
                ),
                ("tcp_user_timeout=30000", "ok     cluster      All 2 servers of the cluster answer."),
            ):
                connection.execute(f"ALTER DATABASE {name} SET citus.node_conninfo = '{settings}'")  # type: ignore[call-overload]
                assert f"\n{said}" in afterword.run("doctor", AFTERWORD_DATABASE=url).out
            connection.execute(NODE_AWAY)
        assert "\nACTION cluster      The node worker-1:5432 does not answer (gone): " in (
            afterword.run("doctor", AFTERWORD_DATABASE=url).out
        )


NODE_AWAY = """
CREATE OR REPLACE FUNCTION run_command_on_workers(
    command text, OUT nodename text, OUT nodeport int, OUT success boolean, OUT result text
) RETURNS SETOF record LANGUAGE sql AS $$ SELECT 'worker-1', 5432, false, 'gone' $$
"""


def test_a_wrong_setting_is_a_finding(afterword: Command) -> None:
    ran = afterword.run("doctor", AFTERWORD_PORT="eighty")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("ACTION settings     AFTERWORD_PORT is not a whole number from 1 to 65535\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "A new send journal was started; "), (("--json",), '{"accepted": true, "in_doubt": 0}')],
)
def test_a_lost_journal_is_accepted(
    afterword: Command, alba: Member, words: tuple[str, ...], said: str
) -> None:
    assert "sending is not paused" in afterword.run("doctor", "--accept").sentence
    alba.sends("A-1")
    alba.sends_due()
    (afterword.data / "send.journal").unlink()
    assert "journal" in afterword.run("doctor").out.partition("\nACTION ")[2]
    assert afterword.say("doctor", "--accept", *words).startswith(said)
    assert "ACTION journal" not in afterword.run("doctor").out
