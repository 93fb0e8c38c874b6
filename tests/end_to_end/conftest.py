"""Where the data of a server lies: on each engine."""

from collections.abc import Iterator

import pytest

from tests.postgres import new_database


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a server whose database is on this engine."""
    if engine == "sqlite":
        yield {}
    else:
        with new_database(request.getfixturevalue("postgres")) as url:
            yield {"AFTERWORD_DATABASE": url}
