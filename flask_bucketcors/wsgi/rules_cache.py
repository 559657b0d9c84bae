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
import re
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.closed_rules import BucketRules, ClosedRules
from flask_bucketcors.core.compiled import CompiledRules, Reason
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.stores.contract import Signal, Store
from flask_bucketcors.stores.forks import ForkSafeLock

logger = logging.getLogger("flask_bucketcors.store")

CHECK_SECONDS: Final = 1.0
# How many buckets without rules are remembered, because clients may invent names.
MAX_ABSENT: Final = 10_000
# The part of a full dictionary that makes room at once.
ROOM_PARTS: Final = 64

_TROUBLE: Final = (
    "the store failed: %r; rules in memory are used while nothing says that they changed, "
    "responses of other buckets carry no CORS headers, and their preflights get 503"
)
_INVALID: Final = (
    "bucket %r is closed until its rules are put again: its responses carry no CORS headers, and "
    "its preflights get 503: %r"
)

_UNREADABLE: Final = ClosedRules(Reason.UNREADABLE)

# Names that are the same in a URL, decoded as latin-1 (PEP 3333), and as text.
_PLAIN_NAME = re.compile(r"\.*[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(slots=True)
class Known:
    """What was read while the store was in one state, shared by all generations of that state.

    :param by_bucket: rules by the bucket's name. Names that a URL might spell differently are
        bytes here, and nothing in a request is bytes. So an undecoded name from a request finds
        only the rules of the bucket with exactly that name.
    :param absent: buckets without rules of their own.
    :param reading: the buckets whose rules are being read, each with an object of its reader. When
        a bucket is dropped, its entry goes, so that the reader does not keep what it has read.
    :param is_incomplete: whether rules could not be read. The next time the store is asked, a
        new state begins, so that they are read again.
    """

    by_bucket: dict[str | bytes, BucketRules] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)
    reading: dict[str, object] = field(default_factory=dict)
    is_incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """How long the rules in memory are valid.

    :param signal: the store's cell, whose number changes with each change of rules.
    :param seen: the number that this generation began with.
    :param until: when to ask the store itself, in monotonic seconds.
    :param state: the state of the store.
    :param known: the rules in memory.
    """

    signal: Signal
    seen: int
    until: float
    state: Hashable
    known: Known


#: The version of the rules in the store, and the compiled rules.
_Entry = tuple[Hashable, BucketRules]


class RulesCache:
    """The compiled rules of the buckets that requests are about.

    :param source: the store.
    :param compile_rules: compiles a rule set.
    :param cached_buckets: how many buckets with rules to keep; after that, buckets that were
        read first are removed.
    :param closed: replaces rules that cannot be read.
    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        source: Store,
        compile_rules: Callable[[RuleSet], CompiledRules],
        *,
        cached_buckets: int,
        closed: ClosedRules = _UNREADABLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._compile = compile_rules
        self._cached_buckets = cached_buckets
        self._closed = closed
        #: The rules of all buckets without rules of their own; None for no rules.
        self.default: CompiledRules | None = None
        self.clock = clock
        #: The hot path looks here first: ``generation.known`` is right as long as ``signal[0]``
        #: is ``seen`` and the time is before ``until``.
        self.generation = Generation((0,), 0, float("-inf"), object(), Known())
        self._entries: dict[str, _Entry] = {}
        # The thread that holds it waits for the store's locks. A child asks again.
        self._refreshing = ForkSafeLock(is_awaited=False)
        self._filling = ForkSafeLock()
        self._log = IntervalLog(logger, clock)

    def get(self, bucket: str) -> BucketRules | None:
        """Give the current rules of a bucket: its own, or the default rules.

        They are None if there are neither, and closed if the bucket's own are unknown.
        """
        generation = self.generation
        if self._is_stale(generation):
            generation = self._refresh()
        known = generation.known
        rules = known.by_bucket.get(bucket)
        if rules is not None:
            return rules
        if bucket in known.absent:
            return self.default
        key = _key(bucket)
        return known.by_bucket.get(key) or self._load(bucket, key, known)

    def _is_stale(self, generation: Generation) -> bool:
        return self.clock() >= generation.until or self._is_signalled(generation)

    def _is_signalled(self, generation: Generation) -> bool:
        try:
            return generation.signal[0] != generation.seen
        except Exception as error:
            # Nothing indicates that the rules changed, so those in memory stay valid.
            self._log.write(logging.ERROR, _TROUBLE, error)
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
            signal = last.signal if is_signalled else self._source.signal()
            seen = signal[0]
            changes = self._source.changes_since(last.state, is_signalled=is_signalled)
            changed = None if last.known.is_incomplete else changes.buckets
            known = Known() if changed is None else self._drop(last.known, changed)
            return Generation(signal, seen, until, changes.state, known)
        except Exception as error:
            return self._guarded(replace(last, until=now + CHECK_SECONDS), error)

    def _drop(self, known: Known, buckets: Iterable[str]) -> Known:
        if isinstance(buckets, str):
            # It would pass for the names of its characters, and the bucket would stay as it is.
            raise TypeError(f"changes_since gives the buckets {buckets!r}; give a set of names")
        with self._filling:
            for bucket in buckets:
                known.by_bucket.pop(_key(bucket), None)
                known.absent.pop(bucket, None)
                known.reading.pop(bucket, None)
        return known

    def _guarded(self, last: Generation, error: Exception) -> Generation:
        """Drop all known rules, if there was a signal and the store cannot be asked."""
        self._log.write(logging.ERROR, _TROUBLE, error)
        last.known.is_incomplete = True
        with suppress(Exception):
            seen = last.signal[0]
            if seen != last.seen:
                return replace(last, seen=seen, known=Known(is_incomplete=True))
        return last

    def _load(self, bucket: str, key: str | bytes, known: Known) -> BucketRules | None:
        if not is_bucket_name(bucket):
            return None
        reader = known.reading[bucket] = object()
        try:
            entry = self._read(bucket, known)
            with self._filling:
                # Otherwise the rules may have changed since they were read.
                if known.reading.get(bucket) is reader:
                    self._keep(bucket, key, entry, known)
        finally:
            if known.reading.get(bucket) is reader:
                known.reading.pop(bucket, None)
        return entry[1] if entry else self.default

    def _keep_absent(self, bucket: str, key: str | bytes, known: Known) -> None:
        # Under default rules, a bucket in use may never get its own, and has to be as fast.
        limit = MAX_ABSENT if self.default is None else self._cached_buckets
        for evicted in _make_room(known.absent, limit):
            known.by_bucket.pop(_key(evicted), None)
        known.absent[bucket] = None
        if self.default is not None:
            known.by_bucket[key] = self.default

    def _read(self, bucket: str, known: Known) -> _Entry | None:
        version: Hashable = object()
        try:
            stored = self._source.read(bucket)
            if stored is None:
                return None
            version = stored.version
            before = self._entries.get(bucket)
            if before is not None and before[0] == version:
                return before
            return version, self._compile(stored.parse())
        except StoredRulesInvalid as error:
            # Keep the version, so that the rules are not parsed and logged again until they change.
            logger.error(_INVALID, bucket, error)
        except Exception as error:
            version = object()
            known.is_incomplete = True
            self._log.write(logging.ERROR, _TROUBLE, error)
        return version, self._closed

    def _keep(self, bucket: str, key: str | bytes, entry: _Entry | None, known: Known) -> None:
        if entry is None:
            self._entries.pop(bucket, None)
            self._keep_absent(bucket, key, known)
            return
        if bucket not in self._entries:
            for evicted in _make_room(self._entries, self._cached_buckets):
                self.generation.known.by_bucket.pop(_key(evicted), None)
        self._entries[bucket] = entry
        known.by_bucket[key] = entry[1]


def _key(bucket: str) -> str | bytes:
    return bucket if _PLAIN_NAME.fullmatch(bucket) else bucket.encode("utf-8", "surrogatepass")


def _make_room(entries: dict[str, Any], limit: int) -> list[str]:
    """Drop the oldest entries of a dictionary that is full, and give their keys.

    Several at once, because a dictionary finds its first entry by passing over the places of all
    that were dropped since it was last resized.
    """
    if len(entries) < limit:
        return []
    oldest = list(islice(entries, max(1, limit // ROOM_PARTS)))
    for key in oldest:
        del entries[key]
    return oldest
