"""Mutants of inputs, the same for the same seed: what stands in where no fuzzer is installed."""

import random
from collections.abc import Callable, Iterator, Sequence

MAX_BYTES = 4096
# Where a text is written again and again, to find work that grows faster than the text.
MAX_REPEATS = 64

_Edit = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutants(seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Give changed inputs without end.

    :param seeds: at least one input to begin with.
    :param words: what is put into them.
    """
    drawn = random.Random(seed)
    parts = [*words, *seeds]
    while True:
        data = drawn.choice(seeds)
        for _ in range(drawn.randint(1, 4)):
            data = drawn.choice(_EDITS)(drawn, data, parts)[:MAX_BYTES]
        yield data


def _span(drawn: random.Random, data: bytes) -> tuple[int, int]:
    start = drawn.randint(0, len(data))
    return start, min(len(data), start + drawn.choice((1, 1, 2, 4, 16, 64)))


def _delete(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    start, end = _span(drawn, data)
    return data[:start] + data[end:]


def _insert(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    start, _ = _span(drawn, data)
    return data[:start] + drawn.choice(parts) + data[start:]


def _replace(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    start, end = _span(drawn, data)
    return data[:start] + drawn.choice(parts) + data[end:]


def _flip(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    start, _ = _span(drawn, data)
    return data[:start] + bytes([drawn.randrange(256)]) + data[start + 1 :]


def _repeat(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    start, end = _span(drawn, data)
    return data[:start] + data[start:end] * drawn.randint(2, MAX_REPEATS) + data[end:]


def _splice(drawn: random.Random, data: bytes, parts: Sequence[bytes]) -> bytes:
    other = drawn.choice(parts)
    return data[: drawn.randint(0, len(data))] + other[drawn.randint(0, len(other)) :]


_EDITS: tuple[_Edit, ...] = (_delete, _insert, _replace, _flip, _repeat, _splice)
