"""A damaged row of the database costs what it is about, and nothing else."""

import pytest

from afterword.store.messages.due import PUT_OFF
from tests.dispatch.running import (
    dispatch_until,
    dispatching,
    imported,
    many,
    reached,
    reviewed,
    unsent,
    until,
    until_state,
)
from tests.peers import run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import DUE, Customer, Member, MovableClock

pytestmark = pytest.mark.usefixtures("quick")


def check_that_others_go(alba: Member, clock: MovableClock, damage: str) -> None:
    """The damaged order is the first of three that are due together."""
    damaged, *others = many(alba, 3)
    alba.executes(f"UPDATE orders SET {damage} WHERE shop_id = {alba.shop.id} AND id_order = '0'")
    clock.now = DUE
    with ScriptedPeer() as peer:
        dispatch_until(lambda: alba.states(*others) == ["sent", "sent"], alba, clock, peer, within=5)
    assert sorted(reached(peer)) == ["clara+1@nunez.example", "clara+2@nunez.example"]
    rows = dict(alba.rows("SELECT message_id, reason FROM messages WHERE state = 'failed'"))
    assert rows == {damaged.number: "its row in the database is damaged and cannot be read"}


@pytest.mark.parametrize("lines", ["no json", "7", '[{"id":'])
def test_a_row_that_cannot_be_read_costs_its_own_message_alone(
    alba: Member, clock: MovableClock, lines: str
) -> None:
    check_that_others_go(alba, clock, f"lines = '{lines}'")


@pytest.mark.sqlite
@pytest.mark.parametrize("column", ["lines", "lang", "email", "firstname"])
def test_a_cell_that_is_no_text_costs_its_own_message_alone(
    alba: Member, clock: MovableClock, column: str
) -> None:
    """SQLite keeps whatever a damaged page, or another program, has put there."""
    check_that_others_go(alba, clock, f"{column} = CAST(x'ff00ff' AS TEXT)")


def test_an_address_that_no_message_can_have_fails_at_once_with_a_sentence(
    alba: Member, clock: MovableClock
) -> None:
    damaged, other = many(alba, 2)
    alba.executes("UPDATE orders SET email = 'clara' WHERE id_order = '0'")
    clock.now = DUE
    with ScriptedPeer() as peer:
        dispatch_until(
            lambda: not alba.lists("scheduled") and bool(peer.messages), alba, clock, peer, within=5
        )
    assert alba.states(damaged, other) == ["failed", "sent"]
    assert alba.sees(damaged).reason == "'clara' is not an e-mail address"


def test_a_message_about_a_damaged_review_costs_itself_alone(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    reviewed(alba, clara, "1")
    alba.executes("UPDATE messages SET payload = 'no json' WHERE kind = 'receipt'")
    reviewed(alba, clara, "2")
    with ScriptedPeer() as peer:
        dispatch_until(lambda: bool(peer.messages), alba, clock, peer, then=0.3)
    assert reached(peer) == ["clara+2@nunez.example"]
    assert [row[:2] for row in unsent(alba)] == [("receipt", "failed")]


@pytest.mark.sqlite
def test_a_review_with_a_cell_of_bytes_costs_its_own_message_alone(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    damaged = reviewed(alba, clara, "1")
    alba.executes(f"UPDATE reviews SET text = x'ff00ff' WHERE review_id = {damaged.id}")
    reviewed(alba, clara, "2")
    with ScriptedPeer() as peer:
        dispatch_until(lambda: bool(peer.messages), alba, clock, peer, within=5)
    assert reached(peer) == ["clara+2@nunez.example"]
    assert [(row[1], row[3]) for row in unsent(alba)] == [
        ("failed", "its row in the database is damaged and cannot be read")
    ]


@pytest.mark.sqlite
@pytest.mark.parametrize("column", ["lines", "lang", "email", "firstname"])
def test_a_cell_of_bytes_costs_its_own_message_alone(alba: Member, clock: MovableClock, column: str) -> None:
    check_that_others_go(alba, clock, f"{column} = x'ff00ff'")


def check_that_its_messages_wait(alba: Member, bruno: Member, clock: MovableClock, damage: str) -> None:
    """until its row is repaired. The other shop's go meanwhile."""
    waiting, _ = imported(alba, "1"), imported(bruno, "2")
    clock.now = DUE
    alba.executes(f"UPDATE shops SET {damage} WHERE shop_id = {alba.shop.id}")
    with ScriptedPeer() as peer:
        dispatch_until(lambda: bool(peer.messages), bruno, clock, peer, then=0.1, within=5)
        assert reached(peer) == ["clara+2@nunez.example"]
        row = alba.sees(waiting)
        assert (row.state, row.tries, row.next_try_at) == ("scheduled", 0, DUE + PUT_OFF)
        assert row.reason == "the row of its shop in the database is damaged and cannot be read"
        repaired = f"salt = '{alba.shop.salt}', name = '{alba.shop.id} bakery'"
        alba.executes(f"UPDATE shops SET {repaired} WHERE shop_id = {alba.shop.id}")
        clock.step(PUT_OFF)
        dispatch_until(lambda: alba.state(waiting) == "sent", alba, clock, peer)


@pytest.mark.parametrize("salt", ["no hex", "0123"])
def test_a_shop_that_cannot_be_read_stops_no_other_and_loses_nothing(
    alba: Member, bruno: Member, clock: MovableClock, salt: str
) -> None:
    check_that_its_messages_wait(alba, bruno, clock, f"salt = '{salt}'")


@pytest.mark.sqlite
@pytest.mark.parametrize("column", ["salt", "name"])
@pytest.mark.parametrize("value", ["x'ff00ff'", "CAST(x'ff00ff' AS TEXT)"])
def test_a_shop_whose_cell_is_no_text_stops_no_other(
    alba: Member, bruno: Member, clock: MovableClock, column: str, value: str
) -> None:
    check_that_its_messages_wait(alba, bruno, clock, f"{column} = {value}")


def test_an_error_of_our_own_while_claiming_stops_nothing(
    alba: Member, clock: MovableClock, capsys: pytest.CaptureFixture[str]
) -> None:
    message, said = imported(alba), list[str]()
    clock.now = DUE

    def has_failed() -> bool:
        said.append(capsys.readouterr().out)
        return "claiming failed" in "".join(said)

    async def while_a_table_is_away() -> None:
        async with dispatching(alba, clock, peer):
            await until(has_failed)
            alba.executes("ALTER TABLE elsewhere RENAME TO messages")
            await until_state(alba, message, "sent")

    alba.executes("ALTER TABLE messages RENAME TO elsewhere")
    with ScriptedPeer() as peer:
        run(while_a_table_is_away())
