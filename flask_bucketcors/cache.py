"""Bucket to compiled rules: bounded, shared by threads, and fresh.

A request compares one number and the time. If the store signals another number than last
time, or if a second has passed and the store, when asked, is in another state, a new
**generation** begins. An entry of an older generation is looked at again when it is next
asked for, and compiled again only if its own rules changed.

The order is what makes it right: signal first, then state, then a new generation, and only
then rules are read. An entry that carries a generation was therefore read after everything
that this generation knows of. Threads need no lock for it: a generation is one object, and
whoever loses a race begins another one, which costs time and not truth.

A store may be anybody's code, and none of its troubles may reach the application: every
exception is caught here, logged, and closes what it concerns.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Final, NamedTuple

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.compiled import ClosedRules, CompiledRules, Reason
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.logs import IntervalLog
from flask_bucketcors.stores import Signal, Store

logger = logging.getLogger(__name__)

CHECK_SECONDS: Final = 1.0
# Buckets without rules that are remembered as such, however many names somebody invents.
MAX_ABSENT: Final = 10_000


_TROUBLE: Final = (
    "the store is in trouble: %r; rules in memory are used while nothing says that they "
    "changed, other buckets answer without CORS headers and refuse preflights with 503"
)
_INVALID: Final = (
    "bucket %r is closed until its rules are put again: its answers carry no CORS headers and "
    "its preflights are refused with 503: %r"
)

_UNREADABLE: Final = ClosedRules(Reason.UNREADABLE)

_Rules = CompiledRules | ClosedRules | None


class _Entry(NamedTuple):
    generation: object
    version: Hashable
    rules: _Rules


class RulesCache:
    """The compiled rules of the buckets that are asked for.

    :param source: the store.
    :param compile_rules: makes compiled rules of a rule set.
    :param cached_buckets: how many buckets with rules to keep; beyond it the one that was read
        first makes room.
    :param clock: monotonic seconds.
    :raises ValueError: if ``cached_buckets`` leaves room for none.
    """

    def __init__(
        self,
        source: Store,
        compile_rules: Callable[[RuleSet], CompiledRules],
        *,
        cached_buckets: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if cached_buckets < 1:
            raise ValueError(f"cached_buckets is {cached_buckets!r}: write a whole number from 1")
        self._source = source
        self._compile = compile_rules
        self._clock = clock
        self._cached_buckets = cached_buckets
        self._present: dict[str, _Entry] = {}
        self._absent: dict[str, _Entry] = {}
        self._filling = threading.Lock()
        self._generation = object()
        self._cell: Signal = (0,)
        self._seen = 0
        self._state: Hashable = None
        self._next_check = float("-inf")
        self._retry = False
        self._log = IntervalLog(logger, clock)

    def get(self, bucket: str) -> _Rules:
        """The bucket's rules as they are now; None if it has none, closed ones if unknown."""
        if self._cell[0] != self._seen or self._clock() >= self._next_check:
            self._refresh()
        generation = self._generation
        entry = self._present.get(bucket)
        if entry is None:
            entry = self._absent.get(bucket)
        if entry is not None and entry.generation is generation:
            return entry.rules
        return self._load(bucket, generation, entry)

    def _refresh(self) -> None:
        self._next_check = self._clock() + CHECK_SECONDS
        try:
            self._cell = self._source.signal()
            seen = self._cell[0]
            state = self._source.state()
        except Exception as error:
            self._refuse_to_guess(error)
            return
        if state != self._state or self._retry:
            self._retry = False
            self._state = state
            self._generation = object()
        # Last: whoever finds its number equal to this one finds the generation in place.
        self._seen = seen

    def _refuse_to_guess(self, error: Exception) -> None:
        """After a signal that could not be followed, let no entry count as known."""
        self._log.write(logging.ERROR, _TROUBLE, error)
        self._retry = True
        with suppress(Exception):
            seen = self._cell[0]
            if seen != self._seen:
                self._generation = object()
                self._seen = seen

    def _load(self, bucket: str, generation: object, known: _Entry | None) -> _Rules:
        if not is_bucket_name(bucket):
            return None
        version, rules = self._read(bucket, known)
        self._keep(bucket, _Entry(generation, version, rules))
        return rules

    def _read(self, bucket: str, known: _Entry | None) -> tuple[Hashable, _Rules]:
        version: Hashable = object()
        try:
            stored = self._source.read(bucket)
            if stored is None:
                return None, None
            version = stored.version
            if known is not None and known.version == version:
                return version, known.rules
            return version, self._compile(stored.parse())
        except StoredRulesInvalid as error:
            # Known by its version: it is not parsed, nor logged, again until it changes.
            logger.error(_INVALID, bucket, error)
        except Exception as error:
            version = object()
            self._retry = True
            self._log.write(logging.ERROR, _TROUBLE, error)
        return version, _UNREADABLE

    def _keep(self, bucket: str, entry: _Entry) -> None:
        with self._filling:
            if entry.rules is None:
                self._present.pop(bucket, None)
                _insert(self._absent, bucket, entry, MAX_ABSENT)
            else:
                self._absent.pop(bucket, None)
                _insert(self._present, bucket, entry, self._cached_buckets)


def _insert(entries: dict[str, _Entry], bucket: str, entry: _Entry, limit: int) -> None:
    if bucket not in entries and len(entries) >= limit:
        del entries[next(iter(entries))]
    entries[bucket] = entry
