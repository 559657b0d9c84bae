"""Three judges of a request: the rules read naively, a model of the browser, and Chromium.

Each row is a bucket with rules, the origin of a page, and a request of its script. The judges
say what a script learns and what goes over the wire, and they must agree:

- the rules: whether they allow the request, by ``naive_evaluator.evaluate`` and nothing else;
- the model (``fetch_model.py``): what a browser makes of the middleware's raw responses;
- Chromium: what ``fetch`` gave, and which requests reached the server.

One deviation is known: to Chromium, ``Access-Control-Allow-Headers: *`` without credentials
covers Authorization; the standard says it does not. No row can meet it, because the middleware
answers with the names that were asked for and never with ``*``; two tests below hold both.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
from pages import STORAGE_HOST, WAIT_SECONDS, Page, Received, Site
from served import ETAG, SIZE_HEADER, Request

from flask_bucketcors import Rule
from tests.support.fetch_model import (
    PageRequest,
    Pairs,
    exposed_headers,
    may_proceed,
    needs_preflight,
    passes_preflight,
    preflight_request_headers,
)
from tests.support.naive_evaluator import RuleDict, Verdict, evaluate

# Stand for the ports of the two servers, which are known only when they run.
HERE, THERE = ":here", ":there"

A = f"http://a.app.test{HERE}"
STORAGE_HEADERS = {"etag", SIZE_HEADER}
ORIGINS = [
    A,
    f"http://a.app.test{THERE}",
    f"http://b.app.test{HERE}",
    f"http://deep.a.app.test{HERE}",
    f"http://app.test{HERE}",
    f"http://evilapp.test{HERE}",
    f"http://app.test.other.test{HERE}",
    f"http://{STORAGE_HOST}{THERE}",
    "null",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PROPFIND", "patch", "put"]
HEADERS: list[dict[str, str]] = [
    # Twice, so that requests without any are chosen more often.
    {},
    {},
    {"X-A": "1"},
    {"X-A": "1", "X-B": "2"},
    {"Authorization": "q-sign-algorithm=sha1"},
    {"X-Cos-Meta-A": "1"},
    {"X-Cos-Meta-A": "1", "Authorization": "q-sign-algorithm=sha1"},
    {"Content-Type": "application/json"},
    {"Content-Type": "text/plain"},
    {"Range": "bytes=0-4"},
    {"Range": "bytes=-4"},
    {"If-None-Match": ETAG},
]
STATUSES = [200, 204, 304, 404, 500]


def rule(
    origins: Sequence[str],
    methods: str,
    headers: Sequence[str] = (),
    expose: Sequence[str] = (),
    max_age: int | None = None,
) -> RuleDict:
    """Write a rule; methods are words."""
    return RuleDict(
        id=None,
        allowed_origins=list(origins),
        allowed_methods=methods.split(),
        allowed_headers=list(headers),
        expose_headers=list(expose),
        max_age_seconds=max_age,
    )


EVERY_METHOD = "GET PUT POST DELETE HEAD PATCH PROPFIND"
BUCKETS: dict[str, list[RuleDict]] = {
    "no-rules": [],
    "exact": [rule([A], "GET PUT POST", ["x-a", "content-type"], ["ETag"], 600)],
    "subdomains": [rule([f"http://*.app.test{HERE}"], EVERY_METHOD, ["*"], max_age=0)],
    "any-port": [rule(["http://a.app.test:*"], EVERY_METHOD, ["X-A", "Authorization"])],
    "any-origin": [rule(["*"], "GET PUT DELETE", ["*"], ["etag", SIZE_HEADER], 600)],
    "any-and-named": [rule(["*", A], EVERY_METHOD, ["authorization", "x-cos-meta-*"])],
    "null": [rule(["null"], "GET HEAD PUT POST", ["x-cos-meta-*", "range"], [SIZE_HEADER])],
    "first-fits": [
        rule([A], "GET", expose=["ETag"]),
        rule(["http://*"], EVERY_METHOD, ["x-*", "authorization"], [SIZE_HEADER]),
        rule(["*"], EVERY_METHOD, ["*"]),
    ],
    "only-put": [rule([f"http://*{HERE}", "null"], "PUT", ["*"], ["ETag"])],
}

# Of each bucket and origin, as many rows that the rules allow as that they refuse; those that
# are looked at are many enough to find them where there are any.
ROWS_OF_EACH_KIND = 9
ROWS_LOOKED_AT = 90
SEED = 5


@dataclass(frozen=True)
class Row:
    """A request of a page, and the status that the application answers it with."""

    bucket: str
    request: PageRequest
    status: int


@dataclass(frozen=True)
class Outcome:
    """What a script learns, and what is sent for it.

    :param sent: the method and, of a preflight, what it asks for, of each request.
    :param status: None if the script may not read the response.
    :param readable: which of the two headers of the storage application it can read.
    """

    sent: tuple[str, ...]
    status: int | None = None
    readable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Table:
    """The rows, at the ports of the servers that run.

    :param rules: the rules of each bucket.
    :param names: the name of each bucket on the server.
    :param rows: by the origin as it stands in ``ORIGINS``.
    """

    site: Site
    rules: Mapping[str, list[RuleDict]]
    names: Mapping[str, str]
    rows: Mapping[str, list[Row]]


@pytest.fixture(scope="module")
def table(sites: dict[str, Site]) -> Table:
    """The table, with the buckets on the server."""
    site, other = sites["safe"], sites["vendor"]

    def at_ports(text: str) -> str:
        return text.replace(HERE, f":{site.port}").replace(THERE, f":{other.port}")

    rules = {
        name: [_with_origins(each, map(at_ports, each["allowed_origins"])) for each in templates]
        for name, templates in BUCKETS.items()
    }
    names = {name: _make_bucket(site, rules[name]) for name in rules}
    return Table(site, rules, names, _choose_rows(rules, at_ports))


def _with_origins(template: RuleDict, origins: Iterable[str]) -> RuleDict:
    return {**template, "allowed_origins": list(origins)}


def _make_bucket(site: Site, rules: Sequence[RuleDict]) -> str:
    return site.bucket(*(Rule(**each) for each in rules)) if rules else "bucket-without-rules"


def _choose_rows(
    rules: Mapping[str, list[RuleDict]], at_ports: Callable[[str], str]
) -> dict[str, list[Row]]:
    # The same ones each time, but for the ports.
    choice = random.Random(SEED)
    requests = list(product(METHODS, HEADERS, [False, True], STATUSES))
    chosen: dict[str, list[Row]] = {origin: [] for origin in ORIGINS}
    for bucket, origin in product(BUCKETS, ORIGINS):
        sample = [
            Row(bucket, PageRequest(at_ports(origin), method, headers, credentials), status)
            for method, headers, credentials, status in choice.sample(requests, ROWS_LOOKED_AT)
        ]
        for wanted in (True, False):
            kind = [row for row in sample if is_allowed(row, rules[bucket]) is wanted]
            chosen[origin] += kind[:ROWS_OF_EACH_KIND]
    return chosen


def is_allowed(row: Row, rules: Sequence[RuleDict]) -> bool:
    """Whether a script may read the response, as the rules are written."""
    return by_rules(row, rules).status is not None


def by_rules(row: Row, rules: Sequence[RuleDict]) -> Outcome:
    """The first judge: what the rules say."""
    request, sent = row.request, []
    method, origin = request.sent_method, request.origin
    if needs_preflight(request):
        asked = preflight_request_headers(request)
        sent.append(_preflight_line(asked))
        names = asked.get("Access-Control-Request-Headers")
        admitted = evaluate(rules, origin=origin, method=method, requested_headers=names)
        if not _covers(admitted, request):
            return Outcome(tuple(sent))
    sent.append(method)
    verdict = evaluate(rules, origin=origin, method=method, kind="actual")
    if verdict.rule is None or not _covers(verdict, request):
        return Outcome(tuple(sent))
    exposed = {name.lower() for name in rules[verdict.rule]["expose_headers"]}
    return Outcome(tuple(sent), row.status, frozenset(exposed & STORAGE_HEADERS))


def by_model(row: Row, url: str, connection: HTTPConnection) -> Outcome:
    """The second judge: what a browser makes of the answers, as the standard has it."""
    request, sent, preflight = row.request, [], None
    if needs_preflight(request):
        asked = preflight_request_headers(request)
        sent.append(_preflight_line(asked))
        preflight = _ask(connection, "OPTIONS", url, asked)
        if not passes_preflight(request, *preflight):
            return Outcome(tuple(sent))
    sent.append(request.sent_method)
    origin = {"Origin": request.origin}
    status, headers = _ask(connection, request.sent_method, url, {**origin, **request.headers})
    if not may_proceed(request, preflight, (status, headers)):
        return Outcome(tuple(sent))
    readable = exposed_headers(request, headers).keys()
    return Outcome(tuple(sent), status, frozenset(readable & STORAGE_HEADERS))


def by_chromium(response: Received | None, seen: Sequence[Request]) -> Outcome:
    """The third judge: what Chromium did."""
    sent = tuple(_line_seen(request) for request in seen)
    if response is None:
        return Outcome(sent)
    return Outcome(sent, response.status, frozenset(response.headers.keys() & STORAGE_HEADERS))


def _covers(verdict: Verdict, request: PageRequest) -> bool:
    has_credentials = "Access-Control-Allow-Credentials" in verdict.headers
    return verdict.rule is not None and (has_credentials or not request.credentials)


def _preflight_line(headers: Mapping[str, str]) -> str:
    method = headers["Access-Control-Request-Method"]
    return f"OPTIONS for {method} with {headers.get('Access-Control-Request-Headers')}"


def _line_seen(request: Request) -> str:
    if request.method != "OPTIONS":
        return request.method
    method = request.headers["access-control-request-method"]
    return f"OPTIONS for {method} with {request.headers.get('access-control-request-headers')}"


def _ask(
    connection: HTTPConnection, method: str, url: str, headers: Mapping[str, str]
) -> tuple[int, Pairs]:
    parts = urlsplit(url)
    connection.request(
        method, f"{parts.path}?{parts.query}", headers={**headers, "Host": parts.netloc}
    )
    response = connection.getresponse()
    response.read()
    return response.status, response.getheaders()


@pytest.mark.parametrize("origin", ORIGINS)
def test_rules_model_and_chromium_agree(
    table: Table, visit: Callable[[str], Page], origin: str
) -> None:
    rows = table.rows[origin]
    judged = zip(
        rows,
        [by_rules(row, table.rules[row.bucket]) for row in rows],
        ask_model(table, rows),
        ask_chromium(table, rows, open_page(visit, rows[0].request.origin, table.site)),
        strict=True,
    )
    differing = [
        f"{row}\n  rules:    {rules}\n  model:    {model}\n  chromium: {chromium}"
        for row, rules, model, chromium in judged
        if not rules == model == chromium
    ]
    assert not differing, f"{len(differing)} of {len(rows)} rows:\n" + "\n".join(differing)


def test_the_table_is_large_and_has_everything_allowed_and_refused(table: Table) -> None:
    rows = [row for of_origin in table.rows.values() for row in of_origin]
    allowed = [row for row in rows if is_allowed(row, table.rules[row.bucket])]
    refused = [row for row in rows if not is_allowed(row, table.rules[row.bucket])]
    assert min(len(allowed), len(refused)) >= 300
    assert _values(refused) == _values(rows)
    # No rule can have "patch", and browsers send it as it is.
    assert _values(rows) - _values(allowed) == {"no-rules", "patch"}


def test_chromium_lets_a_star_cover_authorization_and_the_standard_does_not(
    site: Site, visit: Callable[[str], Page]
) -> None:
    request = PageRequest(site.origin("a.app.test"), headers={"Authorization": "any"})
    answered = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
    assert not passes_preflight(request, 200, list(answered.items()))
    url = site.plain_url(*map(": ".join, answered.items()))
    assert visit(request.origin).fetch(url, headers=request.headers)


def test_the_middleware_answers_a_star_of_headers_with_the_names_asked_for(table: Table) -> None:
    request = PageRequest("http://any.test", headers={"Authorization": "any", "X-A": "1"})
    url = table.site.url(table.names["any-origin"])
    with _connect(table.site) as connection:
        _, headers = _ask(connection, "OPTIONS", url, preflight_request_headers(request))
    assert dict(headers)["Access-Control-Allow-Headers"] == "authorization,x-a"


def open_page(visit: Callable[[str], Page], origin: str, site: Site) -> Page:
    """Open a page of an origin; "null" is that of a sandboxed frame."""
    if origin == "null":
        return visit(site.origin("a.app.test")).open_frame()
    return visit(origin)


def ask_chromium(table: Table, rows: Sequence[Row], page: Page) -> list[Outcome]:
    """Have a page make the requests of all rows."""
    group = table.site.token()
    tokens = [f"{group}{number}" for number in range(len(rows))]
    requests = [
        (table.site.url(table.names[row.bucket], status=row.status, token=token), _init(row))
        for row, token in zip(rows, tokens, strict=True)
    ]
    found = page.fetch_all(requests)
    seen = defaultdict(list)
    for request in table.site.seen_by_token(group):
        seen[request.token].append(request)
    return [
        by_chromium(response, seen[token]) for response, token in zip(found, tokens, strict=True)
    ]


def ask_model(table: Table, rows: Sequence[Row]) -> list[Outcome]:
    """Fetch the raw responses to the requests of all rows, and judge them."""
    with _connect(table.site) as connection:
        return [
            by_model(row, table.site.url(table.names[row.bucket], status=row.status), connection)
            for row in rows
        ]


def _init(row: Row) -> dict[str, Any]:
    request = row.request
    return {
        "method": request.method,
        "headers": request.headers,
        "credentials": "include" if request.credentials else "omit",
    }


def _connect(site: Site) -> closing[HTTPConnection]:
    return closing(HTTPConnection("127.0.0.1", site.port, timeout=WAIT_SECONDS))


def _values(rows: Iterable[Row]) -> set[object]:
    """Give all that occurs in rows."""
    return {
        value
        for row in rows
        for value in (
            row.bucket,
            row.status,
            row.request.origin,
            row.request.method,
            row.request.credentials,
            tuple(row.request.headers.items()),
        )
    }
