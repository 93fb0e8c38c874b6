"""The secret beside a database: made for a new one, and never made again for one that has used it."""

from pathlib import Path

import pytest

from afterword.base.errors import SettingsError
from afterword.base.settings import read_settings
from afterword.store.engine.database import Database
from afterword.store.opening import link_secret, open_database
from tests.store.cast import Customer, Member, new_member
from tests.store.databases import closing_now


def test_a_database_that_has_sent_nothing_gets_a_secret(
    tmp_path: Path, database: Database, alba: Member
) -> None:
    settings = read_settings({"AFTERWORD_DATA": str(tmp_path)})
    alba.sends("A-1")
    secret = link_secret(settings, database)
    alba.sends_due()
    assert link_secret(settings, database) == secret == settings.secret_path.read_text()


@pytest.mark.parametrize("has", ["sent an e-mail", "a review"])
def test_a_secret_that_is_missing_beside_a_database_that_used_it_is_refused(
    tmp_path: Path, database: Database, alba: Member, clara: Customer, has: str
) -> None:
    settings = read_settings({"AFTERWORD_DATA": str(tmp_path)})
    if has == "a review":
        clara.reviews(alba.order("A-1"))
    else:
        alba.sends("A-1")
        alba.sends_due()
    with pytest.raises(
        SettingsError, match=r"is missing, and no AFTERWORD_SECRET is set, though .*: it signs the"
    ):
        link_secret(settings, database)
    assert not settings.secret_path.exists()
    settings.secret_path.write_text("5" * 32)
    assert link_secret(settings, database) == "5" * 32
    settings.secret_path.unlink()
    elsewhere = read_settings({"AFTERWORD_DATA": str(tmp_path), "AFTERWORD_SECRET": "6" * 32})
    assert link_secret(elsewhere, database) == "6" * 32


def test_a_missing_database_beside_a_journal_with_lines_is_not_made_again(tmp_path: Path) -> None:
    settings = read_settings({"AFTERWORD_DATA": str(tmp_path)})
    path, backup, journal = (tmp_path / name for name in ("afterword.db", "backup.db", "send.journal"))
    with closing_now(open_database(settings)) as database:
        alba = new_member(database, "Alba's bakery")
        alba.sends("A-1")
        alba.sends_due()
    path.rename(backup)
    with pytest.raises(
        SettingsError, match=r"afterword\.db is missing, though its send journal, .*, is there: "
    ):
        open_database(settings)
    assert not path.exists()
    backup.rename(path)
    with closing_now(open_database(settings)) as database:
        assert not database.is_held
    path.unlink()
    journal.rename(tmp_path / "old.journal")
    with closing_now(open_database(settings)) as database:
        assert not database.is_held


def test_a_missing_database_beside_a_journal_of_which_nothing_was_sent_is_made(tmp_path: Path) -> None:
    settings = read_settings({"AFTERWORD_DATA": str(tmp_path)})
    for _ in range(2):
        with closing_now(open_database(settings)) as database:
            assert not database.is_held
        (tmp_path / "afterword.db").unlink()
