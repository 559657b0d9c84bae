"""The statements that read the tables.

PostgreSQL, MySQL, MariaDB, CockroachDB and TiDB understand them all.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    null,
    select,
    union_all,
)

from flask_bucketcors.stores.sql.tables import CHANGES, HISTORY, RULES, STATE

#: How many rows of changes are read with the first statement.
FIRST_ROWS: Final = 1000

STATE_NOW: Final = select(STATE.c.revision, STATE.c.stamp)

_CHANGE: Final = ("bucket", "revision", "time", "author", "document")

HISTORY_LIMIT: Final = select(STATE.c.history_limit)
HAS_RULES: Final = RULES.c.document.is_not(None)

CURRENT: Final = select(RULES.c.stamp, RULES.c.revision, RULES.c.document).where(
    RULES.c.bucket == bindparam("name"), RULES.c.document.is_not(None)
)
LAST_CHANGE: Final = select(RULES.c.revision, RULES.c.time, RULES.c.author, RULES.c.document).where(
    RULES.c.bucket == bindparam("name")
)

_ROW: Final = ("bucket", "document", "revision", "stamp", "time", "author")
_KNOWN_REVISION: Final = bindparam("known_revision", type_=BigInteger)
_KNOWN_STAMP: Final = bindparam("known_stamp", type_=BigInteger)

# That of the known revision, if the server still has it. (All revisions are up to that of the
# counter. To say so joins the tables.)
_KNOWN: Final = and_(CHANGES.c.revision == _KNOWN_REVISION, CHANGES.c.revision <= STATE.c.revision)
_POSITION: Final = (STATE.c.revision, STATE.c.stamp, CHANGES.c.stamp.label("known"))


def _by_revision(statement: Select[Any]) -> Select[Any]:
    """Sort rows behind a position as the index has them.

    MySQL would rather read and sort the whole table if many changed, and send nothing for so long.
    """
    hint = "FORCE INDEX (bucketcors_rules_revision)"
    return (
        statement.where(RULES.c.revision > _KNOWN_REVISION)
        .order_by(RULES.c.revision, RULES.c.bucket)
        .with_hint(RULES, hint, "mysql")
        .with_hint(RULES, hint, "mariadb")
    )


def _first_since(*names: str) -> Select[Any]:
    """Select what changed since a position, up to a number of rows.

    One statement, so that position and rows belong together. If nothing changed, or the server
    does not know the position, there is one row, without a bucket.
    """
    # Within, so that the index is read no further.
    rows = _by_revision(select(*(RULES.c[name] for name in _ROW)))
    behind = rows.limit(FIRST_ROWS + 1).subquery("behind")
    is_behind = and_(behind.c.revision <= STATE.c.revision, CHANGES.c.stamp == _KNOWN_STAMP)
    tables = STATE.outerjoin(CHANGES, _KNOWN).outerjoin(behind, is_behind)
    columns = (behind.c[name].label(f"rules_{name}") for name in names)
    return select(*_POSITION, *columns).select_from(tables)


def _streamed(known: ColumnElement[Any]) -> Select[Any]:
    """Select rows with the position. To join that would sort them before the first one comes."""
    revision, stamp = (select(STATE.c[name]).scalar_subquery() for name in ("revision", "stamp"))
    return select(
        revision.label("revision_now"),
        stamp.label("stamp_now"),
        known.label("known"),
        *(RULES.c[name] for name in _ROW),
    )


FIRST_SINCE: Final = _first_since(*_ROW).order_by("rules_revision", "rules_bucket")
NAMES_SINCE: Final = _first_since("bucket")
#: All rows behind a position; none if nothing changed.
SINCE: Final = _by_revision(
    _streamed(
        select(CHANGES.c.stamp).where(CHANGES.c.revision == _KNOWN_REVISION).scalar_subquery()
    )
)
#: All rules; no row if there are none.
WHOLE: Final = _streamed(null()).where(RULES.c.document.is_not(None)).order_by(RULES.c.bucket)
#: The same, for few of them, with a row without a bucket if there are none.
WHOLE_OR_NOTHING: Final = (
    select(STATE.c.revision, STATE.c.stamp, null().label("known"))
    .add_columns(*(RULES.c[name].label(f"rules_{name}") for name in _ROW))
    .select_from(STATE)
    .outerjoin(RULES, and_(RULES.c.document.is_not(None), RULES.c.revision <= STATE.c.revision))
    .order_by(RULES.c.bucket)
)


def page(
    columns: tuple[Any, ...], low: str, high: str | None, contains: str, limit: int | None
) -> Select[Any]:
    """Select buckets by name, also deleted ones.

    :param low: the least name, or one with NUL at its end, which comes before all longer names.
    :param high: the least name that comes after them; None if there is none.
    :param contains: a part of the name.
    """
    after, nul, _ = low.partition("\0")
    statement = select(*columns).where(RULES.c.bucket > after if nul else RULES.c.bucket >= after)
    if high is not None:
        statement = statement.where(RULES.c.bucket < high)
    if contains:
        statement = statement.where(RULES.c.bucket.like(_pattern(contains), escape="!"))
    return statement.order_by(RULES.c.bucket).limit(limit)


def last_writes(buckets: Sequence[str]) -> Select[Any]:
    """Select the last changes of some buckets, with their stamps."""
    columns = ("bucket", "stamp", "revision", "time", "author", "document")
    return select(*(RULES.c[name] for name in columns)).where(RULES.c.bucket.in_(buckets))


def _pattern(contains: str) -> str:
    for special in "!%_":
        contains = contains.replace(special, "!" + special)
    return f"%{contains}%"


def history(bucket: str, before: int | None, limit: int | None) -> Select[Any]:
    """Select the changes of a bucket that are kept, newest first."""
    kept = _kept([bucket])
    columns = ("revision", "time", "author", "document")
    statement = (
        select(*(kept.c[name] for name in columns)).order_by(kept.c.revision.desc()).limit(limit)
    )
    return statement if before is None else statement.where(kept.c.revision < before)


def histories(buckets: Sequence[str]) -> Select[Any]:
    """Select the changes of some buckets that are kept, newest first, with their names."""
    kept = _kept(buckets)
    return select(*(kept.c[name] for name in _CHANGE)).order_by(
        kept.c.bucket, kept.c.revision.desc()
    )


def _kept(buckets: Sequence[str]) -> Subquery:
    """The tables may have a few more changes than the limit of the history."""
    parts = [
        select(*(table.c[name] for name in _CHANGE)).where(table.c.bucket.in_(buckets))
        for table in (RULES, HISTORY)
    ]
    found = union_all(*parts).subquery()
    place = func.row_number().over(partition_by=found.c.bucket, order_by=found.c.revision.desc())
    numbered = select(found, place.label("place")).subquery()
    limit = select(STATE.c.history_limit).scalar_subquery()
    return select(numbered).where(numbered.c.place <= limit).subquery()
