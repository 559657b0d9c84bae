"""Where rule sets are kept.

Every store keeps the contract of :class:`Store`; ``tests/test_stores.py`` is that contract as
tests. A write is one transaction: the rules, their history and the revision change together
or not at all.
"""

from flask_bucketcors.stores.contract import HistoryEntry, Signal, Store, StoredRules
from flask_bucketcors.stores.memory import MemoryStore
from flask_bucketcors.stores.sqlite.store import SQLiteStore

__all__ = ["HistoryEntry", "MemoryStore", "SQLiteStore", "Signal", "Store", "StoredRules"]
