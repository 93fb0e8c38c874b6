"""A shop pastes the published page's PHP example and runs it (contract/seed-orders-api)."""

import re
import subprocess
from pathlib import Path

from tests.needs import needs
from tests.server import ORDERS, Server

EXAMPLE = Path(__file__).with_name("published_example.php")
IMPORTED = '{ "success": 1, "orders_count": 1, "orders_imported": 1, "message": null }'
ALREADY_IMPORTED = (
    '{ "success": 0, "orders_count": 1, "orders_imported": 0, "message": '
    '"Some orders were not imported because they had already been sent (see documentation)" }'
)


def test_the_example_is_answered_in_the_published_words(tmp_path: Path) -> None:
    needs("php")
    with Server(tmp_path) as alba:
        assert run_example(alba) == IMPORTED.replace("{ ", "{").replace(" }", "}")
        assert run_example(alba) == ALREADY_IMPORTED.replace("{ ", "{").replace(" }", "}")
        [invitation] = alba.invitations()
        assert (invitation.id_order, invitation.state) == ("1234", "scheduled")


def test_the_example_may_be_run_with_a_doubled_slash(tmp_path: Path) -> None:
    needs("php")
    with Server(tmp_path) as alba:
        assert '"success": 1' in run_example(alba, "/" + ORDERS)


def run_example(alba: Server, path: str = ORDERS) -> str:
    """What the example's `var_dump` shows."""
    command = ["php", str(EXAMPLE), f"{alba.url}{path}", alba.keys.private_key]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    found = re.fullmatch(r'string\(\d+\) "(.*)"\n', shown)
    assert found, shown
    return found[1]
