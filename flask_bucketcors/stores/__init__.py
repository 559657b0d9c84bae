"""Where rule sets are kept: the contract of every store, and the stores themselves.

This package is private: it may change without notice.
"""

from flask_bucketcors.stores.contract import HistoryEntry, Signal, Store, StoredRules
from flask_bucketcors.stores.memory import MemoryStore
from flask_bucketcors.stores.sqlite.store import SQLiteStore

__all__ = ["HistoryEntry", "MemoryStore", "SQLiteStore", "Signal", "Store", "StoredRules"]
