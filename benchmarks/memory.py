"""Measure the memory of compiled rules, in processes that nothing else has made larger.

- 100,000 buckets with one rule each, all different, or copies of 100 rule sets: how much a process
  grows after an actual request and a preflight to each bucket.
- Rule sets in several shapes, up to 64 KB each: how much a process grows for each byte that is
  stored. Different buckets are requested until it has grown by 30 MB. Either each bucket gets one
  request, or one from each origin that its rules name or cover.

Memory is what Linux reports as resident (``/proc``).
"""

import gc
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from cases import (
    actual,
    bare,
    bucket_name,
    document_of,
    fill,
    own_origin,
    own_rule_set,
    path_of,
    preflight,
)
from report import AT_MOST, Table, finish, parse_arguments
from timing import start_response

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet, SQLiteStore
from flask_bucketcors.stores.contract import StoredRules
from flask_bucketcors.stores.rows import parse_rule_set

MEGABYTE = 1_000_000
GROWN_AT_LEAST = 30 * MEGABYTE
TEMPLATES = 100
OTHERS_AT_MOST, COPIES_AT_MOST = 135.0, 30.0
A_BYTE_AT_MOST = 15.0
FOR_ANY_BUCKET = 1_000_000


def rule(origins: Iterable[str], *headers: str, exposed: Iterable[str] = ("ETag",)) -> Rule:
    return Rule(list(origins), ["GET", "PUT"], headers or ["*"], list(exposed), 600)


def hundred(make: Callable[[int], Rule]) -> RuleSet:
    return RuleSet(list(map(make, range(100))))


#: Rule sets by the number of their bucket. Short texts need the most memory for each byte.
SHAPES: dict[str, Callable[[int], RuleSet]] = {
    "one rule, one origin": own_rule_set,
    "one rule, a bare *": lambda n: RuleSet([rule(["*"], f"x-{n}")]),
    "one rule, 8 origins": lambda n: RuleSet(
        [rule(f"https://h{i}.b{n}.example" for i in range(8))]
    ),
    "one rule, 1,500 origins": lambda n: RuleSet(
        [rule(f"https://h{i}.b{n}.example" for i in range(1_500))]
    ),
    "one rule, 1,500 patterns": lambda n: RuleSet(
        [rule(f"https://*.h{i}.b{n}.example" for i in range(1_500))]
    ),
    "one rule, 1,500 short patterns": lambda n: RuleSet([rule(f"{n}-{i}*" for i in range(1_500))]),
    "100 rules, 15 origins each": lambda n: hundred(
        lambda i: rule(f"https://h{i}-{j}.b{n}.example" for j in range(15))
    ),
    "100 rules, the same 15 short origins": lambda n: hundred(
        lambda i: Rule([f"{j}.{n}" for j in range(15)], ["GET"], max_age_seconds=i)
    ),
    "100 rules, 30 headers each, allowed and exposed": lambda n: hundred(
        lambda i: rule(
            [f"https://h{i}.b{n}.example"],
            *(f"x-{n}-{i}-{j}" for j in range(15)),
            exposed=[f"x-{n}-{i}-{j}" for j in range(15)],
        )
    ),
}


def main() -> None:
    options = parse_arguments(__doc__, buckets=100_000)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rows = list(many_buckets(Path(folder), options.buckets))
    shapes = [
        [shape, *(in_new_process(grow_for_each_byte, shape, which) for which in (False, True))]
        for shape in SHAPES
    ]
    columns = ["memory for each stored byte", "one request", "all origins", AT_MOST]
    tables = {
        "memory": Table(["MB", "flask_bucketcors", AT_MOST], rows),
        "memory-shapes": Table(columns, [[*row, A_BYTE_AT_MOST] for row in shapes], judged=2),
    }
    finish(tables, save=options.save)


def many_buckets(folder: Path, buckets: int) -> Iterator[list[Any]]:
    for name, rule_sets, at_most in (
        ("one rule each", FOR_ANY_BUCKET, OTHERS_AT_MOST),
        (f"of {TEMPLATES} rule sets", TEMPLATES, COPIES_AT_MOST),
    ):
        path = folder / f"{rule_sets}.sqlite"
        with closing(SQLiteStore(path)) as store:
            numbers = range(buckets)
            fill(store, ((bucket_name(n), own_rule_set(n % rule_sets)) for n in numbers))
        grown = in_new_process(grow, path, buckets, rule_sets)
        yield [f"{buckets:,} buckets in memory, {name}", grown / MEGABYTE, at_most]


def grow(path: Path, buckets: int, rule_sets: int) -> int:
    """Send an actual request and a preflight to all buckets. Return the growth in bytes."""
    with closing(SQLiteStore(path)) as store:
        middleware = BucketCORSMiddleware(bare, store=store)
        middleware(actual(), start_response)
        before = resident_bytes()
        for number in range(buckets):
            path_info, origin = path_of(bucket_name(number)), own_origin(number % rule_sets)
            for environ in (actual(origin), preflight(origin)):
                middleware({**environ, "PATH_INFO": path_info}, start_response)
        gc.collect()
        return resident_bytes() - before


class MadeWhenRead(MemoryStore):
    """A store that makes the rules of a bucket when they are read, and counts their bytes."""

    def __init__(self, make: Callable[[int], RuleSet]) -> None:
        super().__init__()
        self._make = make
        self.stored_bytes = 0

    def read(self, bucket: str) -> StoredRules:
        document = document_of(self._make(int(bucket)))
        self.stored_bytes += len(document)
        return StoredRules(f"{bucket} read", 1, partial(parse_rule_set, bucket, document))


def grow_for_each_byte(shape: str, asks_all: bool) -> float:
    """Request one bucket after the other. Return the growth for each stored byte."""
    store = MadeWhenRead(SHAPES[shape])
    middleware = BucketCORSMiddleware(bare, store=store)
    middleware({**actual(), "PATH_INFO": "/0/key"}, start_response)
    before, before_stored, number = resident_bytes(), store.stored_bytes, 0
    while (grown := resident_bytes() - before) < GROWN_AT_LEAST:
        number += 1
        asked = origins(SHAPES[shape](number))
        for origin in asked if asks_all else asked[:1]:
            middleware({**actual(origin), "PATH_INFO": f"/{number}/key"}, start_response)
    return grown / (store.stored_bytes - before_stored)


def origins(rules: RuleSet) -> list[str]:
    """One origin for each origin or pattern that the rules name, once each."""
    named = (origin for each in rules.rules for origin in each.allowed_origins)
    return list(dict.fromkeys(origin.replace("*", "a") for origin in named))


def in_new_process(measure: Callable[..., Any], *arguments: Any) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, arguments)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
