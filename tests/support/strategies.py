"""Hypothesis strategies for rules and requests that often meet, and that often just miss.

Rules and requests are put together from the same few schemes, hosts, ports and names, so that
equal, overlapping and almost equal texts are common. Every strategy gives one value: one
AllowedOrigin, one AllowedHeader, one raw header text.
"""

from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st

from tests.support.fetch_model import PageRequest
from tests.support.naive_evaluator import (
    METHOD_LIMIT,
    ORIGIN_LIMIT,
    REQUEST_HEADERS_LIMIT,
    REQUEST_NAMES_LIMIT,
    RuleDict,
)

T = TypeVar("T")

# What stands here more than once is drawn more often.
STARTS = ["http://", "http://", "http://", "https://", ""]
# They fit into each other, so that a "*" finds its two sides, also where they overlap.
HOSTS = ["a.test", "a.test", "b.a.test", "aba", "aba", "abaaba"]
PORTS = ["", "", "", "", ":80", ":8080"]

# Each of the vendors', and two of the ten that an application may add.
METHODS = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "PROPPATCH"]
OTHER_METHODS = ["get", "Put", "patch", "LOCK", "OPTIONS", "*", "GET,PUT", "GE", "GETT", "G\xcbT"]
OTHER_METHODS += ["X" * METHOD_LIMIT, "X" * (METHOD_LIMIT + 1)]

NAMES = ["range", "content-type", "authorization", "x-cos-meta-a", "aba", "x_under"]
NON_TOKENS = ["x a", "x:a", "x-a;", '"range"', "x-a\x00", "range\n", "\x0brange", "r\xe4nge", "x/a"]

NULL_PATTERNS = ["null", "n*", "*l", "nul*l", "null*", "*null", "NULL"]
RARE_PATTERNS = ["http://[::1]", "http://[::1]:8080", "http://[::1]:*", "*://[::1]"]
RARE_PATTERNS += ["app://a_b", "app://*", "http://10.0.0.1", "http://10.*.1", "a_b", "a_*b"]
OVERLAP_PATTERNS = ["aba*aba", "http://aba*aba", "http://a.test*.test", "http://ab*ba"]
LONG_ORIGINS = ["http://" + "a" * (ORIGIN_LIMIT - 7 + extra) for extra in (-1, 0, 1)]

# What stands for the "*" of a pattern in a request. Much of the second list makes an origin
# which fits the pattern, but not the grammar.
FITTING_FILLERS = ["", "a", "a.", "b.a.test", "80"]
FILLERS = ["s", ":80", "://", "s://b.", "-_", "[", "*", "/", "evil.test/", "?", "#", "@", "u@"]
FILLERS += [",", " ", "\t", "\x00", "\r\n", "\x7f", "\xe9"]

JUNK_ORIGINS = [
    "",
    "NULL",
    "*",
    "/",
    "app://a_b",
    "http://10.0.0.1",
    "a_b",
    "http",
    "http:",
    "http://",
    "://a.test",
    "1http://a.test",
    "ht_tp://a.test",
    "http:/a.test",
    "http:///a.test",
    "http://http://a.test",
    "http://a.test/",
    "http://a.test/a.test",
    "http://a.test?a.test",
    "http://a.test#a.test",
    "http://a.test@b.a.test",
    "http://a.test\\b.a.test",
    "http://a.test,http://b.a.test",
    "http://a.test http://b.a.test",
    "http://a.test\r\nX-A: 1",
    "http://a.test\x00",
    "http://a%2etest",
    "http://\xe4.test",
    "http://a.test:",
    "http://a.test:\xb2",
    "http://a.test:8o",
    "http://a.test:80:80",
    "http://a.test:00080",
    "http://a.test:12345",
    "http://a.test:123456",
    "http://[]",
    "http://[::1",
    "http://::1",
    "http://[::1]",
    "http://[::1]:8080",
    "http://[::1]a",
    "http://[::g]",
    "http://[::ffff:10.0.0.1]",
]

# Values on both sides of the browser's safelist.
PAGE_HEADERS = [
    ("Range", "bytes=0-4"),
    ("Range", "bytes=-4"),
    ("Content-Type", "text/plain"),
    ("content-type", "application/json"),
    ("Accept", "a" * 130),
    ("Authorization", "q-sign-algorithm=sha1"),
    ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ("X-Cos-Meta-A", "1"),
    ("x-cos-acl", "private"),
    ("x-a", ""),
    ("aba", "1"),
    ("x_under", "1"),
]


@dataclass(frozen=True)
class Meeting:
    """Rules, and a request that was drawn with one of them in view."""

    rules: list[RuleDict]
    origin: str
    method: str
    requested_headers: str | None


def origin_patterns() -> st.SearchStrategy[str]:
    """One valid AllowedOrigin: a literal, or a text with one ``*`` somewhere."""
    odd = [*NULL_PATTERNS, *RARE_PATTERNS, *LONG_ORIGINS[:2], LONG_ORIGINS[0] + "*"]
    return _mostly(
        st.one_of(_composed(), _starred()),
        st.one_of(
            st.sampled_from(["*", "null"]),
            st.sampled_from(OVERLAP_PATTERNS),
            st.sampled_from(odd),
            st.one_of(_composed(), _starred()).map(str.upper),
        ),
    )


def origins() -> st.SearchStrategy[str]:
    """One request Origin: equal to a pattern, made from one, nearly one, or junk."""
    return _mostly(
        st.one_of(_composed(), _filled(), st.sampled_from(["null", "aba", "http://aba"])),
        st.one_of(
            _edited(),
            st.sampled_from([*JUNK_ORIGINS, *LONG_ORIGINS]),
            _composed().map(str.upper),
        ),
    )


def methods() -> st.SearchStrategy[str]:
    """One method as a request names it: mostly one that a rule can hold."""
    return _mostly(st.sampled_from(METHODS), st.sampled_from(OTHER_METHODS))


def allowed_headers() -> st.SearchStrategy[str]:
    """One valid AllowedHeader: ``*``, a name, or a name with one ``*`` in it."""
    return st.one_of(_cased_names(), _starred_names(), st.just("*"))


def requested_headers() -> st.SearchStrategy[str | None]:
    """One raw Access-Control-Request-Headers, or None where the request has none."""
    clean = _joined(_mostly(_cased_names(), st.just("")))
    odd = _mostly(_cased_names(), st.sampled_from([*NON_TOKENS, "*", "x-cos-meta-*", "aba*aba"]))
    return _mostly(clean, st.one_of(st.none(), _joined(odd), _near_limits()))


def rules() -> st.SearchStrategy[RuleDict]:
    """One rule as a plain dict, every value of which is valid."""
    ages = st.sampled_from([None, 0, 1, 600, 2**31 - 1])
    exposed = st.sampled_from(["ETag", "Content-Length", "x-cos-meta-A", "x-cos-request-id"])
    return st.builds(
        RuleDict,
        id=st.sampled_from([None, "rule", "CORSRule 1"]),
        allowed_origins=st.lists(origin_patterns(), min_size=1, max_size=4),
        allowed_methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=5, unique=True),
        allowed_headers=st.lists(allowed_headers(), max_size=4),
        expose_headers=st.lists(exposed, max_size=3),
        max_age_seconds=ages,
    )


def rule_sets() -> st.SearchStrategy[list[RuleDict]]:
    """One to six rules; those which have an id have each their own."""
    return st.lists(rules(), min_size=1, max_size=6).map(_with_own_ids)


@st.composite
def meetings(draw: st.DrawFn) -> Meeting:
    """Rules and a request of which each part is, more often than not, made from the same rule."""
    rule_set = draw(rule_sets())
    rule = draw(st.sampled_from(rule_set))
    patterns = st.sampled_from(rule["allowed_origins"])
    names = st.sampled_from(rule["allowed_headers"] or NAMES).flatmap(_fill_name)
    return Meeting(
        rule_set,
        draw(_mostly(patterns.flatmap(_fill_origin), origins())),
        draw(_mostly(st.sampled_from(rule["allowed_methods"]), methods())),
        draw(_mostly(_joined(names), requested_headers())),
    )


def page_requests() -> st.SearchStrategy[PageRequest]:
    """One request that a browser can really send, near the rules of ``rule_sets``."""
    headers = st.lists(st.sampled_from(PAGE_HEADERS), max_size=3, unique_by=lambda h: h[0].lower())
    return st.builds(
        PageRequest,
        origin=_page_origins(),
        method=_mostly(st.sampled_from(METHODS), st.sampled_from(["get", "put", "patch", "LOCK"])),
        headers=headers.map(dict),
        credentials=st.booleans(),
    )


@st.composite
def _mostly(draw: st.DrawFn, usual: st.SearchStrategy[T], rare: st.SearchStrategy[T]) -> T:
    # Not one_of(usual, usual, usual, rare): it counts a strategy that is given again only once.
    return draw(usual if draw(st.sampled_from([True, True, True, False])) else rare)


@st.composite
def _composed(draw: st.DrawFn) -> str:
    return "".join(draw(st.sampled_from(parts)) for parts in (STARTS, HOSTS, PORTS))


@st.composite
def _starred(draw: st.DrawFn) -> str:
    # An origin with the part between two places cut out. Within the scheme or the host the
    # second place may lie before the first: then the two sides overlap in the origin itself.
    scheme = draw(st.sampled_from(["http", "https"]))
    host = draw(st.sampled_from(HOSTS))
    text = f"{scheme}://{host}" + draw(st.sampled_from(PORTS))
    host_start = len(scheme) + 3
    in_scheme = range(len(scheme) + 1)
    in_host = range(host_start, host_start + len(host) + 1)
    # No place within "://": what is left would be no AllowedOrigin.
    places = [*in_scheme, *range(host_start, len(text) + 1)]
    left, right = draw(st.sampled_from(places)), draw(st.sampled_from(places))
    same_part = {left, right} <= set(in_scheme) or {left, right} <= set(in_host)
    if left > right and not same_part:
        left, right = right, left
    return text[:left] + "*" + text[right:]


def _filled() -> st.SearchStrategy[str]:
    return origin_patterns().flatmap(_fill_origin)


def _fill_origin(pattern: str) -> st.SearchStrategy[str]:
    fillers = _mostly(st.sampled_from(FITTING_FILLERS), st.sampled_from(FILLERS))
    return _composed() if pattern == "*" else fillers.map(lambda text: pattern.replace("*", text))


def _fill_name(pattern: str) -> st.SearchStrategy[str]:
    fillers = st.sampled_from(["", "a", "-md5", "x-cos-"])
    names = fillers.map(lambda text: pattern.replace("*", text))
    return st.one_of(names, names.map(str.swapcase))


@st.composite
def _edited(draw: st.DrawFn) -> str:
    text = draw(_composed())
    place = draw(st.integers(0, len(text) - 1))
    middle = draw(st.sampled_from([text[place] * 2, text[place].upper(), "", "a", *FILLERS]))
    return text[:place] + middle + text[place + 1 :]


def _cased_names() -> st.SearchStrategy[str]:
    names = st.sampled_from(NAMES)
    return _mostly(names, st.one_of(names.map(str.title), names.map(str.upper)))


@st.composite
def _starred_names(draw: st.DrawFn) -> str:
    name = draw(_cased_names())
    places = st.integers(0, len(name))
    return name[: draw(places)] + "*" + name[draw(places) :]


@st.composite
def _joined(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    blanks = st.sampled_from(["", "", " ", "\t", " \t "])
    parts = draw(st.lists(st.tuples(blanks, items, blanks).map("".join), max_size=4))
    return ",".join(parts)


@st.composite
def _near_limits(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(NAMES))
    extra = draw(st.sampled_from([-1, 0, 1]))
    if draw(st.booleans()):
        return ",".join([name] * (REQUEST_NAMES_LIMIT + extra))
    return name + draw(st.sampled_from(" ,")) * (REQUEST_HEADERS_LIMIT + extra - len(name))


def _with_own_ids(rule_set: list[RuleDict]) -> list[RuleDict]:
    for number, rule in enumerate(rule_set):
        if rule["id"] is not None:
            rule["id"] += f" {number}"
    return rule_set


def _page_origins() -> st.SearchStrategy[str]:
    # Serialized origins: lower case, and the scheme's own port left out.
    hosts = [*HOSTS, "10.0.0.1", "[::1]"]
    plain = [f"http://{host}" for host in hosts]
    others = [f"http://{host}:8080" for host in hosts] + [f"https://{host}" for host in hosts]
    others += [f"https://{host}:80" for host in hosts]
    return st.sampled_from([*plain, *plain, *others, "null", "null"])
