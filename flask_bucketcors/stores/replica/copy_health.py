"""What ``doctor`` prints about a host's copy and its server."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from flask_bucketcors.core.errors import StoreUnavailable
from flask_bucketcors.stores.health import HealthNote
from flask_bucketcors.stores.replica.copy import Copy

if TYPE_CHECKING:
    from flask_bucketcors.stores.sql.store import SQLStore

# The leader tries once a second by default, and a server that hangs takes some seconds more.
_FOLLOWED_SECONDS: Final = 15.0
_UNFOLLOWED: Final = (
    "no process of this host follows the server now; a worker does from its first request on"
)


def copy_notes(copy: Copy) -> Iterator[HealthNote]:
    """Check who keeps the copy up to date."""
    position = copy.position()
    if position is None:
        text = "this host has no copy of the rules yet, so all buckets are closed"
        yield HealthNote(text, "see below why the server gives none")
        return
    yield HealthNote(f"the copy is {copy.contact.shown_age()}, at revision {position.revision}")
    tried = copy.contact.tried()
    if tried is None or tried > _FOLLOWED_SECONDS:
        yield HealthNote(_UNFOLLOWED)
        return
    means = "is notified of changes" if copy.contact.is_notified else "asks for changes"
    yield HealthNote(f"process {copy.contact.leader} follows the server, and {means}")


def server_notes(copy: Copy, server: "SQLStore") -> Iterator[HealthNote]:
    """Compare the copy with the server, and check the server."""
    feed = server.open_feed()
    try:
        with feed.since(copy.position()) as batch:
            revision, is_whole = batch.position.revision, batch.is_whole
        yield HealthNote(f"{server.shown} responds, and is at revision {revision}")
        if is_whole and copy.position() is not None:
            text = "the server does not know the revision of the copy"
            yield HealthNote(text, "start a worker, which takes all rules anew")
        yield from server.health()
    except StoreUnavailable as error:
        text = str(error) if server.shown in str(error) else f"{server.shown}: {error}"
        yield HealthNote(text, "changes are refused until this is corrected; requests use the copy")
    finally:
        with suppress(StoreUnavailable):
            feed.close()
