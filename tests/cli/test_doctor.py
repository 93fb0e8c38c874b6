import json
from pathlib import Path

import pytest

from tests.cli.command import Command
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
