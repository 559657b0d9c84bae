"""Bugs that a store of several hosts could have, each planted in the processes of all hosts.

Each breaks a promise that the checker of histories must not miss. Some bugs show only if others act
at one moment in between; these wait there for a little.
"""

import fcntl
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from flask_bucketcors.stores import native_threads
from flask_bucketcors.stores.replica import copy
from flask_bucketcors.stores.replica.copy import Copy
from flask_bucketcors.stores.replica.follower import _Run
from flask_bucketcors.stores.replica.store import ReplicaStore
from flask_bucketcors.stores.sql import row_changes, writing
from flask_bucketcors.stores.sql.feed import Row
from flask_bucketcors.stores.sqlite.store import SQLiteStore
from tests.support.apps.faulty_storage import keep_rules_that_changed_while_they_were_read
from tests.support.host_operations import Fault

# Long enough for others to act in between, on a fast disk and on a busy machine.
BETWEEN_SECONDS: Final = 0.03
# Longer than any test.
FOREVER_SECONDS: Final = 3600


def _replace(owner: Any, name: str, make: Callable[..., Any]) -> None:
    """Replace a function by one that gets the original as its first argument."""
    # What is inherited, or not there, would not be what anybody calls.
    original = vars(owner)[name]

    @wraps(original)
    def replacing(*arguments: Any, **options: Any) -> Any:
        return make(original, *arguments, **options)

    setattr(owner, name, replacing)


def follow_without_catching_up() -> None:
    """A follower that has connected waits for the next notification."""

    def follow(original: Any, run: _Run, feed: Any) -> None:
        run.skips = True
        original(run, feed)

    def catch_up(original: Any, run: _Run, *arguments: Any, **options: Any) -> bool:
        skips, run.skips = run.skips, False
        return False if skips else original(run, *arguments, **options)

    _replace(_Run, "_follow", follow)
    _replace(_Run, "_catch_up", catch_up)


def publish_before_the_commit() -> None:
    """Processes are told of a change, and the copy has it afterwards."""

    def apply(original: Any, store: Copy, *arguments: Any) -> Any:
        done = original(store, *arguments)
        if done.number is None:
            return done
        store._publish(0, done.number)
        time.sleep(BETWEEN_SECONDS)
        return done._replace(number=None)

    _replace(Copy, "_apply", apply)


def publish_only_what_one_applied() -> None:
    """A process acknowledges a change that another one has applied, and not yet published."""

    def obey(original: Any, store: ReplicaStore) -> None:
        # The leader is faster.
        time.sleep(BETWEEN_SECONDS / 3)
        original(store)

    def catch_up(original: Any, store: Copy, feed: Any, **options: Any) -> bool:
        return original(store, feed)

    _replace(ReplicaStore, "_obey", obey)
    _replace(Copy, "catch_up_with", catch_up)
    publish_late()


def publish_late() -> None:
    """Nothing is wrong, but it takes long until other processes know what the copy has."""

    def publish(original: Any, store: Copy, *arguments: Any, **options: Any) -> Any:
        time.sleep(BETWEEN_SECONDS)
        return original(store, *arguments, **options)

    _replace(SQLiteStore, "_publish", publish)


def show_what_is_not_published() -> None:
    """A process reads a change that another one has committed and not yet published."""
    _replace(SQLiteStore, "_tell_others", lambda *arguments: None)
    publish_late()


def acknowledge_without_catching_up() -> None:
    """A change is acknowledged when the server has it, and followed later."""
    _replace(ReplicaStore, "_obey", lambda original, store: None)


def store_the_position_without_rows() -> None:
    """The copy gets the position first, and the rows in another transaction."""
    late = threading.local()

    def take(original: Any, store: Copy, batch: Any, *rest: Any) -> Any:
        if batch.is_whole:
            return original(store, batch, *rest)
        late.batch = batch._replace(rows=list(batch.rows))
        return original(store, batch._replace(rows=iter(())), *rest)

    def catch_up(original: Any, store: Copy, feed: Any, **options: Any) -> bool:
        late.batch = None
        is_changed = original(store, feed, **options)
        if late.batch is not None:
            time.sleep(BETWEEN_SECONDS)
            store._publish(0, store._database.change(lambda own: _write_late(store, late, own)))
        return is_changed

    def _write_late(store: Copy, late: Any, connection: Any) -> int:
        [(_, last, *_)] = connection.execute(copy._STATE).fetchall()
        return take_now(store, late.batch, (), last, connection)

    take_now = Copy._take
    _replace(Copy, "_take", take)
    _replace(Copy, "catch_up_with", catch_up)


def drop_tombstones() -> None:
    """Deletions are not taken over."""

    def write(original: Any, connection: Any, rows: Iterator[Row]) -> set[str]:
        return original(connection, (row for row in rows if row.document is not None))

    _replace(copy, "write_rows", write)


def take_only_news_after_another_stamp() -> None:
    """What the server has behind the copy's revision is taken, though it is another revision."""

    def take(original: Any, store: Copy, batch: Any, known: Any, *rest: Any) -> Any:
        if known is not None and batch.is_whole:
            news = (row for row in batch.rows if row.revision > known.revision)
            batch = batch._replace(rows=news, is_whole=False)
        return original(store, batch, known, *rest)

    _replace(Copy, "_take", take)


def name_one_bucket_of_many() -> None:
    """Processes are told of one bucket of a change that has several."""

    def write(original: Any, connection: Any, rows: Iterator[Row]) -> set[str]:
        return set(sorted(original(connection, rows))[:1])

    _replace(copy, "write_rows", write)


def leave_a_dead_leader_alone() -> None:
    """A process that finds a leader does not become one later."""

    def wait(original: Any, run: _Run, descriptor: int) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            native_threads.pause(FOREVER_SECONDS)
        return True

    _replace(_Run, "_wait_for_lock", wait)


def number_changes_before_they_are_locked() -> None:
    """A change gets its number in a transaction of its own, and later ones may overtake it."""
    held = threading.local()

    def read_counter(original: Any, connection: Any, server: Any) -> Any:
        held.server = server
        return row_changes.Counter(0, 0)

    def write(original: Any, connection: Any, counter: Any, stamp: int, *rest: Any) -> int:
        with held.server.connected(writes=True) as own:
            counter = lock(own, held.server)
            count(own, counter.revision + 1, stamp, time.time())
            own.commit()
        time.sleep(random.uniform(0, BETWEEN_SECONDS))
        return original(connection, counter, stamp, *rest)

    lock, count = row_changes.lock_counter, row_changes.add_change
    _replace(writing, "lock_counter", read_counter)
    _replace(writing, "write", write)
    _replace(row_changes, "add_change", lambda *arguments: None)


def repeat_what_may_have_happened() -> None:
    """A change whose connection was lost at the COMMIT is made again."""
    _replace(writing.Writer, "_has_happened", lambda *arguments: False)


def believe_that_it_has_happened() -> None:
    """A change whose connection was lost at the COMMIT is acknowledged."""
    _replace(writing.Writer, "_has_happened", lambda *arguments: True)


class Bug(NamedTuple):
    """A bug, and how the checker finds it.

    :param plant: changes the code of this process.
    :param scenario: what to do to the hosts, of :data:`tests.support.host_faults.FAULTS`; None for
        nothing but clients that change rules.
    :param faults: one of these is found.
    """

    plant: Callable[[], None]
    scenario: str | None
    faults: frozenset[Fault]


def _bug(plant: Callable[[], None], scenario: str | None, *faults: Fault) -> tuple[str, Bug]:
    return plant.__name__.replace("_", " "), Bug(plant, scenario, frozenset(faults))


_CUT_OFF: Final = "change while all are cut off"
_AT_COMMIT: Final = "cut connections at commit"
_OBEYED: Final = (Fault.OWN_HOST, Fault.LATE)

BUGS: Final[Mapping[str, Bug]] = MappingProxyType(
    dict(
        [
            _bug(follow_without_catching_up, _CUT_OFF, Fault.LATE),
            _bug(publish_before_the_commit, None, Fault.OWN_HOST),
            _bug(publish_only_what_one_applied, None, Fault.OWN_HOST),
            _bug(show_what_is_not_published, None, Fault.MONOTONIC, Fault.WHOLE),
            _bug(acknowledge_without_catching_up, None, Fault.OWN_HOST),
            _bug(keep_rules_that_changed_while_they_were_read, None, *_OBEYED),
            _bug(store_the_position_without_rows, None, *_OBEYED),
            _bug(drop_tombstones, None, *_OBEYED),
            _bug(take_only_news_after_another_stamp, "restore a backup", Fault.LATE),
            _bug(name_one_bucket_of_many, None, *_OBEYED),
            _bug(leave_a_dead_leader_alone, "kill leaders and change", Fault.LATE),
            _bug(number_changes_before_they_are_locked, None, *_OBEYED),
            _bug(repeat_what_may_have_happened, _AT_COMMIT, Fault.DOUBLED),
            _bug(believe_that_it_has_happened, _AT_COMMIT, Fault.LOST),
        ]
    )
)
#: What takes long, and breaks no promise.
DELAYS: Final[Mapping[str, Bug]] = MappingProxyType(dict([_bug(publish_late, None)]))
