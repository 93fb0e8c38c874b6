"""The published example of a client, run against a server."""

import re
import subprocess
from pathlib import Path

from tests.server import ORDERS, Server

EXAMPLE = Path(__file__).with_name("published_example.php")


def run_example(alba: Server) -> str:
    """What the example's `var_dump` shows."""
    command = ["php", str(EXAMPLE), f"{alba.url}{ORDERS}", alba.keys.private_key]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    found = re.fullmatch(r'string\(\d+\) "(.*)"\n', shown)
    assert found, shown
    return found[1]
