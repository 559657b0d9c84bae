"""Origins: the grammar, what a rule may hold, what a pattern covers."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flask_bucketcors import CompiledRules, Rule, RuleSet
from flask_bucketcors.core.origins import (
    MAX_ORIGIN_BYTES,
    are_usual_patterns,
    covers,
    is_origin,
    pattern_problem,
)
from flask_bucketcors.core.problems import ProblemReason
from tests.support.strategies import origin_patterns
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import vectors

# As text this fits; that "*" never covers a slash is this package's choice.
DECIDED_OTHERWISE = {
    ("http://*.abc.com", "http://evil.com/.abc.com"),
    ("http://*.abc.com", "http://.abc.com"),
}


@in_one_test
@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example",
        "http://a.example:8080",
        "https://xn--exmple-cua.example",
        "http://127.0.0.1:5000",
        "http://[::1]:5000",
        "chrome-extension://abcdef",
        "localhost:4566",
        "whatever",
        "http://under_score.example",
        "http://abc.com.",
        "http://abc.com.:80",
        "a.b.:80",
        "a" * MAX_ORIGIN_BYTES,
    ],
)
def test_has_the_form_of_an_origin(origin: str) -> None:
    assert is_origin(origin)


@in_one_test
@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "*",
        "https://",
        "https://a.example/",
        "https://a.example/path",
        "https://a.example?x",
        "https://a.example#x",
        "https://user@a.example",
        "https://a.example,https://b.example",
        "https://a.example https://b.example",
        "https://a.example\n",
        "\thttps://a.example",
        "https://a.example\x00",
        "https://a.example\x7f",
        "https://\u00e4.example",
        "https://a.example:",
        "https://a.example:123456",
        "https://a.example:\u0661",
        "http://[::1",
        "1ttp://a.example",
        "https://.a.example",
        "https://a..example",
        "https://a.example..",
        "https://a..example:80",
        "https://.",
        ".",
        ".a.example",
        "a..example",
        "a" * (MAX_ORIGIN_BYTES + 1),
    ],
)
def test_does_not_have_the_form_of_an_origin(text: str) -> None:
    assert not is_origin(text)


@in_one_test
@pytest.mark.parametrize("vector", vectors("origin_match"))
def test_patterns_cover_what_vendors_say(vector: dict[str, object]) -> None:
    pattern, origin = str(vector["pattern"]), str(vector["origin"])
    expected = vector["match"] and (pattern, origin) not in DECIDED_OTHERWISE
    assert covers(pattern, origin) is expected


@in_one_test
@pytest.mark.parametrize(
    "pattern, origin, expected",
    [
        pytest.param("*", "null", True, id="bare star covers null"),
        pytest.param("nu*", "null", False, id="a pattern does not cover null"),
        pytest.param("*l", "null", False, id="nor from the other side"),
        pytest.param("null", "null", True, id="a literal null does"),
        pytest.param("*", "file://", True, id="and what old web views send"),
        pytest.param("*", "https://a.example/x", True, id="and a path"),
        pytest.param("*", "*", True, id="and a star"),
        pytest.param("*", "", True, id="and nothing"),
        pytest.param("*", "x" * MAX_ORIGIN_BYTES, True, id="up to a length"),
        pytest.param("*", "x" * (MAX_ORIGIN_BYTES + 1), False, id="which is limited"),
        pytest.param("*", "https://a.example\t", False, id="but no control character"),
        pytest.param("*", "file://\x00", False, id="a null byte neither"),
        pytest.param("*", "a\x7f", False, id="nor delete"),
        pytest.param("*://", "file://", False, id="a star among others needs an origin"),
        pytest.param("f*", "file://", False, id="on each side"),
        pytest.param("https://*", "https://a.example/x", False, id="so it covers no path"),
        pytest.param("https://A.example", "https://a.example", False, id="case counts"),
        pytest.param("https://a.example/", "https://a.example", False, id="so does a slash"),
        pytest.param("https://*abc.com", "https://evilabc.com", True, id="no label boundary"),
        pytest.param("https://abc.com*", "https://abc.com.evil.net", True, id="nor behind"),
        pytest.param("https://*.a.example:80*", "https://b.a.example:8080", False, id="two stars"),
        pytest.param("a*a", "a", False, id="sides do not overlap"),
    ],
)
def test_reach_of_a_star(pattern: str, origin: str, expected: bool) -> None:
    if pattern.count("*") > 1:
        assert pattern_problem(pattern) is ProblemReason.WILDCARDS
    else:
        assert covers(pattern, origin) is expected


@in_one_test
@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "https://a.example",
        "https://a.example:8443",
        "https://a.example:*",
        "https://a.example:80*",
        "*://a.example",
        "http*://a.example",
        "https://*.a.example",
        "https://example.*",
        "start*end",
        "twitter.com",
        "http://[::1]:5000",
        "http://[::1]",
        "file://",
        pytest.param("HTTPS://A.example", id="upper case"),
        pytest.param("https://a.example/", id="trailing slash"),
        pytest.param("https://a.example:443", id="default port"),
    ],
)
def test_a_rule_may_hold(text: str) -> None:
    assert pattern_problem(text) is None
    assert Rule([text], ["GET"]).allowed_origins == (text,)


@in_one_test
@pytest.mark.parametrize(
    "text, reason",
    [
        ("", ProblemReason.EMPTY),
        ("http://*.*.example", ProblemReason.WILDCARDS),
        ("**", ProblemReason.WILDCARDS),
        ("https://a.example/path", ProblemReason.PATH),
        ("https://a.example//", ProblemReason.PATH),
        ("/a", ProblemReason.PATH),
        ("https://a.example:0", ProblemReason.PORT),
        ("https://a.example:65536", ProblemReason.PORT),
        ("https://a.example:99999", ProblemReason.PORT),
        ("https://a.example:", ProblemReason.PORT),
        ("https://a.example:http", ProblemReason.PORT),
        ("https://*.a.example:99999", ProblemReason.PORT),
        ("https://a.example:8x*", ProblemReason.PORT),
        ("https://user@a.example", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://a.example?x", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://a.example#x", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://a.example,https://b.example", ProblemReason.SEVERAL_ORIGINS),
        ("https://a.example https://b.example", ProblemReason.SEVERAL_ORIGINS),
        ('https://"a".example', ProblemReason.FORBIDDEN_CHARACTER),
        ("https://'a'.example", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://<a>.example", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://a.example\r\nX: y", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://a.example\x7f", ProblemReason.FORBIDDEN_CHARACTER),
        ("https://\u00e4.example", ProblemReason.NOT_ASCII),
        ("https://a.example\u00a0", ProblemReason.NOT_ASCII),
        ("https://a.example\u200b", ProblemReason.NOT_ASCII),
        ("https://" + "a" * MAX_ORIGIN_BYTES, ProblemReason.TOO_LONG),
    ],
)
def test_a_rule_may_not_hold(text: str, reason: ProblemReason) -> None:
    assert pattern_problem(text) is reason
    with pytest.raises(ValueError, match=reason.value[:10]):
        Rule([text], ["GET"])


@given(st.text(max_size=40))
def test_what_a_pattern_covers_beyond_itself_is_an_origin(origin: str) -> None:
    """Nothing is echoed that is neither a stored literal nor passed the grammar."""
    if covers("http*", "http" + origin):
        assert is_origin("http" + origin)
        assert origin.isascii()
        assert origin.isprintable()


@given(origin_patterns(), st.data())
def test_a_pattern_covers_what_the_rules_that_hold_it_allow(
    pattern: str, data: st.DataObject
) -> None:
    near = [pattern.replace("*", each) for each in ("", "a", "a.b", "/", "*")]
    origin = data.draw(st.sampled_from([*near, "null", "https://a.test"]) | st.text(max_size=9))
    compiled = CompiledRules(RuleSet([Rule([pattern], ["GET"])]))
    assert covers(pattern, origin) is bool(compiled.allowing(origin))


def near_patterns() -> st.SearchStrategy[str]:
    """Texts of the parts of patterns: many are usual ones, many just miss."""
    parts = ["https://", "http://", "://", "*", "*.", ".", "a.test", "a_b", "-", ":80", ":99999"]
    parts += [":", "/", "\n", " ", ",", "@", "[::1]", "\xe4", "\ud800", "h" * MAX_ORIGIN_BYTES]
    return st.lists(st.sampled_from(parts), max_size=5).map("".join)


@given(st.lists(st.one_of(near_patterns(), origin_patterns()), max_size=4))
@example(["https://a.example\nhttps://b.example"])
@example(["*\n*", "*"])
@example(["://a\n://b"])
@example(["https://" + "a" * MAX_ORIGIN_BYTES])
@example(["https://a.example:99999"])
@example(["https://a.example:80:80"])
@example(["https://a:0"])
@example(["https:/a.example/b"])
@example(["https://*.*.example"])
@example(["**"])
@example([""])
def test_the_fast_check_of_patterns_accepts_nothing_that_the_full_one_refuses(
    texts: list[str],
) -> None:
    if are_usual_patterns(texts):
        assert [pattern_problem(text) for text in texts] == [None] * len(texts)


@pytest.mark.parametrize(
    "texts",
    [
        ["https://a.example"],
        ["*"],
        ["https://a.example", "http://b.example:8080", "https://*.c.example", "*"],
        ["https://a.example"] * 100,
    ],
)
def test_the_fast_check_of_patterns_accepts_what_is_usual(texts: list[str]) -> None:
    assert are_usual_patterns(texts)


@pytest.mark.parametrize("text", [7, b"*", None])
def test_the_fast_check_of_patterns_wants_texts(text: object) -> None:
    with pytest.raises(TypeError):
        are_usual_patterns(["*", text])


@in_one_test
@pytest.mark.parametrize(
    "port, problem",
    [
        ("0", ProblemReason.PORT),
        ("1", None),
        ("9", None),
        ("9999", None),
        ("10000", None),
        ("65534", None),
        ("65535", None),
        ("65536", ProblemReason.PORT),
        ("99999", ProblemReason.PORT),
        ("100000", ProblemReason.PORT),
        ("00001", None),
        ("00000", ProblemReason.PORT),
        ("", ProblemReason.PORT),
        ("x", ProblemReason.PORT),
        ("*", None),
        ("8*", None),
        ("*80", None),
        ("6553*5", None),
        ("65535*", None),
        ("65535*1", ProblemReason.PORT),
        ("x*", ProblemReason.PORT),
    ],
)
@pytest.mark.parametrize("host", ["https://a.example", "a.example", "https://[::1]"])
def test_the_first_and_the_last_port(host: str, port: str, problem: ProblemReason | None) -> None:
    assert pattern_problem(f"{host}:{port}") is problem


@pytest.mark.parametrize("port, fits", [("1", True), ("65535", True), ("123456", False)])
def test_a_star_covers_a_port_of_five_digits(port: str, fits: bool) -> None:
    rules = CompiledRules(RuleSet([Rule(["https://a.example:*"], ["GET"])]))
    assert rules.actual(f"https://a.example:{port}", "GET").allowed is fits
