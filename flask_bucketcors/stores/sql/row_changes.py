"""The statements of a change, within its transaction."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import mysql, postgresql

from flask_bucketcors.core.errors import RulesChanged
from flask_bucketcors.stores.contract import Versions
from flask_bucketcors.stores.sql import postgresql_only
from flask_bucketcors.stores.sql.server import Server
from flask_bucketcors.stores.sql.table_versions import refuse_newer
from flask_bucketcors.stores.sql.tables import CHANGES, HISTORY, RULES, STAGED, STATE

T = TypeVar("T")

#: Changes stay for so many others and for so long, so that a copy that was away a while need not
#: read everything anew.
KEPT_CHANGES: Final = 10_000
KEPT_SECONDS: Final = 7 * 24 * 3600
# One change of so many deletes old changes, at most so many.
_PRUNING_ONE_OF: Final = 64
_MAX_PRUNED: Final = 256
# One change of so many shortens the history of its buckets. Readers do not see more than the limit.
_FORGETTING_ONE_OF: Final = 8

_CHUNK: Final = 1000
MOVED: Final = ("bucket", "revision", "time", "author", "document")
_STAGED: Final = ("batch", "bucket", "document", "rule_count")
_REPLACED: Final = ("document", "rule_count", "revision", "stamp", "time", "author")


# Built once: to build a statement takes longer than the server needs for it.
_LOCK: Final = select(STATE.c.revision, STATE.c.history_limit, STATE.c.schema_version)
_LOCK_PORTABLY: Final = _LOCK.with_for_update()
_LOCK_ON_POSTGRESQL: Final = _LOCK.add_columns(*postgresql_only.LOCKING).with_for_update()
_NAMED: Final = RULES.c.bucket.in_(bindparam("names", expanding=True))
_STAMPS: Final = select(RULES.c.bucket, RULES.c.stamp).where(_NAMED, RULES.c.document.is_not(None))
_MOVING: Final = select(*(RULES.c[name] for name in MOVED))
# SQLAlchemy forgets the number of rows of an INSERT otherwise.
_COUNTED: Final = insert(HISTORY).execution_options(preserve_rowcount=True)
_MOVE: Final = _COUNTED.from_select(MOVED, _MOVING.where(_NAMED))
#: What is staged by this change, and of that the last change of each bucket.
IS_MINE: Final = STAGED.c.batch == bindparam("batch", type_=BigInteger)
IS_LAST: Final = and_(IS_MINE, STAGED.c.place == 0)
MOVE_STAGED: Final = _COUNTED.from_select(
    MOVED, _MOVING.join(STAGED, STAGED.c.bucket == RULES.c.bucket).where(IS_LAST)
)
_STAGED_ROWS: Final = select(
    *(STAGED.c[name] for name in ("bucket", "document", "rule_count")),
    *(
        bindparam(name, type_=RULES.c[name].type).label(name)
        for name in ("revision", "stamp", "time", "author")
    ),
).where(IS_MINE)
_ADD_CHANGE: Final = insert(CHANGES)
_COUNT: Final = update(STATE).values(revision=bindparam("revision"), stamp=bindparam("stamp"))


class Document(NamedTuple):
    """What is stored for a bucket.

    :param document: its rules as JSON; None to delete them.
    :param rule_count: how many they are.
    """

    document: str | None
    rule_count: int | None


class Change(NamedTuple):
    """A change, before it has a revision."""

    documents: Mapping[str, Document]
    author: str | None


class Counter(NamedTuple):
    """The row of ``bucketcors_state``, locked."""

    revision: int
    history_limit: int


def lock_counter(connection: Connection, server: Server) -> Counter:
    """Wait until no other change is under way, and keep others from beginning.

    :raises StoreUnavailable: if a newer release has changed the tables.
    """
    lock = _LOCK_ON_POSTGRESQL if server.has_options else _LOCK_PORTABLY
    found = connection.execute(lock).one()
    # A newer release may have started since this one did.
    refuse_newer(found.schema_version)
    return Counter(found.revision, found.history_limit)


def compare(connection: Connection, expected: Versions) -> None:
    """Compare the versions of some buckets, once the counter is locked.

    :raises RulesChanged: if one differs.
    """
    stamps: dict[str, int] = {}
    for names in chunks(expected):
        stamps.update(stored_stamps(connection, names))
    for bucket, version in expected.items():
        stamp = stamps.get(bucket)
        if version != (None if stamp is None else str(stamp)):
            raise RulesChanged(bucket)


def stored_stamps(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Give the stamps of some buckets, without those that have no rules."""
    return {row.bucket: row.stamp for row in connection.execute(_STAMPS, {"names": names})}


def write(connection: Connection, counter: Counter, stamp: int, change: Change) -> int:
    """Write the rows of a change of few buckets, and give its revision."""
    revision, now = counter.revision + 1, time.time()
    names = sorted(change.documents)
    is_replacing = connection.execute(_MOVE, {"names": names}).rowcount > 0
    row = {"revision": revision, "stamp": stamp, "time": now, "author": change.author}
    rows = [{"bucket": name, **change.documents[name]._asdict(), **row} for name in names]
    connection.execute(upsert(connection.dialect.name), rows if len(rows) > 1 else rows[0])
    if is_replacing and stamp % _FORGETTING_ONE_OF == 0:
        forget(connection, HISTORY.c.bucket.in_(names), counter)
    add_change(connection, revision, stamp, now)
    return revision


def stage(connection: Connection, server: Server, stamp: int, change: Change) -> None:
    """Send the rows of a large change, before the counter is locked."""
    rows = ((stamp, bucket, *document) for bucket, document in sorted(change.documents.items()))
    send_staged(connection, server, _STAGED, rows)


def send_staged(
    connection: Connection,
    server: Server,
    names: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Send rows of ``bucketcors_staged`` with these columns."""
    if server.has_options:
        postgresql_only.stage(connection, names, rows)
        return
    for chunk in chunks(rows):
        connection.execute(insert(STAGED), [dict(zip(names, row, strict=True)) for row in chunk])


def write_staged(connection: Connection, counter: Counter, stamp: int, author: str | None) -> int:
    """Write what is staged, and give its revision."""
    revision, now = counter.revision + 1, time.time()
    parameters = {
        "batch": stamp,
        "stamp": stamp,
        "revision": revision,
        "time": now,
        "author": author,
    }
    is_replacing = connection.execute(MOVE_STAGED, parameters).rowcount > 0
    connection.execute(upsert(connection.dialect.name, _STAGED_ROWS), parameters)
    if is_replacing and stamp % _FORGETTING_ONE_OF == 0:
        staged = select(STAGED.c.bucket).where(IS_MINE)
        forget(connection, HISTORY.c.bucket.in_(staged), counter, parameters)
    connection.execute(delete(STAGED).where(IS_MINE), parameters)
    add_change(connection, revision, stamp, now)
    return revision


@cache
def upsert(dialect: str, rows: Select[Any] | None = None) -> Insert:
    """Insert rows, or replace those that are there.

    :param rows: to insert; None if they are passed as parameters.
    """
    names = ("bucket", *_REPLACED)
    if dialect in ("mysql", "mariadb"):
        ours = mysql.insert(RULES)
        ours = ours if rows is None else ours.from_select(names, rows)
        return ours.on_duplicate_key_update({name: ours.inserted[name] for name in _REPLACED})
    theirs = postgresql.insert(RULES)
    theirs = theirs if rows is None else theirs.from_select(names, rows)
    replaced = {name: theirs.excluded[name] for name in _REPLACED}
    return theirs.on_conflict_do_update(index_elements=[RULES.c.bucket], set_=replaced)


def add_change(connection: Connection, revision: int, stamp: int, now: float) -> None:
    """Give the change its number."""
    connection.execute(_ADD_CHANGE, {"revision": revision, "stamp": stamp, "time": now})
    connection.execute(_COUNT, {"revision": revision, "stamp": stamp})
    if revision % _PRUNING_ONE_OF == 0:
        _prune(connection, revision, now)


def forget(
    connection: Connection,
    buckets: ColumnElement[bool],
    counter: Counter,
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Delete what is beyond the limit of the history.

    :param buckets: which rows of the history.
    :param parameters: of these.
    """
    place = func.row_number().over(
        partition_by=HISTORY.c.bucket, order_by=HISTORY.c.revision.desc()
    )
    numbered = (
        select(HISTORY.c.bucket, HISTORY.c.revision, place.label("place")).where(buckets).subquery()
    )
    connection.execute(
        delete(HISTORY).where(
            HISTORY.c.bucket == numbered.c.bucket,
            HISTORY.c.revision == numbered.c.revision,
            # One entry is in bucketcors_rules.
            numbered.c.place >= counter.history_limit,
        ),
        dict(parameters),
    )


def _prune(connection: Connection, revision: int, now: float) -> None:
    oldest = (
        select(CHANGES.c.revision, CHANGES.c.time)
        .order_by(CHANGES.c.revision)
        .limit(_MAX_PRUNED)
        .subquery()
    )
    connection.execute(
        delete(CHANGES).where(
            CHANGES.c.revision == oldest.c.revision,
            oldest.c.revision < revision - KEPT_CHANGES,
            oldest.c.time < now - KEPT_SECONDS,
        )
    )


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Give items as lists, each as long as one statement takes."""
    iterator = iter(items)
    while chunk := [*islice(iterator, _CHUNK)]:
        yield chunk
