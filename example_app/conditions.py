"""The conditions of a read, such as If-Match and If-Unmodified-Since.

Werkzeug evaluates a range before If-Match, and ignores If-Unmodified-Since, so a download that
resumes could get the rest of another version.
"""

from datetime import datetime

from werkzeug.datastructures import ETags
from werkzeug.http import parse_date

from example_app.errors import StorageError
from example_app.index import StoredObject


def check_unchanged(stored: StoredObject, etags: ETags, since: datetime | None) -> None:
    """Refuse an object that has none of these ETags; without ETags, one that is newer."""
    newer = since is not None and stored.modified > since
    if stored.etag not in etags if etags else newer:
        raise StorageError("PreconditionFailed")


def check_changed(stored: StoredObject, etags: ETags, since: datetime | None) -> None:
    """Refuse an object that has one of these ETags; without ETags, one that is not newer."""
    no_newer = since is not None and stored.modified <= since
    if stored.etag in etags if etags else no_newer:
        raise StorageError("PreconditionFailed")


def read_date(text: str | None) -> datetime | None:
    """Read a date; None if there is none, or if it is impossible."""
    try:
        return parse_date(text)
    except OverflowError:
        # Werkzeug does not catch it.
        return None
