"""Lists the buckets of a store and reads their rules, for several commands."""

from collections.abc import Iterator
from typing import Final

import click

from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.errors import InvalidBucketName, StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.bucket_summary import BucketSummary
from flask_bucketcors.stores.contract import Store

# The number of names to read at a time, so that a long list needs little memory.
PAGE: Final = 1000


def bucket_names(
    store: Store, prefix: str = "", after: str = "", *, with_deleted: bool = False
) -> Iterator[str]:
    """Give the names of all buckets that have rules, sorted, starting after ``after``.

    :param with_deleted: also those whose rules are deleted, and whose history is kept.
    """
    while names := store.list(prefix, after, PAGE, with_deleted=with_deleted):
        yield from names
        after = names[-1]


def bucket_summaries(store: Store, prefix: str = "", after: str = "") -> Iterator[BucketSummary]:
    """Give the summaries of all buckets that have rules, sorted, starting after ``after``."""
    while summaries := store.summaries(prefix, after, PAGE):
        yield from summaries
        after = summaries[-1].bucket


def listed_rules(store: Store, bucket: str) -> RuleSet | None:
    """Give the rules of a bucket that the store listed; None if they were deleted meanwhile.

    :raises InvalidBucketName: if no bucket can have the name; another tool wrote it.
    :raises StoredRulesInvalid: if the rules are unreadable.
    """
    if not is_bucket_name(bucket):
        raise InvalidBucketName(bucket)
    return store.get(bucket)


def each_bucket(store: Store, prefix: str = "") -> Iterator[tuple[str, RuleSet | None]]:
    """Give all buckets with their rules; None for unreadable rules, which are reported."""
    for bucket in bucket_names(store, prefix):
        try:
            rule_set = listed_rules(store, bucket)
        except (InvalidBucketName, StoredRulesInvalid) as error:
            click.echo(f"left out: {printable(str(error))}", err=True)
            yield bucket, None
        else:
            if rule_set is not None:
                yield bucket, rule_set
