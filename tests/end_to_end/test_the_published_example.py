"""A shop pastes the published page's PHP example and runs it (docs/orders-api.md)."""

from pathlib import Path

from tests.end_to_end.example import run_example
from tests.needs import needs
from tests.server import Server

IMPORTED = '{"success": 1, "orders_count": 1, "orders_imported": 1, "message": null}'
ALREADY_IMPORTED = (
    '{"success": 0, "orders_count": 1, "orders_imported": 0, "message": '
    '"Some orders were not imported because they had already been sent (see documentation)"}'
)


def test_the_example_is_answered_in_the_published_words(tmp_path: Path) -> None:
    needs("php")
    with Server(tmp_path) as alba:
        assert run_example(alba) == IMPORTED
        assert run_example(alba) == ALREADY_IMPORTED
        [invitation] = alba.invitations()
        assert (invitation.id_order, invitation.state) == ("1234", "scheduled")
