"""Signals: what is sent, by whom, and that no receiver changes what it is told about."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from blinker import Signal
from flask import Flask
from webtest import TestApp

from flask_bucketcors import (
    BucketCORS,
    BucketCORSMiddleware,
    BucketCORSState,
    MemoryStore,
    PastChange,
    Reason,
    Rule,
    RulesChanged,
    RuleSet,
    SQLiteStore,
    StoredRulesInvalid,
    StoreUnavailable,
    signals,
)
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.signals import preflight_refused, rules_changed, rules_unreadable
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support import ROOT
from tests.support.fake_server import FakeServer
from tests.support.other_tools import run_sql

RULES = RuleSet([Rule(["https://a.example"], ["GET"])])
OTHERS = RuleSet([Rule(["*"], ["GET"])])
BODY = RULES.to_xml()
ASKED = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
REFUSED = {"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}

Received = list[tuple[object, dict[str, Any]]]
Listen = Callable[[Signal], Received]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Connect a receiver that keeps what it gets."""
    connected = []

    def connect(signal: Signal) -> Received:
        received: Received = []

        def receiver(sender: object, **values: Any) -> None:
            received.append((sender, values))

        signal.connect(receiver)
        connected.append((signal, receiver))
        return received

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def fresh_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of an interval in which nothing was written."""
    monkeypatch.setattr(signals, "_log", IntervalLog(signals.logger))


def serve_nothing(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def changes(received: Received) -> list[tuple[str, RuleSet | None, int, str | None]]:
    return [(v["bucket"], v["rules"], v["revision"], v["author"]) for _, v in received]


def test_each_write_of_a_store_is_a_signal(listen: Listen) -> None:
    store, received = MemoryStore(), listen(rules_changed)
    store.put("photos", RULES, "alice")
    store.put_many([("photos", OTHERS), ("films", RULES)])
    store.rollback("photos", 1, "bob")
    store.delete("films", "bob")
    past = [PastChange(1.0, "eve", RULES), PastChange(2.0, "eve", OTHERS)]
    store.put_with_history([("old", past)])
    assert changes(received) == [
        ("photos", RULES, 1, "alice"),
        ("photos", OTHERS, 2, None),
        ("films", RULES, 2, None),
        ("photos", RULES, 3, "bob"),
        ("films", None, 4, "bob"),
        ("old", OTHERS, 6, "eve"),
    ]
    assert {id(sender) for sender, _ in received} == {id(store)}


def test_what_changes_nothing_is_no_signal(listen: Listen) -> None:
    store, received = MemoryStore(), listen(rules_changed)
    store.delete("photos")
    store.put_many([])
    with pytest.raises(RulesChanged):
        store.put("photos", RULES, expected="another")
    assert received == []


def test_rules_are_in_force_when_the_signal_is_sent() -> None:
    store, seen = MemoryStore(), []

    def receiver(sender: MemoryStore, bucket: str, **values: Any) -> None:
        seen.append(sender.get(bucket))

    with rules_changed.connected_to(receiver, store):
        store.put("photos", RULES)
    assert seen == [RULES]


def test_a_change_on_a_server_is_one_signal_of_the_store_that_the_application_has(
    listen: Listen, tmp_path: Path
) -> None:
    store = ReplicaStore(FakeServer(), tmp_path / "copy.sqlite")  # type: ignore[arg-type]
    received = listen(rules_changed)
    store.put("photos", RULES, "alice")
    store.put_with_history([("old", [PastChange(1.0, "eve", RULES)])])
    store.delete("photos", "bob")
    store.close()
    assert changes(received) == [
        ("photos", RULES, 1, "alice"),
        ("old", RULES, 2, "eve"),
        ("photos", None, 3, "bob"),
    ]
    assert {id(sender) for sender, _ in received} == {id(store)}


def storage(tmp_path: Path) -> Flask:
    app = Flask("storage", instance_path=str(tmp_path))
    app.config.update(TESTING=True)
    app.add_url_rule("/<bucket>/<path:key>", view_func=lambda bucket, key: key)
    BucketCORS(app, authorize=lambda call: "alice")
    return app


def test_calls_and_commands_of_an_application_send_it(listen: Listen, tmp_path: Path) -> None:
    app = storage(tmp_path)
    received = listen(rules_changed)
    done = app.test_client().put("/photos?cors", data=BODY)
    assert done.status_code == 200, done.text
    deleted = app.test_cli_runner().invoke(
        args=["bucketcors", "delete", "photos", "--yes", "--author", "me"]
    )
    assert deleted.exit_code == 0, deleted.output
    assert changes(received) == [("photos", RULES, 1, "alice"), ("photos", None, 2, "me")]
    assert {id(sender) for sender, _ in received} == {id(BucketCORSState.of(app).store)}


@pytest.mark.parametrize("bucket, reason", [("photos", Reason.ORIGIN), ("films", Reason.NO_RULES)])
def test_a_refused_preflight_is_a_signal(listen: Listen, bucket: str, reason: Reason) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=store))
    received = listen(preflight_refused)
    for _ in range(2):
        client.options(f"/{bucket}/cat.png", headers=REFUSED, status=403)
    client.get(f"/{bucket}/cat.png", headers={"Origin": "https://b.example"})
    assert len(received) == 2
    for sender, values in received:
        assert sender is store
        assert values.pop("environ")["PATH_INFO"] == f"/{bucket}/cat.png"
        assert values.pop("decision").reason is reason
        assert values == {
            "bucket": bucket,
            "origin": "https://b.example",
            "method": "GET",
            "headers": "",
        }


def test_an_allowed_preflight_is_none(listen: Listen) -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=store))
    received = listen(preflight_refused)
    client.options("/photos/cat.png", headers=ASKED, status=200)
    assert received == []


def test_rules_that_are_no_rules_are_a_signal(listen: Listen, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put("photos", RULES)
    run_sql(tmp_path / "rules.sqlite", "UPDATE bucketcors_rules SET document = 'nonsense'")
    received = listen(rules_unreadable)
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=store))
    for _ in range(2):
        client.options("/photos/cat.png", headers=ASKED, status=503)
    store.close()
    [(sender, values)] = received
    assert sender is store
    assert values["bucket"] == "photos"
    assert isinstance(values["error"], StoredRulesInvalid)


class LostStore(MemoryStore):
    """A store that cannot be read."""

    def read(self, bucket: str) -> Any:
        raise StoreUnavailable("the disk is gone")


def test_rules_that_the_store_cannot_give_are_a_signal(listen: Listen) -> None:
    received = listen(rules_unreadable)
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=LostStore()))
    client.options("/photos/cat.png", headers=ASKED, status=503)
    [(_, values)] = received
    assert (values["bucket"], str(values["error"])) == ("photos", "the disk is gone")


def raise_it(sender: object, **values: Any) -> None:
    raise RuntimeError("the receiver is broken")


async def wait_for_it(sender: object, **values: Any) -> None:
    """Nobody waits for this one."""


class Waiting:
    """A receiver that is an object."""

    async def __call__(self, sender: object, **values: Any) -> None:
        """Nobody waits for this one either."""


@pytest.mark.usefixtures("fresh_log")
@pytest.mark.parametrize(
    "receiver, said",
    [
        (raise_it, "RuntimeError('the receiver is broken')"),
        (wait_for_it, "connect a def, not an async def"),
        (Waiting(), "connect a def, not an async def"),
    ],
)
def test_a_receiver_that_fails_changes_nothing_else(
    receiver: Callable[..., Any], said: str, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the response, not the write, not what other receivers get; the log says it once."""
    store = MemoryStore()
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=store))
    connected = (
        rules_changed.connected_to(receiver),
        preflight_refused.connected_to(receiver),
    )
    with connected[0], connected[1], caplog.at_level(logging.ERROR, "flask_bucketcors.signals"):
        heard, refused = listen(rules_changed), listen(preflight_refused)
        assert store.put("photos", RULES) == 1
        client.options("/photos/cat.png", headers=REFUSED, status=403)
    assert (len(heard), len(refused)) == (1, 1)
    [line] = caplog.messages
    assert line.startswith("a receiver of the signal rules_changed failed: ")
    assert said in line


def test_a_receiver_may_listen_to_one_store_alone() -> None:
    ours, others, received = MemoryStore(), MemoryStore(), []

    def receiver(sender: object, **values: Any) -> None:
        received.append(sender)

    with rules_changed.connected_to(receiver, ours):
        ours.put("photos", RULES)
        others.put("photos", RULES)
    assert received == [ours]


def test_nothing_is_sent_while_a_signal_is_muted(listen: Listen) -> None:
    received = listen(rules_changed)
    with rules_changed.muted():
        MemoryStore().put("photos", RULES)
    assert received == []


def test_the_page_lists_all_signals_with_their_arguments(listen: Listen, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    received = {
        "rules_changed": listen(rules_changed),
        "preflight_refused": listen(preflight_refused),
        "rules_unreadable": listen(rules_unreadable),
    }
    store = LostStore()
    store.put("photos", RULES)
    client = TestApp(BucketCORSMiddleware(serve_nothing, store=store))
    client.options("/photos/cat.png", headers=ASKED, status=503)
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\|([^|]+)\|$", page.partition("## Signals")[2], re.M)
    listed = {name: {*re.findall(r"`(\w+)`", re.sub(r"\[.*?\]", "", text))} for name, text in rows}
    assert listed == {name: {*sent[0][1]} for name, sent in received.items()}
