"""At most one log line per interval, so that a lasting problem does not fill the log."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

LOG_SECONDS: Final = 60.0


class IntervalLog:
    """Writes the first line of each interval and drops the others.

    :param logger: where lines go.
    :param clock: monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next = float("-inf")

    def write(
        self,
        level: int,
        message: str,
        *values: object,
        extra: Mapping[str, object],
        exc_info: bool = False,
    ) -> None:
        """Write a line if one is due.

        :param values: of the message, which should show them with ``%r``.
        :param extra: see :func:`~flask_bucketcors.log_fields.fields`.
        """
        now = self._clock()
        if now >= self._next:
            self._next = now + LOG_SECONDS
            self._logger.log(level, message, *values, exc_info=exc_info, stacklevel=2, extra=extra)
