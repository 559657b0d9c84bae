"""The application of ``served_storage`` with a fault that the search for stale reads must find."""

import os
import random
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from flask_bucketcors import SQLiteStore
from flask_bucketcors.wsgi.rules_cache import Known, RulesCache
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


def keep_rules_in_a_later_generation() -> None:
    """Rules that were read before a change are kept as if they had been read after it."""

    def load(cache: RulesCache, bucket: str, key: str, known: Known) -> Any:
        entry = cache._read(bucket, known)
        time.sleep(TOO_EARLY_SECONDS)
        if entry is None:
            return None
        rules = cache.generation.known.by_bucket[key] = entry[1]
        return rules

    RulesCache._load = load  # type: ignore[method-assign]


FAULTS = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        publish_nothing,
        publish_before_the_commit,
        keep_rules_in_a_later_generation,
    )
}
