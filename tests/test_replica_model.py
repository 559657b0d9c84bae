"""Two hosts that copy one server obey as one store in memory would, whatever happens in between.

The server is a fake, because no SQL server is in the test extra.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flask_bucketcors import MemoryStore, Rule, RulesChanged, RuleSet, StoreUnavailable
from flask_bucketcors.core.errors import ServerUnreachable, UnknownRevision
from flask_bucketcors.stores.contract import ANY_VERSION
from flask_bucketcors.stores.replica.copy import Copy
from flask_bucketcors.stores.replica.store import ReplicaStore
from tests.support.fake_server import FakeServer

BUCKETS = st.sampled_from(["a", "b", "c"])
HOSTS = st.sampled_from([0, 1])
SECONDS = st.integers(0, 3)
HISTORY_LIMIT = 5


def rules(seconds: int) -> RuleSet:
    return RuleSet([Rule(["https://a.example"], ["GET"], max_age_seconds=seconds)])


def copy_of(store: MemoryStore) -> MemoryStore:
    """Another store with the same rules and history."""
    copied = MemoryStore(history_limit=HISTORY_LIMIT)
    copied._revision[0] = store.revision
    copied._current.update(store._current)
    for bucket, entries in store._kept.items():
        copied._kept[bucket].extend(entries)
    return copied


class Worker:
    """A process of a host, which keeps rules in memory as the cache of rules does."""

    def __init__(self, host: ReplicaStore) -> None:
        self._host = host
        self._cell = host._copy.signal()
        self._seen = self._cell[0]
        self._state = host.state()
        self._kept: dict[str, RuleSet | None] = {}

    def get(self, bucket: str) -> RuleSet | None:
        """The rules that a request obeys."""
        # As within the second in which it does not ask without a signal.
        if self._cell[0] != self._seen:
            self._seen = self._cell[0]
            self._ask(is_signalled=True)
        if bucket not in self._kept:
            self._kept[bucket] = self._host.get(bucket)
        return self._kept[bucket]

    def look(self) -> None:
        """What it does once a second."""
        self._cell = self._host._copy.signal()
        self._seen = self._cell[0]
        self._ask(is_signalled=False)

    def _ask(self, *, is_signalled: bool) -> None:
        self._state, buckets = self._host.changes_since(self._state, is_signalled=is_signalled)
        for bucket in [*self._kept] if buckets is None else buckets:
            self._kept.pop(bucket, None)


class TwoHosts(RuleBasedStateMachine):
    """The fake server, the hosts, and the model: what each host may say, and what it must."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.server = FakeServer(history_limit=HISTORY_LIMIT)
        self.model = MemoryStore(history_limit=HISTORY_LIMIT)
        self.hosts = [self.open(number) for number in range(2)]
        self.workers = [Worker(host) for host in self.hosts for _ in range(2)]
        # Whether all workers of a host have to obey the model.
        self.is_current = [True, True]
        self.saved: MemoryStore | None = None

    def open(self, number: int) -> ReplicaStore:
        return ReplicaStore(self.server, self.folder / str(number) / "copy")  # type: ignore[arg-type]

    def teardown(self) -> None:
        for host in self.hosts:
            host.close()
        shutil.rmtree(self.folder)

    def write(self, number: int, change: Callable[[ReplicaStore | MemoryStore], object]) -> None:
        """Have a host and the model change rules in the same way."""
        host = self.hosts[number]
        if self.server.error is not None:
            with pytest.raises(ServerUnreachable):
                change(host)
            return
        results: list[object] = []
        for store in (host, self.model):
            try:
                results.append(change(store))
            except (RulesChanged, UnknownRevision) as error:
                results.append(type(error))
        # Revisions of a server that lost changes are those of the model that lost them.
        assert results[0] == results[1]
        if results[0] is not UnknownRevision:
            self.is_current = [each == number for each in range(2)]
            if self.server.error is not None:
                self.is_current = [False, False]

    @rule(number=HOSTS, bucket=BUCKETS, seconds=SECONDS)
    def put(self, number: int, bucket: str, seconds: int) -> None:
        self.write(number, lambda store: store.put(bucket, rules(seconds)))

    @rule(number=HOSTS, buckets=st.sets(BUCKETS), seconds=SECONDS)
    def put_many(self, number: int, buckets: set[str], seconds: int) -> None:
        pairs = [(bucket, rules(seconds)) for bucket in sorted(buckets)]
        self.write(number, lambda store: store.put_many(pairs))

    @rule(number=HOSTS, bucket=BUCKETS)
    def delete(self, number: int, bucket: str) -> None:
        self.write(number, lambda store: store.delete(bucket))

    @rule(number=HOSTS, bucket=BUCKETS, back=st.integers(0, 4))
    def roll_back(self, number: int, bucket: str, back: int) -> None:
        revision = self.model.revision - back
        self.write(number, lambda store: store.rollback(bucket, revision))

    @rule(number=HOSTS, bucket=BUCKETS, seconds=SECONDS, is_expected=st.booleans())
    def put_unless_changed(self, number: int, bucket: str, seconds: int, is_expected: bool) -> None:
        try:
            host_sees = self.hosts[number].read(bucket)
        except StoreUnavailable:
            # Its copy was deleted.
            assert not self.is_current[number]
            return
        server_has = self.server._rows.get(bucket)
        stamp = None if server_has is None or server_has.document is None else server_has.stamp
        is_same = (None if host_sees is None else host_sees.version) == (
            None if stamp is None else str(stamp)
        )

        def change(store: ReplicaStore | MemoryStore) -> object:
            if not is_expected:
                return store.put(bucket, rules(seconds), expected=ANY_VERSION)
            if isinstance(store, MemoryStore):
                seen = store.read(bucket)
                expected = (seen.version if seen else None) if is_same else "another"
            else:
                expected = host_sees.version if host_sees else None
            return store.put(bucket, rules(seconds), expected=expected)

        self.write(number, change)

    @rule(number=HOSTS)
    def catch_up(self, number: int) -> None:
        if self.server.error is None:
            self.hosts[number].catch_up()
            self.is_current[number] = True
        else:
            with pytest.raises(ServerUnreachable):
                self.hosts[number].catch_up()

    @rule(number=HOSTS)
    def catch_up_in_a_process_that_is_killed_before_it_publishes(self, number: int) -> None:
        """The next leader publishes, or the next change of a process."""
        if self.server.error is None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Copy, "_publish", lambda copy, *numbers: None)
                self.hosts[number].catch_up()

    @rule(number=st.integers(0, 3))
    def look(self, number: int) -> None:
        self.workers[number].look()

    @rule()
    def lose_server(self) -> None:
        self.server.lose()

    @rule()
    def bring_server_back(self) -> None:
        self.server.come_back()

    @rule(number=HOSTS, bucket=BUCKETS, seconds=SECONDS)
    def put_and_lose_server_right_after(self, number: int, bucket: str, seconds: int) -> None:
        if self.server.error is None:
            self.server.on_since = lambda known: self.server.lose()
            self.put(number, bucket, seconds)
            self.server.on_since = lambda known: None

    @rule(number=HOSTS)
    def delete_copy(self, number: int) -> None:
        """It is taken anew at once, or when the server is back."""
        for file in (self.folder / str(number)).iterdir():
            file.unlink()
        self.is_current[number] = False
        if self.server.error is None:
            self.hosts[number].catch_up()
            self.is_current[number] = True
        # Within a second, each process notices that another file is there, or none.
        for worker in self.workers[2 * number : 2 * number + 2]:
            worker.look()

    @precondition(lambda self: self.server.error is None)
    @rule(number=HOSTS)
    def start_host_again(self, number: int) -> None:
        self.hosts[number].close()
        self.hosts[number] = self.open(number)
        self.workers[2 * number : 2 * number + 2] = [Worker(self.hosts[number]) for _ in "ab"]
        self.is_current[number] = True

    @rule()
    def save_standby(self) -> None:
        self.server.save()
        self.saved = copy_of(self.model)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def promote_standby(self) -> None:
        assert self.saved is not None
        self.server.promote()
        self.model, self.saved = self.saved, None
        self.is_current = [False, False]

    @rule()
    def prune_changes(self) -> None:
        self.server.forget_changes()

    @invariant()
    def all_workers_of_a_current_host_obey_the_model(self) -> None:
        for number, host in enumerate(self.hosts):
            if self.is_current[number]:
                assert host.list() == self.model.list()
                for worker in self.workers[2 * number : 2 * number + 2]:
                    for bucket in "abc":
                        assert worker.get(bucket) == self.model.get(bucket)


def test_two_hosts_obey_as_a_store_in_memory_does() -> None:
    # Each step writes files.
    bounds = settings(max_examples=30, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(TwoHosts, settings=bounds)
