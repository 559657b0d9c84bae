"""The IDs that responses carry: a random text for each process, with a counter in it."""

import os
import secrets
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import chain, islice, product, repeat
from typing import Final, Protocol

from flask_bucketcors.core.dialects import Dialect, Id, IdForm

# How many responses' IDs are made at once. A single one takes three times as long, because what
# makes it is not in the CPU's caches.
AT_ONCE: Final = 32


# Made when they are needed: most dialects need only one of them.
@cache
def _digits(form: IdForm) -> tuple[str, ...]:
    """The digits of a counter, which has three. Each stands for three hexadecimal digits."""
    if form is IdForm.HEX:
        return tuple(f"{number:03X}" for number in range(4096))
    return tuple(b64encode(b"%03x" % number).decode() for number in range(4096))


class IdSeries(Protocol):
    """The headers that identify responses, one response after another, without end."""

    series: Iterator[tuple[tuple[str, str], ...]]


class Ids:
    """The headers that identify a response: random in each process, and counted from there.

    Random IDs for each response would take longer than the rest of a preflight.
    """

    def __init__(self, ids: Iterable[Id]) -> None:
        self._ids = tuple(ids)
        #: Gives the headers of one response after another, without end and without repetition.
        self.series: Iterator[tuple[tuple[str, str], ...]] = self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        # A child must not go on with the numbers of its parent.
        self.series = self._begin()

    def _begin(self) -> Iterator[tuple[tuple[str, str], ...]]:
        # Threads share a series: iterators written in C take each step as a whole.
        one_by_one = zip(*(zip(repeat(i.header), _endless(i)) for i in self._ids))  # noqa: B905
        return chain.from_iterable(map(list, map(islice, repeat(one_by_one), repeat(AT_ONCE))))


def _endless(each: Id) -> Iterator[str]:
    # After 16**9 IDs, begin with another random text.
    return chain.from_iterable(iter(partial(_numbered, each), None))


def _numbered(each: Id) -> Iterator[str]:
    """Number a random ID: its last nine hexadecimal digits become a counter."""
    text = _random_id(each)
    digits = _digits(each.form)
    # In base64, only groups of four characters without padding stand for three bytes.
    end = len(text) - 4 if text.endswith("=") else len(text)
    begin = end - 3 * len(digits[0])
    return map("".join, product([text[:begin]], *repeat(digits, 3), [text[end:]]))


def _random_id(each: Id) -> str:
    match each.form:
        case IdForm.HEX:
            return secrets.token_hex(each.size // 2).upper()
        case IdForm.BASE64:
            data = secrets.token_bytes(each.size)
        case IdForm.COS_REQUEST:
            now, noise = int(time.time()) & 0xFFFFFFFF, secrets.token_hex(11)
            data = f"{now:08x}_{noise[:8]}_{noise[8:13]}_{noise[13:]}".encode()
        case IdForm.COS_TRACE:
            data = secrets.token_hex(64).encode()
    return b64encode(data).decode()


@cache
def ids_of(ids: tuple[Id, ...]) -> Ids:
    """Give the series of these IDs. Dialects with the same IDs share it."""
    return Ids(ids)


def response_ids(dialect: Dialect) -> Ids:
    """Give the IDs that each response of a dialect carries, except those of errors."""
    return ids_of(tuple(each for each in dialect.ids if not each.errors_only))
