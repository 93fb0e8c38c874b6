"""Where the data of a server lies: on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from afterword.store.opening import open_postgres
from afterword.store.transfer.citus import distribute
from tests.citus import CLUSTER, new_schema
from tests.postgres import new_database
from tests.store.databases import closing_now

collect_ignore = [] if CLUSTER else ["test_node_away.py"]


@pytest.fixture
def place(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a server whose database is on this engine."""
    if engine == "sqlite":
        yield {}
    elif engine == "citus":
        with new_schema(CLUSTER) as url:
            with closing_now(open_postgres(url, tmp_path / "spread.journal")) as database:
                distribute(database)
            yield {"AFTERWORD_DATABASE": url}
    else:
        with new_database(request.getfixturevalue("postgres")) as url:
            yield {"AFTERWORD_DATABASE": url}
