"""Bucket to compiled rules: bounded, shared by threads, and fresh.

A **generation** determines how long the rules in memory are valid. It is one object, which is
complete before it replaces the previous one. A request compares one number and the time with it. If
the store signals another number, or a second has passed, the cache asks the store what changed, and
drops the rules of these buckets alone. If the store cannot tell, the cache drops all rules. They
are read again when they are next needed, and compiled again only if they changed.

The order matters: first the signal, then what changed, and only then rules are read. So the rules
of a generation are at least as new as its signal and state. Rules that were read while their bucket
was dropped may be the old ones: they serve the request that read them, and are not kept.

Only one thread asks at a time. The others wait, and then find that nothing is left to ask.

Stores may be written by others, and their failures must not reach the application: every exception
is caught here and logged, and the buckets concerned are closed.
"""

import logging
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from flask_bucketcors.core.bucket_names import MAX_BUCKET_NAME_BYTES, is_bucket_name
from flask_bucketcors.core.closed_rules import BucketRules, ClosedRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.fields import CheckedRules
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.settings import CACHED_BYTES
from flask_bucketcors.signals import rules_unreadable, send
from flask_bucketcors.stores.contract import Store
from flask_bucketcors.stores.forks import ForkSafeLock
from flask_bucketcors.wsgi.compared_signals import Comparable, comparable, copy_of
from flask_bucketcors.wsgi.kept_rules import NO_VERSION, Entry, KeptRules, key_of

logger: Final = logging.getLogger("flask_bucketcors.store")

CHECK_SECONDS: Final = 1.0
#: How many closed buckets are counted. If the store fails, clients may have invented the names.
MAX_CLOSED: Final = 1000
# Any name that a bucket can have, to try whether a store can be read.
_ANY_NAME: Final = "health"

_TROUBLE: Final = (
    "the store failed: %r; rules in memory are used while nothing says that they changed, "
    "responses of other buckets carry no CORS headers, and their preflights get 503"
)
_INVALID: Final = (
    "bucket %r is closed until its rules are put again: its responses carry no CORS headers, and "
    "its preflights get 503: %r"
)

_UNREADABLE: Final = ClosedRules(Reason.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Generation:
    """How long the rules in memory are valid.

    :param signal: what is equal to ``seen`` until the store signals a change.
    :param seen: what the signal was when this generation began.
    :param until: when to ask the store itself, in monotonic seconds.
    :param state: the state of the store.
    :param by_bucket: the rules in memory; see :class:`~flask_bucketcors.wsgi.kept_rules.KeptRules`.
    """

    signal: Comparable
    seen: object
    until: float
    state: Hashable
    by_bucket: dict[str | bytes, Entry]


class Asked(Enum):
    """A question to the store, and what became of it."""

    RULES = "read", "rules"
    NO_RULES = "read", "no_rules"
    UNREADABLE = "read", "unreadable"
    READ_FAILED = "read", "failed"
    CHANGES = "check", "ok"
    CHECK_FAILED = "check", "failed"


# In CPython 3.11, access to a member of an enumeration is slow.
_RULES, _NO_RULES = Asked.RULES, Asked.NO_RULES


def _tell_nobody(asked: Asked) -> None:
    """Nobody counts the questions."""


class RulesCache:
    """The compiled rules of the buckets that requests are about.

    :param source: the store.
    :param compile_rules: compiles a rule set.
    :param cached_buckets: how many buckets with rules to keep.
    :param cached_bytes: how many bytes all that is kept may take, as estimated.
    :param closed: replaces rules that cannot be read.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        source: Store,
        compile_rules: Callable[[RuleSet | CheckedRules], CompiledRules],
        *,
        cached_buckets: int,
        cached_bytes: int = CACHED_BYTES,
        closed: ClosedRules = _UNREADABLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._compile = compile_rules
        self._closed = closed
        #: The rules of all buckets without rules of their own; None for no rules.
        self.default: CompiledRules | None = None
        #: Is called when the store was asked, and never raises.
        self.tell: Callable[[Asked], None] = _tell_nobody
        self.clock = clock
        self.kept: KeptRules = KeptRules(cached_buckets, cached_bytes)
        #: The hot path looks here first: ``generation.by_bucket`` is right as long as ``signal``
        #: equals ``seen`` and the time is before ``until``.
        self.generation: Generation = Generation(
            [0], [0], float("-inf"), object(), self.kept.by_bucket
        )
        # The buckets whose rules are being read, each with an object of its reader. When a bucket
        # is dropped, its entry goes, so that the reader does not keep what it has read.
        self._reading: dict[str, object] = {}
        # Buckets whose rules could not be used when they were last read.
        self._closed_buckets: set[str] = set()
        # Whether rules could not be read. The next time the store is asked, all rules are read
        # again.
        self._is_incomplete = False
        self._without_rules = Entry(closed, NO_VERSION)
        # The thread that holds it waits for the store's locks. A child asks again.
        self._refreshing = ForkSafeLock(is_awaited=False)
        self._filling = ForkSafeLock()
        self._log = IntervalLog(logger, clock)

    def get(self, bucket: str) -> BucketRules | None:
        """Give the current rules of a bucket: its own, or the default rules.

        They are None if there are neither, and closed if the bucket's own are unknown.
        """
        # A name that is its own key is usually in memory.
        key = bucket if bucket in self.generation.by_bucket else key_of(bucket)
        entry = self.find(bucket, key)
        return None if entry is None else entry.rules

    def find(self, bucket: str, key: str | bytes) -> Entry | None:
        """Give the same rules, with what requests need of them.

        :param key: that of the bucket, see :func:`~flask_bucketcors.wsgi.kept_rules.key_of`.
        """
        generation = self.generation
        # As _is_stale() does, without the call.
        if self.clock() >= generation.until or self._is_signalled(generation):
            generation = self._refresh()
        entry = generation.by_bucket.get(key)
        if entry is not None:
            entry.used = True
            return entry
        entry = self.kept.absent.get(bucket)
        if entry is None:
            return self._load(bucket, key)
        return None if entry is self._without_rules else entry

    @property
    def closed_buckets(self) -> int:
        """How many buckets are closed because their rules could not be used, as far as requests
        came for them; at most :data:`MAX_CLOSED`."""
        return len(self._closed_buckets)

    def is_readable(self) -> bool:
        """Whether the store can be read now, whatever is in memory. If not, the log says why."""
        try:
            # As a request does, so that a host follows its server even if no other request comes.
            self._source.signal()
            self._source.read(_ANY_NAME)
        except StoredRulesInvalid:
            # The rules of one bucket, which say nothing about others.
            pass
        except Exception as error:
            self._log_trouble(error)
            return False
        if self._closed_buckets and self._is_stale(self.generation):
            # A request would find them open again, but there may be none.
            self._refresh()
        return True

    def _is_stale(self, generation: Generation) -> bool:
        return self.clock() >= generation.until or self._is_signalled(generation)

    def _is_signalled(self, generation: Generation) -> bool:
        try:
            return generation.signal != generation.seen
        except Exception as error:
            # Nothing indicates that the rules changed, so those in memory stay valid.
            self._log_trouble(error)
            return False

    def _refresh(self) -> Generation:
        with self._refreshing:
            generation = self.generation
            # Unless another thread has just done it.
            if self._is_stale(generation):
                self.generation = generation = self._next(generation)
        return generation

    def _next(self, last: Generation) -> Generation:
        now = self.clock()
        is_signalled = now < last.until
        until = last.until if is_signalled else now + CHECK_SECONDS
        try:
            signal = last.signal if is_signalled else comparable(self._source.signal())
            seen = copy_of(signal)
            changes = self._source.changes_since(last.state, is_signalled=is_signalled)
            self._drop(None if self._is_incomplete else changes.buckets)
            found = Generation(signal, seen, until, changes.state, self.kept.by_bucket)
        except Exception as error:
            self.tell(Asked.CHECK_FAILED)
            return self._guarded(replace(last, until=now + CHECK_SECONDS), error)
        self.tell(Asked.CHANGES)
        return found

    def _drop(self, buckets: Iterable[str] | None) -> None:
        """Drop what is known of some buckets; of all for None."""
        if isinstance(buckets, str):
            # It would pass for the names of its characters, and the bucket would stay as it is.
            raise TypeError(f"changes_since gives the buckets {buckets!r}; give a set of names")
        with self._filling:
            if buckets is None:
                self.kept.set_all_aside()
                self._closed_buckets.clear()
                self._reading.clear()
                self._is_incomplete = False
                return
            for bucket in buckets:
                self.kept.set_aside(bucket)
                self._closed_buckets.discard(bucket)
                self._reading.pop(bucket, None)

    def _guarded(self, last: Generation, error: Exception) -> Generation:
        """Drop all known rules, if there was a signal and the store cannot be asked."""
        self._log_trouble(error)
        with suppress(Exception):
            seen = copy_of(last.signal)
            if seen != last.seen:
                self._drop(None)
                last = replace(last, seen=seen, by_bucket=self.kept.by_bucket)
        self._is_incomplete = True
        return last

    def _load(self, bucket: str, key: str | bytes) -> Entry | None:
        # A plain name that is not too long has the form of a bucket's.
        is_plain = key is bucket and len(bucket) <= MAX_BUCKET_NAME_BYTES
        if not is_plain and not is_bucket_name(bucket):
            return None
        reader = self._reading[bucket] = object()
        try:
            entry = self._read(bucket, key)
            with self._filling:
                # Otherwise the rules may have changed since they were read.
                if self._reading.get(bucket) is reader:
                    self._keep(bucket, key, entry)
        finally:
            if self._reading.get(bucket) is reader:
                self._reading.pop(bucket, None)
        return None if entry is self._without_rules else entry

    def _read(self, bucket: str, key: str | bytes) -> Entry:
        version: Hashable = object()
        try:
            stored = self._source.read(bucket)
            if stored is None:
                self.tell(_NO_RULES)
                default = self.default
                return self._without_rules if default is None else Entry(default, NO_VERSION)
            version = stored.version
            if isinstance(version, str):
                # Bytes take less memory. A version is ASCII, unless the store does not know.
                version = (
                    version.encode()
                    if version.isascii()
                    else version.encode("utf-8", "surrogatepass")
                )
            entry = self.kept.find_aside(key)
            if entry is None or entry.version != version:
                entry = Entry(self.kept.compiled(stored.parse, self._compile), version)
            self.tell(_RULES)
            return entry
        except StoredRulesInvalid as error:
            # Keep the version, so that the rules are not parsed and logged again until they change.
            said = fields("rules_unreadable", bucket=bucket, error=error)
            logger.error(_INVALID, bucket, error, extra=said)
            failure: Exception = error
            self.tell(Asked.UNREADABLE)
        except Exception as error:
            version = object()
            self._is_incomplete = True
            self._log_trouble(error)
            failure = error
            self.tell(Asked.READ_FAILED)
        if rules_unreadable.receivers:
            send(rules_unreadable, self._source, bucket=bucket, error=failure)
        return Entry(self._closed, version)

    def _log_trouble(self, error: Exception) -> None:
        self._log.write(logging.ERROR, _TROUBLE, error, extra=fields("store_failed", error=error))

    def _keep(self, bucket: str, key: str | bytes, entry: Entry) -> None:
        if entry is self._without_rules:
            self.kept.keep_absent(bucket, key, entry, has_default=False)
            return
        if entry.rules is self.default:
            self.kept.keep_absent(bucket, key, entry, has_default=True)
            return
        if entry.rules is self._closed and len(self._closed_buckets) < MAX_CLOSED:
            self._closed_buckets.add(bucket)
        self.kept.keep(bucket, key, entry)
