"""Signals: what your code may want to know when it happens.

They are signals of blinker, as Flask's are, and work without Flask, too. The sender is always the
:class:`~flask_bucketcors.Store`, which is ``BucketCORSState.of(app).store`` in Flask. A signal is
sent in the process in which it happened, and in its thread, which waits for the receivers.

A receiver that raises changes no response and no write: the error is logged, once a minute.
"""

import logging
from inspect import iscoroutine
from typing import Final

from blinker import Signal

from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields

logger: Final = logging.getLogger("flask_bucketcors.signals")

#: Sent after the rules of a bucket were put or deleted, in the process that did it: for ``?cors``
#: calls, the console, commands, and changes that your code makes through the store.
#: Arguments: ``bucket``, its name; ``rules``, the :class:`~flask_bucketcors.RuleSet` that it has
#: now, None if they were deleted; ``revision``, the number of the change; ``author``, as the
#: history has it.
rules_changed: Final = Signal()

#: Sent when a preflight is refused, before its response.
#: Arguments: ``bucket``, its name; ``decision``, a :class:`~flask_bucketcors.Decision` with the
#: reason; ``origin``, ``method`` and ``headers`` as the client sent them, where the first two are
#: None if the request has none; ``environ``, the WSGI environ.
preflight_refused: Final = Signal()

#: Sent when a process cannot read the rules of a bucket, and so closes it.
#: Arguments: ``bucket``, its name; ``error``, the exception:
#: :class:`~flask_bucketcors.StoredRulesInvalid` if the stored text is no rule set, another one if
#: the store failed.
rules_unreadable: Final = Signal()

_NAMES: Final = {
    rules_changed: "rules_changed",
    preflight_refused: "preflight_refused",
    rules_unreadable: "rules_unreadable",
}
_FAILED: Final = "a receiver of the signal %s failed: %r"
_log: Final = IntervalLog(logger)


def send(signal: Signal, store: object, **values: object) -> None:
    """Send a signal to each receiver, whether or not others raise."""
    if signal.is_muted:
        return
    for receiver in signal.receivers_for(store):
        try:
            returned = receiver(store, **values)
            if iscoroutine(returned):
                # Nothing of it has run. If it is not closed, Python warns of it.
                returned.close()
                raise TypeError("no event loop runs here: connect a def, not an async def")
        except Exception as error:
            said = fields("receiver_failed", signal=_NAMES[signal], error=error)
            _log.write(logging.ERROR, _FAILED, _NAMES[signal], error, extra=said, exc_info=True)


def send_refused(
    store: object,
    bucket: str,
    decision: object,
    sent: tuple[str | None, str | None, str],
    environ: object,
) -> None:
    """Send that a preflight is refused.

    :param sent: the ``preflight_headers`` of the request.
    """
    origin, method, headers = sent
    values = {"origin": origin, "method": method, "headers": headers, "environ": environ}
    send(preflight_refused, store, bucket=bucket, decision=decision, **values)
