"""Origin patterns in words: each sentence is true of every origin, read as a person reads it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_bucketcors import HeaderLists, Span, pattern_in_words
from flask_bucketcors.core.origins import FILE, NULL, is_origin, pattern_problem
from tests.support.naive_evaluator import origin_matches
from tests.support.strategies import origin_patterns, origins
from tests.support.tables import in_one_test

PATTERNS = {
    "*": "any site",
    "null": "sandboxed frames, files, some redirects",
    "https://abc.com": "https://abc.com",
    "https://abc.com:8443": "https://abc.com:8443",
    "abc.com": "abc.com",
    "file://": "file://",
    "https://*": "any https site, on any port",
    "https://*.abc.com": "every https site below abc.com",
    "https://*.abc.com:8443": "every https site below abc.com, on port 8443",
    "https://*abc.com": "every https site whose name ends in abc.com",
    "https://*abc.com:8443": "every https site whose name ends in abc.com, on port 8443",
    "https://*:8443": "every https site, on port 8443",
    "https://*443": "every https address that ends in 443",
    "https://*::1]": "every https address that ends in ::1]",
    "https://abc.com*": "every https address that begins with abc.com",
    "https://[::*": "every https address that begins with [::",
    "https://[::1]*:80": "every https site whose name begins with [::1], on port 80",
    "https://abc*.com": "every https site whose name begins with abc and ends in .com",
    "https://abc*:80": "every https site whose name begins with abc, on port 80",
    "https://aba*ba": "every https site whose name begins with aba and, after that, ends in ba",
    "https://1*1": "every https address that begins with 1 and, after that, ends in 1",
    "https://abc.com:*": "abc.com by https, on any port but the default one",
    "https://[::1]:*": "[::1] by https, on any port but the default one",
    "https://abc.com:80*": "abc.com by https, on any port that begins with 80",
    "https://abc.com:*80": "abc.com by https, on any port that ends in 80",
    "https://abc.com:8*1": "abc.com by https, on any port that begins with 8 and ends in 1",
    "*://abc.com": "abc.com by any scheme",
    "*://abc.com:8443": "abc.com:8443 by any scheme",
    "http*://abc.com": "abc.com by any scheme that begins with http",
    "*s://abc.com": "abc.com by any scheme that ends in s",
    "*abc.com": "every site whose name ends in abc.com, by any scheme",
    "*.abc.com": "every site below abc.com, by any scheme",
    "*.abc.com:8443": "every site below abc.com, by any scheme, on port 8443",
    "*:8443": "every site, by any scheme, on port 8443",
    "*8443": "every address that ends in 8443, by any scheme",
    "http*": "every origin that begins with http",
    "http*.abc.com": "every origin that begins with http and ends in .abc.com",
    "https://*.abc.com/": "no site",
    "https://*.": "every https site whose name ends in .",
    "https://*..com": "no site",
    "ht_tp://*.abc.com": "no site",
    "*://": "no site",
    # No API stores these.
    "https://*.*.com": "no site",
    "https://*.\xe4.com": "no site",
}


@in_one_test
@pytest.mark.parametrize(("pattern", "words"), PATTERNS.items(), ids=ascii)
def test_a_pattern_in_words(pattern, words):
    assert pattern_in_words(pattern) == words


# Every form of a sentence, and what it says of an origin with its scheme, host and port.
SIDES = (
    r"(?:begins with (?P<start>\S+?))?(?P<then> and(?:, after that,)? )?(?:ends in (?P<end>\S+?))?"
)
BY = "(?:, by any scheme)?"
ON = r"(?:, on port (?P<port>\d+))?"
FORMS = {
    r"any (?P<scheme>\S+) site, on any port": "",
    rf"(?P<authority>\S+) by any scheme(?: that {SIDES})?": "scheme",
    rf"(?P<host>\S+) by (?P<scheme>\S+), on any port that {SIDES}": "port",
    r"(?P<host>\S+) by (?P<scheme>\S+), on any port(?P<named> but the default one)": "",
    rf"every (?:(?P<scheme>\S+) )?address that {SIDES}{BY}": "authority",
    rf"every (?:(?P<scheme>\S+) )?site below (?P<parent>\S+?){BY}{ON}": "",
    rf"every (?:(?P<scheme>\S+) )?site(?: whose name {SIDES})?{BY}{ON}": "host",
    rf"every origin that {SIDES}": "origin",
}


def is_true(words: str, origin: str) -> bool:
    """Whether a sentence is true of an origin."""
    if words in ("any site", "no site"):
        return words == "any site"
    found = [
        (match.groupdict(), of)
        for form, of in FORMS.items()
        if (match := re.fullmatch(form, words))
    ]
    if not found:
        return origin == words
    said, of = found[0]
    parts = re.fullmatch(r"(?P<scheme>[^:]+)://(?P<host>\[.*\]|[^:]*)(?::(?P<port>\d+))?", origin)
    assert parts, origin
    actual = {**parts.groupdict(), "origin": origin, "authority": origin.partition("://")[2]}
    if said.get("parent"):
        return (
            actual["host"].endswith("." + said["parent"])
            and said["scheme"] in (None, actual["scheme"])
            and actual["port"] == said["port"]
        )
    if said.get("named"):
        return (actual["host"], actual["scheme"]) == (said["host"], said["scheme"]) and bool(
            actual["port"]
        )
    named = [name for name in ("scheme", "host", "authority") if said.get(name)]
    if of == "host":
        named.append("port")
    return all(actual[name] == said[name] for name in named) and (
        not of or has_sides(actual[of], said)
    )


def has_sides(text: str | None, said: dict[str, str | None]) -> bool:
    """Whether a text begins and ends as a sentence says."""
    start, end = said.get("start") or "", said.get("end") or ""
    apart = len(start + end) if "after" in (said.get("then") or "") else 0
    return text is not None and len(text) >= apart and text.startswith(start) and text.endswith(end)


FILLERS = [
    "",
    "a",
    "s",
    "a.",
    "b.a",
    "http://",
    "http://a",
    "http://a.",
    "http",
    ":1",
    "1",
    "a:1",
    "[a",
]


def origins_near(pattern: str) -> list[str]:
    """Origins that a pattern matches, and some that it just does not."""
    parts = ("*", "*.", ".*", ":*", "*:")
    texts = [pattern.replace(part, each) for part in parts for each in FILLERS]
    return [*texts, "http://a", "http://a.a:1", "http://[::1]:1", "https://aba", "https://1"]


def assert_true(pattern: str, origins: list[str]) -> None:
    """Assert that the words of a pattern are true of those that have a scheme, and of no others."""
    words = pattern_in_words(pattern)
    for origin in origins:
        if "://" in origin and is_origin(origin) and pattern != NULL:
            assert is_true(words, origin) is origin_matches(pattern, origin), (words, origin)


@in_one_test
@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_the_words_are_true_of_origins_near_the_pattern(pattern):
    assert_true(pattern, origins_near(pattern))


characters = st.text("ab1.:/*[]-", min_size=1, max_size=9)
patterns = st.one_of(
    origin_patterns(),
    st.builds("{}{}".format, st.sampled_from(["", "http://", "http", "a://"]), characters),
).filter(lambda pattern: pattern_problem(pattern) is None)


@given(patterns, origins())
@example("https://[::*", "https://[::1]:80")
def test_the_words_are_true_of_every_origin(pattern, origin):
    assert_true(pattern, [*origins_near(pattern), origin])


def test_an_origin_that_has_no_form_is_any_sites_or_named():
    assert [origin_matches("*", each) for each in (NULL, FILE)] == [True, True]
    matching = {
        each for each in PATTERNS for origin in (NULL, FILE) if origin_matches(each, origin)
    }
    assert matching == {"*", NULL, FILE}


def spans(*patterns):
    return tuple(each if isinstance(each, Span) else Span(each) for each in patterns)


ANY, RANGE, AUTH, META = "*", "range", "authorization", "x-cos-meta-*"
HEADERS = {
    "no extra header": HeaderLists(()),
    "any header": HeaderLists(spans(ANY)),
    "any header (but not range)": HeaderLists(spans(Span(ANY, (RANGE,)))),
    "range, x-cos-meta-*": HeaderLists(spans(RANGE, META)),
    "a, b, c and 1 more": HeaderLists(spans("a", "b", "c", "d")),
    "only with authorization": HeaderLists(spans(AUTH), (spans(AUTH),)),
    "only with authorization (also range)": HeaderLists(spans(AUTH, RANGE), (spans(AUTH),)),
    "only with authorization (also any other)": HeaderLists(spans(ANY), (spans(AUTH),)),
    "only with a header": HeaderLists(spans(ANY), (spans(ANY),)),
    "only with a header other than range": HeaderLists(spans(ANY), (spans(Span(ANY, (RANGE,))),)),
    "only with one of authorization, range": HeaderLists(spans(AUTH, RANGE), (spans(AUTH, RANGE),)),
    "only with authorization and range": HeaderLists(
        spans(AUTH, RANGE), (spans(AUTH), spans(RANGE))
    ),
    "only with a and b and c and 1 more": HeaderLists(spans(*"abcd"), tuple(map(spans, "abcd"))),
    "any header, but not all of authorization, range": HeaderLists(spans(ANY), (), (AUTH, RANGE)),
}


@in_one_test
@pytest.mark.parametrize("words", HEADERS)
def test_header_lists_in_few_words(words):
    assert HEADERS[words].in_few_words() == words


def test_few_words_name_as_many_values_as_asked():
    lists = HeaderLists(spans("a", "b", "c", "d"))
    assert [lists.in_few_words(each) for each in (1, None)] == ["a and 3 more", "a, b, c, d"]
