"""Refused preflights are counted exactly by all workers of a real gunicorn."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from flask_bucketcors import SQLiteStore
from flask_bucketcors.refused_lately.refusal_places import table_beside
from tests.support.apps.served_storage import APP, DATABASE, REFUSALS
from tests.support.processes.served_workers import (
    BUCKET,
    HOST,
    build_preflight,
    connect,
    exchange,
    origin_of,
    rules,
)
from tests.support.processes.servers import Server, gunicorn
from tests.support.rounds import rounds

CLIENTS = 8
EACH = rounds(few=50, many=500)
WAIT_SECONDS = 50


@contextmanager
def counting(database: Path, seconds: float, **settings: object) -> Iterator[Server]:
    """Run workers that count, on a database with rules that refuse one of two origins.

    :param seconds: after which a worker writes what it has counted.
    """
    with closing(SQLiteStore(database)) as store:
        store.put(BUCKET, rules(1))
    environ = {DATABASE: str(database), REFUSALS: str(seconds)}
    with gunicorn(APP, environ=environ, **settings) as server:  # type: ignore[arg-type]
        yield server


def send_all(server: Server, *messages: bytes) -> list[int]:
    """Send each message from several clients, again and again; give all statuses."""
    statuses: list[int] = []

    def send() -> None:
        for number in range(EACH):
            with connect(server) as connection:
                message = messages[number % len(messages)]
                statuses.extend(each.status for each in exchange([connection], message))

    clients = [threading.Thread(target=send, daemon=True) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join(WAIT_SECONDS)
    return statuses


def counted(database: Path) -> dict[tuple[str, str, str], int]:
    with closing(SQLiteStore(database)) as store:
        table = table_beside(store)
        assert table is not None
        return {(row.bucket, row.origin, row.reason): row.times for row in table.rows()}


AT_THE_END, MEANWHILE = 1000.0, 0.01


@pytest.mark.parametrize(
    "worker, threads, preload, seconds",
    [
        ("sync", 1, True, AT_THE_END),
        ("sync", 1, False, MEANWHILE),
        ("gthread", 2, True, AT_THE_END),
        ("gthread", 2, True, MEANWHILE),
        ("gevent", 1, False, AT_THE_END),
        ("gevent", 1, True, MEANWHILE),
    ],
)
def test_each_refusal_is_counted_once(
    worker: str, threads: int, preload: bool, seconds: float, tmp_path: Path
) -> None:
    database = tmp_path / "rules.sqlite"
    allowed, refused = (build_preflight(origin_of(number)) for number in (1, 2))
    invented = refused.replace(HOST.encode(), HOST.replace(BUCKET, "invented").encode())
    settings = {"worker_class": worker, "threads": threads, "preload": preload}
    with counting(database, seconds, workers=3, **settings) as server:
        statuses = send_all(server, refused, allowed, invented, refused, refused)
    assert len(statuses) == CLIENTS * EACH
    assert statuses.count(200) == len(statuses) // 5
    assert counted(database) == {(BUCKET, origin_of(2), "origin"): len(statuses) * 3 // 5}
