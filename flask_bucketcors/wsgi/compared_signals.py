"""Signals of stores, compared with what they were.

To compare a memoryview, or a list, with a copy takes half the time of reading its number and
comparing that. Every request does it.
"""

from typing import Any, TypeAlias

from flask_bucketcors.stores.contract import Signal


class Cell:
    """A signal of another kind. It is equal to its number."""

    __slots__ = ("_signal",)

    def __init__(self, signal: Signal) -> None:
        self._signal = signal

    def __eq__(self, number: object) -> bool:
        return self._signal[0] == number

    def copy(self) -> float:
        """The number now."""
        return self._signal[0]


#: Is equal to a copy of it until the store signals a change.
Comparable: TypeAlias = "memoryview[Any] | list[Any] | Cell"


def comparable(signal: Signal) -> Comparable:
    """Give what to compare. Only the first number of a signal counts."""
    if isinstance(signal, memoryview) and signal.nbytes == signal.itemsize:
        return signal
    if isinstance(signal, list) and len(signal) == 1:
        return signal
    return Cell(signal)


def copy_of(signal: Comparable) -> object:
    """Give what a signal is equal to as long as it does not change."""
    if isinstance(signal, memoryview):
        return memoryview(signal.tobytes()).cast(signal.format)  # type: ignore[call-overload]
    return signal.copy()
