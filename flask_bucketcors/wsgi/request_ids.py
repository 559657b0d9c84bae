"""The ids that responses carry: a random prefix for each process, and a counter."""

import os
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, product, repeat
from typing import Final

from flask_bucketcors.core.dialects import Dialect, Id, IdForm

# Three hexadecimal digits each.
_HEX_DIGITS: Final = tuple(f"{number:03X}" for number in range(4096))


_BASE64_DIGITS: Final = tuple(b64encode(b"%03x" % number).decode() for number in range(4096))

# Gives a beginning and an end, random each time.
_Draw = Callable[[], tuple[str, str]]


def _draw_cos_request_id() -> tuple[str, str]:
    now, noise = int(time.time()) & 0xFFFFFFFF, secrets.token_hex(7)
    return b64encode(f"{now:08x}_{noise[:8]}_{noise[8:13]}_".encode()).decode(), ""


def _draw_cos_trace_id() -> tuple[str, str]:
    noise = secrets.token_hex(60).encode()
    return b64encode(noise[:117]).decode(), b64encode(noise[117:119]).decode()


def _hex(digits: int) -> _Draw:
    return lambda: (secrets.token_hex(digits).upper()[: digits - 9], "")


def _base64(size: int) -> _Draw:
    end = size % 3
    return lambda: (
        b64encode(secrets.token_bytes(size - 9 - end)).decode(),
        b64encode(secrets.token_bytes(end)).decode(),
    )


# By the size of an id: what gives its beginning and its end, and the digits of the counter between
# them. In base64 the beginning has to stand for bytes whose number divides by 3.
_FORMS: Final[Mapping[IdForm, tuple[Callable[[int], _Draw], Sequence[str]]]] = {
    IdForm.HEX: (_hex, _HEX_DIGITS),
    IdForm.BASE64: (_base64, _BASE64_DIGITS),
    IdForm.COS_REQUEST: (lambda _: _draw_cos_request_id, _BASE64_DIGITS),
    IdForm.COS_TRACE: (lambda _: _draw_cos_trace_id, _BASE64_DIGITS),
}


class Ids:
    """The headers that identify a response: random in each process, and counted from there.

    Random ids for each response would cost more than all the rest of a preflight.
    """

    def __init__(self, ids: Iterable[Id]) -> None:
        self._ids = tuple(ids)
        #: Gives the headers of one response after another, without end and without repetition.
        self.series = self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        # A child must not go on with the numbers of its parent.
        self.series = self._begin()

    def _begin(self) -> Iterator[tuple[tuple[str, str], ...]]:
        # All but the drawing runs in C, one step at a time, so that threads may share it.
        return zip(*(zip(repeat(i.header), _endless(i)) for i in self._ids))  # noqa: B905


def _endless(each: Id) -> Iterator[str]:
    make_draw, digits = _FORMS[each.form]
    draw = make_draw(each.size)

    def numbered(ends: tuple[str, str]) -> Iterator[str]:
        return map("".join, product(ends[:1], *repeat(digits, 3), ends[1:]))

    return chain.from_iterable(map(numbered, iter(draw, None)))


@cache
def ids_of(ids: tuple[Id, ...]) -> Ids:
    """Give the series of these ids. Dialects with the same ids share it."""
    return Ids(ids)


def response_ids(dialect: Dialect) -> Ids:
    """Give the ids that each response of a dialect carries, errors apart."""
    return ids_of(tuple(each for each in dialect.ids if not each.errors_only))
