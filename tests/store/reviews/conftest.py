"""Fixtures for verification."""

from functools import cache

import pytest

from afterword.domain.reviews import verification
from afterword.domain.reviews.chain import is_signed_by
from tests.store.cast import Customer, Member
from tests.store.reviews.verifying import faults, write_every_kind

CACHED = cache(is_signed_by)


@pytest.fixture(autouse=True)
def cached_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks each signature once: most of the time would go into checking it again."""
    monkeypatch.setattr(verification, "is_signed_by", CACHED)


@pytest.fixture
def bakery(alba: Member, clara: Customer) -> Member:
    """Alba's bakery with reviews of every kind, whose secret was lost once."""
    alba.acts(lambda tx: write_every_kind(alba.within(tx), clara.within(tx)))
    assert faults(alba) == []
    return alba
