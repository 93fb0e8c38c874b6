from afterword.actions import invitations
from afterword.store.engine.engine_database import EngineDatabase
from tests.store.cast import Member, order
from tests.store.databases import ask


def test_a_list_goes_through_all_pages_newest_first(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    alba.sends_batch(*(order(f"A-{number}") for number in range(1_010)))
    bruno.sends("B-1")
    found = [row.id_order for row in invitations.listed(database, alba.shop)]
    assert found == [f"A-{number}" for number in reversed(range(1_010))]
    alba.delivers(alba.claims(most=1)[0])
    assert [row.id_order for row in invitations.listed(database, alba.shop, "sent")] == ["A-0"]
    assert list(invitations.listed(database, alba.shop, "failed")) == []


def test_one_is_found_with_its_order_and_its_message_id(database: EngineDatabase, alba: Member) -> None:
    row = alba.sees(alba.sends("A-1", reference="R-1"))
    found = ask(database, invitations.found, row.id, "reviews.alba.example")
    assert (found.row, found.shop, found.order.reference) == (row, alba.shop, "R-1")
    assert found.message_id.endswith("@reviews.alba.example>")
