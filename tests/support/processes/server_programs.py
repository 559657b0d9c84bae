"""Programs with a store on a server: each forks, or runs greenlets, and prints what it found.

``python -m tests.support.processes.server_programs NAME URL``. A program that has to wait for the
test prints a line, and goes on when it gets one.
"""

import os
import sys
from typing import Any


def rules(seconds: int = 0) -> Any:
    from flask_bucketcors import Rule, RuleSet

    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


def meet() -> None:
    """Tell the test, and wait for it."""
    print("ready", flush=True)
    sys.stdin.readline()


def fork(url: str) -> None:
    """A process that has used a store forks; both go on, and neither harms the other."""
    from flask_bucketcors import SQLStore

    store = SQLStore(url)
    feed = store.open_feed()
    with feed.since(None):
        store.put("parent", rules())
        store.list()
    before = sessions(store)
    child = os.fork()
    if child == 0:
        store.put("child", rules())
        with feed.since(None) as batch:
            assert len([*batch.rows]) == 2
        # A usual end, at which everything is collected.
        sys.exit(0)
    _, status = os.waitpid(child, 0)  # no limit: the test has one
    assert status == 0
    # The parent's sessions are still the same.
    with feed.since(None) as batch:
        assert [row.bucket for row in batch.rows] == ["child", "parent"]
    store.put("parent", rules(1))
    assert store.list() == ["child", "parent"]
    assert sessions(store) == before
    print("revision", store.revision)
    feed.close()
    store.close()


def sessions(store: Any) -> set[int]:
    """The numbers that the server gave to the sessions of a store."""
    from sqlalchemy import text

    is_mysql = store.shown.startswith("mysql")
    asked = text(f"SELECT {'connection_id' if is_mysql else 'pg_backend_pid'}()")
    lanes = (store._reader._lane, store._writer._lane)

    def ask(connection: Any) -> int:
        found = int(connection.execute(asked).scalar())
        connection.rollback()
        return found

    return {lane.run(ask) for lane in lanes}


def greenlets(url: str) -> None:
    """All is imported and opened before gevent patches, as in a server that loads, then forks."""
    from flask_bucketcors import SQLStore
    from flask_bucketcors.core.errors import ServerUnreachable

    store = SQLStore(url)
    feed = store.open_feed()
    store.put("b", rules())
    store.list()

    from gevent import monkey

    monkey.patch_all()
    import gevent

    def read_feed() -> int:
        with feed.since(None) as batch:
            return len([*batch.rows])

    calls = [
        lambda: store.put("b", rules(1)),
        lambda: store.put_many((f"b{number}", rules()) for number in range(100)),
        store.list,
        read_feed,
    ]
    done = gevent.joinall([gevent.spawn(call) for call in calls * 3], raise_error=True)
    print("done", len(done), store.revision)
    meet()
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        while True:
            gevent.sleep(0.01)
            ticks += 1

    def is_refused(call: Any) -> bool:
        try:
            call()
        except ServerUnreachable:
            return True
        return False

    ticker = gevent.spawn(tick)
    hung = gevent.joinall([gevent.spawn(is_refused, call) for call in calls])
    ticker.kill()
    # Each takes seconds, and no tick waits for them.
    print("refused", all(each.value for each in hung))
    print("ticked", ticks > 100)
    meet()
    store.put("b", rules(2))
    print("back", store.revision)
    feed.close()
    store.close()


if __name__ == "__main__":
    {"fork": fork, "greenlets": greenlets}[sys.argv[1]](sys.argv[2])
