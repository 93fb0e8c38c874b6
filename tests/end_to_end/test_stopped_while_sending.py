"""SIGTERM while messages of every kind go out: those in hand are finished, all others wait."""

from pathlib import Path

from tests.end_to_end.mailing import mailing, messages


def test_sigterm_finishes_what_is_in_hand_and_keeps_the_rest(tmp_path: Path, place: dict[str, str]) -> None:
    asked = "SELECT DISTINCT state, claim, tries FROM messages WHERE state <> 'sent'"
    with mailing(tmp_path, 0.1, 0.1, **place) as sent:
        sent.cause(shops=40)
        with sent.server as alba:
            sent.relay.wait_for(20)
            assert alba.stop() == 0
            assert alba.read(lambda tx: tx.rows(asked)) == [("scheduled", None, 0)]
            waiting = {named for named, (_, state) in messages(alba).items() if state == "scheduled"}
            assert waiting == sent.expected.keys() - {one.fingerprint for one in sent.taken}
            alba.start()
            sent.settle(most_in_doubt=0)
