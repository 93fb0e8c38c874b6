"""Fixtures for all packages: a database in a temporary folder, the cast, and a clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from afterword.store.engine.database import Database
from afterword.store.opening import open_postgres
from afterword.store.transfer.citus import distribute
from tests.citus import CLUSTER, new_schema
from tests.postgres import new_database, postgres_server
from tests.store.cast import Customer, Member, MovableClock, closing_now, new_member, open_database

# A busy machine must not make tests fail.
settings.register_profile("afterword", deadline=None)
settings.load_profile("afterword")

ENGINES = ["sqlite", "postgres", *(["citus"] if CLUSTER else [])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test that uses the database on every engine, unless it is marked for one engine."""
    if "engine" in metafunc.fixturenames:
        marked = [name for name in ENGINES if metafunc.definition.get_closest_marker(name)]
        metafunc.parametrize("engine", marked or ENGINES, scope="session")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL server, started once."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def database(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A real database with its journal; the store is never faked."""
    if engine == "sqlite":
        with closing_now(open_database(tmp_path)) as opened:
            yield opened
        return
    is_citus = engine == "citus"
    empty = new_schema(CLUSTER) if is_citus else new_database(request.getfixturevalue("postgres"))
    with empty as url, closing_now(open_postgres(url, tmp_path / "send.journal")) as opened:
        if is_citus:
            distribute(opened)
        yield opened


@pytest.fixture
def alba(database: Database) -> Member:
    """Alba's bakery."""
    return new_member(database, "Alba's bakery")


@pytest.fixture
def bruno(database: Database) -> Member:
    """Bruno's books, which must never see anything of Alba's bakery."""
    return new_member(database, "Bruno's books")


@pytest.fixture
def clara(database: Database) -> Customer:
    """A customer, who reviews what she ordered at any shop."""
    return Customer(database)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()
