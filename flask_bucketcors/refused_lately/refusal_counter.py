"""Counts the refused preflights of a process, and writes the counts to the table now and then.

A request only appends to a list; that is one step for Python, so nothing is lost among threads.
Every so many requests, one of them counts what is in the list. The first one after a pause starts a
timer, and what was counted by then is written by the timer's thread. There is no thread while
nothing is refused. What is left is written when the process ends.

A forked child begins without the counts of its parent, which writes them itself.

Names of buckets come from clients. A refusal by a bucket's own rules shows that there is such a
bucket; by the default rules, all buckets count as one. Otherwise the store has to know the name,
from now or, if that is on this machine, from its history.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final
from weakref import WeakSet

from flask_bucketcors.core.bucket_names import is_bucket_name
from flask_bucketcors.core.decisions import Decision, Reason
from flask_bucketcors.core.fields import EXTRA_METHODS, METHODS
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.refused_lately.refusal_table import (
    LATEST,
    MAX_HEADERS,
    MOST_OFTEN,
    RefusalTable,
)
from flask_bucketcors.refused_lately.refused_row import OTHER_METHOD, RefusedRow
from flask_bucketcors.refused_lately.tally import Tally
from flask_bucketcors.stores.contract import Reach, Store
from flask_bucketcors.stores.forks import join, take

logger: Final = logging.getLogger("flask_bucketcors.preflights")

#: The bucket of all refusals by the default rules.
DEFAULT_RULES: Final = ""
#: How long after the first refusal the counts are written, in seconds.
FLUSH_SECONDS: Final = 10.0
#: How long a timer, a reader and the end of the process wait for other processes, in seconds.
WAIT_SECONDS: Final = 2.0
READER_WAIT_SECONDS: Final = 0.25
#: After how many requests the list is counted.
MOST_PENDING: Final = 64
#: For how many keys there is room where clients may have invented the bucket.
MAX_UNSURE: Final = 100

# As pages write it by mistake, a browser sends it as it is.
_METHODS: Final = frozenset({*METHODS, *EXTRA_METHODS, "patch"})
_RULES_REFUSE: Final = frozenset({Reason.ORIGIN, Reason.METHOD, Reason.HEADERS})

_NOT_WRITTEN: Final = "refused preflights are counted, but not written to %r: %s"
_NOT_COUNTED: Final = "refused preflights are not counted: %r"

_counters: WeakSet["RefusalCounter"] = WeakSet()

# What a request appends: bucket, decision, and the ``preflight_headers`` of the request.
_Refused = tuple[str, Decision, tuple[str | None, str | None, str]]


class RefusalCounter:
    """Counts refused preflights.

    :param table: where the counts are written.
    :param store: the rules of the buckets.
    :param seconds: how long after the first refusal the counts are written.
    """

    def __init__(
        self, table: RefusalTable, store: Store, *, seconds: float = FLUSH_SECONDS
    ) -> None:
        self.table = table
        self._store = store
        self._seconds = seconds
        self._log = IntervalLog(logger)
        self._begin()
        join(self)
        _counters.add(self)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._pending: deque[_Refused] = deque()
        # At how many the next request counts them. It is 1 if there is no timer.
        self._most = 1
        self._sure, self._unsure = Tally(), Tally(MAX_UNSURE)
        self._counting, self._flushing = threading.Lock(), threading.Lock()

    def count(
        self, bucket: str, decision: Decision, sent: tuple[str | None, str | None, str]
    ) -> None:
        """Count a refused preflight. Never raises, and waits for nothing.

        :param sent: the ``preflight_headers`` of the request.
        """
        pending = self._pending
        pending.append((bucket, decision, sent))
        if len(pending) >= self._most:
            self._count_pending()

    def rows(
        self, bucket: str | None = None, limit: int = MOST_OFTEN + LATEST
    ) -> Sequence[RefusedRow]:
        """Give what was refused within the last day; see :meth:`RefusalTable.rows`.

        What other workers refused is up to :data:`FLUSH_SECONDS` late.

        :raises StoreUnavailable: if it cannot be read.
        """
        self.flush(READER_WAIT_SECONDS)
        return self.table.rows(bucket, limit)

    def others(self, bucket: str) -> int:
        """Give how many refused preflights of a bucket are in no row.

        :raises StoreUnavailable: if that cannot be read.
        """
        return self.table.others(bucket)

    def flush(self, seconds: float = WAIT_SECONDS) -> None:
        """Write what this process has counted. Never raises; what cannot be written is kept.

        :param seconds: how long to wait for other threads and processes.
        """
        deadline = time.monotonic() + seconds
        self._notice_fork()
        flushing = self._flushing
        if not take(flushing, deadline):
            return
        try:
            self._write(seconds)
        except Exception as error:
            path = self.table.path
            said = fields("refusals_not_written", file=path, error=error)
            self._log.write(logging.WARNING, _NOT_WRITTEN, str(path), error, extra=said)
        finally:
            flushing.release()
        if self._pending:
            # A request came in the meantime, when it could not start a timer.
            self._count_pending()

    def before_fork(self, deadline: float) -> bool:
        """Let the fork go on: a child begins anew."""
        return False

    def after_fork(self) -> None:
        """Nothing is held."""

    def abandon(self) -> None:
        """In the child: begin anew."""
        self._begin()

    def _notice_fork(self) -> None:
        # Some servers fork without Python's hooks.
        if os.getpid() != self._process:
            self._begin()

    def _count_pending(self) -> None:
        """Count what is in the list, and start a timer if there is none."""
        self._notice_fork()
        counting = self._counting
        # The thread that has the lock counts the others, or a flush does afterwards.
        if not counting.acquire(blocking=False):
            return
        try:
            if self._most == 1:
                self._start_timer()
            self._empty()
        except Exception as error:
            said = fields("refusals_not_counted", error=error)
            self._log.write(logging.ERROR, _NOT_COUNTED, error, exc_info=True, extra=said)
        finally:
            counting.release()

    def _start_timer(self) -> None:
        timer = threading.Timer(self._seconds, self._end_timer)
        timer.name, timer.daemon = "flask_bucketcors refused preflights", True
        # Before it starts, because it may end at once.
        self._most = MOST_PENDING
        try:
            timer.start()
        except RuntimeError:
            # The process has too many threads, or ends. The next request tries again.
            self._most = 1

    def _empty(self) -> None:
        now = time.time()
        pending, sure, unsure = self._pending, self._sure, self._unsure
        for _ in range(len(pending)):
            bucket, decision, (origin, method, headers) = pending.popleft()
            # A dot segment is about no bucket, and what names no origin is no preflight.
            if not bucket or origin is None or method is None or decision.reason is None:
                continue
            reason = decision.reason
            if decision.is_default:
                bucket = DEFAULT_RULES
            if len(origin) > MAX_ORIGIN_BYTES:
                origin = origin[: MAX_ORIGIN_BYTES + 1]
            if method not in _METHODS:
                method = OTHER_METHOD
            tally = sure if reason in _RULES_REFUSE else unsure
            tally.count((bucket, origin, method, reason), now, headers[: MAX_HEADERS + 1])

    def _end_timer(self) -> None:
        self._most = 1
        self.flush()

    def _write(self, seconds: float) -> None:
        sure, unsure = self._take_counts()
        try:
            self.table.add(sure, seconds=seconds)
            sure = Tally()
            for bucket in {key[0] for key in unsure.by_key} | {*unsure.others}:
                if not self._is_known(bucket):
                    unsure.drop(bucket)
            self.table.add(unsure, seconds=seconds)
            unsure = Tally()
        finally:
            self._give_back(sure, unsure)

    def _take_counts(self) -> tuple[Tally, Tally]:
        counting = self._counting
        take(counting)
        try:
            self._empty()
            counts = self._sure, self._unsure
            self._sure, self._unsure = Tally(), Tally(MAX_UNSURE)
            return counts
        finally:
            counting.release()

    def _give_back(self, sure: Tally, unsure: Tally) -> None:
        counting = self._counting
        take(counting)
        try:
            self._sure.add(sure)
            self._unsure.add(unsure)
        finally:
            counting.release()

    def _is_known(self, bucket: str) -> bool:
        """Whether the bucket has rules, or had some, so that nobody has invented its name."""
        if not is_bucket_name(bucket):
            return False
        store = self._store
        if store.read(bucket) is not None:
            return True
        # A history on a server would be asked for each name that a client invents.
        return store.reach is not Reach.HOSTS and store.last_change(bucket) is not None


def _flush_all() -> None:
    for counter in list(_counters):
        counter.flush()


atexit.register(_flush_all)
