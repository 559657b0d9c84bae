"""The thread that keeps a host's copy up to date: when it asks the server, and when it ends.

The server is a fake, because no SQL server is in the test extra.
"""

import errno
import fcntl
import logging
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.core.errors import ServerUnreachable
from flask_bucketcors.stores.replica import follower
from flask_bucketcors.stores.replica.copy import Copy
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support import ROOT
from tests.support.fake_server import FakeFeed, FakeServer
from tests.support.processes.children import run_python, running

Make = Callable[..., ReplicaStore]

# A bound, for a machine that has much else to do.
WAIT_SECONDS = 50
# So long that it never passes in a test.
NEVER = 3600.0


def rules(seconds: int = 0) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "queue.Queue[Any]":
    """What each attempt to catch up gave or raised."""
    found: queue.Queue[Any] = queue.Queue()
    # The thread of an earlier test may need a little longer to end.
    ignored: queue.Queue[Any] = queue.Queue()
    catch_up = Copy.catch_up_with

    def tell(copy: Copy, *arguments: Any, **options: Any) -> bool:
        results = found if tmp_path in (copy.place or tmp_path).parents else ignored
        try:
            result = catch_up(copy, *arguments, **options)
        except Exception as error:
            results.put(error)
            raise
        results.put(result)
        return result

    monkeypatch.setattr(Copy, "catch_up_with", tell)
    return found


@pytest.fixture
def make(server: FakeServer, tmp_path: Path, done: "queue.Queue[Any]") -> Iterator[Make]:
    """Make a store of a host, with the first copy taken; the thread is not there yet."""
    made: list[ReplicaStore] = []

    def make_host(name: str = "host", **options: Any) -> ReplicaStore:
        path = tmp_path / name / "copy.sqlite"
        made.append(ReplicaStore(server, path, **options))  # type: ignore[arg-type]
        done.get(timeout=WAIT_SECONDS)
        return made[-1]

    yield make_host
    for each in made:
        each.close()
    # Their threads end.
    server.lose()


def serve(host: ReplicaStore) -> None:
    """The first request."""
    host.signal()


def wait_for(done: "queue.Queue[Any]", wanted: object) -> None:
    """Wait until a catch-up gave this, or an error of this type."""
    while True:
        found = done.get(timeout=WAIT_SECONDS)
        if found is wanted or type(found) is wanted:
            return


def test_the_first_request_starts_it_and_no_command_does(
    server: FakeServer, make: Make, done: "queue.Queue[Any]"
) -> None:
    host = make()
    host.put("b", rules())
    host.get("b")
    host.list()
    host.catch_up()
    list(host.health())
    assert not any(feed.is_listening for feed in server.feeds)
    while not done.empty():
        done.get_nowait()
    server.put("b", rules(1))
    serve(host)
    wait_for(done, True)
    assert [feed.is_listening for feed in server.feeds].count(True) == 1


def test_it_asks_for_notifications_before_it_catches_up(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change in between would be noticed by neither."""
    host = make(refresh_seconds=NEVER)
    listen = FakeFeed.listen

    def change_after(feed: FakeFeed) -> bool:
        promised = listen(feed)
        server.put("b", rules(1))
        return promised

    monkeypatch.setattr(FakeFeed, "listen", change_after)
    serve(host)
    wait_for(done, True)
    assert host.get("b") == rules(1)


def test_a_change_that_a_killed_leader_has_not_published_is_published(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make(refresh_seconds=NEVER)
    seen = host._copy.signal()[0]
    with monkeypatch.context() as patch:
        patch.setattr(Copy, "_publish", lambda copy, *numbers: None)
        server.put("b", rules(1))
        host.catch_up()
    assert host._copy.signal()[0] == seen
    told: queue.Queue[None] = queue.Queue()
    publish = Copy.publish_missed
    monkeypatch.setattr(Copy, "publish_missed", lambda copy: told.put(publish(copy)))
    serve(host)
    told.get(timeout=WAIT_SECONDS)
    assert host._copy.signal()[0] != seen


def test_to_begin_to_follow_is_no_change(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make(refresh_seconds=NEVER)
    host.put("b", rules(1))
    host.put_many([])
    seen = host._copy.signal()[0]
    told: queue.Queue[None] = queue.Queue()
    publish = Copy.publish_missed
    monkeypatch.setattr(Copy, "publish_missed", lambda copy: told.put(publish(copy)))
    serve(host)
    told.get(timeout=WAIT_SECONDS)
    assert host._copy.signal()[0] == seen


def test_a_change_of_which_the_server_notifies_is_obeyed_at_once(
    server: FakeServer, make: Make, done: "queue.Queue[Any]"
) -> None:
    host = make(refresh_seconds=NEVER)
    serve(host)
    for seconds in range(3):
        server.put("b", rules(seconds))
        wait_for(done, True)
        assert host.get("b") == rules(seconds)


@pytest.mark.parametrize("promises", [True, False])
def test_a_change_without_a_notification_is_found_by_asking(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", promises: bool
) -> None:
    server.promises, server.notifies = promises, False
    host = make(refresh_seconds=0.05)
    serve(host)
    server.put("b", rules(1))
    wait_for(done, True)
    assert host.get("b") == rules(1)


def test_a_server_that_promised_to_notify_and_does_not_is_named_once(
    server: FakeServer,
    make: Make,
    done: "queue.Queue[Any]",
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "LATE_SECONDS", 0.01)
    server.notifies = False
    host = make(refresh_seconds=0.05)
    serve(host)
    wait_for(done, False)
    for seconds in range(3):
        server.put("b", rules(seconds))
        wait_for(done, True)
        wait_for(done, False)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "fake://server/rules accepted LISTEN and did not notify" in record.getMessage()
    assert not host._copy.contact.is_notified


def test_a_notification_that_comes_a_little_later_than_the_change_is_no_fault(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    server.notifies = False
    host = make(refresh_seconds=0.05)
    serve(host)
    wait_for(done, False)
    server.on_since = lambda known: server.notify() if known != server.position else None
    server.put("b", rules(1))
    wait_for(done, True)
    wait_for(done, False)
    assert caplog.records == []
    assert host._copy.contact.is_notified


def test_changes_that_follow_each_other_are_taken_together(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first at once, and the others after a pause, in which more of them may come."""
    host = make(refresh_seconds=NEVER)
    pauses: queue.Queue[float] = queue.Queue()
    may_go_on: queue.Queue[None] = queue.Queue()

    def pause(run: object, seconds: float) -> None:
        pauses.put(seconds)
        may_go_on.get(timeout=WAIT_SECONDS)

    monkeypatch.setattr(follower, "time", SimpleNamespace(monotonic=lambda: 7.0))
    monkeypatch.setattr(follower._Run, "_pause", pause)
    serve(host)
    wait_for(done, False)
    for seconds in range(3):
        server.put_many([("a", rules(seconds)), ("b", rules(seconds))])
        assert pauses.get(timeout=WAIT_SECONDS) == pytest.approx(follower.FLOOR_SECONDS)
        server.put("b", rules(seconds + 100))
        asked = len(server.asked)
        may_go_on.put(None)
        wait_for(done, True)
        assert host.get("b") == rules(seconds + 100)
        assert len(server.asked) == asked + 1
        # That of the second change.
        pauses.get(timeout=WAIT_SECONDS)
        may_go_on.put(None)
        wait_for(done, False)


def test_a_server_that_is_away_is_tried_until_it_is_back(
    server: FakeServer,
    make: Make,
    done: "queue.Queue[Any]",
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "RETRY_SECONDS", 0.01)
    tries: queue.Queue[object] = queue.Queue()
    host = make()
    serve(host)
    wait_for(done, False)
    monkeypatch.setattr(
        FakeFeed, "listen", lambda feed, old=FakeFeed.listen: (tries.put(0), old(feed))[1]
    )
    server.lose(ServerUnreachable("nobody\nlistens"))
    for _ in range(5):
        tries.get(timeout=WAIT_SECONDS)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    said = record.getMessage()
    assert "up to date: ServerUnreachable('nobody\\nlistens'); requests are served" in said
    assert "as it is, 0 s old, and" in said
    server.come_back()
    server.put("b", rules(1))
    wait_for(done, True)
    assert host.get("b") == rules(1)


def test_an_error_that_nobody_expects_does_not_end_it(
    server: FakeServer,
    make: Make,
    done: "queue.Queue[Any]",
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follower, "RETRY_SECONDS", 0.01)
    host = make(refresh_seconds=0.05)
    server.on_since = lambda known: {}["nothing"]
    serve(host)
    wait_for(done, KeyError)
    server.on_since = lambda known: None
    server.put("b", rules(1))
    wait_for(done, True)
    assert "failed, and goes on: KeyError('nothing')" in caplog.text


def forget(host: ReplicaStore) -> None:
    """Have no process of the host know about a contact."""
    token = host._copy._database.token
    assert token is not None
    token.contact[1] = 0


@pytest.mark.parametrize("why", ["no contact", "no leader", "a leader that has ended"])
def test_the_first_request_waits_for_what_changed_while_nobody_followed(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    host = make(refresh_seconds=1)
    if why == "a leader that has ended":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait(WAIT_SECONDS)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: ended.pid)
            host._copy.contact.lead(0)
    monkeypatch.setattr("flask_bucketcors.stores.replica.store.FIRST_SECONDS", WAIT_SECONDS)
    if why == "no contact":
        forget(host)
    server.put("b", rules(1))
    serve(host)
    assert host.get("b") == rules(1)


def test_the_first_request_does_not_wait_while_another_process_follows(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make()
    host._copy.contact.lead(0)
    server.is_responding.clear()
    monkeypatch.setattr("flask_bucketcors.stores.replica.store.FIRST_SECONDS", NEVER)
    serve(host)
    assert host.get("b") is None
    server.is_responding.set()


def test_the_first_request_does_not_wait_for_a_server_that_is_away(
    server: FakeServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make()
    server.lose()
    monkeypatch.setattr("flask_bucketcors.stores.replica.store.FIRST_SECONDS", NEVER)
    forget(host)
    serve(host)
    assert host.read("b") is None


def test_one_of_two_applications_of_a_process_follows_and_then_the_other(
    server: FakeServer, make: Make, done: "queue.Queue[Any]"
) -> None:
    first, second = make(refresh_seconds=0.05), make(refresh_seconds=0.05)
    serve(first)
    wait_for(done, False)
    serve(second)
    for _ in range(3):
        wait_for(done, False)
    assert [feed.is_listening for feed in server.feeds if not feed.is_closed].count(True) == 1
    first.close()
    server.put("b", rules(1))
    wait_for(done, True)
    assert second.get("b") == rules(1)


def test_two_copies_of_a_host_are_both_followed(
    server: FakeServer, make: Make, done: "queue.Queue[Any]"
) -> None:
    hosts = make("one", refresh_seconds=0.05), make("two", refresh_seconds=0.05)
    for host in hosts:
        serve(host)
    server.put("b", rules(1))
    for _ in hosts:
        wait_for(done, True)
    assert [host.get("b") for host in hosts] == [rules(1)] * 2


LEADER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("leads", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("refused", [False, True], ids=["waits", "the kernel sees a circle"])
def test_when_a_leader_is_killed_another_process_follows(
    server: FakeServer,
    make: Make,
    done: "queue.Queue[Any]",
    monkeypatch: pytest.MonkeyPatch,
    refused: bool,
) -> None:
    host = make(refresh_seconds=NEVER)
    tries: queue.Queue[object] = queue.Queue()
    lockf = fcntl.lockf

    def try_or_wait(descriptor: int, how: int) -> None:
        tries.put(how)
        if refused and not how & fcntl.LOCK_NB:
            raise OSError(errno.EDEADLK, "a circle")
        lockf(descriptor, how)

    monkeypatch.setattr(fcntl, "lockf", try_or_wait)
    command = [sys.executable, "-c", LEADER, f"{host.place}-follower"]
    with running(command, stdin=-1, stdout=-1, text=True) as leader:
        assert leader.stdout
        assert leader.stdout.readline() == "leads\n"
        serve(host)
        tries.get(timeout=WAIT_SECONDS)
        server.put("b", rules(1))
        assert host.get("b") is None
        leader.kill()
        wait_for(done, True)
    assert host.get("b") == rules(1)


def test_a_store_that_is_closed_or_forgotten_is_followed_no_more(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", tmp_path: Path
) -> None:
    host = make(refresh_seconds=0.05)
    serve(host)
    wait_for(done, False)
    host.close()
    forgotten = ReplicaStore(server, tmp_path / "2" / "copy", refresh_seconds=0.05)  # type: ignore[arg-type]
    serve(forgotten)
    wait_for(done, False)
    del forgotten
    for feed in server.feeds:
        assert feed.closing.wait(WAIT_SECONDS)


def test_a_closed_store_is_followed_again_when_it_is_used(
    server: FakeServer, make: Make, done: "queue.Queue[Any]"
) -> None:
    host = make(refresh_seconds=0.05)
    serve(host)
    host.close()
    serve(host)
    server.put("b", rules(1))
    wait_for(done, True)
    assert host.get("b") == rules(1)


def test_a_forked_child_has_a_thread_of_its_own(
    server: FakeServer, make: Make, done: "queue.Queue[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make(refresh_seconds=0.05)
    started: list[object] = []
    monkeypatch.setattr("flask_bucketcors.stores.native_threads.start", started.append)
    thread = host._follower
    assert [thread.start(), thread.start()] == [True, False]
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        assert [thread.start(), thread.start()] == [True, False]
    assert len(started) == 2


ENDING = f"""
import sys, threading
sys.path.insert(0, {str(ROOT)!r})
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support.fake_server import FakeServer
server = FakeServer()
path = sys.argv[1]
host = ReplicaStore(server, path)
"""


@pytest.mark.parametrize(
    "blocked",
    [
        "server.is_responding.clear(); host.signal()",
        "server.put_many([]); host.signal(); host.signal()",
        "server.on_since = lambda known: server.is_responding.clear(); host.signal()",
    ],
    ids=["the server hangs", "waits for a notification", "hangs later"],
)
def test_a_process_ends_while_the_thread_waits(tmp_path: Path, blocked: str) -> None:
    code = ENDING.replace("sys.argv[1]", repr(str(tmp_path / "copy")))
    assert run_python(f"{code}{blocked}\nprint('ends')") == "ends\n"


def test_a_process_ends_while_the_thread_waits_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "copy"
    with running([sys.executable, "-c", LEADER, f"{path}-follower"], stdin=-1, stdout=-1) as leader:
        assert leader.stdout
        assert leader.stdout.readline() == b"leads\n"
        code = ENDING.replace("sys.argv[1]", repr(str(path)))
        assert run_python(f"{code}host.signal()\nprint('ends')") == "ends\n"


GEVENT = """
import gevent
from gevent import monkey
monkey.patch_all()
host.signal()
while not any(feed.is_listening for feed in server.feeds):
    gevent.sleep(0.001)
server.is_responding.clear()
server.notify()
ticks = 0
for _ in range(20):
    gevent.sleep(0.001)
    ticks += host.read("b") is None
server.is_responding.set()
from tests.test_follower import rules
writer = gevent.spawn(host.put, "b", rules(1))
writer.join(50)
print(ticks, host.get("b") == rules(1), gevent.hub.get_hub().loop is not None)
"""


@pytest.mark.parametrize("early", [False, True], ids=["patched late", "patched early"])
def test_under_gevent_greenlets_go_on_while_the_server_hangs(tmp_path: Path, early: bool) -> None:
    """Also if the locks are older than the patches, as with ``gunicorn --preload``."""
    code = ENDING.replace("sys.argv[1]", repr(str(tmp_path / "copy")))
    if early:
        code = f"from gevent import monkey; monkey.patch_all(){code}"
    assert run_python(f"{code}{GEVENT}") == "20 True True\n"
