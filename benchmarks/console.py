"""Measure the pages of the console: how long the server takes, and how much a browser loads.

Times are in milliseconds, as a client in the same process sees them: the first visit of a bucket,
after the pages of another one have loaded all modules, and the median of later ones. Sizes are in
kilobytes of HTML, stylesheet and script, not compressed, and compressed by gzip.
"""

import gzip
import re
import statistics
import tempfile
import time
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from report import AT_MOST, Table, finish, parse_arguments
from werkzeug.test import Client

from flask_bucketcors import Rule, RuleSet, SQLiteStore, console_app

METHODS = ["GET", "PUT"]
HEADERS = ["content-type", "x-cos-meta-*"]
MILLISECONDS, KILOBYTES = 1e3, 1 / 1024
Rows = list[list[object]]
STYLE = ("console.css", "console.js")


def rules(count: int, origins: int, patterns: int = 2) -> RuleSet:
    """Rules with their own origins, some of which are patterns."""
    return RuleSet(
        [
            Rule(
                [origin(f"{rule}-{number}", number < patterns) for number in range(origins)],
                METHODS,
                HEADERS,
                ["ETag"],
                600,
                f"rule-{rule}",
            )
            for rule in range(count)
        ]
    )


def origin(name: str, is_pattern: bool) -> str:
    return f"https://{'*.' if is_pattern else ''}site{name}.example"


class Visited(NamedTuple):
    """A page that is measured.

    :param first, later: the most milliseconds of the first visit, and of later ones.
    :param size: the most kilobytes.
    """

    path: str
    first: float | None = None
    later: float | None = None
    size: float | None = None


FIVE, HUNDRED = rules(5, 4), rules(100, 10)
TRIED = "origin=https://other.example&method=PUT&headers=content-type"
PAGES = {
    "rules, 5 rules": Visited("/b/five/", None, 10),
    "rules, 10 rules of 5 origins": Visited("/b/usual/", None, 30, 60),
    "rules, 100 rules of 10 origins": Visited("/b/hundred/", 200, 30, 100),
    "rules, 1,000 origins in one rule": Visited("/b/long/", 200, 30, 100),
    "form, 100 rules of 10 origins": Visited("/b/hundred/add", None, 30, 100),
    "try, 100 rules of 10 origins": Visited(f"/b/hundred/try?{TRIED}", None, None, 100),
    "history, 10 of 50 changes of 100 rules": Visited("/b/changed/history", None, None, 100),
    "text, 100 rules of 10 origins": Visited("/b/hundred/text", None, None, None),
    "buckets, first of many": Visited("/", None, 15, 60),
    "buckets, last of many": Visited("/?after=bucket-099940", None, 15, 60),
}


def main() -> None:
    options = parse_arguments(__doc__, buckets=100_000, visits=20)
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        closing(SQLiteStore(Path(folder, "rules.sqlite"))) as store,
    ):
        fill(store, options.buckets)
        firsts, laters, sizes = measure(store, options.visits)
    finish(
        {
            "console-first": Table(["milliseconds, first visit", "console", AT_MOST], firsts),
            "console-later": Table(["milliseconds, later visits", "console", AT_MOST], laters),
            "console-sizes": Table(["kilobytes", "size", "compressed", AT_MOST], sizes),
        },
        save=options.save,
    )


def fill(store: SQLiteStore, buckets: int) -> None:
    warm_up = {"warm-up": rules(3, 3)}
    named = {"five": FIVE, "usual": rules(10, 5), "hundred": HUNDRED, "long": rules(1, 1000)}
    store.put_many([*warm_up.items(), *named.items()], "alice")
    for number in range(50):
        changed = RuleSet([*HUNDRED.rules[number % 7 :], rules(1, 10, number % 5).rules[0]][:100])
        store.put("changed", changed, "alice")
    numbers = range(buckets)
    store.put_many(((f"bucket-{each:06}", rules(1, 3, each % 2)) for each in numbers), "alice")


def measure(store: SQLiteStore, visits: int) -> tuple[Rows, Rows, Rows]:
    """Give the rows of the tables."""
    console = console_app(store, authorize=lambda call: "alice", secret_key="benchmark")
    client = Client(console)
    for page in PAGES.values():
        visit(client, re.sub("/b/[a-z]+", "/b/warm-up", page.path))
    folder = files("flask_bucketcors.console") / "static"
    style = b"".join((folder / name).read_bytes() for name in STYLE)
    firsts: Rows = []
    laters: Rows = []
    sizes: Rows = []
    for name, page in PAGES.items():
        first, content = visit(client, page.path)
        later = statistics.median(visit(client, page.path)[0] for _ in range(visits))
        firsts.append([name, first, page.first])
        laters.append([name, later, page.later])
        whole = content + style
        compressed = len(gzip.compress(whole)) * KILOBYTES
        sizes.append([name, len(whole) * KILOBYTES, compressed, page.size])
    return firsts, laters, sizes


def visit(client: Client, path: str) -> tuple[float, bytes]:
    """Open a page. Give the milliseconds, and the HTML."""
    begin = time.perf_counter()
    response = client.get(path, base_url="https://localhost")
    content = response.get_data()
    passed = (time.perf_counter() - begin) * MILLISECONDS
    if response.status_code != 200:
        raise RuntimeError(f"{path} responds with {response.status}")
    return passed, content


if __name__ == "__main__":
    main()
