"""Hosts that differ by a letter or two, as when one of them was mistyped."""

from typing import Final

from flask_bucketcors.analysis.spelling.origin_parts import cut
from flask_bucketcors.core.wildcards import ANY

_MAX_EDITS: Final = 2
# In a shorter label, one other letter makes another word.
_SHORTEST: Final = 4
_SUBDOMAINS: Final = "*."
# Of what is left between equal beginnings and ends.
_MAX_CORE: Final = 12


def is_misspelt(pattern: str, origin: str) -> bool:
    """Whether the host or domain of a pattern is that of an origin with a typing error or two.

    An error is a letter too many, too few, another one, or two that are swapped. Other digits, and
    the endings of two countries, make another host.
    """
    if abs(len(pattern) - len(origin)) > _MAX_CORE:
        return False
    held, asked = cut(pattern).host, cut(origin).host
    if held.startswith(_SUBDOMAINS):
        # What stands below the domain does not matter.
        held = held.removeprefix(_SUBDOMAINS)
        asked = ".".join(asked.split(".")[-held.count(".") - 1 :])
    if ANY in held or held == asked or "[" in held + asked:
        return False
    if held.count(".") != asked.count("."):
        return len(held) >= _SHORTEST and held.replace(".", "") == asked.replace(".", "")
    pairs = list(zip(held.split("."), asked.split("."), strict=True))
    edits = 0
    for place, (one, other) in enumerate(pairs, 1):
        if one != other and not _may_be_meant(one, other, is_last=place == len(pairs)):
            return False
        edits += _edits(one, other)
    return edits <= _MAX_EDITS


def _may_be_meant(one: str, other: str, *, is_last: bool) -> bool:
    if _without_digits(one) == _without_digits(other):
        return False
    if is_last and len(one + other) > len("dedk"):
        return True
    longest = max(len(one), len(other))
    return longest >= _SHORTEST and _edits(one, other) <= (1 if longest < 2 * _SHORTEST else 2)


def _without_digits(label: str) -> str:
    return "".join(each for each in label if not each.isdigit())


def _edits(one: str, other: str) -> int:
    """How many typing errors make one label of another; more than two if they are far apart."""
    start = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None
    )
    if start is None:
        return abs(len(one) - len(other))
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if max(len(one), len(other)) > _MAX_CORE:
        return _MAX_EDITS + 1
    return _alignment(one, other)


def _alignment(one: str, other: str) -> int:
    """The optimal string alignment distance."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, right in enumerate(other, 1):
            costs = [before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right)]
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                costs.append(last[j - 2] + 1)
            row.append(min(costs))
    return row[-1]
