"""Measure whether new origins and long lists of origins cost more.

A figure divides the time over the bare function of one kind of request by that of another.

- The first table compares an origin that is new in each request with an allowed origin that is
  always the same, under the same rules. A refused preflight is compared with one that a single
  rule refuses.
- The second table compares 1,000 exact and 1,000 wildcard origins with one of each. As many
  different origins match the single wildcard as match all of the 1,000.
- The third table compares 1,024 wildcard origins, whose texts before and after the ``*`` have 32
  lengths each, with the longest of them. The requests begin as all of them do.
"""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import count, cycle, tee
from pathlib import Path
from typing import Any, NamedTuple

from cases import actual, bare, path_of, preflight
from report import AT_MOST, Table, finish, parse_arguments
from timing import Run, least_seconds, requests

from flask_bucketcors import BucketCORSMiddleware, Rule, RuleSet, SQLiteStore

CALLS = 20
ORIGINS_IN_A_RULE = 10
# By the number of rules in the bucket.
NEVER_SEEN_AT_MOST = {1: 3.0, 100: 5.0}
MANY = 1_000
# Steps through all origins with gaps, so that no round uses only the first ones.
STRIDE = 367
MANY_AT_MOST = 2.0
LENGTHS = 32

OTHER_SITE = "elsewhere.example"
OTHER_ORIGIN = "https://www.example.net"
REQUESTS = {"actual response": actual(), "preflight": preflight()}


class Side(NamedTuple):
    """A bucket, and an endless series of origins for its requests."""

    bucket: str
    origins: Iterator[str]


class Pair(NamedTuple):
    """Two sides with otherwise equal requests. The second one is the unit."""

    name: str
    environ: dict[str, Any]
    measured: Side
    unit: Side
    at_most: float | None


def main() -> None:
    options = parse_arguments(__doc__, rounds=1_000)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = build_store(Path(folder, "rules.sqlite"))
        new = measure(store, list(never_seen()), options.rounds)
        many = measure(store, list(many_origins()), options.rounds)
        lengths = measure(store, list(many_lengths()), options.rounds)
        store.close()
    first = "an origin never seen before; a known one = 1"
    second = f"{MANY:,} exact and {MANY:,} wildcard origins; one of each = 1"
    third = f"{LENGTHS} x {LENGTHS} lengths of wildcard origins; one of them = 1"
    tables = {
        "never-seen": (first, new),
        "many-origins": (second, many),
        "many-lengths": (third, lengths),
    }
    columns = ["flask_bucketcors", AT_MOST]
    finish(
        {name: Table([title, *columns], rows) for name, (title, rows) in tables.items()},
        save=options.save,
    )


def build_store(path: Path) -> SQLiteStore:
    store = SQLiteStore(path)
    for number in NEVER_SEEN_AT_MOST:
        store.put(f"rules-{number}", RuleSet(list(map(short_rule, range(number)))))
    for number in (1, MANY):
        store.put(f"origins-{number}", RuleSet([long_rule(number)]))
    lengths = range(1, LENGTHS + 1)
    grid = [f"https://{'a' * i}*{'b' * j}.example" for i in lengths for j in lengths]
    store.put(f"lengths-{LENGTHS}", RuleSet([allow(grid)]))
    store.put("lengths-1", RuleSet([allow(grid[-1:])]))
    return store


def short_rule(number: int) -> Rule:
    """One of many rules. All its origins are exact except the last."""
    exact = [f"https://www{n}.site{number}.example" for n in range(ORIGINS_IN_A_RULE - 1)]
    return allow([*exact, f"https://*.site{number}.example"])


def long_rule(number: int) -> Rule:
    """A rule with ``number`` exact origins and as many wildcard origins."""
    exact = [f"https://www.host{n}.example" for n in range(number)]
    return allow([*exact, *(f"https://*.site{n}.example" for n in range(number))])


def allow(origins: Sequence[str]) -> Rule:
    return Rule(origins, ["GET", "PUT"], ["*"], ["ETag"], 600)


def never_seen() -> Iterator[Pair]:
    """Pairs of a new and a known origin. Allowed origins match the last rule."""
    for rules, at_most in NEVER_SEEN_AT_MOST.items():
        bucket, last = f"rules-{rules}", f"site{rules - 1}.example"
        for name, environ in REQUESTS.items():
            known = Side(bucket, cycle([f"https://known.{last}"]))
            refused = known if name == "actual response" else Side("rules-1", cycle([OTHER_ORIGIN]))
            for verdict, site, unit in (("allowed", last, known), ("refused", OTHER_SITE, refused)):
                new = Side(bucket, new_below(site))
                title = f"{name}, {verdict}, rules: {rules}"
                yield Pair(title, environ, new, unit, at_most)


def many_origins() -> Iterator[Pair]:
    for name, environ in REQUESTS.items():
        for kind in KINDS:
            few, many = (
                Side(f"origins-{number}", origins_of(kind, number)) for number in (1, MANY)
            )
            yield Pair(f"{name}, {kind}", environ, many, few, MANY_AT_MOST)


def many_lengths() -> Iterator[Pair]:
    for kind, end in (("matching all", f"{'b' * LENGTHS}.example"), ("refused", OTHER_SITE)):
        origins = (f"https://{'a' * LENGTHS}{n}{end}" for n in count())
        many, one = (
            Side(f"lengths-{number}", each)
            for number, each in zip((LENGTHS, 1), tee(origins), strict=True)
        )
        name = f"actual response, never seen, {kind}"
        yield Pair(name, REQUESTS["actual response"], many, one, None)


KINDS = (
    "each exact one in turn",
    "below each wildcard in turn",
    "never seen, below a wildcard",
    "never seen, refused",
)


def origins_of(kind: str, number: int) -> Iterator[str]:
    """Origins for a rule with ``number`` exact and as many wildcard origins."""
    if kind == KINDS[0]:
        return cycle([f"https://www.host{n * STRIDE % number}.example" for n in range(number)])
    if kind == KINDS[1]:
        return cycle([f"https://a{n}.site{n * STRIDE % number}.example" for n in range(MANY)])
    if kind == KINDS[2]:
        return (f"https://a{n}.site{n * STRIDE % number}.example" for n in count())
    return new_below(OTHER_SITE)


def new_below(site: str) -> Iterator[str]:
    return (f"https://a{n}.{site}" for n in count())


def from_each(origins: Iterator[str]) -> Iterator[dict[str, Any]]:
    return ({"HTTP_ORIGIN": origin} for origin in origins)


def measure(store: SQLiteStore, pairs: Sequence[Pair], rounds: int) -> list[list[Any]]:
    """Time all pairs. Return the rows of a table."""
    costs = over_bare(store, pairs, rounds)
    return [
        [pair.name, costs[pair.name, "measured"] / costs[pair.name, "unit"], pair.at_most]
        for pair in pairs
    ]


def over_bare(
    store: SQLiteStore, pairs: Sequence[Pair], rounds: int
) -> dict[tuple[str, str], float]:
    """Time both sides of all pairs. Return the seconds over the bare function."""
    apps = {"bare": bare, "ours": BucketCORSMiddleware(bare, store=store)}
    runs: dict[tuple[str, str, str], Run] = {}
    for pair in pairs:
        for which, side in (("measured", pair.measured), ("unit", pair.unit)):
            environ = {**pair.environ, "PATH_INFO": path_of(side.bucket)}
            # Both apps get requests with all origins.
            for name, origins in zip(apps, tee(side.origins), strict=True):
                run = requests(apps[name], environ, from_each(origins), CALLS)
                runs[pair.name, which, name] = run
    times = least_seconds(runs, rounds)

    return {
        (name, which): time - times[name, which, "bare"]
        for (name, which, app), time in times.items()
        if app == "ours"
    }


if __name__ == "__main__":
    main()
