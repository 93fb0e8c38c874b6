from pathlib import Path

import pytest

from tests.cli.command import Command


@pytest.fixture
def afterword(tmp_path: Path) -> Command:
    """The command, with an empty data folder."""
    return Command(tmp_path)
