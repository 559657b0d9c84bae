"""A host's copy of a server's rules: what a change does to it, and what becomes of it in trouble.

The server is a fake, because no SQL server is in the test extra.
"""

import logging
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import Rule, RulesChanged, RuleSet, SQLiteStore, StoreUnavailable
from flask_bucketcors.core.errors import ServerUnreachable, UnknownRevision
from flask_bucketcors.stores.replica import contact
from flask_bucketcors.stores.replica.copied_rows import write_rows
from flask_bucketcors.stores.replica.copy import Copy
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sql.feed import Row
from flask_bucketcors.stores.sqlite.noted_changes import MAX_NOTED_BUCKETS
from flask_bucketcors.stores.sqlite.schema import migrate
from tests.support.fake_server import FakeFeed, FakeServer

Make = Callable[..., ReplicaStore]


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def make(server: FakeServer, tmp_path: Path) -> Iterator[Make]:
    """Make the store of a host by its name, or another process of that host."""
    made: list[ReplicaStore] = []

    def make_host(name: str = "host", *, of: FakeServer = server, **options: Any) -> ReplicaStore:
        path = tmp_path / name / "copy.sqlite"
        made.append(ReplicaStore(of, path, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make_host
    for each in made:
        each.close()


@pytest.fixture
def host(make: Make) -> ReplicaStore:
    return make()


@pytest.fixture
def other(make: Make, host: ReplicaStore) -> ReplicaStore:
    return make("other")


def run_sql(path: Path | None, statement: str, *parameters: object) -> list[Any]:
    assert path is not None
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement, parameters).fetchall()


def be_followed_by(host: ReplicaStore, process: int, seconds: float) -> None:
    """Have the copy as if a process had tried to reach the server so many seconds ago."""
    token = host._copy._database.token
    assert token is not None
    contact.Contact(token.contact).lead(contact.now() - int(seconds * 1e9))
    token.contact[contact._LEADER] = process


def signal(host: ReplicaStore) -> int:
    """What a worker of the host sees, without the thread that requests start."""
    return host._copy.signal()[0]


def version(store: ReplicaStore | SQLiteStore, bucket: str = "b") -> str | None:
    stored = store.read(bucket)
    return stored.version if stored else None


def files_of(host: ReplicaStore) -> list[Path]:
    assert host.place is not None
    return list(host.place.parent.iterdir())


# What a change does.


def test_a_host_obeys_what_it_has_acknowledged(host: ReplicaStore) -> None:
    host.put("b", rules(1))
    assert host.get("b") == rules(1)
    host.delete("b")
    assert host.get("b") is None


def test_another_host_obeys_when_it_has_caught_up(host: ReplicaStore, other: ReplicaStore) -> None:
    host.put("b", rules(1), author="alice")
    assert other.get("b") is None
    other.catch_up()
    assert other.get("b") == rules(1)
    assert (version(other), other.revision) == (version(host), host.revision)
    assert other.summaries() == host.summaries()


def test_an_editor_who_has_not_seen_a_change_of_another_host_is_refused_and_sees_it_then(
    host: ReplicaStore, other: ReplicaStore
) -> None:
    host.put("b", rules(1))
    with pytest.raises(RulesChanged):
        other.put("b", rules(2), expected=version(other))
    assert other.get("b") == rules(1)
    other.put("b", rules(2), expected=version(other))


def test_a_catch_up_names_the_buckets_that_changed(host: ReplicaStore, other: ReplicaStore) -> None:
    host.put_many([(bucket, rules()) for bucket in "abcd"])
    other.catch_up()
    state = other.state()
    host.put("a", rules(1))
    host.delete("b")
    host.put("a", rules(2))
    other.catch_up()
    for is_signalled in (False, True):
        assert other.changes_since(state, is_signalled=is_signalled).buckets == {"a", "b"}


@pytest.mark.parametrize("count, is_named", [(MAX_NOTED_BUCKETS, True), (1001, False)])
def test_a_catch_up_of_very_many_buckets_is_one_of_any(
    host: ReplicaStore, other: ReplicaStore, count: int, is_named: bool
) -> None:
    state = other.state()
    names = {f"b{number}" for number in range(count)}
    host.put_many((name, rules()) for name in names)
    other.catch_up()
    assert other.changes_since(state).buckets == (names if is_named else None)


def test_to_follow_without_news_is_no_change(host: ReplicaStore, server: FakeServer) -> None:
    host.put("b", rules())
    before = (signal(host), host.state())
    host._copy.catch_up_with(server.open_feed())
    assert (signal(host), host.state()) == before


def refused(host: ReplicaStore) -> None:
    """A change by somebody who has seen no rules."""
    with pytest.raises(RulesChanged):
        host.put("a", rules(), expected=None)


ACKNOWLEDGED: dict[str, Callable[[ReplicaStore], object]] = {
    "put": lambda host: host.put("b", rules(2)),
    "delete": lambda host: host.delete("a"),
    "put of none": lambda host: host.put_many([]),
    "delete of none": lambda host: host.delete("none"),
    "refused": lambda host: refused(host),
}


@pytest.mark.parametrize("write", ACKNOWLEDGED.values(), ids=ACKNOWLEDGED)
def test_a_change_that_another_process_applied_and_did_not_publish_is_published(
    host: ReplicaStore,
    server: FakeServer,
    write: Callable[[ReplicaStore], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise a worker that has seen neither would go on with the old rules."""
    host.put("a", rules(1))
    seen, state = signal(host), host.state()
    publish, held = Copy._publish, []

    def apply_in_another_process() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Copy, "_publish", lambda copy, *numbers: held.append(numbers))
            host.catch_up()

    server.put("a", rules(9))
    apply_in_another_process()
    assert signal(host) == seen
    write(host)
    assert signal(host) != seen
    found = host.changes_since(state, is_signalled=True)
    assert found.buckets is None or "a" in found.buckets
    # The other process may go on only now. What it publishes hides nothing.
    for numbers in held:
        publish(host._copy, *numbers)
    assert host.changes_since(found.state, is_signalled=True).buckets in (None, set())
    assert host.changes_since(state, is_signalled=True).buckets != set()


def test_history_and_settings_are_those_of_the_server(
    host: ReplicaStore, other: ReplicaStore
) -> None:
    first = host.put("b", rules(1), author="alice")
    host.delete("b", author="bob")
    host.keep_settings({"strict": "off"})
    assert [each.author for each in other.history("b")] == ["bob", "alice"]
    assert other.get_revision("b", first) == rules(1)
    assert other.kept_settings() == {"strict": "off"}
    last = host.last_change("b")
    assert last is not None
    assert (last.author, last.rule_set) == ("bob", None)
    with pytest.raises(UnknownRevision):
        other.rollback("b", 99)
    assert run_sql(host.place, "SELECT * FROM bucketcors_history") == []


def test_rules_that_a_bucket_has_are_known_without_the_server(
    host: ReplicaStore, server: FakeServer
) -> None:
    host.put("b", rules(1), author="alice")
    server.lose()
    assert host.get("b") == rules(1)
    assert host.list() == ["b"]
    assert [each.author for each in host.summaries()] == ["alice"]
    assert (found := host.last_change("b")) is not None
    assert found.author == "alice"
    for ask in (host.history, host.last_change):
        with pytest.raises(ServerUnreachable):
            ask("none")


# The server in trouble.


@pytest.mark.parametrize("write", ACKNOWLEDGED.values(), ids=ACKNOWLEDGED)
def test_changes_are_refused_while_the_server_is_away_and_rules_are_served(
    host: ReplicaStore, server: FakeServer, write: Callable[[ReplicaStore], object]
) -> None:
    host.put("a", rules(1))
    server.lose()
    with pytest.raises(ServerUnreachable):
        write(host)
    assert host.get("a") == rules(1)


def test_a_change_is_acknowledged_if_the_server_is_lost_right_after_it(
    host: ReplicaStore, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    seen = signal(host)
    server.on_since = lambda known: server.lose()
    assert host.put("b", rules(1)) == 1
    assert "a change is stored on the server, which was lost right after that" in caplog.text
    assert signal(host) != seen
    server.on_since = lambda known: None
    server.come_back()
    host.catch_up()
    assert host.get("b") == rules(1)


def test_a_connection_that_was_lost_since_the_last_write_is_made_again(
    host: ReplicaStore, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    host.put("b", rules(1))
    server.come_back()
    host.put("b", rules(2))
    assert host.get("b") == rules(2)
    assert caplog.records == []


def test_rows_and_position_change_together(host: ReplicaStore, server: FakeServer) -> None:
    host.put("a", rules(1))
    before = (host.state(), host.revision, version(host, "a"))
    server.put_many((bucket, rules(2)) for bucket in "abc")

    def lose_amid(feed: FakeFeed, rows: Any) -> Iterator[Any]:
        yield rows[0]
        raise ServerUnreachable("lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeFeed, "_stream", lose_amid)
        with pytest.raises(ServerUnreachable):
            host.catch_up()
    assert (host.state(), host.revision, version(host, "a")) == before
    host.catch_up()
    assert host.list() == ["a", "b", "c"]


def test_rules_that_the_server_has_lost_are_lost_on_each_host(
    host: ReplicaStore, other: ReplicaStore, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A standby that lacks changes is promoted, and written to until its numbers are the same."""
    host.put_many([("a", rules(1)), ("b", rules(1))])
    server.save()
    host.put("a", rules(2))
    host.put("lost", rules(2))
    other.catch_up()
    versions, state = version(other, "a"), other.state()
    server.promote()
    server.put("new", rules(3))
    server.put("b", rules(3))
    for each in (host, other):
        each.catch_up()
        assert each.list() == ["a", "b", "new"]
        assert [each.get(bucket) for bucket in "ab"] == [rules(1), rules(3)]
    assert version(other, "a") != versions
    assert other.changes_since(state).buckets == {"a", "b", "lost", "new"}
    assert "fake://server/rules cannot tell what changed since revision 3" in caplog.text


def test_a_promoted_server_at_the_very_number_of_a_copy_is_noticed(
    host: ReplicaStore, server: FakeServer
) -> None:
    server.save()
    host.put("b", rules(1))
    server.promote()
    server.put("b", rules(2))
    assert server.position.revision == host.revision
    host.catch_up()
    assert host.get("b") == rules(2)


def test_a_copy_that_is_older_than_what_the_server_remembers_is_taken_anew(
    host: ReplicaStore, other: ReplicaStore, server: FakeServer
) -> None:
    host.put_many([("a", rules()), ("b", rules())])
    other.catch_up()
    host.delete("a")
    host.put("c", rules())
    server.forget_changes()
    other.catch_up()
    assert other.list() == ["b", "c"]


def test_rules_are_written_while_the_server_sends_them(server: FakeServer, make: Make) -> None:
    server.put_many((f"b{number}", rules()) for number in range(10))
    left: list[int] = []

    def count(feed: FakeFeed, rows: Any) -> Iterator[Any]:
        for number, row in enumerate(rows):
            left.append(number)
            yield row
            del row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeFeed, "_stream", count)
        patch.setattr("flask_bucketcors.stores.replica.copied_rows.MAX_NOTED_BUCKETS", 3)
        host = make()
    assert left == list(range(10))
    assert len(host.list()) == 10


# At start.

REFUSAL = StoreUnavailable("password authentication failed for user 'rules'")
AWAY = ServerUnreachable("nobody listens")


def test_a_host_without_a_copy_is_closed_until_the_server_is_there(
    server: FakeServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.put("b", rules(1))
    server.lose(AWAY)
    host = make()
    assert "nobody listens" in caplog.text
    assert "no copy of the rules yet, so all buckets are closed" in caplog.text
    state = host.state()
    for ask in (host.read, host.get, lambda bucket: host.list(), lambda bucket: host.summaries()):
        with pytest.raises(StoreUnavailable, match="no copy of the rules of fake://server/rules"):
            ask("b")
    server.come_back()
    host.catch_up()
    assert host.changes_since(state).buckets is None
    assert host.get("b") == rules(1)


def test_an_empty_server_opens_a_host_too(server: FakeServer, make: Make) -> None:
    server.lose(AWAY)
    host = make()
    state = host.state()
    server.come_back()
    host.catch_up()
    assert host.changes_since(state).buckets is None
    assert host.read("b") is None


def test_a_host_without_a_copy_does_not_start_if_waiting_would_not_help(
    server: FakeServer, make: Make
) -> None:
    server.lose(REFUSAL)
    with pytest.raises(StoreUnavailable, match="password authentication failed"):
        make()


@pytest.mark.parametrize("error", [AWAY, REFUSAL], ids=["away", "refuses"])
def test_a_host_with_a_copy_starts_without_the_server(
    server: FakeServer, make: Make, error: StoreUnavailable, caplog: pytest.LogCaptureFixture
) -> None:
    make().put("b", rules(1))
    server.lose(error)
    assert make().get("b") == rules(1)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "requests are served from the copy" in record.getMessage()
    assert record.getMessage().endswith("which is 0 s old")


def test_a_copy_that_another_process_has_locked_does_not_keep_a_host_from_starting(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lose(AWAY)
    place = make().place
    server.come_back()
    monkeypatch.setattr("flask_bucketcors.stores.replica.copy.CATCH_UP_SECONDS", 0.01)
    with closing(sqlite3.connect(place or "", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        host = make()
    host.catch_up()
    assert host.list() == []


def test_a_copy_that_takes_too_long_at_start_is_taken_later(
    server: FakeServer,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server of applications ends a worker that does not start."""
    server.put("b", rules(1))
    with monkeypatch.context() as patch:
        patch.setattr("flask_bucketcors.stores.replica.store.START_SECONDS", 0)
        host = make()
    assert "longer to copy all rules than a worker may take to start" in caplog.text
    with pytest.raises(StoreUnavailable, match="no copy"):
        host.read("b")
    host.catch_up()
    assert host.get("b") == rules(1)


def test_nothing_is_left_open_at_start(host: ReplicaStore, server: FakeServer) -> None:
    """A server may fork then."""
    assert [feed.is_closed for feed in server.feeds] == [True]


@pytest.mark.parametrize(
    "options, said",
    [
        ({"refresh_seconds": 0}, "refresh_seconds is 0: write a number above 0"),
        ({"refresh_seconds": float("nan")}, "refresh_seconds is nan"),
        ({"stale_seconds": 1}, "stale_seconds is 1: write a number above refresh_seconds"),
        ({"stale_seconds": 4, "refresh_seconds": 5}, "which is 5, or None"),
    ],
)
def test_seconds_that_make_no_sense_are_refused(make: Make, options: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**options)


# The file.


def test_a_copy_that_is_damaged_is_copied_again_as_the_error_says(
    make: Make, server: FakeServer, tmp_path: Path
) -> None:
    host = make()
    host.put("b", rules(1))
    assert host.place is not None
    run_sql(host.place, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(host.place, 8192)
    said = "a host's copy of the rules of a server, delete the file and those beside it"
    with pytest.raises(StoreUnavailable, match=f"server has stored the change.*{said}"):
        host.put("b", rules(2))
    host.close()
    for each in host.place.parent.iterdir():
        each.unlink()
    assert make().get("b") == rules(2)


def test_rules_of_a_database_of_its_own_are_not_overwritten(make: Make, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    with closing(SQLiteStore(tmp_path / "host" / "copy.sqlite")) as own:
        own.put("b", rules(1))
        with pytest.raises(StoreUnavailable, match=r"has rules of its own.*name another file"):
            make()
        own.delete("b")
        with pytest.raises(StoreUnavailable, match="has rules of its own"):
            make()


def test_a_database_of_its_own_that_is_put_in_place_of_a_copy_is_not_overwritten(
    host: ReplicaStore, tmp_path: Path
) -> None:
    with closing(SQLiteStore(tmp_path / "own.sqlite")) as own:
        own.put("b", rules(1))
    os.replace(tmp_path / "own.sqlite", host.place or "")
    with pytest.raises(StoreUnavailable, match="has rules of its own"):
        host.catch_up()
    with pytest.raises(StoreUnavailable, match=r"the server has stored the change.*of its own"):
        host.put("b", rules(2))
    with pytest.raises(StoreUnavailable, match="no copy"):
        host.read("b")


def test_an_empty_database_may_become_a_copy(make: Make, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    SQLiteStore(tmp_path / "host" / "copy.sqlite").close()
    host = make()
    host.put("b", rules())
    assert host.get("b") == rules()


def test_a_database_in_another_encoding_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    run_sql(tmp_path / "host" / "copy.sqlite", "PRAGMA encoding = 'UTF-16'")
    with closing(sqlite3.connect(tmp_path / "host" / "copy.sqlite")) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        connection.execute("CREATE TABLE own (name)")
    with pytest.raises(StoreUnavailable, match=r"encoded as UTF-16le.*name a new file"):
        make()


def test_a_copy_can_be_read_as_a_database_and_not_be_written(host: ReplicaStore) -> None:
    host.put("b", rules(1))
    with closing(SQLiteStore(host.place or "")) as file:
        assert file.get("b") == rules(1)
        writes: list[Callable[[], object]] = [
            lambda: file.put("b", rules(2)),
            lambda: file.put("new", rules(2)),
            lambda: file.put_many([("b", rules(2))]),
            lambda: file.delete("b"),
        ]
        for write in writes:
            with pytest.raises(StoreUnavailable, match="is a copy of the rules of fake://server/"):
                write()
    assert host.get("b") == rules(1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bucketcors_rules SET document = '{}'",
        "INSERT OR REPLACE INTO bucketcors_rules (bucket, document) VALUES ('b', '{}')",
        "INSERT INTO bucketcors_rules (bucket, document) VALUES ('new', '{}')",
        "DELETE FROM bucketcors_rules",
        "UPDATE bucketcors_rules SET bucket = 'c'",
    ],
)
def test_other_tools_cannot_edit_a_copy(host: ReplicaStore, statement: str) -> None:
    """Their changes would be on this host alone, and nobody would notice."""
    host.put("b", rules(1))
    before = version(host)
    with pytest.raises(sqlite3.IntegrityError, match="a copy of those of a server; change them th"):
        run_sql(host.place, statement)
    assert version(host) == before
    assert run_sql(host.place, "SELECT bucket FROM bucketcors_rules") == [("b",)]


def test_a_copy_of_another_server_is_taken_anew(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make().put("b", rules(1))
    another = FakeServer()
    another.put("c", rules(2))
    assert make(of=another).list() == ["c"]
    assert "the copy may be that of another database" in caplog.text


@pytest.mark.parametrize(
    "url, leader, seconds, is_refused",
    [
        ("fake://another/rules", os.getppid(), 1, True),
        # The same server under another name, or one that lost its last changes.
        ("fake://server/rules", os.getppid(), 1, False),
        ("fake://another/rules", os.getpid(), 1, False),
        ("fake://another/rules", os.getppid(), contact.UNFOLLOWED_SECONDS + 1, False),
    ],
    ids=["another server", "the same", "its own process", "nobody follows any more"],
)
def test_a_copy_that_is_kept_up_to_date_from_another_server_is_left_alone(
    make: Make, url: str, leader: int, seconds: float, is_refused: bool
) -> None:
    """Otherwise two applications with one file would each serve the rules of the other."""
    host = make()
    host.put("b", rules(1))
    be_followed_by(host, leader, seconds)
    another = FakeServer()
    another.shown = url
    if not is_refused:
        assert make(of=another).list() == []
        return
    with pytest.raises(StoreUnavailable) as error:
        make(of=another)
    assert str(error.value) == (
        f"process {leader} keeps the copy {str(host.place)!r} up to date with the rules of "
        f"fake://server/rules, and those of {url} would replace them; name another file as "
        "BUCKETCORS_REPLICA, or end that process first"
    )
    assert host.list() == ["b"]


def test_another_name_of_the_same_server_is_no_other_server(make: Make, server: FakeServer) -> None:
    host = make()
    host.put("b", rules(1))
    be_followed_by(host, os.getppid(), 1)
    server.shown = "fake://pooler/rules"
    assert make().list() == ["b"]


def test_a_copy_that_somebody_deletes_is_taken_anew(host: ReplicaStore) -> None:
    host.put("b", rules(1))
    state = host.state()
    for file in files_of(host):
        file.unlink()
    host.catch_up()
    assert host.changes_since(state).buckets is None
    assert host.get("b") == rules(1)


def test_an_older_copy_that_is_put_in_place_is_brought_up_to_date(
    host: ReplicaStore, tmp_path: Path
) -> None:
    host.put("a", rules(1))
    host.close()
    (tmp_path / "old").write_bytes((host.place or tmp_path).read_bytes())
    host.put("b", rules(1))
    state = host.state()
    os.replace(tmp_path / "old", host.place or "")
    host.catch_up()
    assert host.list() == ["a", "b"]
    assert host.changes_since(state).buckets is None


def test_two_stores_of_a_host_have_one_copy(host: ReplicaStore, make: Make) -> None:
    second = make()
    second.put("b", rules(1))
    assert host.get("b") == rules(1)


def test_a_change_that_a_copy_cannot_take_is_not_acknowledged(
    host: ReplicaStore, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_bucketcors.stores.replica.copy.CATCH_UP_SECONDS", 0.01)
    with closing(sqlite3.connect(host.place or "", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        said = "the server has stored the change, but this host does not obey it yet.*locked"
        with pytest.raises(StoreUnavailable, match=said):
            host.put("b", rules(1))
    assert server.get("b") == rules(1)
    host.catch_up()
    assert host.get("b") == rules(1)


# The limit of age.


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds since the machine was started, in the hand of the test."""
    seconds = [1000.0]
    monkeypatch.setattr(contact, "now", lambda: int(seconds[0] * 1e9))
    monkeypatch.setattr("flask_bucketcors.stores.replica.copy.now", contact.now)
    return seconds


def test_all_buckets_close_when_the_copy_is_too_old_and_open_again(
    make: Make, clock: list[float]
) -> None:
    host = make(stale_seconds=5)
    host.put("b", rules(1))
    state = host.state()
    clock[0] += 5
    assert host.get("b") == rules(1)
    clock[0] += 0.1
    closed = host.changes_since(state, is_signalled=True)
    assert (closed.buckets, host.state()) == (None, closed.state)
    assert host.changes_since(closed.state).buckets == ()
    with pytest.raises(StoreUnavailable, match="is 5 s old, and BUCKETCORS_STALE_SECONDS is 5"):
        host.read("b")
    host.catch_up()
    assert host.changes_since(closed.state) == (state, None)
    assert host.get("b") == rules(1)


def test_without_a_limit_a_copy_never_closes(make: Make, clock: list[float]) -> None:
    host = make()
    host.put("b", rules(1))
    clock[0] += 10**6
    assert host.get("b") == rules(1)


def test_the_age_counts_from_when_the_server_was_asked(
    make: Make, clock: list[float], server: FakeServer
) -> None:
    host = make(stale_seconds=5)
    server.on_since = lambda known: clock.__setitem__(0, clock[0] + 4)
    host.catch_up()
    clock[0] += 2
    with pytest.raises(StoreUnavailable, match="6 s old"):
        host.read("b")


@contextmanager
def started_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(contact, "_boot", lambda: 7)
        yield


def test_a_contact_before_the_machine_was_started_again_does_not_count(
    make: Make, server: FakeServer, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(stale_seconds=5).put("b", rules(1))
    server.lose()
    with started_again(monkeypatch):
        host = make(stale_seconds=5)
        with pytest.raises(StoreUnavailable, match=r"the copy of this host is \d+ s old"):
            host.read("b")
        server.come_back()
        host.catch_up()
        assert host.get("b") == rules(1)


def test_a_worker_says_when_no_process_follows(
    host: ReplicaStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_bucketcors.stores.replica.store.UNFOLLOWED_SECONDS", -1)
    host.changes_since(None, is_signalled=True)
    assert caplog.text == ""
    host.changes_since(None)
    host.changes_since(None)
    [record] = caplog.records
    assert "no process of this host has brought the copy" in record.getMessage()
    assert "enable-threads = true" in record.getMessage()


# What it says of itself.


def test_doctor_is_told_about_the_copy_and_the_server(
    host: ReplicaStore, server: FakeServer
) -> None:
    host.put("b", rules(1))
    server.put("b", rules(2))
    notes = {note.text: note.help for note in host.health()}
    assert notes["the copy is 0 s old, at revision 1"] is None
    assert notes["fake://server/rules responds, and is at revision 2"] is None
    nobody = "no process of this host follows the server now"
    assert notes[f"{nobody}; a worker does from its first request on"] is None
    assert "integrity_check finds no damage" in notes
    server.lose()
    [(text, said)] = [note for note in host.health() if note.help]
    assert text == "fake://server/rules: the fake server is away"
    assert "changes are refused" in said


def test_a_copy_on_a_network_file_system_is_a_fault(
    host: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "flask_bucketcors.stores.sqlite.file_health.file_system", lambda path: "nfs4"
    )
    [note] = [note for note in host.health() if note.help]
    assert "nfs4, on which SQLite's write-ahead log does not work" in note.text


def test_what_another_worker_reads_is_the_copy(host: ReplicaStore) -> None:
    host.put("b", rules(1))
    with closing(host.opener()()) as worker:
        assert worker.get("b") == rules(1)


def test_a_copy_needs_not_survive_a_power_cut(host: ReplicaStore) -> None:
    """It is then behind, and catches up."""
    host.put("b", rules(1))
    writer = host._copy._database._connections.writer
    assert writer is not None
    assert writer.connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_a_row_without_a_proper_time_stops_no_other_row() -> None:
    """SQLite stores NaN, which another tool may have written on the server, as NULL."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        migrate(copy)
        # As in a catch-up, where no trigger writes a time.
        copy.execute("UPDATE bucketcors_state SET own_write = 1")
        rows = [Row("a", "{}", 1, 1, math.nan, None), Row("b", "{}", 2, 2, 5.0, None)]
        write_rows(copy, rows)
        found = copy.execute("SELECT bucket, time FROM bucketcors_rules ORDER BY bucket").fetchall()
    assert found == [("a", 0.0), ("b", 5.0)]
