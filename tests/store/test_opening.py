"""The secret beside a database: made for a new one, and never made again for one that has used it."""

from pathlib import Path

import pytest

from afterword.base.errors import SettingsError
from afterword.base.settings import read_settings
from afterword.store.engine.database import Database
from afterword.store.opening import link_secret
from tests.store.cast import Customer, Member


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
