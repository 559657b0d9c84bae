"""All workers of a real gunicorn are counted exactly, on one page for Prometheus."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from flask_bucketcors import Rule, RuleSet, SQLiteStore
from tests.support.apps.measured_storage import APP, DATABASE, FOLDER, SECONDS
from tests.support.processes.servers import Server, gunicorn
from tests.support.rounds import rounds

A, EVIL = "https://a.example", "https://evil.example"
ASK = "Access-Control-Request-Method"
CLIENTS = 4
EACH = rounds(few=30, many=300)
WAIT_SECONDS = 50
RESPONSE_SECONDS = 30
PAUSE_SECONDS = 0.02
AT_THE_END, MEANWHILE = 1000.0, 0.01

#: Requests that each client sends in turn, and how they are counted.
REQUESTS = (
    ("GET", {"Origin": A}, ("actual", "allowed", "")),
    ("OPTIONS", {"Origin": A, ASK: "GET"}, ("preflight", "allowed", "")),
    ("OPTIONS", {"Origin": EVIL, ASK: "GET"}, ("preflight", "refused", "origin")),
)
EXPECTED = {counted: float(CLIENTS * EACH) for _, _, counted in REQUESTS}


def exchange(server: Server, method: str, path: str, headers: dict[str, str]) -> str:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=RESPONSE_SECONDS)) as connection:
        connection.request(method, path, headers=headers)
        return connection.getresponse().read().decode()


def send_all(server: Server) -> None:
    def send() -> None:
        for _ in range(EACH):
            for method, headers, _ in REQUESTS:
                exchange(server, method, "/photos/k", headers)

    clients = [threading.Thread(target=send, daemon=True) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join(WAIT_SECONDS)


def decisions(families: object) -> dict[tuple[str, str, str], float]:
    return {
        (each.labels["request"], each.labels["outcome"], each.labels["reason"]): each.value
        for family in families  # type: ignore[attr-defined]
        for each in family.samples
        if each.name == "bucketcors_decisions_total" and each.value
    }


def on_the_page(server: Server) -> dict[tuple[str, str, str], float]:
    page = exchange(server, "GET", "/metrics", {})
    return decisions(text_string_to_metric_families(page))  # type: ignore[no-untyped-call]


def in_the_files(folder: Path) -> dict[tuple[str, str, str], float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return decisions(registry.collect())


def wait_for(
    look: Callable[[], dict[tuple[str, str, str], float]],
) -> dict[tuple[str, str, str], float]:
    """Look until all is counted, or the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()) != EXPECTED and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return found


@pytest.mark.parametrize(
    "worker, threads, preload, seconds",
    [
        ("sync", 1, False, MEANWHILE),
        ("sync", 1, True, AT_THE_END),
        ("gthread", 2, True, MEANWHILE),
        ("gevent", 1, False, MEANWHILE),
        ("gevent", 1, True, AT_THE_END),
    ],
)
def test_the_requests_of_all_workers_are_on_one_page(
    worker: str, threads: int, preload: bool, seconds: float, tmp_path: Path
) -> None:
    """Soon after the requests; at the latest, they are in the files when the workers end."""
    database, folder = tmp_path / "rules.sqlite", tmp_path / "metrics"
    folder.mkdir()
    with closing(SQLiteStore(database)) as store:
        store.put("photos", RuleSet([Rule([A], ["GET"])]))
    environ = {DATABASE: str(database), FOLDER: str(folder), SECONDS: str(seconds)}
    with gunicorn(
        APP, environ=environ, workers=3, worker_class=worker, threads=threads, preload=preload
    ) as server:
        send_all(server)
        if seconds == MEANWHILE:
            assert wait_for(lambda: on_the_page(server)) == EXPECTED
    assert in_the_files(folder) == EXPECTED
