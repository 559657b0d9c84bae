"""Bucket to compiled rules: bounded, shared by threads, and fresh.

What is known is held by a **generation**: one object, made whole and then put in the place of
the one before. A request compares one number and the time with it. If the store signals
another number, or if a second has passed, the store is asked; if it is in another state than
when the generation began, the next one begins, in which no bucket's rules are known. They are
read again when they are next asked for, and compiled again only if they changed themselves.

The order is what makes it right: signal first, then state, then a new generation, and only
then rules are read. Rules that a generation holds were therefore read after everything that
it knows of. Threads need no lock for it: whoever loses a race puts an older generation in
place, whose number is an older one too, so that the next request asks again.

A store may be anybody's code, and none of its troubles may reach the application: every
exception is caught here, logged, and closes what it concerns.
"""

import logging
import re
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.compiled import ClosedRules, CompiledRules, Reason
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.stores import Signal, Store
from flask_bucketcors.stores.forks import ForkSafeLock

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

_UNREADABLE: Final = partial(ClosedRules, Reason.UNREADABLE)

Rules = CompiledRules | ClosedRules

# Names that are the same in a URL, in PEP 3333's guise and as text.
_PLAIN_NAME = re.compile(r"\.*[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Generation:
    """What is known between two changes.

    :param signal: where the store puts another number after each change.
    :param seen: the number that this generation began with.
    :param until: when to ask the store itself, in monotonic seconds.
    :param state: what the store said about itself.
    :param by_bucket: rules by the bucket's name. Names that a URL might spell in another way
        are bytes here, which nothing in a request is: whoever takes a name from a request as
        it came finds rules only if it is the bucket's.
    :param absent: buckets without rules.
    :param trouble: holds True once rules could not be read. The next look at the store then
        begins a new generation, so that they are read again.
    """

    signal: Signal
    seen: int
    until: float
    state: Hashable
    by_bucket: dict[str | bytes, Rules]
    absent: dict[str, None]
    trouble: list[bool]


class RulesCache:
    """The compiled rules of the buckets that are asked for.

    :param source: the store.
    :param compile_rules: makes compiled rules of a rule set.
    :param cached_buckets: how many buckets with rules to keep; beyond it the one that was read
        first makes room.
    :param make_closed: makes what stands for rules that cannot be read.
    :param clock: monotonic seconds.
    :raises ValueError: if ``cached_buckets`` leaves room for none.
    """

    def __init__(
        self,
        source: Store,
        compile_rules: Callable[[RuleSet], CompiledRules],
        *,
        cached_buckets: int,
        make_closed: Callable[[], ClosedRules] = _UNREADABLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(cached_buckets, int) or cached_buckets < 1:
            raise ValueError(f"cached_buckets is {cached_buckets!r}: write a whole number from 1")
        self._source = source
        self._compile = compile_rules
        self._cached_buckets = cached_buckets
        self._make_closed = make_closed
        self.clock = clock
        #: Whoever is in a hurry may look here first: what ``generation.by_bucket`` holds is right
        #: as long as ``signal[0]`` is ``seen`` and the time is before ``until``.
        self.generation = Generation((0,), 0, float("-inf"), object(), {}, {}, [])
        self._compiled: dict[str, Rules] = {}
        self._filling = ForkSafeLock()
        self._log = IntervalLog(logger, clock)

    def get(self, bucket: str) -> Rules | None:
        """The bucket's rules as they are now; None if it has none, closed ones if unknown."""
        generation = self.generation
        if self._is_signalled(generation) or self.clock() >= generation.until:
            generation = self._refresh(generation)
        by_bucket = generation.by_bucket
        rules = by_bucket.get(bucket) or by_bucket.get(_as_bytes(bucket))
        if rules is None and bucket not in generation.absent:
            return self._load(bucket, generation)
        return rules

    def _is_signalled(self, generation: Generation) -> bool:
        try:
            return generation.signal[0] != generation.seen
        except Exception as error:
            # Nothing says that the rules changed, so those in memory still stand.
            self._log.write(logging.ERROR, _TROUBLE, error)
            return False

    def _refresh(self, last: Generation) -> Generation:
        # Not what is in place afterwards: another thread may have put an older one there.
        self.generation = found = self._next(last, self.clock() + CHECK_SECONDS)
        return found

    def _next(self, last: Generation, until: float) -> Generation:
        try:
            signal = self._source.signal()
            seen = signal[0]
            state = self._source.state()
        except Exception as error:
            return self._guarded(replace(last, until=until), error)
        if state != last.state or last.trouble:
            return Generation(signal, seen, until, state, {}, {}, [])
        return replace(last, signal=signal, seen=seen, until=until)

    def _guarded(self, last: Generation, error: Exception) -> Generation:
        """After a signal that could not be followed, let no rules count as known."""
        self._log.write(logging.ERROR, _TROUBLE, error)
        last = replace(last, trouble=[True])
        with suppress(Exception):
            seen = last.signal[0]
            if seen != last.seen:
                return replace(last, seen=seen, by_bucket={}, absent={})
        return last

    def _load(self, bucket: str, generation: Generation) -> Rules | None:
        if not is_bucket_name(bucket):
            return None
        rules = self._read(bucket, self._compiled.get(bucket), generation.trouble)
        with self._filling:
            if rules is None:
                self._compiled.pop(bucket, None)
                _make_room(generation.absent, MAX_ABSENT)
                generation.absent[bucket] = None
            else:
                self._keep(bucket, rules)
                generation.by_bucket[_key(bucket)] = rules
        return rules

    def _read(self, bucket: str, before: Rules | None, trouble: list[bool]) -> Rules | None:
        version: Hashable = object()
        try:
            stored = self._source.read(bucket)
            if stored is None:
                return None
            version = stored.version
            if before is not None and before.version == version:
                return before
            rules: Rules = self._compile(stored.parse())
        except StoredRulesInvalid as error:
            # Known by its version: it is not parsed, nor logged, again until it changes.
            logger.error(_INVALID, bucket, error)
            rules = self._make_closed()
        except Exception as error:
            version = object()
            trouble[:] = [True]
            self._log.write(logging.ERROR, _TROUBLE, error)
            rules = self._make_closed()
        rules.version = version
        return rules

    def _keep(self, bucket: str, rules: Rules) -> None:
        if bucket not in self._compiled:
            evicted = _make_room(self._compiled, self._cached_buckets)
            if evicted is not None:
                self.generation.by_bucket.pop(_key(evicted), None)
        self._compiled[bucket] = rules


def _key(bucket: str) -> str | bytes:
    return bucket if _PLAIN_NAME.fullmatch(bucket) else _as_bytes(bucket)


def _as_bytes(bucket: str) -> bytes:
    return bucket.encode("utf-8", "surrogateescape")


def _make_room(entries: dict[str, Any], limit: int) -> str | None:
    """Drop the oldest entry of a dictionary that is full, and give its key."""
    if len(entries) < limit:
        return None
    oldest = next(iter(entries))
    del entries[oldest]
    return oldest
