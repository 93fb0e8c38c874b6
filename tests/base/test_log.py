"""The log: one line an event, and never the reason why something else fails."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SAY = """
from afterword.base.log import log_for, set_up_log
set_up_log()
log_for("dispatch").error("messages wait", invitation=7, trouble="a line\\nof two")
log_for("dispatch").info("and goes on")
print("alive")
"""


def test_an_event_is_one_line_with_its_level_and_module() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SAY], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    first, second = said.stderr.splitlines()
    assert "level=error" in first and "module=dispatch" in first and "invitation=7" in first
    assert "level=info" in second
    assert said.stdout == "alive\n"


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            [sys.executable, "-c", SAY],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
        )
    assert said.stdout == "alive\n"
