"""Checks the store: what it tells of itself, and every stored rule set."""

from collections.abc import Collection, Iterator
from functools import partial
from typing import Final

from flask_bucketcors.cli.doctor.notes import Note, trouble
from flask_bucketcors.cli.stored_buckets import bucket_names, listed_rules
from flask_bucketcors.core.errors import InvalidBucketName, StoredRulesInvalid, StoreUnavailable
from flask_bucketcors.stores.contract import Store

#: How many unreadable rule sets are shown.
MAX_SHOWN: Final = 20

_PUT_AGAIN: Final = "put the rules again, or roll back; until then the bucket is closed"

_RESERVED: Final = "the application's own URLs begin with this name, so no request uses its rules"
_RENAME: Final = "rename the bucket, put its rules under the new name, and delete these"

_note = partial(Note, "database")


def examine_database(store: Store, reserved: Collection[str]) -> Iterator[Note]:
    """Check the store, and every rule set in it.

    :param reserved: names that no bucket can have: the application's own URLs begin with them.
    """
    said = ""
    try:
        for each in store.health():
            yield _note(*each)
    except StoreUnavailable as error:
        said = str(error)
        yield trouble("database", error)
    try:
        # What one part of a store cannot tell, another may.
        yield from _examine_rules(store, reserved)
    except StoreUnavailable as error:
        if str(error) != said:
            yield trouble("database", error)


def _examine_rules(store: Store, reserved: Collection[str]) -> Iterator[Note]:
    count, invalid = 0, []
    for bucket in bucket_names(store):
        count += 1
        try:
            if bucket in reserved:
                invalid.append((f"bucket {bucket!r}: {_RESERVED}", _RENAME))
            listed_rules(store, bucket)
        except InvalidBucketName as error:
            invalid.append((str(error), "another tool wrote it: delete it from bucketcors_rules"))
        except StoredRulesInvalid as error:
            invalid.append((str(error), _PUT_AGAIN))
    yield _note(f"{count} {'bucket has' if count == 1 else 'buckets have'} rules")
    for text, help in invalid[:MAX_SHOWN]:
        yield _note(text, help)
    if len(invalid) > MAX_SHOWN:
        text = f"{len(invalid) - MAX_SHOWN} more buckets have such problems"
        yield _note(text, "correct those above, and run doctor again")
