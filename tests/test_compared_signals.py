"""Signals of stores: each kind differs from what it was as soon as its number does."""

import mmap
from typing import Any

import pytest

from flask_bucketcors.wsgi.compared_signals import comparable, copy_of
from tests.support.tables import in_one_test


class Number:
    """A signal that is neither a list nor a memoryview."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = [*numbers]

    def __getitem__(self, index: int) -> int:
        return self.numbers[index]

    def __setitem__(self, index: int, number: int) -> None:
        self.numbers[index] = number


def view(kind: str, numbers: int = 1) -> memoryview:
    return memoryview(mmap.mmap(-1, 8 * numbers)).cast(kind)  # type: ignore[call-overload]


KINDS: dict[str, Any] = {
    "a list": [0],
    "a list of two": [0, 0],
    "floats in shared memory": view("d"),
    "integers in shared memory": view("q"),
    "several in shared memory": view("d", 2),
    "bytes in shared memory": view("B"),
    "another object": Number(0),
    "another object of two": Number(0, 0),
}


@in_one_test
@pytest.mark.parametrize("signal", KINDS.values(), ids=KINDS)
def test_a_signal_differs_from_before_while_its_number_does(signal: Any) -> None:
    compared = comparable(signal)
    before = copy_of(compared)
    assert compared == before
    signal[0] = 5
    assert compared != before
    assert compared == copy_of(compared)
    signal[0] = 0
    assert compared == before


@in_one_test
@pytest.mark.parametrize(
    "signal", [KINDS["a list of two"], KINDS["several in shared memory"], Number(0, 0)]
)
def test_only_the_first_number_counts(signal: Any) -> None:
    compared = comparable(signal)
    before = copy_of(compared)
    signal[1] = 5
    assert compared == before
