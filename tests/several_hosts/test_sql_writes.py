"""Changes on a server happen once or not at all, whatever happens to their connections."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from flask_bucketcors import Rule, RulesChanged, RuleSet, SQLStore, StoreUnavailable
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.sql import row_changes, writing
from flask_bucketcors.stores.sql.server import IDLE_SECONDS
from flask_bucketcors.stores.sql.tables import HISTORY, RULES, STAGED, STATE
from tests.support.hosts.postgresql import PostgreSQL
from tests.support.hosts.server import Database

# A bound, for a machine that has much else to do.
SECONDS = 40
MANY = writing.MAX_DIRECT + 10
# Connections that are killed while others write.
KILLS = 20


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


def many(seconds: int = 0, count: int = MANY) -> list[tuple[str, RuleSet]]:
    return [(f"b{number:04}", rules(seconds)) for number in range(count)]


@pytest.fixture
def open_store(database: Database) -> Iterator[Callable[..., SQLStore]]:
    opened: list[SQLStore] = []

    def open_one(**options: Any) -> SQLStore:
        opened.append(SQLStore(database.url, **options))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., SQLStore]) -> SQLStore:
    return open_store(history_limit=1000)


@contextmanager
def transaction(database: Database) -> Iterator[Connection]:
    """A transaction of another program."""
    engine = create_engine(database.url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def numbers(store: SQLStore, bucket: str) -> list[int]:
    """The numbers in the history of a bucket, oldest first."""
    entries = reversed(store.history(bucket))
    return [entry.rule_set.rules[0].max_age_seconds for entry in entries if entry.rule_set]


def test_a_put_takes_few_statements(store: SQLStore, database: Database) -> None:
    is_postgresql = isinstance(database.server, PostgreSQL)

    def statements_of(write: Callable[[], object]) -> int:
        with database.server.statements() as sent:
            write()
            # One change in eight shortens the history.
            texts = [each for each in sent.texts() if "FROM bucketcors_history" not in each]
        # MariaDB begins a transaction without one.
        return len(texts) - is_postgresql

    store.put("other", rules())
    # The counter, the history, the rules, the change, the counter again, COMMIT.
    assert statements_of(lambda: store.put("b", rules())) == 6
    stored = store.read("b")
    assert stored is not None
    # Two more look at the rules.
    assert statements_of(lambda: store.put("b", rules(1), expected=stored.version)) == 7
    assert statements_of(lambda: store.delete("b")) == 7


def test_many_are_put_with_as_few_statements(store: SQLStore, database: Database) -> None:
    counts = []
    for seconds, count in ((0, 100), (1, 900)):
        with database.server.statements() as sent:
            store.put_many(many(seconds, count))
            counts.append(len(sent.texts()))
    # A statement for each thousand of rows, or COPY.
    assert max(counts) <= 20
    assert store.revision == 2


LOSSES: dict[str, bool] = {"before": False, "after": True}


@pytest.mark.parametrize("is_committed", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("count", [1, MANY])
def test_a_change_whose_commit_is_not_confirmed_happens_once(
    store: SQLStore,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    is_committed: bool,
    count: int,
) -> None:
    commits = []
    original = Connection.commit

    def commit(connection: Connection) -> None:
        commits.append(connection)
        if len(commits) == 1:
            if is_committed:
                original(connection)
            database.server.kill_connections()
            connection.execute(select(1))
        original(connection)

    store.put_many(many(0, count))
    monkeypatch.setattr(Connection, "commit", commit)
    assert store.put_many(many(1, count)) == 2
    assert numbers(store, "b0000") == [0, 1]
    assert len(commits) == (1 if is_committed else 2)
    assert store.revision == 2


def test_connections_that_are_killed_lose_nothing_and_double_nothing(
    open_store: Callable[..., SQLStore], database: Database
) -> None:
    """Each of four writers puts numbers; what it is told is what the history has."""
    stores = [open_store(history_limit=10**6) for _ in range(4)]
    stored: list[list[int]] = [[] for _ in stores]
    unknown: list[list[int]] = [[] for _ in stores]
    is_enough = threading.Event()

    def write(place: int) -> None:
        number = 0
        while not is_enough.is_set():
            number += 1
            try:
                stores[place].put(f"b{place}", rules(number))
                stored[place].append(number)
            except ServerUnreachable:
                unknown[place].append(number)

    threads = [
        threading.Thread(target=write, args=(place,), daemon=True) for place in range(len(stores))
    ]
    for thread in threads:
        thread.start()
    killed = 0
    pause = random.Random(7)
    while killed < KILLS and all(thread.is_alive() for thread in threads):
        is_enough.wait(pause.uniform(0, 0.05))
        killed += database.server.kill_connections()
    is_enough.set()
    for thread in threads:
        thread.join(SECONDS)
    assert killed >= KILLS
    for place, store in enumerate(stores):
        found = numbers(store, f"b{place}")
        assert found == sorted(set(found))
        assert set(stored[place]) <= set(found)
        assert set(found) <= {*stored[place], *unknown[place]}
    revisions = [
        number for (number,) in database.execute("SELECT revision FROM bucketcors_changes")
    ]
    assert sorted(revisions) == [*range(stores[0].revision + 1)]


def fail_once(monkeypatch: pytest.MonkeyPatch, code: str | int) -> list[int]:
    """Have the first attempt at each change fail as a server would say it."""
    calls: list[int] = []
    original = writing.write

    class DriverError(Exception):
        sqlstate = code if isinstance(code, str) else None

    def write(*arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            raise DBAPIError("UPDATE", None, DriverError(code))
        return original(*arguments)

    monkeypatch.setattr(writing, "write", write)
    return calls


@pytest.mark.parametrize("code", ["40001", "40P01", 1213, 9007])
def test_a_change_that_lost_to_another_one_is_tried_again(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch, code: str | int
) -> None:
    calls = fail_once(monkeypatch, code)
    assert store.put("b", rules()) == 1
    assert len(calls) == 2


@pytest.mark.parametrize("code", ["23502", 1406])
def test_a_change_that_the_server_refuses_is_not_tried_again(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch, code: str | int
) -> None:
    calls = fail_once(monkeypatch, code)
    with pytest.raises(StoreUnavailable, match="refuses a statement"):
        store.put("b", rules())
    assert len(calls) == 1
    assert store.put("b", rules()) == 1


@pytest.mark.parametrize("code", ["57P01", "57P02", "40003"])
def test_a_change_whose_connection_the_server_ends_is_tried_again(
    store: SQLStore, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Also if the driver has not noticed the end yet."""
    calls = fail_once(monkeypatch, code)
    assert store.put("b", rules()) == 1
    assert len(calls) == 2


def test_a_deadlock_is_resolved(store: SQLStore, database: Database) -> None:
    """Another program locks a row first, and then wants the counter."""
    store.put("b", rules())
    with transaction(database) as other:
        other.execute(select(RULES.c.revision).where(RULES.c.bucket == "b").with_for_update())
        writer = threading.Thread(target=lambda: store.put("b", rules(1)), daemon=True)
        writer.start()
        try:
            # MariaDB ends one of the two, PostgreSQL does so after a second.
            other.execute(text("UPDATE bucketcors_state SET settings = '{}'"))
            other.rollback()
        except OperationalError:
            other.rollback()
        writer.join(SECONDS)
    assert numbers(store, "b") == [0, 1]


def test_a_counter_that_stays_locked_is_not_waited_for_forever(
    store: SQLStore, database: Database
) -> None:
    with transaction(database) as other:
        other.execute(select(STATE.c.revision).with_for_update())
        with pytest.raises(ServerUnreachable, match="has had the counter of changes locked"):
            store.put("b", rules())
        assert store.list() == []
    assert store.put("b", rules()) == 1


def test_a_client_that_vanishes_does_not_keep_the_counter(
    store: SQLStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends its transaction."""
    is_postgresql = isinstance(database.server, PostgreSQL)
    setting = "current_setting('idle_in_transaction_session_timeout')"
    asked = f"SELECT {setting if is_postgresql else '@@session.wait_timeout'}"
    found = []
    original = writing.write

    def write(connection: Connection, *arguments: Any) -> int:
        found.append(connection.execute(text(asked)).scalar())
        return original(connection, *arguments)

    monkeypatch.setattr(writing, "write", write)
    store.put("b", rules())
    assert found == [f"{IDLE_SECONDS}s" if is_postgresql else IDLE_SECONDS]


def test_others_write_while_a_large_change_is_staged(
    open_store: Callable[..., SQLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = open_store(), open_store()
    is_staged, may_go_on = threading.Event(), threading.Event()
    original = writing.stage

    def stage(*arguments: Any) -> None:
        original(*arguments)
        is_staged.set()
        assert may_go_on.wait(SECONDS)

    monkeypatch.setattr(writing, "stage", stage)
    importer = threading.Thread(target=lambda: one.put_many(many(1)), daemon=True)
    importer.start()
    assert is_staged.wait(SECONDS)
    assert other.put("b0000", rules(7)) == 1
    # Another thread of the same process, too.
    assert one.put("z", rules(7)) == 2
    assert other.list() == ["b0000", "z"]
    may_go_on.set()
    importer.join(SECONDS)
    assert other.revision == 3
    assert numbers(other, "b0000") == [7, 1]


def count(database: Database, table: Any) -> int:
    with transaction(database) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar() or 0)


def test_nothing_stays_staged(store: SQLStore, database: Database) -> None:
    store.put_many(many())
    with pytest.raises(RulesChanged):
        store.put_many(many(1), expected={"b0001": None})
    assert count(database, STAGED) == 0
    assert store.revision == 1


def test_many_are_compared_with_what_is_expected(store: SQLStore) -> None:
    store.put_many(many(0, 2500))
    stored = {name: store.read(name) for name in store.list(limit=3)}
    expected = {name: each.version for name, each in stored.items() if each}
    others = {f"new{number}": None for number in range(2500)}
    pairs = [(name, rules(1)) for name in (*expected, *others)]
    assert store.put_many(pairs, expected={**expected, **others}) == 2
    with pytest.raises(RulesChanged, match="'new7'"):
        store.put_many([("new7", rules())], expected={"new7": None})


@pytest.mark.parametrize("size", [1, MANY])
def test_the_history_is_shortened(
    open_store: Callable[..., SQLStore],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(row_changes, "_FORGETTING_ONE_OF", 1)
    store = open_store(history_limit=3)
    store.put("other", rules())
    store.put("other", rules())
    for seconds in range(6):
        store.put_many(many(seconds, size))
    assert numbers(store, "b0000") == [3, 4, 5]
    assert count(database, HISTORY) == 2 * size + 1


def test_the_last_limit_of_the_history_is_that_of_all_programs(
    open_store: Callable[..., SQLStore],
) -> None:
    first = open_store(history_limit=2)
    for seconds in range(4):
        first.put("b", rules(seconds))
    assert numbers(open_store(), "b") == [2, 3]
    open_store(history_limit=1)
    assert numbers(first, "b") == [3]


def test_an_author_with_a_nul_is_stored(store: SQLStore) -> None:
    store.put("b", rules(), "a\0b")
    store.put_many(many(), "a\0b")
    assert {store.history(name)[0].author for name in ("b", "b0001")} == {"a\ufffdb"}


def test_a_summary_counts_rules_without_reading_them(store: SQLStore, database: Database) -> None:
    store.put("b", RuleSet([*rules(1).rules, *rules(2).rules]), "alice")
    with database.server.statements() as sent:
        assert [each.rule_count for each in store.summaries()] == [2]
        assert "document," not in sent.texts()[0]


def test_a_connection_that_was_closed_meanwhile_is_replaced(
    store: SQLStore, database: Database
) -> None:
    store.put("b", rules())
    assert store.get("b") == rules()
    database.server.kill_connections()
    assert store.put("b", rules(1)) == 2
    assert store.get("b") == rules(1)
