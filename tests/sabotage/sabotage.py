"""What a sabotage is. They are listed in `of_orders`, `of_letters` and `of_reviews`.

Each is applied to a copy of the project, and the named test must pass before and fail after it. `old` must stand
exactly once in its file, so a sabotage whose place has changed fails too, and is to be brought up to date.
"""

from typing import NamedTuple

STORE, DISPATCH, MAIL = "tests/store/test_", "tests/dispatch/test_", "tests/mail/test_"
DOMAIN = "tests/domain/test_"
INVITATIONS_SQL = "store/queries/invitations.sql"
TABLES_SQL = "store/migrations/0001_start.sql"


class Sabotage(NamedTuple):
    """A change to one file of the package that takes a guarantee out of it, and the test that must fail by it."""

    guarantee: int
    name: str
    file: str
    old: str
    new: str
    test: str
