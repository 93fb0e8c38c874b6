"""What can be wrong for reasons that are not a mistake in the code. Each message is a sentence for people."""


class Refused(Exception):
    """What was asked for cannot be done; the message says why."""


class SettingsError(Exception):
    """A setting is missing or wrong."""


class StoreUnavailable(Exception):
    """The store cannot take this now (busy, full disk, I/O error); nothing of it was acknowledged."""


class UnfinishedCopy(StoreUnavailable):
    """The database is the destination of an `afterword copy` that has not been finished."""


class SchemaTooNew(Exception):
    """The database was migrated by a newer Afterword."""


class JournalMissing(Exception):
    """The send journal of this database is missing or cannot be reached: nothing more is sent (guarantee 9)."""


class JournalAhead(StoreUnavailable):
    """The send journal has lines that the database does not know: it must catch up before the work is tried again."""


class ReviewChanged(Exception):
    """A review is no longer as it was when a person decided about it; nothing was changed."""
