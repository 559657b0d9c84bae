"""A change is seen by every worker process from the next request on, under a real gunicorn."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from tests.support.processes.served_workers import (
    BUCKET,
    ORIGINS,
    build_put,
    build_rules_call,
    connect,
    origin_of,
    put,
    read,
    rules,
    serving,
)
from tests.support.rounds import ROUNDS_TIMEOUT, rounds

REFUSED = (403, None)

# Each worker class does it with and without --preload, which makes twice as many.
ROUNDS = rounds(few=12, many=1_000)

# What other tools change is looked for once a second.
NOTICED_SECONDS = 5
# The max-age of the default rules, which no other rules here have.
DEFAULT_SECONDS = 10**6


@pytest.mark.timeout(ROUNDS_TIMEOUT)
@pytest.mark.parametrize("preload", [False, True], ids=["workers load", "preloaded"])
@pytest.mark.parametrize(
    "worker, threads, each", [("sync", 1, 1), ("gthread", 4, 2), ("gevent", 1, 2)]
)
def test_no_worker_responds_by_rules_that_were_replaced(tmp_path, worker, threads, each, preload):
    """Requests never stop, and from the acknowledgement on all get the new response."""
    settings = {"worker_class": worker, "threads": threads, "preload": preload}
    with serving(tmp_path / "rules.sqlite", each=each, **settings) as (server, workers):
        # Each worker opens the database at its first request. On a busy machine, that may take
        # longer than other requests of the worker wait, and these get 503.
        workers.preflight(origin_of(1))
        for number in range(1, ROUNDS + 1):
            origin, deletes = origin_of(number), number % 10 == 0
            expected = REFUSED if deletes else (200, str(number))
            with connect(server) as change:
                change.sendall(build_rules_call("DELETE") if deletes else build_put(number))
                early = workers.keep_busy(origin, until=change)
                assert read(change).status == (204 if deletes else 200)
            responses = workers.preflight(origin)
            assert [response for response in responses if response.verdict != expected] == [], (
                number
            )
            assert {response.verdict for response in early} <= {REFUSED, expected}


@pytest.mark.timeout(ROUNDS_TIMEOUT)
def test_default_rules_give_way_to_own_rules_and_come_back_in_all_workers_at_once(tmp_path):
    default = RuleSet([Rule(ORIGINS, ["GET"], max_age_seconds=DEFAULT_SECONDS)])
    settings = {"worker_class": "gthread", "threads": 4, "each": 2, "default_rules": default}
    with serving(tmp_path / "rules.sqlite", **settings) as (server, workers):
        for number in range(1, ROUNDS // 2):
            for message, seconds in (
                (build_put(number), number),
                (build_rules_call("DELETE"), DEFAULT_SECONDS),
            ):
                with connect(server) as change:
                    change.sendall(message)
                    assert read(change).status in (200, 204)
                responses = workers.preflight(origin_of(number))
                assert {each.verdict for each in responses} == {(200, str(seconds))}


@pytest.mark.parametrize("attempt", range(rounds(few=1, many=10)))
def test_eight_workers_may_start_at_once_on_a_database_that_is_not_there(tmp_path, attempt):
    database = tmp_path / "new" / "rules.sqlite"
    with serving(database, workers=8, together=8) as (server, workers):
        assert {response.verdict for response in workers.preflight(origin_of(1))} == {REFUSED}
        put(server, 1)
        assert {response.verdict for response in workers.preflight(origin_of(1))} == {(200, "1")}
        assert server.log.count("Booting worker") == 8
        assert server.complaints == []


def test_a_change_through_a_store_in_another_process_is_seen_at_once(tmp_path):
    database = tmp_path / "rules.sqlite"
    with serving(database) as (_, workers), closing(SQLiteStore(database)) as store:
        for number in range(1, 20):
            store.put(BUCKET, rules(number))
            responses = workers.preflight(origin_of(number))
            assert {response.verdict for response in responses} == {(200, str(number))}


def test_a_change_by_another_tool_is_seen_by_all_workers_within_seconds(tmp_path):
    """Triggers count its edit, and each worker asks the database about once a second."""
    database = tmp_path / "rules.sqlite"
    with serving(database) as (server, workers):
        put(server, 1)
        assert {response.verdict for response in workers.preflight(origin_of(1))} == {(200, "1")}
        edit_with_sqlite(database, rules(3))
        deadline = time.monotonic() + NOTICED_SECONDS
        verdicts = set()
        while verdicts != {(200, "3")} and time.monotonic() < deadline:
            verdicts = {response.verdict for response in workers.preflight(origin_of(3))}
        assert verdicts == {(200, "3")}


def edit_with_sqlite(database: Path, rule_set: RuleSet) -> None:
    change = "UPDATE bucketcors_rules SET document = ? WHERE bucket = ?"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(change, (json.dumps(rule_set.as_dict()), BUCKET))
