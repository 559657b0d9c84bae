"""The conditions of a read: If-Match, If-Unmodified-Since and their like.

Werkzeug looks at a range before If-Match, and does not know If-Unmodified-Since: a download
that resumes would be sent the rest of another version.
"""

from datetime import datetime

from werkzeug.datastructures import ETags
from werkzeug.http import parse_date

from example_app.errors import StorageError
from example_app.index import StoredObject


def check_unchanged(stored: StoredObject, etags: ETags, since: datetime | None) -> None:
    """Refuse an object that has none of these ETags or, if there are none, that is newer."""
    newer = since is not None and stored.modified > since
    if stored.etag not in etags if etags else newer:
        raise StorageError("PreconditionFailed")


def check_changed(stored: StoredObject, etags: ETags, since: datetime | None) -> None:
    """Refuse an object that has one of these ETags or, if there are none, that is no newer."""
    no_newer = since is not None and stored.modified <= since
    if stored.etag in etags if etags else no_newer:
        raise StorageError("PreconditionFailed")


def read_date(text: str | None) -> datetime | None:
    """Read a date; None where there is none, or one that no calendar has."""
    try:
        return parse_date(text)
    except OverflowError:
        # Werkzeug lets it through.
        return None
