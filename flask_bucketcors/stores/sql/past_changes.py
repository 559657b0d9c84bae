"""Changes from another store, which keep their times and authors, within one transaction.

All changes of a bucket are staged. Then the last one replaces its row in ``bucketcors_rules``, and
the others go to the history.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, select

from flask_bucketcors.stores.sql.row_changes import (
    IS_LAST,
    IS_MINE,
    MOVE_STAGED,
    MOVED,
    Counter,
    Document,
    add_change,
    forget,
    send_staged,
    upsert,
)
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.tables import HISTORY, RULES, STAGED

_STAGED: Final = ("batch", "bucket", "document", "rule_count", "place", "time", "author")
_REVISION: Final = bindparam("revision", type_=BigInteger)
_LAST: Final = select(
    STAGED.c.bucket,
    STAGED.c.document,
    STAGED.c.rule_count,
    _REVISION.label("revision"),
    bindparam("stamp", type_=RULES.c.stamp.type).label("stamp"),
    STAGED.c.time,
    STAGED.c.author,
).where(IS_LAST)
_KEEP_OTHERS: Final = insert(HISTORY).from_select(
    MOVED,
    select(
        STAGED.c.bucket,
        _REVISION - STAGED.c.place,
        STAGED.c.time,
        STAGED.c.author,
        STAGED.c.document,
    ).where(IS_MINE, STAGED.c.place > 0),
)
_CHANGED: Final = HISTORY.c.bucket.in_(select(STAGED.c.bucket).where(IS_LAST))
_DELETE_STAGED: Final = delete(STAGED).where(IS_MINE)


class PastDocument(NamedTuple):
    """What is stored for a change from another store."""

    document: Document
    time: float
    author: str | None


#: The changes of each bucket, the oldest first.
Histories = Mapping[str, Sequence[PastDocument]]


def stage_histories(
    connection: Connection, server: Server, stamp: int, histories: Histories
) -> None:
    """Send the changes, before the counter is locked."""
    rows = (
        (stamp, bucket, *document, len(changes) - 1 - number, *by)
        for bucket, changes in sorted(histories.items())
        for number, (document, *by) in enumerate(changes)
    )
    send_staged(connection, server, _STAGED, rows)


def append_staged(connection: Connection, counter: Counter, stamp: int, longest: int) -> int:
    """Append what is staged to the histories of the buckets, and give the last revision.

    :param longest: how many changes the bucket has that has most.
    """
    revision = counter.revision + longest
    parameters = {"batch": stamp, "stamp": stamp, "revision": revision}
    is_replacing = connection.execute(MOVE_STAGED, parameters).rowcount > 0
    connection.execute(upsert(connection.dialect.name, _LAST), parameters)
    connection.execute(_KEEP_OTHERS, parameters)
    if is_replacing:
        forget(connection, _CHANGED, counter, parameters)
    connection.execute(_DELETE_STAGED, parameters)
    add_change(connection, revision, stamp, time.time())
    return revision
