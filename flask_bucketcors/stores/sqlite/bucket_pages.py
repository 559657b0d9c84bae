"""Pages of ``bucketcors_rules``: names of buckets, or what a list says about each."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from flask_bucketcors.stores.bucket_summary import BucketSummary, count_rules
from flask_bucketcors.stores.name_range import name_range, surrogate_place
from flask_bucketcors.stores.rows import parse_rule_set
from flask_bucketcors.stores.sqlite.database import Parameters

NAMES: Final = """
    SELECT bucket FROM bucketcors_rules WHERE bucket >= :low AND bucket < :high
    ORDER BY bucket LIMIT :limit
"""
# A deleted bucket is in the history alone, in which each bucket has many rows. So the next name is
# looked up instead of reading the rows between.
NAMES_WITH_HISTORY: Final = """
    WITH RECURSIVE past (bucket) AS (
        SELECT min(bucket) FROM bucketcors_history WHERE bucket >= :low AND bucket < :high
        UNION ALL
        SELECT (
            SELECT min(bucket) FROM bucketcors_history
            WHERE bucket > past.bucket AND bucket < :high
        )
        FROM past WHERE past.bucket IS NOT NULL LIMIT :limit
    )
    SELECT bucket FROM past WHERE bucket IS NOT NULL
    UNION
    SELECT * FROM (
        SELECT bucket FROM bucketcors_rules WHERE bucket >= :low AND bucket < :high
        ORDER BY bucket LIMIT :limit
    )
    ORDER BY bucket LIMIT :limit
"""
# Rules that another tool wrote have no author, because a trigger deletes it. Only these may be
# unreadable, and have to be parsed, which takes ten times as long as to count them here.
SUMMARIES: Final = """
    SELECT bucket, stamp, revision, time, author, CASE
        WHEN author IS NULL THEN document
        WHEN json_valid(document) THEN json_array_length(document, '$.rules')
    END
    FROM bucketcors_rules WHERE bucket >= :low AND bucket < :high AND instr(bucket, :contains)
    ORDER BY bucket LIMIT :limit
"""

Query = Callable[[str, Parameters], Sequence[Any]]


def names(query: Query, prefix: str, after: str, limit: int | None) -> Sequence[str]:
    """Give a page of names; see :meth:`flask_bucketcors.Store.list`."""
    return [bucket for (bucket,) in _rows(query, NAMES, prefix, after, limit)]


def names_with_history(query: Query, prefix: str, after: str, limit: int | None) -> Sequence[str]:
    """Give a page of names, with those of deleted buckets that have a history."""
    return [bucket for (bucket,) in _rows(query, NAMES_WITH_HISTORY, prefix, after, limit)]


def summaries(
    query: Query, prefix: str, after: str, limit: int | None, contains: str
) -> Sequence[BucketSummary]:
    """Give a page of summaries; see :meth:`flask_bucketcors.Store.summaries`."""
    if surrogate_place(contains) is not None:
        return []
    return [_summary(*row) for row in _rows(query, SUMMARIES, prefix, after, limit, contains)]


def _rows(
    query: Query, statement: str, prefix: str, after: str, limit: int | None, contains: str = ""
) -> Sequence[Any]:
    """Give the rows of a page, the name first."""
    bounds = name_range(prefix, after)
    if bounds is None:
        return []
    low, high = bounds
    page = {"low": low, "high": high, "contains": contains, "limit": -1 if limit is None else limit}
    if query("PRAGMA encoding", ()) == [("UTF-8",)]:
        return query(statement, page)
    # An application made the database, and its index is sorted by the bytes of UTF-16.
    rows = query(statement, {**page, "low": "", "high": b"", "limit": -1})
    found = [row for row in rows if row[0].startswith(prefix) and row[0] > after]
    return sorted(found, key=itemgetter(0))[:limit]


def _summary(
    bucket: str,
    stamp: int,
    revision: int,
    time: float,
    author: str | None,
    stored: str | int | None,
) -> BucketSummary:
    """:param stored: the document if there is no author, otherwise the number of rules."""
    if author is None:
        count = count_rules(partial(parse_rule_set, bucket, str(stored)))
    else:
        # An author cannot be that of a rule set without rules.
        count = int(stored) if stored else None
    return BucketSummary(bucket, count, str(stamp), revision, time, author)
