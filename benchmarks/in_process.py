"""Measure what a middleware costs around a bare WSGI function, in one process.

A figure is the time over the bare function. There are 100,000 buckets in SQLite, each with its
own rule and its own origin.

- ``one bucket`` requests the same bucket each time. The unit is what wsgicors takes with one
  static policy.
- ``all buckets`` requests another bucket each time, which misses the CPU's caches. The unit is
  what the least code takes, which keeps data for each bucket too. Both fill their memory in one
  random order, and the requests come in another.
- Around Flask, the unit is what flask-cors takes over a bare Flask application. Each application
  runs in ten processes of its own, and the medians count.

Every call gets a new environ. To make it is part of the bare function's cost, as in a server.
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import cycle
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import served
from cases import (
    ACTUAL,
    BY_HOST,
    CASES,
    HOST_SUFFIX,
    TEN_HEADERS,
    Case,
    Wrapped,
    bucket_name,
    build_store,
    own_origin,
    own_rule_set,
    path_of,
    shuffled,
    static_policy,
)
from flask import Flask
from least import Prepared, least, prepare
from report import AT_MOST, Table, finish, parse_arguments
from timing import Run, call_all, least_seconds, requests

from flask_bucketcors import BucketCORS, BucketCORSMiddleware, SQLiteStore

CALLS = 200
# Requests of Flask take longer, and a round has to be short.
FLASK_CALLS = 10
# The project's limit in docs/performance.md: 0.5 microseconds where the bare function takes a
# third of a microsecond.
EXTRA_AT_MOST = 1.5
AGAINST_FLASK_CORS = 1 / 20
INSIDE_FLASK_CORS = 1 / 10
CHILD_SECONDS = 300

OURS, WSGICORS, LEAST, BARE = "flask_bucketcors", "wsgicors", "least code", "bare"
ONE, ALL = "one bucket", "all buckets"
# Those among all buckets share one middleware, because one that gets fewer requests has less of
# its data in the CPU's caches.
ASKED = {ONE: CASES, ALL: [case for case in CASES if case.at_most is not None]}
# The seeds of two random orders.
FILLED, REQUESTED = 1, 2

#: Seconds per call, by which buckets are requested, and by case and contender.
Times = Mapping[str, Mapping[tuple[str, str], float]]


def main() -> None:
    if sys.argv[2:3] == ["--flask"]:
        print(time_flask(sys.argv[3], int(sys.argv[1].partition("=")[2])))
        return
    options = parse_arguments(__doc__, buckets=100_000, rounds=500, processes=10)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        store = build_store(Path(folder, "rules.sqlite"), options.buckets, own_rule_set)
        times = measure(store, options.buckets, options.rounds)
        store.close()
    flask = measure_flask(options.processes, options.rounds * 2)
    tables = {
        "in-process": against_wsgicors(times),
        "many-buckets": against_least_code(times, options.buckets),
        "extra": extra(times),
        "flask-cors": against_flask_cors(times, flask),
    }
    finish(tables, save=options.save)


def measure(store: SQLiteStore, buckets: int, rounds: int) -> Times:
    """Time the cases, for one bucket and for all of them."""
    filled, requested = shuffled(buckets, FILLED), shuffled(buckets, REQUESTED)
    apps = contenders(store, prepare(filled, own_origin), own_origin(requested[0]))
    for case in ASKED[ALL]:
        # So that everything is in memory.
        call_all(apps[case.wrapped][OURS], case.environ, case.requests(filled))
    return {
        which: least_seconds(all_runs(apps, ASKED[which], asked), rounds)
        for which, asked in ((ONE, requested[:1]), (ALL, requested))
    }


def all_runs(
    apps: Mapping[Wrapped, Mapping[str, WSGIApplication]],
    cases: Sequence[Case],
    buckets: Sequence[int],
) -> dict[tuple[str, str], Run]:
    """These cases for all contenders, over these buckets."""
    runs = {}
    for index, case in enumerate(cases):
        # Far from each other, because the CPU's caches hold what another case has just requested.
        first = index * len(buckets) // len(cases)
        order = [*buckets[first:], *buckets[:first]]
        for name, app in apps[case.wrapped].items():
            run = requests(app, case.environ, case.requests(cycle(order)), CALLS)
            runs[case.name, name] = run
    return runs


def contenders(
    store: SQLiteStore, prepared: Mapping[str, Prepared], origin: str
) -> dict[Wrapped, dict[str, WSGIApplication]]:
    """All contenders around the function of each case. Cases with the same function share them.

    :param origin: the origin that the static policy allows.
    """
    return {
        (app, by_host): {
            BARE: app,
            WSGICORS: static_policy(app, origin),
            LEAST: least(app, prepared, by_host=by_host),
            OURS: BucketCORSMiddleware(
                app, store=store, host_suffixes=[HOST_SUFFIX] if by_host else []
            ),
        }
        for app, by_host in {case.wrapped for case in CASES}
    }


def measure_flask(processes: int, rounds: int) -> Mapping[str, float]:
    """Time an actual response of Flask applications. Each runs alone; the medians count."""
    times: dict[str, list[float]] = {name: [] for name in FLASK}
    for _ in range(processes):
        for name, each in times.items():
            command = [sys.executable, __file__, f"--rounds={rounds}", "--flask", name]
            output = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, timeout=CHILD_SECONDS
            ).stdout
            each.append(float(output))
    return {name: statistics.median(each) for name, each in times.items()}


def time_flask(name: str, rounds: int) -> float:
    """Time one of the Flask applications, in a process of its own."""
    different = cycle([{"PATH_INFO": path_of(bucket_name(0))}])
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        closing(build_store(Path(folder, "rules.sqlite"), 1)) as store,
    ):
        run = requests(sent(FLASK[name](store)), ACTUAL.environ, different, FLASK_CALLS)
        return least_seconds({name: run}, rounds)[name]


def with_ours(store: SQLiteStore) -> Flask:
    """The application with this package."""
    app = served.plain()
    BucketCORS(app, store=store)
    return app


#: The Flask applications that are measured.
FLASK: dict[str, Callable[[SQLiteStore], Flask]] = {
    BARE: lambda store: served.plain(),
    "flask-cors": lambda store: served.with_flask_cors(),
    LEAST: lambda store: served.with_least_code(),
    OURS: with_ours,
}


def sent(app: WSGIApplication) -> WSGIApplication:
    """Read each response as a server does, so that Flask ends its request."""

    def take(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = app(environ, start_response)
        body = list(response)
        response.close()  # type: ignore[attr-defined]
        return body

    return take


def over_bare(times: Times, which: str, case: Case, name: str) -> float:
    return times[which][case.name, name] - times[which][case.name, BARE]


def against_wsgicors(times: Times) -> Table:
    rows = []
    for case in ASKED[ALL]:
        unit = over_bare(times, ONE, case, WSGICORS)
        ratios = [over_bare(times, ONE, case, name) / unit for name in (OURS, LEAST)]
        rows.append([case.name, *ratios, case.at_most])
    return Table(["time over the bare function; wsgicors = 1", OURS, LEAST, AT_MOST], rows)


def against_least_code(times: Times, buckets: int) -> Table:
    rows = [
        [case.name, over_bare(times, ALL, case, OURS) / over_bare(times, ALL, case, LEAST)]
        for case in ASKED[ALL]
    ]
    return Table([f"{buckets:,} buckets; least code = 1", OURS], rows)


def extra(times: Times) -> Table:
    """What some cases add to an actual response. The unit is the bare function's cost."""
    unit = times[ONE][ACTUAL.name, BARE]
    rows = []
    for case in (TEN_HEADERS, BY_HOST):
        figures = [
            over_bare(times, ONE, case, name) - over_bare(times, ONE, ACTUAL, name)
            for name in (OURS, LEAST)
        ]
        rows.append([case.name, *(figure / unit for figure in figures), EXTRA_AT_MOST])
    column = "more than an actual response takes; the bare function = 1"
    return Table([column, OURS, LEAST, AT_MOST], rows)


def against_flask_cors(times: Times, flask: Mapping[str, float]) -> Table:
    unit = flask["flask-cors"] - flask[BARE]
    bare = [over_bare(times, ONE, ACTUAL, name) / unit for name in (OURS, LEAST)]
    inside = [(flask[name] - flask[BARE]) / unit for name in (OURS, LEAST)]
    rows = [
        ["around the bare function", *bare, AGAINST_FLASK_CORS],
        ["around the bare Flask application", *inside, INSIDE_FLASK_CORS],
    ]
    return Table(["added to an actual response; flask-cors = 1", OURS, LEAST, AT_MOST], rows)


if __name__ == "__main__":
    main()
