"""Metrics for Prometheus: what becomes of requests and calls, and figures of caches and stores.

A request takes a step of an iterator, which is one step for Python, so nothing is lost among
threads. It does not use prometheus_client, which may fail: the folder may be missing, full, or
another user's. What was counted goes to prometheus_client when Prometheus asks. If several
processes share a folder for their metrics (``PROMETHEUS_MULTIPROC_DIR``), Prometheus asks one of
them for those of all. Then the first request after a pause starts a timer, and what was counted by
then is written by the timer's thread. There is no thread while no request comes.

No label has a value that a client chooses, so the number of series is bounded.
"""

import atexit
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Final, Literal
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.errors import SettingRefused
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.forks import ForkSafeLock, join
from flask_bucketcors.wsgi.environ import DECISION
from flask_bucketcors.wsgi.rules_cache import Asked, RulesCache

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Metric, values
except ImportError as _error:
    raise SettingRefused(
        "BUCKETCORS_METRICS (metrics=) needs prometheus_client: pip install "
        "'flask-bucketcors[metrics]'"
    ) from _error

logger: Final = logging.getLogger("flask_bucketcors.metrics")

#: How long after the first request counts are written, among several processes.
PUBLISH_SECONDS: Final = 1.0
#: The methods that are labels; others are one.
_METHODS: Final = frozenset({"GET", "PUT", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"

_COPIED: Final = "When this host's copy last had all rules of its server, in seconds since 1970"
_NO_FOLDER: Final = (
    "BUCKETCORS_METRICS (metrics=) needs the folder that PROMETHEUS_MULTIPROC_DIR names: make it "
    "before the server starts, and let its workers write to it"
)
_FAILED: Final = "metrics are counted, but not published: %r"


class Tally:
    """Numbers that threads count up, each for one series of a counter."""

    def __init__(self, counter: Counter) -> None:
        self.counter: Counter = counter
        self._counts: dict[tuple[str, ...], Iterator[int]] = {}
        self._seen: dict[tuple[str, ...], int] = {}

    def steps(self, *labels: str) -> Iterator[int]:
        """Give what counts one series: each step is one more."""
        # Threads that are here at once get the same.
        return self._counts.setdefault(labels, count())

    def publish(self) -> None:
        """Add to the series what was counted since the last time. One thread at a time."""
        for labels, number in self._new():
            if number:
                self.counter.labels(*labels).inc(number)
            self._seen[labels] += number

    def forget(self) -> None:
        """Leave out what was counted since the last time."""
        for labels, number in self._new():
            self._seen[labels] += number

    def _new(self) -> Iterator[tuple[tuple[str, ...], int]]:
        for labels, steps in list(self._counts.items()):
            seen = self._seen.get(labels, 0)
            # To look takes a step as well, whether or not the number can be published.
            self._seen[labels] = seen + 1
            yield labels, next(steps) - seen


class Metrics:
    """The metrics in one registry, of all middlewares that use it.

    :param is_shared: whether other processes have metrics in the same folder.
    """

    def __init__(self, registry: CollectorRegistry, *, is_shared: bool) -> None:
        labels = ["request", "outcome", "reason", "dialect"]
        decisions = _counter("decisions", "Decisions about requests with an origin", labels)
        labels = ["method", "status", "code"]
        calls = _counter("rules_calls", "Responses to ?cors calls", labels)
        reads = _counter("store_reads", "Reads of a bucket's rules", ["result"])
        checks = _counter("store_checks", "Checks of the store for changes", ["result"])
        self._cached = _gauge("cached_buckets", "Buckets whose rules are in memory", "livesum")
        self._bytes = _gauge("cached_bytes", "Estimated memory of compiled rules", "livesum")
        self._revision = _gauge("revision", "Number of the last change of rules", "max")
        # Made when there is a copy: 0 would look like a very old one.
        self._copied: Gauge | None = None
        #: What middlewares count: decisions, ``?cors`` calls, and questions to the store.
        self.decisions: Tally = Tally(decisions)
        self.calls: Tally = Tally(calls)
        asked = {"read": Tally(reads), "check": Tally(checks)}
        self._questions = {each: asked[each.value[0]].steps(each.value[1]) for each in Asked}
        self._tallies = (self.decisions, self.calls, *asked.values())
        self._caches: WeakSet[RulesCache] = WeakSet()
        # By their ids: a store of an application may have an equality, and no hash.
        self._stores: WeakValueDictionary[int, Store] = WeakValueDictionary()
        self._is_shared = is_shared
        #: Has an item if the next request has to start a timer.
        self.idle: list[bool] = [True] if is_shared else []
        self._publishing = ForkSafeLock(is_awaited=False)
        self._log = IntervalLog(logger)
        join(self)
        _all_metrics.add(self)
        registry.register(self)

    def observe(self, dialect: str, cache: RulesCache, store: Store) -> "RequestCounter":
        """Give what counts the requests of a middleware."""
        self._caches.add(cache)
        self._stores[id(store)] = store
        cache.tell = self._count_question
        return RequestCounter(self, dialect)

    def describe(self) -> Iterator[Metric]:
        """Give the names, for the registry."""
        for each in self._families():
            yield from each.describe()

    def collect(self) -> Iterator[Metric]:
        """Give all values, for the registry."""
        self.publish()
        for each in self._families():
            yield from each.collect()

    def publish(self) -> None:
        """Give prometheus_client what was counted. Never raises."""
        try:
            with self._publishing:
                for tally in self._tallies:
                    tally.publish()
                self._measure()
        except Exception as error:
            said = fields("metrics_not_published", error=error)
            self._log.write(logging.ERROR, _FAILED, error, extra=said, exc_info=True)

    def start_timer(self) -> None:
        """Publish in a while, unless that is under way."""
        try:
            self.idle.pop()
        except IndexError:
            # Another thread was first.
            return
        timer = threading.Timer(PUBLISH_SECONDS, self._end_timer)
        timer.name, timer.daemon = "flask_bucketcors metrics", True
        try:
            timer.start()
        except RuntimeError:
            # The process has too many threads, or ends. The next request tries again.
            self.idle.append(True)

    def before_fork(self, deadline: float) -> bool:
        """Let the fork go on: a child begins anew."""
        return False

    def after_fork(self) -> None:
        """Nothing is held."""

    def abandon(self) -> None:
        """In the child: leave it to the parent to publish what it has counted."""
        for tally in self._tallies:
            tally.forget()
        if self._is_shared:
            self.idle[:] = [True]

    def _end_timer(self) -> None:
        # Before it publishes: what is counted later starts another timer.
        self.idle.append(True)
        self.publish()

    def _families(self) -> Iterable[Counter | Gauge]:
        yield from (tally.counter for tally in self._tallies)
        yield from (self._cached, self._bytes, self._revision)
        if self._copied is not None:
            yield self._copied

    def _count_question(self, asked: Asked) -> None:
        next(self._questions[asked])
        if self.idle:
            self.start_timer()

    def _measure(self) -> None:
        caches, stores = list(self._caches), list(self._stores.values())
        self._cached.set(sum(cache.kept.count for cache in caches))
        self._bytes.set(sum(cache.kept.bytes + cache.kept.absent_bytes for cache in caches))
        revisions = [found for store in stores if (found := _revision(store)) is not None]
        if revisions:
            self._revision.set(max(revisions))
        ages = [health.age for store in stores if (health := store.copy_health())]
        confirmed = [time.time() - age for age in ages if age is not None]
        if confirmed:
            if self._copied is None:
                self._copied = _gauge("copy_confirmed_timestamp_seconds", _COPIED, "max")
            self._copied.set(min(confirmed))


class RequestCounter:
    """Counts the requests of one middleware."""

    def __init__(self, metrics: Metrics, dialect: str) -> None:
        self._metrics = metrics
        self._preflights = _steps(metrics.decisions, "preflight", dialect)
        self._actual = _steps(metrics.decisions, "actual", dialect)

    def preflight(self, reason: Reason | None) -> None:
        next(self._preflights[reason])
        if self._metrics.idle:
            self._metrics.start_timer()

    def around(self, app: WSGIApplication) -> WSGIApplication:
        counts, idle, start_timer = self._actual, self._metrics.idle, self._metrics.start_timer

        # Part of the hot path, so nothing is looked up that is known here.
        def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if DECISION in environ:
                next(counts[environ[DECISION].reason])
                if idle:
                    start_timer()
            return app(environ, start_response)

        return counted

    def rules_call(self, method: str, status: str, code: str) -> None:
        shown = method if method in _METHODS else OTHER_METHOD
        next(self._metrics.calls.steps(shown, status, code))
        if self._metrics.idle:
            self._metrics.start_timer()


def _steps(decisions: Tally, request: str, dialect: str) -> dict[Reason | None, Iterator[int]]:
    found = {}
    for reason in (None, *Reason):
        labels = (request, "refused" if reason else "allowed", str(reason or ""), dialect)
        # The series is there before its first count, so that Prometheus sees it rise.
        decisions.counter.labels(*labels)
        found[reason] = decisions.steps(*labels)
    return found


_all_metrics: WeakSet[Metrics] = WeakSet()
_by_registry: WeakKeyDictionary[CollectorRegistry, Metrics] = WeakKeyDictionary()


def find_metrics(registry: CollectorRegistry | bool) -> Metrics:
    """Give the metrics in a registry, which several middlewares may share.

    :param registry: True for the default one.
    :raises SettingRefused: if the folder of several processes cannot be used.
    """
    found = REGISTRY if isinstance(registry, bool) else registry
    if found not in _by_registry:
        try:
            _by_registry[found] = Metrics(found, is_shared=is_shared())
        except OSError as error:
            raise SettingRefused(f"{_NO_FOLDER}: {error}") from error
    return _by_registry[found]


def is_shared() -> bool:
    """Whether several processes share a folder for their metrics.

    prometheus_client looks at the environment when it is imported.
    """
    return values.ValueClass is not values.MutexValue


def _counter(name: str, text: str, labels: list[str]) -> Counter:
    # The registry has the whole, which publishes what was counted before it is read.
    return Counter(f"bucketcors_{name}", text, labels, registry=None)


def _gauge(name: str, text: str, mode: Literal["livesum", "max"]) -> Gauge:
    return Gauge(f"bucketcors_{name}", text, registry=None, multiprocess_mode=mode)


def _revision(store: Store) -> int | None:
    try:
        return store.revision
    except Exception:
        # The store may be of the application. The last known revision stays.
        return None


def _publish_all() -> None:
    for metrics in list(_all_metrics):
        metrics.publish()


atexit.register(_publish_all)
