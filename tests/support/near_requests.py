"""Requests that come near some rules, for comparisons with the naive evaluator."""

from collections.abc import Sequence
from itertools import combinations

from tests.support.naive_evaluator import RuleDict, is_origin
from tests.support.strategies import METHODS

# What stands in the place of a "*", so that all ways to fit one pattern and not another occur.
FILLERS = ["", "a", "z", "a.", "s", "s://b", "80", ":80", "b.a", "aba"]


def near_origins(rules: Sequence[RuleDict]) -> list[str]:
    """Origins that fit the patterns of the rules, or just miss them."""
    patterns = {each for rule in rules for each in rule["allowed_origins"]}
    origins = {each.replace("*", filler) for each in patterns for filler in FILLERS}
    return sorted(filter(admitted, origins | {"null"}))


def near_lists(rules: Sequence[RuleDict]) -> list[tuple[str, ...]]:
    """Lists of a few of the header names that the rules list, and of one that is like no other."""
    listed = {each.lower() for rule in rules for each in rule["allowed_headers"]}
    names = {each.replace("*", filler) for each in listed for filler in ("", "z", "a")}
    names = [*sorted(name for name in names if name)[:6], "zzz"]
    return [each for count in range(4) for each in combinations(names, count)]


def near_requests(rules: Sequence[RuleDict]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Requests that come near the rules, each with any few of the names that they list."""
    lists = near_lists(rules)
    return [
        (origin, method, headers)
        for origin in near_origins(rules)
        for method in METHODS
        for headers in lists
    ]


def admitted(origin: str) -> bool:
    """Whether a text is one of the origins that the algebra knows."""
    return origin in ("null", "file://") or is_origin(origin)
