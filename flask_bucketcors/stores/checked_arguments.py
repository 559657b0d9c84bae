"""Checks of what callers pass to a store, the same for every store."""

from collections.abc import Sequence
from typing import Final

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidBucketName, shortened
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.history_entry import PastChange

#: The most characters that the name of an author may have.
MAX_AUTHOR_LENGTH: Final = 256
# The largest integer of SQLite. No store has as many rows, so a larger limit makes no difference.
MAX_COUNT: Final = 2**63 - 1


def check_author(author: object) -> None:
    """Refuse the name of an author that some store could not keep.

    :raises TypeError: if it is neither text nor None.
    :raises ValueError: if it is too long, or UTF-8 cannot encode it.
    """
    if author is None:
        return
    if not isinstance(author, str):
        raise TypeError(f"author is {author!r}: write a name as text, or None")
    if len(author) > MAX_AUTHOR_LENGTH:
        raise ValueError(
            f"the name of the author has {len(author)} characters: write at most "
            f"{MAX_AUTHOR_LENGTH}"
        )
    try:
        author.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"the name of the author is {author!a}, which UTF-8 cannot encode: write characters "
            "of Unicode"
        ) from None


def check_pair(bucket: object, rules: object) -> None:
    """Refuse a bucket and its rules if they cannot be stored.

    :raises InvalidBucketName: if no bucket can have this name.
    :raises TypeError: if the rules are no :class:`~flask_bucketcors.RuleSet`.
    """
    if not isinstance(bucket, str) or not is_bucket_name(bucket):
        raise InvalidBucketName(bucket)
    if not isinstance(rules, RuleSet):
        found = type(rules).__name__
        raise TypeError(f"rules must be a RuleSet, not {found}; write RuleSet([...])")


def checked_changes(bucket: object, changes: Sequence[PastChange]) -> Sequence[PastChange]:
    """Give the changes of a bucket as any store can keep them.

    :raises InvalidBucketName: if no bucket can have this name.
    :raises TypeError: if one of them has rules, an author or a time of another type.
    :raises ValueError: if there are none, or an author or a time cannot be stored.
    """
    if not isinstance(bucket, str) or not is_bucket_name(bucket):
        raise InvalidBucketName(bucket)
    if not changes:
        raise ValueError(f"bucket {bucket!r} has no changes: leave it out")
    return [_checked_change(bucket, *change) for change in changes]


def _checked_change(
    bucket: str, time: float, author: str | None, rules: RuleSet | None
) -> PastChange:
    check_author(author)
    if rules is not None:
        check_pair(bucket, rules)
    return PastChange(checked_time(time), author, rules)


def checked_time(time: object) -> float:
    """Give the time of a change as any store can keep it.

    :raises TypeError: if it is no number.
    :raises ValueError: if no change was made then.
    """
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise TypeError(f"time is {time!r}: write seconds since 1970")
    # Comparing does not convert an integer, which may be too large.
    if not abs(time) <= MAX_COUNT:
        raise ValueError(f"time is {shortened(repr(time))}: write seconds since 1970")
    return float(time)


def checked_limit(limit: int | None) -> int | None:
    """Give the number of items that a page may have, as any store can take it.

    :raises TypeError: if it is neither a whole number nor None.
    :raises ValueError: if it is negative.
    """
    if limit is None:
        return None
    wanted = "write a whole number from 0, or None for all"
    if not isinstance(limit, int):
        raise TypeError(f"limit is {limit!r}: {wanted}")
    if limit < 0:
        raise ValueError(f"limit is {limit!r}: {wanted}")
    return min(limit, MAX_COUNT)


def checked_revision(revision: int | None) -> int | None:
    """Give the number of a revision, which may be unknown, as any store can compare it.

    :raises TypeError: if it is neither a whole number nor None.
    """
    if revision is None:
        return None
    if not isinstance(revision, int):
        raise TypeError(f"revision is {revision!r}: write a whole number")
    return max(0, min(revision, MAX_COUNT))
