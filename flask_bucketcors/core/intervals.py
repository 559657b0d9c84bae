"""At most once per interval: what keeps a lasting trouble from filling a log."""


class Interval:
    """Says yes once per interval. The clock is the caller's.

    :param seconds: the length of the interval.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether the interval has passed since this last said yes; ``now`` in its seconds."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
