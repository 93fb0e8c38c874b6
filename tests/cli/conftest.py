from collections.abc import Iterator
from pathlib import Path

import pytest

from afterword.base.settings import read_settings
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.sqlite import SqliteDatabase
from tests.cli.command import Command
from tests.store.cast import closing_now, open_database


@pytest.fixture
def afterword(tmp_path: Path) -> Command:
    """The command, with an empty data folder."""
    return Command(tmp_path)


@pytest.fixture
def database(afterword: Command) -> Iterator[SqliteDatabase]:
    """The command's own database, open beside it, on which the cast acts; and its secret, as `serve` made it."""
    read_settings(afterword.environment).link_secret()
    with closing_now(open_database(afterword.data)) as opened:
        yield opened


@pytest.fixture
def signer(afterword: Command) -> Signer:
    """The command's own."""
    return Signer(read_settings(afterword.environment).link_secret())
