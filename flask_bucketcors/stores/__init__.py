"""Where rule sets are kept.

:class:`Store` is the contract of every store, and ``tests/test_stores.py`` is that contract as
tests.
"""

from flask_bucketcors.stores.contract import HistoryEntry, Signal, Store, StoredRules
from flask_bucketcors.stores.memory import MemoryStore
from flask_bucketcors.stores.sqlite.store import SQLiteStore

__all__ = ["HistoryEntry", "MemoryStore", "SQLiteStore", "Signal", "Store", "StoredRules"]
