"""Errors that are not bugs. Each message is a sentence for people."""


class Refused(Exception):
    """A request that cannot be carried out; the message says why."""


class SettingsError(Exception):
    """A setting is missing or wrong."""


class StoreUnavailable(Exception):
    """The store cannot accept this now (busy, full disk, I/O error). Nothing was acknowledged."""


class NodeAway(StoreUnavailable):
    """The node of a cluster that has the rows of this shop does not answer. Other shops are not concerned."""


class UnfinishedCopy(StoreUnavailable):
    """The database is the destination of an `afterword copy` that has not been finished."""


class SchemaTooNew(Exception):
    """The database was migrated by a newer Afterword."""


class JournalMissing(Exception):
    """The database's send journal is missing or unreachable: sending is paused (guarantee 9)."""


class JournalAhead(StoreUnavailable):
    """The send journal has lines that the database has not applied. It must catch up before the transaction is
    retried."""


class ReviewChanged(Exception):
    """The review has changed since the caller read it. Nothing was changed."""


class TooManyChanges(Exception):
    """The author has changed the reviews of this order too often today. Nothing was changed."""
