"""Locks that are older than gevent's patches, as in a server that loads its application first.

    python -m tests.support.processes.early_locks DATABASE

Prints the name of each way in which two greenlets were served, though one of them waited while it
held a lock of the package.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask_bucketcors import MemoryStore, Rule, RuleSet, SQLiteStore
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_table import RefusalTable
from flask_bucketcors.wsgi.rules_cache import RulesCache

RULES = RuleSet([Rule(["*"], ["GET"])])
SENT = ("https://a.example", "PUT", "")
HELD = MemoryStore()
# Long enough for the other greenlet to want the lock.
HELD_SECONDS = 0.02


def main(path: str) -> None:
    store = SQLiteStore(path)
    store.put("photos", RULES)
    caches = [RulesCache(store, CompiledRules, cached_buckets=9) for _ in range(2)]
    counter = RefusalCounter(RefusalTable(Path(f"{path}-refused"), Path(path)), store)

    from gevent import monkey

    monkey.patch_all()
    database = store._database
    ways: dict[str, tuple[Any, str, Callable[[], object]]] = {
        "asks what changed": (store, "changes_since", lambda: caches[0].get("photos")),
        "opens the database": (database, "_open_reader", lambda: caches[1].get("photos")),
        "writes": (store, "_do_or_find", lambda: store.put("photos", RULES)),
        "counts refusals": (counter.table, "_make_file", lambda: count_one(counter)),
    }
    for name, (owner, method, work) in ways.items():
        store.close()
        serve_two(owner, method, work)
        print(name, flush=True)
    make_while_another_forks()
    print("makes a store while another forks", flush=True)


def count_one(counter: RefusalCounter) -> object:
    counter.count("photos", CompiledRules(RULES).preflight("https://a.example", "PUT"), SENT)
    return counter.rows("photos")


def make_while_another_forks() -> None:
    """Make a store, which takes part in forks, while a fork waits for the lock of another."""
    import gevent

    greenlets = [gevent.spawn(each) for each in (hold, fork, MemoryStore)]
    gevent.joinall(greenlets, raise_error=True)


def hold() -> None:
    with HELD._lock:
        time.sleep(HELD_SECONDS)


def fork() -> None:
    """As a server in C does, since gevent may miss the end of a child that ends at once."""
    from gevent.monkey import get_original

    fork, waitpid = get_original("os", ["fork", "waitpid"])
    child = fork()
    if child == 0:
        os._exit(0)
    while waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(HELD_SECONDS)


def serve_two(owner: Any, method: str, work: Callable[[], object]) -> None:
    """Do work in two greenlets, of which the first waits in a method."""
    import gevent

    original = getattr(owner, method)

    def wait(*arguments: Any, **options: Any) -> Any:
        time.sleep(HELD_SECONDS)
        return original(*arguments, **options)

    setattr(owner, method, wait)
    greenlets = [gevent.spawn(work) for _ in range(2)]
    gevent.joinall(greenlets, raise_error=True)
    setattr(owner, method, original)
    assert all(each.value is not None for each in greenlets)


if __name__ == "__main__":
    main(sys.argv[1])
