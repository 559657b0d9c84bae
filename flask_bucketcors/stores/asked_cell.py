"""A signal for stores that have no number to share: each look at it asks."""

from collections.abc import Callable

from flask_bucketcors.core.errors import StoreUnavailable


class AskedCell:
    """A cell that asks the database each time.

    :param ask: gives the stamp of the last change.
    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask = ask
        self._last = 0

    def __getitem__(self, index: int, /) -> int:
        try:
            # Not self._last: another thread may store an older number in between.
            self._last = found = self._ask()
        except StoreUnavailable:
            # A database that cannot be read does not say that anything changed.
            return self._last
        return found

    def __setitem__(self, index: int, stamp: int, /) -> None:
        self._last = stamp
