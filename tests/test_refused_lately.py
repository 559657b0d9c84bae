"""Refused preflights of the last day: what is counted, its bounds, and what cannot go wrong."""

import logging
import os
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    CompiledRules,
    MemoryStore,
    Reason,
    Rule,
    RulesAPI,
    RuleSet,
    SettingRefused,
    SQLiteStore,
    Store,
    StoreUnavailable,
)
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.refused_lately import refusal_counter, refusal_table
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_table import RefusalTable
from flask_bucketcors.refused_lately.refused_row import RefusedRow
from flask_bucketcors.refused_lately.tally import Count, Tally
from tests.support.processes.children import run_python

PAGE, OTHER = "https://page.example", "https://other.example"
RULES = RuleSet([Rule([PAGE], ["GET"], ["x-a"])])
REFUSED = CompiledRules(RULES).preflight(OTHER, "GET")
WAIT_SECONDS = 30


class Site:
    """An application behind a middleware that counts refusals."""

    def __init__(self, store: Store, refusals: Any = True, **settings: Any) -> None:
        self.middleware = BucketCORSMiddleware(
            respond, store=store, refusals=refusals, url_prefix="/", **settings
        )

    @property
    def counter(self) -> RefusalCounter:
        assert self.middleware.refusals is not None
        return self.middleware.refusals

    def preflight(
        self,
        bucket: str = "photos",
        origin: str | None = OTHER,
        method: str | None = "GET",
        headers: str = "",
        path: str = "/cat.png",
    ) -> int:
        sent = {
            "HTTP_ORIGIN": origin,
            "HTTP_ACCESS_CONTROL_REQUEST_METHOD": method,
            "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": headers,
        }
        given = {name: value for name, value in sent.items() if value}
        environ = create_environ(f"/{bucket}{path}", method="OPTIONS", environ_overrides=given)
        _, status, _ = run_wsgi_app(self.middleware, environ)
        return int(status.split()[0])

    def rows(self, bucket: str | None = "photos") -> list[tuple[str, str, str, int]]:
        return [(each.origin, each.method, each.reason, each.times) for each in self.found(bucket)]

    def found(self, bucket: str | None = "photos") -> list[RefusedRow]:
        return list(self.counter.rows(bucket))


def respond(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]


@pytest.fixture(params=["SQLiteStore", "MemoryStore"])
def any_store(request: pytest.FixtureRequest, path: Path) -> Iterator[Store]:
    with closing(SQLiteStore(path) if request.param == "SQLiteStore" else MemoryStore()) as store:
        store.put("photos", RULES)
        yield store


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(path)) as store:
        store.put("photos", RULES)
        yield store


@pytest.fixture
def table(path: Path) -> RefusalTable:
    return RefusalTable(path.with_name("refused.sqlite"))


def tally(*counts: tuple[str, str, int], now: float | None = None) -> Tally:
    """Counts of buckets, origins and times."""
    found = Tally(10_000_000)
    seconds = time.time() if now is None else now
    for bucket, origin, times in counts:
        found.by_key[bucket, origin, "GET", "origin"] = Count(times, seconds, seconds)
    return found


# What is counted


def test_each_refusal_is_counted_under_its_reason(any_store: Store) -> None:
    site = Site(any_store)
    for _ in range(3):
        assert site.preflight() == 403
    assert site.preflight(origin=PAGE, method="PUT") == 403
    assert site.preflight(origin=PAGE, headers="x-a, x-b") == 403
    assert site.preflight(origin=PAGE, headers="x-a") == 200
    assert sorted(site.rows()) == [
        (OTHER, "GET", "origin", 3),
        (PAGE, "GET", "headers", 1),
        (PAGE, "PUT", "method", 1),
    ]
    assert [each.headers for each in site.found() if each.headers] == ["x-a, x-b"]
    assert site.counter.others("photos") == 0


def test_only_preflights_are_counted(store: SQLiteStore) -> None:
    site = Site(store, plain_options="refuse")
    for origin, method in ((None, "GET"), (OTHER, None), (None, None)):
        assert site.preflight(origin=origin, method=method) == 403
    environ = create_environ("/photos/cat.png", environ_overrides={"HTTP_ORIGIN": OTHER})
    run_wsgi_app(site.middleware, environ)
    assert site.rows(None) == []


def test_the_latest_comes_first_and_a_limit_is_one(store: SQLiteStore) -> None:
    site = Site(store)
    for number in range(5):
        site.preflight(origin=f"https://{number}.example")
        site.found()
    shown = [f"https://{number}.example" for number in (4, 3, 2)]
    assert [each.origin for each in site.counter.rows("photos", 3)] == shown


@pytest.mark.parametrize("method", [*("GET", "PUT", "POST", "DELETE", "HEAD"), *EXTRA_METHODS])
def test_methods_that_rules_can_have_are_named(method: str, store: SQLiteStore) -> None:
    site = Site(store)
    site.preflight(method=method)
    assert site.rows() == [(OTHER, method, "origin", 1)]


@pytest.mark.parametrize(
    "sent, shown", [("patch", "patch"), ("get", "other"), ("INVENTED", "other"), ("x" * 9, "other")]
)
def test_other_methods_are_one(sent: str, shown: str, store: SQLiteStore) -> None:
    site = Site(store)
    site.preflight(method=sent)
    assert site.rows() == [(OTHER, shown, "origin", 1)]


@pytest.mark.parametrize(
    "sent, shown",
    [
        ("https://" + "x" * 318, "https://" + "x" * 318),
        ("https://" + "x" * 319, "https://" + "x" * 315 + "..."),
        ("x" * 20_000, "x" * 323 + "..."),
        ("https://a\x1b[31m.example", r"https://a\x1b[31m.example"),
        ("https://\xe2\x80\xae.example", r"https://\xe2\x80\xae.example"),
        ("\xff" * 326, r"\xff" * 80 + r"\xf..."),
        ("\u202e", r"\u202e"),
        ("\udc80", r"\udc80"),
        ("<script>'\"", "<script>'\""),
        ("null", "null"),
    ],
)
def test_an_origin_is_printable_ascii_and_bounded(
    sent: str, shown: str, store: SQLiteStore
) -> None:
    site = Site(store)
    site.preflight(origin=sent)
    assert site.rows() == [(shown, "GET", "origin", 1)]


def test_requested_headers_are_printable_bounded_and_the_last_ones(store: SQLiteStore) -> None:
    site = Site(store)
    for headers, shown in (
        ("x-first", "x-first"),
        ("\x1b[31m", r"\x1b[31m"),
        ("x" * 256, "x" * 256),
        ("x" * 5000, "x" * 253 + "..."),
    ):
        site.preflight(origin=PAGE, headers=headers)
        assert [each.headers for each in site.found()] == [shown]
    assert site.rows() == [(PAGE, "GET", "headers", 4)]


# Which buckets


def test_an_invented_bucket_is_not_kept(any_store: Store) -> None:
    site = Site(any_store)
    for number in range(1000):
        site.preflight(f"invented-{number}")
    assert site.found(None) == []


def test_a_bucket_whose_rules_are_deleted_is_still_one(any_store: Store) -> None:
    """Its owner wants to know why pages fail now."""
    site = Site(any_store)
    site.preflight()
    any_store.delete("photos")
    site.preflight()
    assert sorted(site.rows()) == [(OTHER, "GET", "no_rules", 1), (OTHER, "GET", "origin", 1)]


def test_a_bucket_whose_rules_are_deleted_before_the_counts_are_written(any_store: Store) -> None:
    site = Site(any_store)
    site.preflight()
    any_store.delete("photos")
    assert site.rows() == [(OTHER, "GET", "origin", 1)]


def test_all_buckets_under_default_rules_are_one(any_store: Store) -> None:
    site = Site(any_store, default_rules=RuleSet([Rule([PAGE], ["PUT"])]))
    for number in range(100):
        site.preflight(f"invented-{number}")
    site.preflight()
    assert site.rows("") == [(OTHER, "GET", "origin", 100)]
    assert {each.bucket for each in site.found(None)} == {"", "photos"}


def test_a_path_with_a_dot_segment_is_about_no_bucket(store: SQLiteStore) -> None:
    site = Site(store)
    assert site.preflight(path="/../other/cat.png") == 403
    assert site.found(None) == []


def test_calls_of_the_api_count_for_buckets_that_the_store_knows(store: SQLiteStore) -> None:
    site = Site(store, api=RulesAPI(store), api_cross_origin=False)
    for bucket in ("photos", "invented", "..."):
        site.preflight(bucket, path="?cors")
    assert [(each.bucket, each.reason) for each in site.found(None)] == [("photos", "rules_call")]


def test_names_in_other_encodings_are_those_of_the_buckets(store: SQLiteStore) -> None:
    store.put("käse", RULES)
    site = Site(store)
    site.preflight("käse")
    assert [(each.bucket, each.times) for each in site.found(None)] == [("käse", 1)]


def test_while_the_store_fails_counts_are_kept(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(store)
    with monkeypatch.context() as failing:
        failing.setattr(SQLiteStore, "read", fail)
        assert site.preflight() == 503
        assert site.found() == []
    assert site.rows() == [(OTHER, "GET", "unreadable", 1)]


def test_what_the_rules_refuse_is_written_whatever_the_store_says_of_others(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(store)
    site.preflight()
    site.preflight("invented")
    monkeypatch.setattr(SQLiteStore, "last_change", fail)
    assert site.rows(None) == [(OTHER, "GET", "origin", 1)]


def fail(*arguments: object, **options: object) -> Any:
    raise StoreUnavailable("it fails")


# Where it is kept


def test_the_file_is_beside_the_database_and_has_its_mode(path: Path, store: SQLiteStore) -> None:
    os.chmod(path, 0o660)
    site = Site(store)
    beside = path.with_name("rules.sqlite-refused")
    assert site.found() == []
    assert not beside.exists()
    site.preflight()
    site.found()
    assert stat.S_IMODE(beside.stat().st_mode) == 0o660
    assert sorted(each.name for each in path.parent.iterdir() if "refused" in each.name) == [
        beside.name
    ]


def test_a_path_is_that_of_the_file(tmp_path: Path, store: SQLiteStore) -> None:
    site = Site(store, refusals=tmp_path / "new" / "refused.sqlite")
    site.preflight()
    assert site.rows() == [(OTHER, "GET", "origin", 1)]
    assert (tmp_path / "new" / "refused.sqlite").exists()


@pytest.mark.parametrize("where", [":memory:", True])
def test_a_store_in_memory_has_its_table_in_memory(where: object, tmp_path: Path) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    site = Site(store, refusals=where)
    site.preflight()
    assert site.rows() == [(OTHER, "GET", "origin", 1)]
    assert site.counter.table.path is None


def test_a_database_in_memory_has_its_table_in_memory() -> None:
    with closing(SQLiteStore(":memory:")) as store:
        assert Site(store).counter.table.path is None


def test_all_middlewares_on_a_database_share_the_file(path: Path, store: SQLiteStore) -> None:
    first, second = Site(store), Site(SQLiteStore(path))
    first.preflight()
    second.preflight()
    assert (first.found(), len(second.found())) != ([], 0)
    assert first.rows() == [(OTHER, "GET", "origin", 2)]


def test_nothing_is_counted_unless_it_is_set(store: SQLiteStore) -> None:
    app = Flask("storage")
    BucketCORS(app, store=store)
    assert BucketCORSState.of(app).middleware.refusals is None
    assert BucketCORSMiddleware(respond, store=store).refusals is None


def test_a_relative_path_starts_in_the_instance_folder(tmp_path: Path) -> None:
    app = Flask("storage", instance_path=str(tmp_path))
    app.config["BUCKETCORS_REFUSALS"] = "refused.sqlite"
    BucketCORS(app)
    counter = BucketCORSState.of(app).middleware.refusals
    assert counter is not None
    assert counter.table.path == tmp_path / "refused.sqlite"


@pytest.mark.parametrize("name", ["rules.sqlite", "./x/../rules.sqlite"])
def test_the_database_itself_is_refused(name: str, tmp_path: Path) -> None:
    app = Flask("storage", instance_path=str(tmp_path))
    app.config.update(BUCKETCORS_DATABASE="rules.sqlite", BUCKETCORS_REFUSALS=name)
    with pytest.raises(SettingRefused, match=r"BUCKETCORS_REFUSALS is .*write True for a file"):
        BucketCORS(app)


def test_nothing_is_made_where_the_database_is_gone(
    path: Path, store: SQLiteStore, lines: Callable[[], list[str]]
) -> None:
    """As at the end of a program that has deleted its folder."""
    site = Site(store)
    site.preflight()
    shutil.rmtree(path.parent)
    site.counter.flush()
    assert not path.parent.exists()
    assert lines() == []


# Bounds


def test_a_flood_of_origins_fills_neither_memory_nor_file(path: Path, store: SQLiteStore) -> None:
    """A page that fails twice in a row is among them, and so is one that failed often before."""
    site = Site(store)
    old = "https://often.example"
    for _ in range(20):
        site.preflight(origin=old)
    site.found()
    for number in range(30_000):
        if number % 1000 == 0:
            site.found()
            site.preflight()
            site.preflight()
        site.counter.count("photos", REFUSED, (f"https://{number}.example", "GET", ""))
        assert len(site.counter._sure.by_key) <= 400
        assert len(site.counter._pending) <= 64
    rows = site.rows()
    assert len(rows) <= 50
    assert {(OTHER, "GET", "origin", 60), (old, "GET", "origin", 20)} <= {*rows}
    assert site.counter.others("photos") == 30_080 - sum(times for *_, times in rows)
    assert path.with_name("rules.sqlite-refused").stat().st_size < 300_000


def test_a_flood_of_buckets_leaves_room_for_one_that_has_rules(store: SQLiteStore) -> None:
    site = Site(store)
    for number in range(5000):
        site.preflight(f"invented-{number}")
    site.preflight()
    assert site.rows(None) == [(OTHER, "GET", "origin", 1)]


def test_a_page_that_fails_twice_within_a_flood_is_counted() -> None:
    tally = Tally(10)
    key = ("photos", OTHER, "GET", "origin")
    for number in range(25):
        tally.count(("photos", str(number), "GET", "origin"), number, "")
    for _ in range(12):
        tally.count(key, 30.0, "")
    for number in range(100):
        tally.count(("photos", f"x{number}", "GET", "origin"), number, "")
    assert tally.by_key[key].times >= 10
    found = [*tally.by_key.values(), *tally.others.values()]
    assert sum(each.times for each in found) == 137
    assert len(tally.by_key) <= 10


def test_rows_that_are_refused_often_or_lately_stay(table: RefusalTable) -> None:
    now = time.time()
    often = tally(*(("photos", f"often-{number}", 100) for number in range(60)), now=now - 60)
    table.add(often, seconds=0)
    table.add(tally(("photos", OTHER, 1)), seconds=0)
    rows = table.rows("photos")
    assert rows[0].origin == OTHER
    assert len(rows) <= 50
    assert table.others("photos") == 6001 - sum(each.times for each in rows)


def test_the_rows_of_a_bucket_push_out_none_of_others(table: RefusalTable) -> None:
    table.add(tally(("photos", OTHER, 1)), seconds=0)
    for turn in range(20):
        flood = tally(*(("other", f"{turn}-{number}", 9) for number in range(100)))
        table.add(flood, seconds=0)
    assert [each.origin for each in table.rows("photos")] == [OTHER]


def test_the_largest_rows_fit_into_the_file(table: RefusalTable) -> None:
    """Also those that many buckets fill whose names and origins are as long as they can be."""
    table.add(tally(("photos", OTHER, 12)), seconds=0)
    for turn in range(14):
        flood = Tally(10_000)
        for number in range(500):
            bucket = f"{(turn * 500 + number) * 2654435761 % 2**32:x}".ljust(255, "b")
            key = (bucket, f"https://{number}".ljust(326, "o"), "GET", "headers")
            flood.by_key[key] = Count(1, time.time(), time.time(), "h" * 256)
            flood.others[bucket] = Count(1, time.time(), time.time())
        table.add(flood, seconds=0)
    assert table.path is not None
    assert table.path.stat().st_size <= 16 * 1024 * 1024
    with closing(sqlite3.connect(table.path)) as connection:
        assert connection.execute("SELECT count(*) FROM bucketcors_refused").fetchone()[0] <= 10_000
    assert [each.origin for each in table.rows("photos")] == [OTHER]


def test_rows_are_kept_for_a_day(table: RefusalTable) -> None:
    now = time.time()
    table.add(tally(("photos", "old", 1), now=now - 90_000), seconds=0)
    table.add(tally(("photos", "future", 1), now=now + 90_000), seconds=0)
    assert [each.origin for each in table.rows("photos")] == ["future"]
    table.add(tally(("photos", "new", 1)), seconds=0)
    assert [each.origin for each in table.rows("photos")] == ["new"]
    table.add(tally(("photos", "yesterday", 1), now=now - 86_000), seconds=0)
    [_, yesterday] = table.rows("photos")
    assert (yesterday.first, yesterday.last) == (now - 86_000, now - 86_000)
    table.add(tally(("photos", "yesterday", 1), now=now), seconds=0)
    assert [(each.times, each.first) for each in table.rows("photos") if each.times > 1] == [
        (2, now - 86_000)
    ]


def test_rows_that_another_program_has_written_wrong_are_left_out(table: RefusalTable) -> None:
    table.add(tally(("photos", "ours", 1)), seconds=0)
    assert table.path is not None
    now = time.time()
    with closing(sqlite3.connect(table.path)) as connection, connection:
        for origin, times, last in ((b"\xff", 1, now), ("many", "many", now), ("", 1, "later")):
            values = ("photos", origin, "GET", "origin", "", times, now, last)
            connection.execute(
                "INSERT INTO bucketcors_refused VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
            )
        others = ("photos", "", "", "", "", "many", now, now)
        connection.execute("INSERT INTO bucketcors_refused VALUES (?, ?, ?, ?, ?, ?, ?, ?)", others)
    assert [each.origin for each in table.rows("photos")] == ["ours"]
    assert table.others("photos") == 0


# What cannot go wrong


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, logger="flask_bucketcors.preflights")
    return lambda: [each.getMessage() for each in caplog.records if "refused" in each.getMessage()]


def not_a_database(path: Path) -> None:
    path.write_bytes(b"not a database, but some text" * 100)


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("make", [not_a_database, another_database, a_folder, a_link])
def test_a_file_that_cannot_be_used_changes_no_response(
    make: Callable[[Path], None], path: Path, store: SQLiteStore, lines: Callable[[], list[str]]
) -> None:
    beside = path.with_name("rules.sqlite-refused")
    make(beside)
    before = beside.is_file() and beside.read_bytes()
    site = Site(store)
    for _ in range(3):
        assert site.preflight() == 403
        site.counter.flush(0)
    [line] = lines()
    assert line.startswith(f"refused preflights are counted, but not written to '{beside}': ")
    assert (beside.is_file() and beside.read_bytes()) == before
    beside.rmdir() if beside.is_dir() else beside.unlink()
    assert site.rows() == [(OTHER, "GET", "origin", 3)]


def test_a_file_that_another_program_has_locked_is_written_later(
    path: Path, store: SQLiteStore, lines: Callable[[], list[str]]
) -> None:
    site = Site(store)
    site.preflight()
    site.found()
    with closing(sqlite3.connect(path.with_name("rules.sqlite-refused"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(5):
            assert site.preflight() == 403
        site.counter.flush(0)
        assert "database is locked" in lines()[0]
        with pytest.raises(StoreUnavailable, match="locked"):
            site.counter.table.rows("photos")
    assert site.rows() == [(OTHER, "GET", "origin", 6)]


def test_a_full_disk_changes_no_response(
    path: Path,
    store: SQLiteStore,
    lines: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that may have no more pages is full as well."""
    site = Site(store)
    monkeypatch.setattr(refusal_table, "MAX_PAGES", 3)
    for turn in range(3):
        for number in range(300):
            assert site.preflight(origin=f"https://{turn}-{number}.example") == 403
        site.counter.flush(0)
    assert "database or disk is full" in lines()[0]
    assert len(site.counter._sure.by_key) <= 400
    assert path.with_name("rules.sqlite-refused").stat().st_size <= 3 * 4096
    monkeypatch.undo()
    total = sum(each.times for each in site.found()) + site.counter.others("photos")
    assert total == 900


def test_a_process_without_room_for_a_thread_counts_all_the_same(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(store)

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", start)
    for _ in range(200):
        assert site.preflight() == 403
    assert site.rows() == [(OTHER, "GET", "origin", 200)]


# Time, threads and processes


def test_a_timer_writes_and_there_is_none_afterwards(store: SQLiteStore, table: Any) -> None:
    written = threading.Event()

    class Watched(RefusalTable):
        def add(self, *arguments: Any, **options: Any) -> None:
            super().add(*arguments, **options)
            written.set()

    watched = Watched(table.path)
    counter = RefusalCounter(watched, store, seconds=0.0)
    for times in (1, 2):
        written.clear()
        counter.count("photos", REFUSED, (OTHER, "GET", ""))
        assert written.wait(WAIT_SECONDS)
        assert [each.times for each in watched.rows("photos")] == [times]
    assert counter._most == 1


def test_threads_lose_no_count(store: SQLiteStore, table: RefusalTable) -> None:
    counter = RefusalCounter(table, store, seconds=0.001)
    threads = 4

    def send() -> None:
        for number in range(5000):
            counter.count("photos", REFUSED, (OTHER, "GET", ""))
            if number % 500 == 0:
                counter.flush()

    started = [threading.Thread(target=send, daemon=True) for _ in range(threads)]
    for each in started:
        each.start()
    for each in started:
        each.join(WAIT_SECONDS)
    counter.flush(WAIT_SECONDS)
    assert [each.times for each in counter.rows("photos")] == [5000 * threads]


FORK = """
import os, sys
from flask_bucketcors import CompiledRules, Rule, RuleSet, SQLiteStore
from flask_bucketcors.refused_lately.refusal_counter import RefusalCounter
from flask_bucketcors.refused_lately.refusal_places import table_beside

rules = RuleSet([Rule(["https://page.example"], ["GET"])])
refused = CompiledRules(rules).preflight("https://other.example", "GET")
store = SQLiteStore(os.environ["DATABASE"])
store.put("photos", rules)
counter = RefusalCounter(table_beside(store), store)

def count(times):
    for _ in range(times):
        counter.count("photos", refused, ("https://other.example", "GET", ""))

count(1000)
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        count(100)
        # As a server's worker ends; what is left is written then.
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
count(10)
"""


def test_forks_count_each_refusal_once_and_write_it_when_they_end(
    path: Path, store: SQLiteStore
) -> None:
    run_python(FORK, {**os.environ, "DATABASE": str(path)})
    assert Site(store).rows() == [(OTHER, "GET", "origin", 1410)]


def test_a_child_of_a_fork_without_hooks_begins_anew(
    store: SQLiteStore, table: RefusalTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = RefusalCounter(table, store)
    counter.count("photos", REFUSED, (OTHER, "GET", ""))
    monkeypatch.setattr(refusal_counter.os, "getpid", lambda: 1)
    counter.flush()
    assert counter.rows("photos") == []


def test_the_hash_of_a_reason_is_that_of_its_text() -> None:
    """So it is computed in C, once for each refusal."""
    assert {Reason.ORIGIN: 1} == {"origin": 1}


#: A row's origin, method, reason and headers; whether it can be explained; and its header names.
EXPLAINED_ROWS = [
    ("https://a.example", "PUT", "method", "", True, []),
    ("https://a.example", "PUT", "headers", "x-a, X-B", True, ["x-a", "X-B"]),
    ("https://a.example", "PUT", "no_rules", "x-a,x-b...", True, ["x-a"]),
    ("https://a.example", "other", "method", "", False, []),
    ("https://a.example", "PUT", "rules_call", "", False, []),
    ("https://a.example", "PUT", "unreadable", "", False, []),
    (r"\xff", "PUT", "origin", "", False, []),
    ("https://aaaa...", "PUT", "origin", "x-a...", False, []),
]


def test_a_row_can_be_explained_if_the_rules_refused_and_the_request_is_whole() -> None:
    for origin, method, reason, headers, can_be_explained, names in EXPLAINED_ROWS:
        row = RefusedRow("photos", origin, method, reason, headers, 1, 0.0, 0.0)
        assert row.can_be_explained is can_be_explained, row
        assert list(row.header_names) == names, row
