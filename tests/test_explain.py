# ruff: noqa: E501 - tables read best with a line for each row.
"""Explain names the true cause first, and what it offers as a fix helps."""

import contextlib
import itertools
import string
import sys
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flask_bucketcors import (
    Cause,
    Check,
    CompiledRules,
    Explanation,
    Reason,
    Rule,
    RuleSet,
    explain,
    lint,
)
from flask_bucketcors.analysis.evidence import from_console, from_curl, from_har
from flask_bucketcors.analysis.evidence.page_request import _ADDED
from flask_bucketcors.analysis.evidence.response import _CDN_HEADERS
from flask_bucketcors.analysis.explainer.console_meanings import MEANINGS
from flask_bucketcors.analysis.explainer.explain import KINDS
from flask_bucketcors.analysis.explainer.origin_nearness import fits_as_meant, origin_differences
from flask_bucketcors.analysis.explainer.rule_trace import MAX_COMPARED
from flask_bucketcors.analysis.mistakes import Kind
from flask_bucketcors.analysis.spelling.idna import as_sent, written_out
from flask_bucketcors.analysis.spelling.lookalikes import shown
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.core.headers import MAX_REQUESTED_HEADERS_BYTES
from flask_bucketcors.core.problems import ProblemReason
from flask_bucketcors.documents.any_form import read_rules
from tests.support.broken_setups import BROKEN, FINE, NO_ALLOW_ORIGIN, PAGE, Broken, blocked, rule
from tests.support.fetch_model import PageRequest, exposed_headers, may_proceed
from tests.support.naive_evaluator import RuleDict, evaluate
from tests.support.reported_setups import TOLD
from tests.support.strategies import METHODS, Meeting, meetings
from tests.support.tables import in_one_test


def oracle_rules(rules: RuleSet) -> list[RuleDict]:
    """A rule set as the naive evaluator takes it."""
    return [
        RuleDict(
            id=each.id,
            allowed_origins=list(each.allowed_origins),
            allowed_methods=list(each.allowed_methods),
            allowed_headers=list(each.allowed_headers),
            expose_headers=list(each.expose_headers),
            max_age_seconds=each.max_age_seconds,
        )
        for each in rules.rules
    ]


def passes(rules: RuleSet, setup: dict[str, Any], wanted: tuple[str, ...] = ()) -> bool:
    """Whether naive evaluator and browser model let the request pass and the page read."""
    plain = oracle_rules(rules)
    asked = {"origin": setup["origin"], "method": setup["method"]}
    actual = evaluate(plain, **asked, kind="actual")
    response = [*actual.headers.items(), *((name, "1") for name in wanted)]
    preflight = None
    if setup["kind"] == "preflight":
        verdict = evaluate(plain, **asked, requested_headers=",".join(setup["headers"]) or None)
        status = 403 if verdict.rule is None else 200
        preflight = (status, list(verdict.headers.items()))
    page = PageRequest(
        setup["origin"],
        setup["method"],
        # No value of these is on the browser's safelist, so that each is asked for.
        dict.fromkeys(setup["headers"], "x" * 200),
        setup["credentials"],
    )
    if not may_proceed(page, preflight, (200, response)):
        return False
    readable = exposed_headers(page, response)
    return all(name.lower() in readable for name in wanted)


@in_one_test
@pytest.mark.parametrize("setup", [*BROKEN, *TOLD], ids=lambda setup: setup.name)
def test_the_true_cause_is_named_first(setup: Broken) -> None:
    explanation = explain(setup.rules, **setup.request, response=setup.response)
    assert explanation.cause is setup.cause
    assert not explanation.allowed
    assert list(explanation.also)[: len(setup.also)] == list(setup.also)
    first = explanation.trace[explanation.nearest.rule].mismatches if explanation.nearest else ()
    told = [setup.cause.meaning, *(f"{each.nearest}" for each in first)]
    told += [each.asked for each in first]
    told += MEANINGS.values() if setup.cause is Cause.OTHER else []
    assert any(each.lower() in explanation.text.lower() for each in told)


@in_one_test
@pytest.mark.parametrize("setup", [*BROKEN, *TOLD], ids=lambda setup: setup.name)
def test_fixes_help(setup: Broken) -> None:
    explanation = explain(setup.rules, **setup.request, response=setup.response)
    assert bool(explanation.fixes) is setup.fixable
    reads = setup.cause in (Cause.EXPOSE_MISSING, Cause.EXPOSE_PATTERN, Cause.SHADOWED_RULE)
    answered = str(setup.response).lower()
    wanted = tuple(each for each in ("etag", "x-cos-meta-test") if reads and each in answered)
    for fix in explanation.fixes:
        assert passes(fix.rules, setup.request, wanted)
        assert explain(fix.rules, **setup.request).allowed
    for fix in explanation.fixes[:1]:
        assert not {text for text in added(setup, fix.rules) if "*" in text}


def added(setup: Broken, rules: RuleSet) -> set[str]:
    """The origins, methods and headers that a fix brings in."""
    names = ("allowed_origins", "allowed_methods", "allowed_headers")
    before = {text for each in setup.rules or () for name in names for text in each[name]}
    return {text for each in rules.rules for name in names for text in getattr(each, name)} - before


def test_there_are_many_broken_setups() -> None:
    assert len(BROKEN) >= 60


def why(*rules: dict[str, Any], **request: Any) -> Explanation:
    return explain(list(rules), **{"origin": PAGE, "method": "PUT", **request})


HOST = PAGE.removeprefix("https://")


@in_one_test
@pytest.mark.parametrize(
    "cause, rules, request_, response",
    [
        # Each is nearly the setup of the cause, and is not.
        (Cause.NO_RULES, [rule(PAGE)], {}, None),
        (Cause.ORIGIN_SCHEME, [rule("http://b.example")], {}, None),
        (Cause.ORIGIN_PORT, [rule(PAGE + ":443")], {}, None),
        (Cause.ORIGIN_DEFAULT_PORT, [rule(PAGE + ":80")], {}, None),
        (Cause.ORIGIN_TRAILING_SLASH, [rule(PAGE + "/a")], {}, None),
        (Cause.ORIGIN_PATH, [rule(PAGE + "/")], {}, None),
        (Cause.ORIGIN_CASE, [rule("https://WWW.B.example")], {}, None),
        (Cause.ORIGIN_IDN, [rule("https://xn--bcher-kva.example")], {}, None),
        (Cause.ORIGIN_INVISIBLE_CHARACTER, [rule("https://www.b.example\u00a0")], {}, None),
        (Cause.ORIGIN_LOOKALIKE, [rule("https://www.o.example")], {}, None),
        (Cause.ORIGIN_SUBDOMAIN_DEPTH, [rule("https://b.example")], {}, None),
        (Cause.ORIGIN_SUBDOMAIN_DEPTH, [rule("https://*.b.co.uk")], {"origin": "https://a.co.uk"}, None),
        (Cause.ORIGIN_APEX, [rule("https://*.a.example")], {"origin": "https://nota.example"}, None),
        (Cause.ORIGIN_NULL, [rule("*")], {"origin": "null"}, None),
        (Cause.ORIGIN_IP_LOCALHOST, [rule("http://10.0.0.1")], {"origin": "http://localhost"}, None),
        (Cause.ORIGIN_NOT_LISTED, [rule(PAGE + "/")], {}, None),
        (Cause.METHOD_MISSING, [rule(PAGE, methods="put")], {}, None),
        (Cause.METHOD_CASE, [rule(PAGE, methods="get")], {}, None),
        (Cause.METHOD_HEAD_NOT_GET, [rule(PAGE, methods="HEAD")], {"method": "GET"}, None),
        (Cause.HEADER_MISSING, [rule(PAGE, headers="X-A")], {"headers": ["x-a"]}, None),
        (Cause.HEADER_UNDERSCORE, [rule(PAGE, headers="x_a")], {"headers": ["x_a"]}, None),
        (Cause.HEADER_INVISIBLE_CHARACTER, [rule(PAGE, headers="x-b")], {"headers": ["x-a"]}, None),
        (Cause.EXPOSE_MISSING, [rule(PAGE, expose_headers=["etag"])], {},
         {"console": 'Refused to get unsafe header "ETag"'}),
        (Cause.EXPOSE_PATTERN, [rule(PAGE)], {},
         {"console": 'Refused to get unsafe header "ETag"'}),
        (Cause.CREDENTIALS_WILDCARD, [rule("https://*.a.example")], {"credentials": True}, None),
        (Cause.MAX_AGE_CACHED, [rule(PAGE, max_age_seconds=0)], {},
         blocked("Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.")),
        (Cause.SHADOWED_RULE, [rule("*"), rule("https://b.example")], {"credentials": True}, None),
        (Cause.ACRM_MISSING, [rule(PAGE)], {"method": "OPTIONS"}, None),
        (Cause.APP_REFUSED, [rule("https://b.example")], {}, {"status": 403}),
        (Cause.CDN_RESPONDED, [rule(PAGE)], {},
         {"status": 403, "headers": {"Via": "1.1 cache", "x-cos-request-id": "1"}}),
        (Cause.CDN_RESPONDED, [rule(PAGE)], {"kind": "actual"},
         {"status": 200, "headers": {"Via": "1.1 cache", "Access-Control-Allow-Origin": PAGE}}),
        (Cause.DUPLICATE_HEADERS, [rule(PAGE)], {"kind": "actual"},
         {"status": 200, "headers": {"Access-Control-Allow-Origin": [PAGE], "Vary": ["a", "b"]}}),
        (Cause.VARY_MISSING, [rule(PAGE)], {"kind": "actual"},
         {"status": 200, "headers": {"x-cos-request-id": "1", "Vary": "Origin"}}),
        (Cause.OTHER, [rule(PAGE)], {"headers": []}, {"status": 200, "headers": FINE}),
        (Cause.CREDENTIALS_WILDCARD, [rule(PAGE)], {"credentials": True, "allow_credentials": False}, None),
    ],
)  # fmt: skip
def test_near_misses_are_something_else(
    cause: Cause,
    rules: list[dict[str, Any]],
    request_: dict[str, Any],
    response: dict[str, Any] | None,
) -> None:
    explanation = why(*rules, **request_, response=response)
    assert explanation.cause is not cause
    assert cause not in explanation.also


@given(meetings(), st.sampled_from(sorted(DIALECTS)), st.sampled_from(KINDS), st.booleans())
def test_the_decision_is_that_of_the_compiled_rules(
    meeting: Meeting, dialect: str, kind: str, credentials: bool
) -> None:
    # Names are given one by one here; how long a line of them may be is decided elsewhere.
    assume(len(meeting.requested_headers or "") <= MAX_REQUESTED_HEADERS_BYTES)
    rule_set = RuleSet([Rule(**each) for each in meeting.rules])
    names = (meeting.requested_headers or "").split(",")
    explanation = explain(
        rule_set,
        origin=meeting.origin,
        method=meeting.method,
        headers=names,
        credentials=credentials,
        kind=kind,
        dialect=dialect,
    )
    compiled = CompiledRules(rule_set, DIALECTS[dialect])
    asked = ",".join(filter(None, names))
    judged = asked if kind == "preflight" or DIALECTS[dialect].decides_by_requested else ""
    decide = compiled.preflight if kind == "preflight" else compiled.actual
    assert explanation.decision == decide(meeting.origin, meeting.method, judged)
    matched = [each.rule for each in explanation.trace if each.reason is None]
    assert matched[:1] == ([] if explanation.decision.rule is None else [explanation.decision.rule])
    if not credentials and meeting.origin:
        assert explanation.allowed is explanation.decision.allowed


@given(meetings(), st.booleans(), st.sampled_from(KINDS), st.booleans())
def test_fixes_of_generated_requests_help(
    meeting: Meeting, credentials: bool, kind: str, reads: bool
) -> None:
    items = [item.strip(" \t") for item in (meeting.requested_headers or "").split(",")]
    names = [name for name in items if name]
    setup = {
        "origin": meeting.origin,
        "method": meeting.method,
        "headers": names if kind == "preflight" else [],
        "credentials": credentials,
        "kind": kind,
    }
    response = {"console": 'Refused to get unsafe header "x-a"'} if reads else None
    setup["extra_methods"] = EXTRA_METHODS
    explanation = explain(meeting.rules, **setup, response=response)
    assert (explanation.cause is None) is explanation.allowed
    before = stars(oracle_rules(RuleSet([Rule(**each) for each in meeting.rules])))
    grants = []
    for fix in explanation.fixes:
        plain = oracle_rules(fix.rules)
        assert explain(fix.rules, **setup).allowed
        if kind == "preflight" or (meeting.method in ("GET", "HEAD", "POST")):
            assert passes(fix.rules, setup, ("x-a",) if reads else ())
        # A pattern may be written right, after what is tighter.
        new_stars = stars(plain) - before
        assert "*" not in new_stars
        assert not new_stars or grants
        grants.append((fix.is_dangerous, granted(plain, setup)))
    for (is_dangerous, tight), (is_next_dangerous, loose) in itertools.pairwise(grants):
        # Dangerous fixes come last, even if they are tighter.
        assert is_next_dangerous or not is_dangerous
        assert is_next_dangerous > is_dangerous or not loose < tight


def stars(rules: list[RuleDict]) -> set[str]:
    """Every value of the rules that holds a ``*``."""
    lists = ("allowed_origins", "allowed_methods", "allowed_headers", "expose_headers")
    return {text for each in rules for name in lists for text in each[name] if "*" in text}  # type: ignore[literal-required]


def granted(rules: list[RuleDict], setup: dict[str, Any]) -> set[tuple[str, ...]]:
    """What rules allow, of a few origins, methods and headers."""
    origins = [setup["origin"], "http://a.test", "http://b.a.test", "https://else.example"]
    names = ["", "x-else", "range"]
    return {
        (origin, method, name)
        for origin, method, name in itertools.product(origins, METHODS, names)
        if evaluate(rules, origin=origin, method=method, requested_headers=name).rule is not None
    }


texts = st.text(max_size=60) | st.sampled_from([PAGE, "https://*", "null", "*", "GET", "x-a"])
answers = st.fixed_dictionaries(
    {},
    optional={
        "status": st.integers() | texts | st.none(),
        "headers": st.dictionaries(texts, texts | st.lists(texts, max_size=3), max_size=4) | texts,
        "console": texts,
    },
)
plain_rules = st.dictionaries(
    st.sampled_from(Rule.__slots__), texts | st.lists(texts, max_size=4) | st.integers()
)


@given(st.lists(plain_rules, max_size=3), texts, texts, st.lists(texts, max_size=3), answers)
def test_nothing_that_is_text_makes_it_fail(
    rules: list[dict[str, Any]],
    origin: str,
    method: str,
    headers: list[str],
    response: dict[str, Any],
) -> None:
    for kind in KINDS:
        explanation = explain(
            rules, origin=origin, method=method, headers=headers, kind=kind, response=response
        )
        assert explanation.cause is None or explanation.cause in Cause
        assert len(explanation.trace) == len(rules)


@given(texts | st.binary(max_size=60))
def test_texts_that_are_no_evidence_raise_nothing_else(text: Any) -> None:
    shown = text if isinstance(text, str) else text.decode("latin-1")
    readers = (
        (read_rules, text),
        (from_har, text),
        (from_curl, shown),
        (from_console, shown),
    )
    for read, value in readers:
        with contextlib.suppress(ValueError):
            read(value)


def test_the_work_is_bounded() -> None:
    origins = [[f"https://{'x' * 200}{i}.{j}.example/" for j in range(10)] for i in range(100)]
    rules = [rule(*each, headers=" ".join(f"x-{n}" for n in range(50))) for each in origins]
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        why(*rules, headers=[f"y-{n}" for n in range(100)], credentials=True)
    finally:
        sys.setprofile(None)
    # Calls and returns; one comparison takes about a hundred of them.
    assert calls < 3_000_000


def test_the_trace_says_which_value_came_nearest() -> None:
    explanation = why(rule("https://b.example", PAGE + "/"), rule(PAGE, methods="GET"))
    first, second = explanation.trace
    assert (first.reason, second.reason) == (Reason.ORIGIN, Reason.METHOD)
    assert first.mismatches[0].nearest == PAGE + "/"
    assert first.mismatches[0].causes == (Cause.ORIGIN_TRAILING_SLASH,)
    assert second.mismatches[0].asked == "PUT"


@pytest.mark.parametrize(
    "held, origin, is_near",
    [
        (f"^{PAGE}$", PAGE, True),
        (f"{PAGE}:443", PAGE, True),
        ("https://other.test", PAGE, False),
        ("https://other.test", PAGE.upper(), False),
    ],
)
def test_a_value_is_named_only_if_it_was_meant_for_the_page(
    held: str, origin: str, is_near: bool
) -> None:
    (trace,) = why(rule(held), origin=origin).trace
    assert trace.mismatches[0].nearest == (held if is_near else None)


SCHEME = rule(f"http://{HOST}", headers="x-a")
METHOD_AND_UNDERSCORE = rule(PAGE, methods="GET", headers="x_a")
METHOD_AND_SLASH = rule(f"{PAGE}/", methods="GET", headers="x-a")


@pytest.mark.parametrize(
    "first, second, nearest",
    [
        pytest.param(SCHEME, METHOD_AND_UNDERSCORE, 0, id="one mistake before two"),
        pytest.param(METHOD_AND_UNDERSCORE, SCHEME, 1, id="one mistake behind two"),
        pytest.param(SCHEME, METHOD_AND_SLASH, 0, id="the first of equals"),
        pytest.param(METHOD_AND_SLASH, SCHEME, 0, id="the first of equals, the other way round"),
    ],
)
def test_the_rule_that_needs_least_is_explained(
    first: dict[str, Any], second: dict[str, Any], nearest: int
) -> None:
    assert why(first, second, headers=["x-a"]).nearest.rule == nearest


def test_the_owner_of_a_document_may_have_asked_for_vary() -> None:
    for asked in (True, False, None):
        data = {"rules": [rule(PAGE)], "response_vary": asked}
        assert PlainRules.read(data).response_vary is asked


def test_rules_may_be_a_document() -> None:
    for text in (
        f"<CORSConfiguration xmlns='urn:x'><CORSRule><AllowedOrigin>{PAGE}/</AllowedOrigin>"
        "<AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>",
        f'{{"CORSRules": [{{"AllowedOrigins": ["{PAGE}/"], "AllowedMethods": ["PUT"]}}]}}',
        f'{{"rules": [{{"allowed_origins": ["{PAGE}/"], "allowed_methods": ["PUT"]}}]}}',
    ):
        explanation = explain(text, origin=PAGE, method="PUT")
        assert explanation.cause is Cause.ORIGIN_TRAILING_SLASH
        assert explain(text.encode(), origin=PAGE, method="PUT") == explanation


@in_one_test
@pytest.mark.parametrize("text", ["", "x", "[1]", "{}", "<a/>", '{"rules": 1}', "[" * 5000,
                                  "<!DOCTYPE a [<!ENTITY b 'c'>]><CORSConfiguration/>"])  # fmt: skip
def test_a_document_that_holds_no_rules_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        explain(text, origin=PAGE)


def test_a_pattern_that_is_exposed_is_named_without_evidence() -> None:
    explanation = why(rule(PAGE, expose_headers=["*"]))
    assert explanation.cause is Cause.EXPOSE_PATTERN
    assert explanation.fixes[0].rules.rules[0].expose_headers == ("ETag",)


def test_rules_that_serve_the_page_are_left_alone() -> None:
    seen = {"status": 200, "headers": {"Access-Control-Allow-Origin": f"{PAGE}/"}}
    explanation = why(rule(PAGE), response=seen)
    assert (explanation.cause, explanation.fixes) == (Cause.ORIGIN_TRAILING_SLASH, ())
    assert explanation.decision.allowed


def test_what_a_person_pasted_is_told_from_what_a_browser_sends() -> None:
    explanation = why(rule(PAGE), origin=f"{PAGE}/\u200b")
    assert explanation.cause is Cause.ORIGIN_INVISIBLE_CHARACTER
    assert f", but '{PAGE}'" in explanation.text
    assert explanation.fixes == ()


VERBS = {
    "add",
    "allow",
    "check",
    "clear",
    "configure",
    "correct",
    "delete",
    "give",
    "keep",
    "let",
    "make",
    "move",
    "name",
    "read",
    "remove",
    "send",
    "serve",
    "start",
    "turn",
    "wait",
    "write",
}


@in_one_test
@pytest.mark.parametrize("cause", Cause)
def test_a_cause_says_what_is_wrong_and_what_to_do(cause: Cause) -> None:
    assert cause.meaning[0] in string.ascii_uppercase + "`"
    assert cause.meaning.endswith(".")
    assert cause.help.split()[0] in VERBS
    assert not cause.help.endswith(".")


@in_one_test
@pytest.mark.parametrize("check", Check)
def test_a_check_says_what_it_finds_and_what_to_do(check: Check) -> None:
    assert check.meaning[0] in string.ascii_lowercase + "`P"
    assert not check.meaning.endswith(".")
    assert check.help.split()[0] in VERBS
    assert not check.help.endswith(".")


@in_one_test
@pytest.mark.parametrize("check", [each for each in Check if each.cause])
def test_checks_for_misspelled_origins_have_the_words_of_their_cause(check: Check) -> None:
    assert check.cause
    assert check.cause.kind is Kind.SPELLING
    assert check.cause.meaning.startswith("The origin ")
    assert check.meaning == f"{check.cause.said_of('a value')}".removesuffix(".")
    assert check.help == check.cause.help


def test_a_page_without_a_scheme_is_not_written_into_rules() -> None:
    explanation = why(rule(PAGE), origin="www.a.example")
    assert explanation.cause is Cause.ORIGIN_SCHEME
    assert "starts with its scheme" in explanation.text
    assert explanation.fixes == ()


def test_the_text_names_rule_value_and_what_to_write() -> None:
    text = why(rule("https://b.example"), rule(f"{PAGE}\u00a0")).text
    assert text.startswith("Refused: ")
    assert "Rule 2" in text
    assert f"{PAGE}<U+00A0>" in text
    assert f"write '{PAGE}'" in text


def test_the_text_says_how_long_an_old_preflight_is_kept() -> None:
    console = "(Reason: Did not find method in CORS header 'Access-Control-Allow-Methods')."
    explanation = why(rule(PAGE, max_age_seconds=600), response={"console": console})
    assert "for 600 seconds" in explanation.text
    headers = {**FINE, "Access-Control-Allow-Methods": "GET", "Access-Control-Max-Age": "7"}
    explanation = why(rule(PAGE, max_age_seconds=600), response={"headers": headers})
    assert "for 7 seconds" in explanation.text


def test_null_gets_a_rule_of_its_own_before_one_of_others() -> None:
    first, second = why(rule(PAGE), origin="null").fixes
    assert first.rules.rules[1] == Rule(["null"], ["PUT"])
    assert second.rules.rules[0].allowed_origins == (PAGE, "null")


def test_unknown_kinds_and_dialects_are_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        explain(None, origin=PAGE, kind="simple")
    with pytest.raises(ValueError, match="dialect"):
        explain(None, origin=PAGE, dialect="gcs")


@pytest.mark.parametrize(
    "rules, method",
    [(rule(PAGE, methods="GET"), "PUT"), (rule(PAGE), "DELETE")],
    ids=["PUT", "DELETE"],
)
def test_a_method_that_firefox_does_not_name_is_one_that_rules_lack(
    rules: dict[str, Any], method: str
) -> None:
    console = "(Reason: Did not find method in CORS header 'Access-Control-Allow-Methods')."
    explanation = why(rules, method="GET", response={"console": console})
    assert explanation.cause is Cause.METHOD_MISSING
    assert f"add '{method}' to AllowedMethod" in explanation.fixes[0].text


@in_one_test
@pytest.mark.parametrize(
    "origin, advice",
    [
        ("x", "starts with its scheme"),
        ("https://[x", "starts with its scheme"),
        ("https://a\udc80.example", "starts with its scheme"),
        (f"{PAGE}\x00", f", but '{PAGE}'"),
        (f"{PAGE}/", f", but '{PAGE}'"),
        (f"blob:{PAGE}/1", f", but '{PAGE}'"),
        ("file:///C:/page.html", ", but 'null'"),
    ],
)
def test_an_origin_that_no_browser_sends_is_no_matter_of_the_rules(
    origin: str, advice: str
) -> None:
    explanation = why(rule(PAGE), origin=origin)
    assert advice in explanation.text
    assert explanation.text.endswith("No change of the rules helps with such an origin.")
    assert "Rule 1" not in explanation.text
    assert explanation.fixes == ()


def test_what_stops_a_request_before_the_rules_do_is_told_as_one_story() -> None:
    explanation = why(rule(f"{PAGE}/"), response={"status": 307})
    assert (explanation.cause, *explanation.also) == ("app_refused", "origin_trailing_slash")
    first, *_, last = explanation.text.split("\n")
    assert first.startswith("Stopped before the rules apply: The application")
    assert "The rules allow it" not in explanation.text
    assert "Also" not in explanation.text
    assert last.endswith(f"; then in rule 1, write '{PAGE}' instead of '{PAGE}/'.")
    assert explanation.fixes == ()


@pytest.mark.parametrize(
    "held, why_not",
    [
        (f"{PAGE},https://b.example", "Each origin must be a separate value"),
        (f'"{PAGE}"', "quotes"),
        (r"^https://.*\.a\.example$", "Regular expressions do not work here"),
        ("https://.*.a.example", "Regular expressions do not work here"),
        ("https://*.*", "more than one `*` matches nothing"),
    ],
)
def test_the_text_says_why_a_value_stands_for_nothing(held: str, why_not: str) -> None:
    assert why_not in why(rule(held)).text


def test_values_that_hold_several_are_split() -> None:
    held = rule(PAGE, allowed_methods=["get, put"], allowed_headers=["X-A;x-b", "x-c"])
    (fix,) = why(held, headers=["x-a"]).fixes
    changed = fix.rules.rules[0]
    assert set(changed.allowed_methods) == {"GET", "PUT"}
    assert set(changed.allowed_headers) == {"X-A", "x-b", "x-c"}


def test_no_value_is_widened_to_a_bare_star() -> None:
    for held in ("**", "*.*", ".*", "https://*.*", " *"):
        for fix in why(rule(held)).fixes:
            assert {*fix.rules.rules[0].allowed_origins} <= {PAGE, held}


def test_a_rule_put_above_one_with_a_star_exposes_what_that_exposed() -> None:
    explanation = why(rule("*", expose_headers=["ETag"]), credentials=True)
    assert explanation.fixes[0].rules.rules[0].expose_headers == ("ETag",)


def test_a_fix_says_which_rules_it_leaves_out() -> None:
    fix = why(rule("PUT", methods=PAGE), rule(PAGE, methods="GET")).fixes[0]
    assert len(fix.rules.rules) == 1
    assert "leave out rules without valid values: 1." in fix.text


def test_a_cache_is_no_matter_of_response_vary_where_there_is_none() -> None:
    seen = blocked(NO_ALLOW_ORIGIN)
    explanation = why(rule(PAGE), method="GET", kind="actual", dialect="s3", response=seen)
    assert explanation.cause is Cause.VARY_MISSING
    assert "ResponseVary" not in explanation.text


P = "https://a.example"
GET_RULE = {"allowed_origins": [P], "allowed_methods": ["GET"]}


@pytest.mark.parametrize(
    "rules",
    [
        [{"AllowedOrigins": [P], "AllowedMethods": ["GET"]}],
        ({"AllowedOrigin": [P], "AllowedMethod": ["GET"]},),
        MappingProxyType({"CORSRules": [{"AllowedOrigins": [P], "AllowedMethods": ["GET"]}]}),
        {"CORSRules": ({"AllowedOrigins": [P], "AllowedMethods": ["GET"]},)},
        [Rule([P], ["GET"])],
        iter([GET_RULE]),
        [GET_RULE, Rule([P], ["PUT"])],
    ],
    ids=lambda rules: type(rules).__name__,
)
def test_rules_are_taken_in_any_names_and_containers(rules: Any) -> None:
    assert explain(rules, origin=P).allowed


def test_rules_that_are_none_are_refused_with_words() -> None:
    for rules in (1, [1], {"a": 1}, {"rules": {1, 2}}):
        with pytest.raises(ValueError, match="without a list of rules"):
            explain(rules, origin=P)  # type: ignore[arg-type]


def test_the_settings_of_the_application_count() -> None:
    asked: dict[str, Any] = {"origin": P, "credentials": True}
    assert explain([GET_RULE], **asked).allowed
    explanation = explain([GET_RULE], **asked, allow_credentials=False)
    assert (explanation.cause, explanation.fixes) == (Cause.OTHER, ())
    assert "BUCKETCORS_ALLOW_CREDENTIALS is off" in explanation.text
    refused = explain([], **asked, allow_credentials=False)
    assert (refused.cause, refused.fixes) == (Cause.NO_RULES, ())
    safe, vendor = (
        dict(explain([GET_RULE], origin=P, vary=each).decision.headers)
        for each in ("safe", "vendor")
    )
    assert ("Vary" in safe, "Vary" in vendor) == (True, False)
    with pytest.raises(ValueError, match="sometimes"):
        explain([GET_RULE], origin=P, vary="sometimes")


@pytest.mark.parametrize(
    "method, headers, preflighted",
    [("GET", [], False), ("post", [], False), ("put", [], True), ("GET", ["x-a"], True)],
)
def test_without_a_kind_a_browser_decides(
    method: str, headers: list[str], preflighted: bool
) -> None:
    rules = [{**GET_RULE, "max_age_seconds": 5}, {**GET_RULE, "allowed_methods": ["POST"]}]
    explanation = explain(rules, origin=P, method=method.upper(), headers=headers, kind=None)
    like = explain(
        rules,
        origin=P,
        method=method.upper(),
        headers=headers,
        kind="preflight" if preflighted else "actual",
    )
    assert explanation == like


def test_the_rule_that_is_named_is_the_one_that_decides() -> None:
    rules = [GET_RULE, {**GET_RULE, "allowed_headers": ["x-a"]}]
    explanation = explain(rules, origin=P, headers=["x-a"])
    assert explanation.decision.rule == 1
    assert explanation.headline == (
        f"Allowed: rule 2 allows the preflight of GET from '{P}', and rule 1 the request itself."
    )
    explanation = explain(rules, origin=P)
    assert explanation.headline == f"Allowed: rule 1 allows GET from '{P}'."


def test_what_a_cache_handed_out_is_said_to_come_from_there() -> None:
    seen = {"status": 200, "headers": {"x-cos-request-id": "1"}}
    explanation = explain([GET_RULE], origin=P, kind="actual", response=seen)
    assert explanation.verdict == "Stopped by a cache"
    assert explanation.fixes
    assert "not by the rules" not in explanation.text


@pytest.mark.parametrize("age", [-5, True, "600s", 2**31])
def test_a_max_age_that_no_rule_may_have_is_not_told(age: Any) -> None:
    console = "(Reason: Did not find method in CORS header 'Access-Control-Allow-Methods')."
    held = {**GET_RULE, "allowed_methods": ["PUT"], "max_age_seconds": age}
    explanation = explain([held], origin=P, method="PUT", response={"console": console})
    assert explanation.cause is Cause.MAX_AGE_CACHED
    assert "use the old response" not in explanation.text


def test_an_answer_without_credentials_is_told_as_that() -> None:
    seen = {"status": 200, "headers": {"Access-Control-Allow-Origin": P, "Vary": "Origin"}}
    explanation = explain([GET_RULE], origin=P, kind="actual", credentials=True, response=seen)
    assert explanation.cause is Cause.OTHER
    assert "The response lacks Access-Control-Allow-Credentials: true" in explanation.text
    seen["headers"]["Access-Control-Allow-Credentials"] = "true"  # type: ignore[index]
    assert explain([GET_RULE], origin=P, kind="actual", credentials=True, response=seen).allowed


def test_a_list_that_cannot_be_read_stops_a_preflight_that_asks_for_no_header() -> None:
    headers = {**FINE, "Access-Control-Allow-Origin": P, "Access-Control-Allow-Methods": "GET"}
    assert explain([GET_RULE], origin=P, response={"headers": headers}).allowed
    headers["Access-Control-Allow-Headers"] = "a b"
    assert not explain([GET_RULE], origin=P, response={"headers": headers}).allowed


def test_an_answer_of_which_nothing_came_through_is_no_success() -> None:
    explanation = explain([GET_RULE], origin=P, response={"status": 0})
    assert explanation.cause is Cause.OTHER
    assert "The browser got no response" in explanation.text
    assert why(rule(PAGE + "/"), response={"status": 0}).cause is Cause.ORIGIN_TRAILING_SLASH


def test_what_the_page_reads_is_guessed_only_where_nobody_says() -> None:
    seen = {"status": 200, "headers": {**FINE, "ETag": "1"}}
    assert why(rule(PAGE), kind="actual", response=seen).cause is Cause.EXPOSE_MISSING
    assert why(rule(PAGE), kind="actual", response={**seen, "reads": []}).allowed
    read = why(rule(PAGE), response={"reads": ["x-a"]})
    assert read.cause is Cause.EXPOSE_MISSING
    assert read.fixes[0].rules.rules[0].expose_headers == ("x-a",)


def test_problems_are_named() -> None:
    xml = (
        f"<CORSConfiguration><CORSRule><AllowedOrigins>{P}</AllowedOrigins><AllowedMethod>get"
        "</AllowedMethod><MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule></CORSConfiguration>"
    )
    explanation = explain(xml, origin=P)
    assert [(each.rule, each.field, each.reason) for each in explanation.problems] == [
        (0, "AllowedOrigins", ProblemReason.UNKNOWN_ELEMENT),
        (0, "AllowedOrigin", ProblemReason.MISSING),
        (0, "AllowedMethod", ProblemReason.METHOD_CASE),
        (0, "MaxAgeSeconds", ProblemReason.OUT_OF_RANGE),
    ]
    assert (
        "The API rejects these rules: rule 1: AllowedOrigins is not allowed here"
        in explanation.text
    )
    assert "; and 1 more." in explanation.text
    wrong = explain([{"allowed_orgins": [P], **GET_RULE}], origin=P)
    assert [each.field for each in wrong.problems] == ["allowed_orgins"]
    assert explain([GET_RULE] * 101, origin=P).problems[0].reason is ProblemReason.TOO_MANY_RULES
    assert explain([GET_RULE] * 100, origin=P).problems == ()


def test_no_list_of_names_is_broken_within_one() -> None:
    for names in (_CDN_HEADERS, _ADDED):
        assert not [name for name in names if name.startswith("-") or name.endswith("-")]


def test_a_pattern_that_is_written_right_comes_after_what_is_tighter() -> None:
    written = why(rule("https://*.*.a.example"), origin="https://x.y.a.example").fixes
    origins = [fix.rules.rules[0].allowed_origins for fix in written]
    assert origins == [("https://x.y.a.example",), ("https://*.a.example",)]


def test_rules_that_python_cannot_write_are_explained_all_the_same() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    odd = {"allowed_origins": ["x"], "allowed_methods": ["GET"], "max_age_seconds": 10**5000}
    assert not explain([odd], origin=PAGE).allowed
    assert lint([odd])
    for read in (PlainRules.read, lint, explain):
        with pytest.raises(ValueError, match="nested more than 64 deep"):
            read([{**odd, "allowed_origins": [deep]}])  # type: ignore[operator]


@in_one_test
@pytest.mark.parametrize(
    "held, origin, cause",
    [
        ("https://b.example", "https://a.b.example", "origin_subdomain_depth"),
        ("https://localhost", "https://a.localhost", "origin_subdomain_depth"),
        ("https://a.b.example", "https://b.example", "origin_subdomain_depth"),
        ("https://www.b.example", "https://b.example", "origin_apex"),
        ("https://10.0.0.1", "https://x.10.0.0.1", "origin_not_listed"),
        ("https://10.0.0.1", "https://0.0.1", "origin_not_listed"),
        ("https://[::1]", "https://x.[::1]", "origin_not_listed"),
        ("https://a*.b.example", "https://b.example", "origin_not_listed"),
        ("https://com", "https://a.com", "origin_not_listed"),
    ],
)
def test_how_deep_a_host_is_counts_for_names_alone(held: str, origin: str, cause: str) -> None:
    assert why(rule(held), origin=origin).cause == cause


def test_a_star_is_named_beside_the_cause_only_where_there_is_one() -> None:
    star, named = rule("*", methods="GET"), rule(PAGE, methods="GET")
    assert why(star, method="PUT", credentials=True).also == ("credentials_wildcard",)
    assert why(star, method="PUT").also == ()
    assert why(named, method="PUT", credentials=True).also == ()


@pytest.mark.parametrize(
    "request_",
    [{"headers": ["x-*"]}, {"headers": ["x a"]}, {"wanted": ["x-*"]}, {"method": "PATCH"}],
    ids=str,
)
def test_what_no_rule_can_hold_is_not_offered(request_: dict[str, Any]) -> None:
    held = rule("https://b.example", methods="PUT")
    request = {**request_}
    wanted = request.pop("wanted", None)
    response = None if wanted is None else {"reads": wanted}
    assert why(held, response=response, **request).fixes == ()


def test_headers_that_pages_often_read_count_only_if_the_page_got_the_response() -> None:
    held = rule(PAGE, methods="GET")
    headers = {"ETag": "1"}
    came = {"status": 200, "headers": {**headers, "Access-Control-Allow-Origin": PAGE}}
    assert why(held, method="GET", kind="actual", response=came).cause == "expose_missing"
    other = {"status": 200, "headers": headers}
    assert why(held, method="GET", kind="actual", response=other).cause != "expose_missing"


@pytest.mark.parametrize("kind", ["actual", "preflight"])
def test_the_last_two_explanations_are_not_mixed_up(kind: str) -> None:
    """The response came from elsewhere, or the request asks for more than is read."""
    foreign = {"status": 200, "headers": {"Access-Control-Allow-Origin": "https://b.example"}}
    elsewhere = why(rule(PAGE, methods="PUT"), method="PUT", kind=kind, response=foreign)
    many = why(rule(PAGE, headers="*"), headers=[f"x-{number}" for number in range(129)])
    assert elsewhere.cause == many.cause == "other"
    assert "not what these rules give" in elsewhere.text
    assert "asks for too many headers" in many.text
    assert "more headers than are read" not in elsewhere.text


@in_one_test
@pytest.mark.parametrize(
    "status", [301, 302, 303, 307, 308, 405, 413, 414, 431, 502, 503, 504, 200, 204]
)
def test_statuses_that_a_server_in_front_gives(status: int) -> None:
    in_front = {"status": status, "headers": {"Server": "nginx"}}
    assert why(rule(PAGE, methods="PUT"), method="PUT", response=in_front).cause == "cdn_responded"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_statuses_that_an_application_gives(status: int) -> None:
    behind = {"status": status, "headers": {"Server": "nginx"}}
    assert why(rule(PAGE, methods="PUT"), method="PUT", response=behind).cause == "app_refused"


def test_a_dot_of_another_script_separates_labels_too() -> None:
    """Browsers write U+3002 and its like as a full stop."""
    for dot in ("\u3002", "\uff0e", "\uff61"):
        explanation = why(rule(f"https://www{dot}a.example"), origin="https://www.a.example")
        assert explanation.cause in ("origin_idn", "origin_lookalike"), dot
        assert f"write '{PAGE}' instead" in explanation.fixes[0].text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a" * 80, f"'{'a' * 80}'"),
        ("a" * 81, f"'{'a' * 80}...'"),
        ("a\u200bb c", "'a<U+200B>b c'"),
        ("\u00e4", "'\u00e4' (\\xe4)"),
    ],
)
def test_how_a_text_is_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "held, origin, causes",
    [
        ("http://a.example:80", "https://a.example", ("origin_scheme", "origin_default_port")),
        ("https://a.example:443", "https://a.example", ("origin_default_port",)),
        ("https://a.example:8443", "https://a.example", ("origin_port",)),
        ("http://a.example:8080", "https://a.example", ("origin_scheme", "origin_port")),
    ],
)
def test_which_port_differs(held: str, origin: str, causes: tuple[str, ...]) -> None:
    explanation = why(rule(held), origin=origin)
    assert {explanation.cause, *explanation.also} == set(causes)


@pytest.mark.parametrize(
    "host, sent, written",
    [
        ("WWW.a.example", "www.a.example", "www.a.example"),
        ("www\u3002a.example", "www.a.example", "www.a.example"),
        ("www\uff61a\uff0eexample", "www.a.example", "www.a.example"),
        ("B\xdcCHER.a", "xn--bcher-kva.a", "b\xfccher.a"),
        ("xn--bcher-kva.a", "xn--bcher-kva.a", "b\xfccher.a"),
        ("xn--" + "a" * 60 + ".a", "xn--" + "a" * 60 + ".a", "xn--" + "a" * 60 + ".a"),
    ],
)
def test_international_host_names(host: str, sent: str, written: str) -> None:
    assert as_sent(host) == sent
    assert written_out(host) == written


@in_one_test
@pytest.mark.parametrize(
    "pattern, text, expected",
    [
        ("a", "a", True),
        ("a*", "a", True),
        ("a*b", "ab", True),
        ("a*b*b", "abb", True),
        ("a*b*b", "ab", False),
        ("*a*a*", "a", False),
        ("*a*b*", "ba", False),
        ("*a*b*", "xaxbx", True),
    ],
)
def test_whether_a_pattern_with_several_stars_fits(pattern: str, text: str, expected: bool) -> None:
    """Its parts stand one behind the other, and share no character."""
    assert fits_as_meant(pattern, text) is expected


@pytest.mark.parametrize(
    "held, cause",
    [
        ("https://*.b\xfccher.example", Cause.ORIGIN_IDN),
        ("https://www.b\xfccher.example", Cause.ORIGIN_IDN),
        ("https://*.b\u03bfcher.example", Cause.ORIGIN_NOT_LISTED),
    ],
)
def test_a_pattern_of_an_international_host(held: str, cause: Cause) -> None:
    assert origin_differences(held, "https://www.xn--bcher-kva.example") == (cause,)


HTTP_PAGE = "http://www.a.example"


@pytest.mark.parametrize(
    "above, nearest",
    [(MAX_COMPARED - 2, f"{PAGE}/a"), (MAX_COMPARED - 1, HTTP_PAGE), (MAX_COMPARED, None)],
)
def test_so_many_values_of_rules_are_compared(above: int, nearest: str | None) -> None:
    """Names of headers count as well."""
    first = rule("https://a.example", headers="x-a " * (above - 1))
    second = rule(HTTP_PAGE, f"{PAGE}/a", f"{PAGE}/")
    assert why(first, second).trace[1].mismatches[0].nearest == nearest


NONE_EXPOSED = {**FINE, "ETag": "1", "Access-Control-Allow-Credentials": "true"}
ANY_EXPOSED = {**NONE_EXPOSED, "Access-Control-Expose-Headers": "*"}


@pytest.mark.parametrize(
    "headers, wanted, credentials, cause",
    [
        (ANY_EXPOSED, ["ETag"], True, Cause.EXPOSE_PATTERN),
        (ANY_EXPOSED, ["ETag"], False, Cause.EXPOSE_MISSING),
        (ANY_EXPOSED, [], True, None),
        (ANY_EXPOSED, [], False, None),
        (NONE_EXPOSED, ["ETag"], True, Cause.EXPOSE_MISSING),
    ],
)
def test_a_star_that_a_response_exposes_counts_with_credentials_alone(
    headers: dict[str, str], wanted: list[str], credentials: bool, cause: Cause | None
) -> None:
    seen = {"status": 200, "headers": headers, "reads": wanted}
    assert why(rule(PAGE), credentials=credentials, response=seen).cause is cause


@pytest.mark.parametrize(
    "exposed, also",
    [
        (["x-*"], (Cause.EXPOSE_PATTERN,)),
        (["x-a", "*"], (Cause.EXPOSE_PATTERN,)),
        (["x-a"], (Cause.EXPOSE_MISSING,)),
        (["etag"], ()),
    ],
)
def test_what_a_rule_that_refuses_would_not_expose(
    exposed: list[str], also: tuple[Cause, ...]
) -> None:
    seen = {"console": 'Refused to get unsafe header "ETag"'}
    held = rule(f"{PAGE}/", methods="PUT", expose_headers=exposed)
    assert why(held, response=seen).also == also


@pytest.mark.parametrize(
    "held, cause",
    [
        ("https://*.a.example:*", "origin_port"),
        ("*://*.a.example", "origin_scheme"),
        ("https://*.shop.b.a.example", "origin_subdomain_depth"),
    ],
)
def test_what_is_wrong_with_a_pattern_that_was_meant(held: str, cause: str) -> None:
    explanation = why(rule(held), origin="https://b.a.example:8443")
    assert cause in {explanation.cause, *explanation.also}
    assert "https://b.a.example:8443" in explanation.fixes[0].text


def test_a_value_that_only_begins_like_a_method_is_no_method() -> None:
    explanation = why(rule(PAGE, methods="GETS"), method="GET")
    assert "That is not a method that rules can allow." in explanation.text
    assert explanation.fixes[0].text == "In rule 1, write 'GET' instead of 'GETS'."
