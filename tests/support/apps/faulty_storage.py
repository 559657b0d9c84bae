"""The application of ``served_storage`` with a fault that the search for stale reads must find."""

import os
import random
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from flask_bucketcors import SQLiteStore
from flask_bucketcors.stores.sqlite.change_ring import ChangeRing, Entry
from flask_bucketcors.wsgi.rules_cache import RulesCache
from tests.support.apps import served_storage

#: The name for gunicorn.
APP = f"{__name__}:create_app()"
#: Names the variable of the environment that says which fault.
FAULT = "SERVED_FAULT"
# Long enough for others to act in between, on a fast disk and on a busy machine.
TOO_EARLY_SECONDS = 0.02


def create_app() -> Flask:
    """Build the application with the fault that the environment names."""
    FAULTS[os.environ[FAULT]]()
    return served_storage.create_app()


def publish_nothing() -> None:
    """No process is told of a change."""
    SQLiteStore._publish = lambda self, revision, stamp: revision  # type: ignore[method-assign]


def publish_before_the_commit() -> None:
    """Processes are told of a change, and it is committed afterwards."""
    publish_nothing()
    for name in ("put", "delete"):
        setattr(SQLiteStore, name, _publishing_first(getattr(SQLiteStore, name)))


def _publishing_first(change: Callable[..., Any]) -> Callable[..., Any]:
    def publish_and_change(store: SQLiteStore, *arguments: Any, **options: Any) -> Any:
        store.signal()[0] = random.getrandbits(62)  # type: ignore[index]
        time.sleep(TOO_EARLY_SECONDS)
        return change(store, *arguments, **options)

    return publish_and_change


def keep_rules_that_changed_while_they_were_read() -> None:
    """Rules that were read before a change are kept as if they had been read after it."""

    def load(cache: RulesCache, bucket: str, key: str) -> Any:
        entry = cache._read(bucket, key)
        time.sleep(TOO_EARLY_SECONDS)
        if entry is cache._without_rules:
            return None
        cache.generation.by_bucket[key] = entry
        return entry

    RulesCache._load = load  # type: ignore[method-assign]


def name_no_bucket() -> None:
    """Processes are told of a change, but not of which bucket."""
    append = ChangeRing.append

    def append_nothing(ring: ChangeRing, entry: Entry) -> None:
        append(ring, entry._replace(buckets=()))

    ChangeRing.append = append_nothing  # type: ignore[method-assign]


def follow_what_is_not_committed() -> None:
    """A process goes on to a change whose commit is under way, and reads the rules before it."""
    append, since = ChangeRing.append, ChangeRing.since

    def append_early(ring: ChangeRing, entry: Entry) -> None:
        append(ring, entry)
        time.sleep(TOO_EARLY_SECONDS)

    def since_the_last(ring: ChangeRing, known: int, published: int) -> Any:
        last = next(iter(ring._newest_first()), None)
        return since(ring, known, last.after if last else published)

    ChangeRing.append = append_early  # type: ignore[method-assign]
    ChangeRing.since = since_the_last  # type: ignore[method-assign]


FAULTS = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        publish_nothing,
        publish_before_the_commit,
        keep_rules_that_changed_while_they_were_read,
        name_no_bucket,
        follow_what_is_not_committed,
    )
}
