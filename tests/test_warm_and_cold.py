"""Rules in memory change how fast a request is decided, and nothing else.

The hot path decides as soon as a bucket's rules are in memory. Each case is asked twice: as the
first request of a process, and after requests that bring every bucket's rules into memory.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RuleSet
from flask_bucketcors.core.request import Request
from flask_bucketcors.core.resolvers import make_resolver
from flask_bucketcors.wsgi.rules_cache import RulesCache
from tests.support.tables import in_one_test

LONG = "a" * 200
BUCKETS = ["alice", "Alice", "bob", "s", "t", "x", "x.b", "eu", "k", LONG]
SUFFIX = {"host_suffixes": ["cos.test"]}
PREFIX = {"url_prefix": "/s"}
BOTH = {**SUFFIX, **PREFIX}
HOSTS = {**SUFFIX, "hosts_only": True}
OWN = {**SUFFIX, "reserved": ["t"]}
REGION = {"host_suffixes": ["cos.test", "eu.cos.test"]}
LONG_SUFFIX = "b" * 60 + ".test"


class Site:
    """An application behind the middleware, where each bucket allows an origin of its own."""

    def __init__(self, options: dict[str, Any], *, is_warm: bool) -> None:
        self.reached: list[str] = []
        self.store = MemoryStore()
        self.store.put_many((name, RuleSet([Rule([origin_of(name)], ["GET"])])) for name in BUCKETS)
        self._middleware = BucketCORSMiddleware(self._app, store=self.store, **options)
        if is_warm:
            # Twice: the first request reads the rules, the second is answered at once.
            for _ in range(2):
                self._warm()

    def _warm(self) -> None:
        for name in BUCKETS:
            self.judges(f"/{name}/key", "h")
            self.judges(f"/s/{name}/key", "h")
            for suffix in ("cos.test", "cos.test:8080", "eu.cos.test", LONG_SUFFIX):
                self.judges("/key", f"{name}.{suffix}")
                self.judges("/s/key", f"{name}.{suffix}")
        self.reached.clear()

    def _app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.reached.append(environ["REQUEST_METHOD"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    def ask(self, path: str, host: str, **more: str) -> tuple[str, dict[str, str]]:
        """Status and headers of a response."""
        found: list[tuple[str, dict[str, str]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            found.append((status, dict(headers)))

        base = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_HOST": host, "QUERY_STRING": ""}
        list(self._middleware({**base, **more}, start_response))
        return found[-1]

    def judges(self, path: str, host: str) -> set[str]:
        """The buckets whose rules decide about a request."""
        return {
            name
            for name in BUCKETS
            if "Access-Control-Allow-Origin" in self.ask(path, host, HTTP_ORIGIN=origin_of(name))[1]
        }


def origin_of(bucket: str) -> str:
    """The origin that a bucket's rules allow."""
    return f"https://{BUCKETS.index(bucket)}.example"


WARMTH = [pytest.param(False, id="cold"), pytest.param(True, id="warmed")]

ROOTS = {
    "path": ({}, "h", ["/alice", "/alice/", "/alice//", "/alice///", "//alice", "//alice/"]),
    "path without slash": ({}, "h", ["alice", "alice/", "alice//"]),
    "prefix": (PREFIX, "h", ["/s/alice", "/s/alice/", "/s/alice//", "//s/alice/", "/s//alice"]),
    "prefix without slash": (PREFIX, "h", ["s/alice", "s/alice/", "s//alice//"]),
    "host": (SUFFIX, "alice.cos.test", ["", "/", "//", "///"]),
    "host with a port": (SUFFIX, "alice.cos.test:8080", ["", "/", "//", "///"]),
    "host beside a prefix": (BOTH, "alice.cos.test", ["", "/", "//"]),
    "path beside hosts": (SUFFIX, "h", ["/alice", "/alice/", "/alice//", "//alice", "alice"]),
    "path below a prefix beside hosts": (BOTH, "h", ["/s/alice", "/s/alice/", "/s//alice//"]),
}


@in_one_test
@pytest.mark.parametrize("is_warm", WARMTH)
@pytest.mark.parametrize("options, host, paths", ROOTS.values(), ids=ROOTS)
def test_no_rules_call_reaches_the_application(
    options: dict[str, Any], host: str, paths: list[str], is_warm: bool
) -> None:
    """To it ``DELETE /alice//?cors`` would mean the bucket."""
    site = Site(options, is_warm=is_warm)
    for path in paths:
        for method in ("GET", "PUT", "POST", "DELETE"):
            for query in ("cors", "cors=", "a=b&cors"):
                environ = {"REQUEST_METHOD": method, "QUERY_STRING": query}
                assert site.ask(path, host, **environ)[0].startswith("501"), (path, method, query)
    assert site.reached == []


OBJECTS = {
    "path": ({}, "h", ["/alice/k", "/alice//k", "/alice/k/", "//alice/k", "/alice/ ", "alice/x/k"]),
    "prefix": (PREFIX, "h", ["/s/alice/k", "/s/alice//k", "/s//alice/k", "/s/alice/!"]),
    "host": (SUFFIX, "alice.cos.test", ["/k", "//k", "/bob/k", "/!", "k"]),
    "host beside a prefix": (BOTH, "alice.cos.test", ["/s", "/s/", "/s/bob/k", "/k", "s/k"]),
}


@in_one_test
@pytest.mark.parametrize("is_warm", WARMTH)
@pytest.mark.parametrize("options, host, paths", OBJECTS.values(), ids=OBJECTS)
def test_an_object_is_the_applications_whatever_its_query(
    options: dict[str, Any], host: str, paths: list[str], is_warm: bool
) -> None:
    site = Site(options, is_warm=is_warm)
    for path in paths:
        environ = {"REQUEST_METHOD": "DELETE", "QUERY_STRING": "cors"}
        assert site.ask(path, host, **environ)[0] == "200 OK", path
        assert site.judges(path, host) == {"alice"}, path
    assert site.reached.count("DELETE") == len(paths)


JUDGED = {
    "first segment without a slash before it": ({}, "h", "alice/x/k", {"alice"}),
    "slashes before the bucket": ({}, "h", "//alice/x/k", {"alice"}),
    "case of a bucket's name": ({}, "h", "/Alice/k", {"Alice"}),
    "no such bucket": ({}, "h", "/carol/alice/k", set()),
    "a host that is none, where no host names a bucket": ({}, "h:80:80", "/alice/k", {"alice"}),
    "a host with a dot, where no host names one": ({}, "alice.", "/bob/k", {"bob"}),
    "below the prefix": (PREFIX, "h", "/s/s/k", {"s"}),
    "beside the prefix": (PREFIX, "h", "/t/alice/k", set()),
    "bucket called like the prefix": (PREFIX, "h", "/s/k/k", {"k"}),
    "longer segment than the prefix": (PREFIX, "h", "/sx/alice/k", set()),
    "host": (SUFFIX, "alice.cos.test", "/bob/k", {"alice"}),
    "host in other case": (SUFFIX, "ALICE.cos.test", "/k", {"alice"}),
    "suffix in other case": (SUFFIX, "alice.COS.test", "/k", {"alice"}),
    "host with a label in other case": (SUFFIX, "Alice.cos.test", "/bob/k", {"alice"}),
    "host with a port": (SUFFIX, "alice.cos.test:8080", "/bob/k", {"alice"}),
    "host with another port": (SUFFIX, "alice.cos.test:81", "/bob/k", {"alice"}),
    "foreign host": (SUFFIX, "alice.evil.test", "/bob/k", {"bob"}),
    "foreign host that begins like one": (SUFFIX, "alice.cos.test.evil.test", "/bob/k", {"bob"}),
    "foreign host below a prefix": (BOTH, "alice.evil.test", "/s/bob/k", {"bob"}),
    "host without a dot": (SUFFIX, "alice", "/bob/k", {"bob"}),
    "the suffix itself": (SUFFIX, "cos.test", "/bob/k", {"bob"}),
    "bucket with a dot": (SUFFIX, "x.b.cos.test", "/k", {"x.b"}),
    "bucket with a dot that is unknown": (SUFFIX, "alice.b.cos.test", "/k", set()),
    "suffix below a suffix": (REGION, "eu.cos.test", "/bob/k", {"bob"}),
    "bucket of a suffix below a suffix": (REGION, "alice.eu.cos.test", "/bob/k", {"alice"}),
    "bucket of a suffix above another": (REGION, "alice.cos.test", "/bob/k", {"alice"}),
    "host beside the prefix": (BOTH, "alice.cos.test", "/t/k", {"alice"}),
    "host and a bucket below the prefix": (BOTH, "alice.cos.test", "/s/bob/k", {"alice"}),
    "host, where only hosts name buckets": (HOSTS, "alice.cos.test", "/bob/k", {"alice"}),
    "path, where only hosts name buckets": (HOSTS, "h", "/bob/k", set()),
    "reserved on a host, path without slash": (OWN, "alice.cos.test", "t/k", set()),
    "host that is none": (SUFFIX, "alice.cos.test:80:80", "/bob/k", set()),
    "host with a character that is none": (SUFFIX, "al ice.cos.test", "/bob/k", set()),
    "longest label": ({"host_suffixes": [LONG_SUFFIX]}, f"{LONG}.{LONG_SUFFIX}", "/k", set()),
}


@in_one_test
@pytest.mark.parametrize("is_warm", WARMTH)
@pytest.mark.parametrize("options, host, path, expected", JUDGED.values(), ids=JUDGED)
def test_a_request_is_judged_by_the_rules_of_its_bucket(
    options: dict[str, Any], host: str, path: str, expected: set[str], is_warm: bool
) -> None:
    site = Site(options, is_warm=is_warm)
    # Twice: what the first request taught must not change the second.
    assert [site.judges(path, host) for _ in range(2)] == [expected, expected]


@pytest.mark.parametrize("is_warm", WARMTH)
@pytest.mark.parametrize("first", ["x.b.cos.test", "x.cos.test"])
def test_what_one_host_taught_is_not_used_for_another(first: str, is_warm: bool) -> None:
    site = Site(SUFFIX, is_warm=is_warm)
    site.judges("/k", first)
    site.judges("/k", "x.cos.test")
    assert site.judges("/k", "x.b.cos.test") == {"x.b"}
    assert site.judges("/k", "x.cos.test") == {"x"}


def hosts_of(resolver: Any, hosts: list[str]) -> Iterator[str]:
    """Those of the hosts whose bucket is named at little cost."""
    for host in hosts:
        try:
            resolver.name_bucket("/key", host)
        except LookupError:
            continue
        yield host


def test_spellings_of_suffixes_that_are_remembered_are_bounded() -> None:
    """A client chooses the port that it sends."""
    resolver = make_resolver(**SUFFIX)
    hosts = [f"alice.cos.test:{port}" for port in range(65)]
    for host in hosts[:-1]:
        resolver(Request("GET", "/key", host))
    assert list(hosts_of(resolver, hosts)) == hosts[:-1]
    resolver(Request("GET", "/key", hosts[-1]))
    assert list(hosts_of(resolver, hosts)) == hosts[-1:]


def test_the_longest_host_is_named_at_little_cost_and_no_longer_one() -> None:
    resolver = make_resolver(host_suffixes=["cos.test"])
    resolver(Request("GET", "/key", "alice.cos.test"))
    hosts = ["b" * (253 - len(".cos.test") + more) + ".cos.test" for more in (0, 1)]
    assert list(hosts_of(resolver, hosts)) == hosts[:1]


class DeadSignal:
    """A signal in a file that was cut off under the process."""

    def __init__(self) -> None:
        self.number = 0
        self.is_dead = False

    def __getitem__(self, index: int) -> int:
        if self.is_dead:
            raise OSError("the file is gone")
        return self.number


@pytest.mark.parametrize("is_warm", WARMTH)
def test_a_signal_that_raises_stops_no_request(
    is_warm: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = DeadSignal()
    monkeypatch.setattr(MemoryStore, "signal", lambda store: signal)
    site = Site({}, is_warm=is_warm)
    site.judges("/alice/k", "h")
    signal.is_dead = True
    assert site.judges("/alice/k", "h") == {"alice"}


OWN_API: dict[str, Any] = {**SUFFIX, "reserved": ["api"]}

AT_LITTLE_COST = {
    "prefix": (PREFIX, "h", "/s/alice/k", "alice"),
    "prefix, key with slashes": (PREFIX, "h", "/s/alice/a/b/c", "alice"),
    "prefix, key that begins with a digit": (PREFIX, "h", "/s/alice/0", "alice"),
    "prefix, root": (PREFIX, "h", "/s/alice/", None),
    "prefix, root without a slash": (PREFIX, "h", "/s/alice", None),
    "prefix, key that begins with a slash": (PREFIX, "h", "/s/alice//k", None),
    "beside the prefix": (PREFIX, "h", "/t/alice/k", None),
    "path": ({}, "h", "/alice/a/b", "alice"),
    "host": (SUFFIX, "alice.cos.test", "/k", "alice"),
    "host, key that begins with a digit": (SUFFIX, "alice.cos.test", "/0", "alice"),
    "host, root": (SUFFIX, "alice.cos.test", "/", None),
    "host, key that begins with a slash": (SUFFIX, "alice.cos.test", "//k", None),
    "host in other case": (SUFFIX, "Alice.cos.test", "/k", None),
    "reserved segment on a host": (OWN_API, "alice.cos.test", "/api", None),
    "what is below it": (OWN_API, "alice.cos.test", "/api/items", None),
    "reserved segment, ended by a backslash": (OWN_API, "alice.cos.test", "/api\\items", None),
    "reserved name, but not as the first segment": (OWN_API, "alice.cos.test", "/k/api", "alice"),
    "foreign host": (SUFFIX, "alice.evil.test", "/k", None),
    "host and prefix": (BOTH, "alice.cos.test", "/s/k", "alice"),
    "host beside the prefix": (BOTH, "alice.cos.test", "/t/k", "alice"),
    "host, path without a slash": (SUFFIX, "alice.cos.test", "k", None),
    "bucket with a dot": (SUFFIX, "x.b.cos.test", "/k", None),
    "suffix below a suffix": (REGION, "alice.eu.cos.test", "/k", "alice"),
    "region": ({"host_suffixes": ["cos.{region}.test"]}, "alice.cos.eu.test", "/k", "alice"),
    "function": ({"buckets": lambda request: ("alice", "k")}, "h", "/alice/k", None),
}


@in_one_test
@pytest.mark.parametrize(
    "options, host, path, expected", AT_LITTLE_COST.values(), ids=AT_LITTLE_COST
)
def test_buckets_that_are_named_at_little_cost(
    options: dict[str, Any], host: str, path: str, expected: str | None
) -> None:
    """After a request has taught the resolver what it needs; the others take the longer way."""
    resolver = make_resolver(**options)
    resolver(Request("GET", path, host))
    if expected is not None:
        assert resolver.name_bucket(path, host) == expected
        return
    with pytest.raises(LookupError):
        resolver.name_bucket(path, host)


@pytest.mark.parametrize("later, is_seen", [(0.0, False), (0.999, False), (1.0, True), (5.0, True)])
@pytest.mark.parametrize("is_warm", WARMTH)
def test_a_change_that_nobody_signalled_is_seen_after_a_second(
    is_warm: bool, later: float, is_seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer died before it could; the last moment of the second is not within it."""
    now = [1000.0]
    cache = partial(RulesCache, clock=lambda: now[0])
    monkeypatch.setattr("flask_bucketcors.wsgi.middleware.RulesCache", cache)
    monkeypatch.setattr(MemoryStore, "signal", lambda store: [0])
    site = Site({}, is_warm=is_warm)
    assert site.judges("/alice/k", "h") == {"alice"}
    site.store.put("alice", RuleSet([Rule([origin_of("bob")], ["GET"])]))
    now[0] += later
    assert site.judges("/alice/k", "h") == ({"bob"} if is_seen else {"alice"})
