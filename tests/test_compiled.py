"""Compiled rules: the vendor's samples, and agreement with the naive evaluator."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import CompiledRules, Rule, RuleSet
from flask_bucketcors.core.candidates import Candidate
from flask_bucketcors.core.closed_rules import ClosedRules
from flask_bucketcors.core.compiled import MIN_SHARED_RULES, UNIT_BYTES, digest_of
from flask_bucketcors.core.decisions import Reason
from flask_bucketcors.core.dialects import COS, DIALECTS, OSS, S3, Dialect
from flask_bucketcors.core.fields import EXTRA_METHODS, METHODS
from flask_bucketcors.core.grants import MAX_REMEMBERED, Forms, VaryMode
from flask_bucketcors.core.headers import (
    MAX_REQUESTED_HEADERS,
    MAX_REQUESTED_HEADERS_BYTES,
    RequestedHeaders,
    parse_requested_headers,
)
from flask_bucketcors.core.origins import MAX_ORIGIN_BYTES
from flask_bucketcors.core.rules import fields_of
from tests.support.dialect_facts import FACTS
from tests.support.naive_evaluator import evaluate
from tests.support.strategies import Meeting, meetings
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import vector_rule_set, vectors

ORIGIN = "https://a.example"
METHOD_NAMES = (*METHODS, *EXTRA_METHODS)

dialects = st.sampled_from(list(DIALECTS.values()))


def compiled(*rules: dict[str, Any], vary: str = "vendor", **options: Any) -> CompiledRules:
    """Compile rules of which only what matters is given."""
    base = {"allowed_origins": [ORIGIN], "allowed_methods": ["GET"]}
    return CompiledRules(RuleSet([Rule(**{**base, **r}) for r in rules]), vary=vary, **options)


@pytest.mark.parametrize("vector", vectors("cos_preflight"))
def test_preflights_are_answered_as_documented(vector: dict[str, Any]) -> None:
    if vector["config"] is None:
        decision = ClosedRules(Reason.NO_RULES).preflight("https://example.com", "PUT")
        assert not decision.allowed
        return
    rules = CompiledRules(vector_rule_set(vector["config"]), vary="vendor")
    headers, expected = vector["request"]["headers"], vector["response"]["headers"]
    decision = rules.preflight(
        headers["Origin"],
        headers["Access-Control-Request-Method"],
        headers["Access-Control-Request-Headers"],
    )
    assert len(decision.headers) == len(dict(decision.headers))
    assert dict(decision.headers) == {
        name: value for name, value in expected.items() if name != "Content-Length"
    }


@in_one_test
@pytest.mark.parametrize("vector", vectors("header_match"))
def test_requested_headers_match_as_vendors_say(vector: dict[str, Any]) -> None:
    rules = compiled({"allowed_headers": vector["allowed"]})
    assert rules.preflight(ORIGIN, "GET", vector["requested"]).allowed is vector["match"]


@given(meetings(), st.booleans(), dialects)
def test_preflights_are_decided_as_the_naive_evaluator_does(
    meeting: Meeting, allow_credentials: bool, dialect: Dialect
) -> None:
    verdict = evaluate(
        meeting.rules,
        origin=meeting.origin,
        method=meeting.method,
        requested_headers=meeting.requested_headers,
        allow_credentials=allow_credentials,
        dialect=dialect.name,
    )
    rules = compiled(
        *map(dict, meeting.rules), dialect=dialect, allow_credentials=allow_credentials
    )
    # Twice: the second answer may be a remembered one.
    for _ in range(2):
        decision = rules.preflight(meeting.origin, meeting.method, meeting.requested_headers or "")
        assert (decision.rule, dict(decision.headers)) == (verdict.rule, verdict.headers)
        assert decision.allowed is (verdict.rule is not None)


@given(meetings(), st.booleans(), dialects)
def test_actual_requests_are_decided_as_the_naive_evaluator_does(
    meeting: Meeting, allow_credentials: bool, dialect: Dialect
) -> None:
    requested_headers = meeting.requested_headers or "" if dialect.decides_by_requested else ""
    verdict = evaluate(
        meeting.rules,
        origin=meeting.origin,
        method=meeting.method,
        requested_headers=requested_headers,
        kind="actual",
        allow_credentials=allow_credentials,
        dialect=dialect.name,
    )
    rules = compiled(
        *map(dict, meeting.rules), dialect=dialect, allow_credentials=allow_credentials
    )
    for _ in range(2):
        decision = rules.actual(meeting.origin, meeting.method, requested_headers)
        assert (decision.rule, dict(decision.headers)) == (verdict.rule, verdict.headers)


def test_the_naive_evaluator_knows_every_dialect() -> None:
    assert FACTS.keys() == DIALECTS.keys()


@in_one_test
@pytest.mark.parametrize(
    "rules, request_, expected",
    [
        pytest.param(
            [{"allowed_origins": ["*"]}, {"allowed_headers": ["*"]}],
            (ORIGIN, "GET", ""),
            0,
            id="the first from the top, though a later one names the origin",
        ),
        pytest.param(
            [{"allowed_methods": ["PUT"]}, {}],
            (ORIGIN, "GET", ""),
            1,
            id="not the first that fits the origin alone",
        ),
        pytest.param(
            [{}, {"allowed_headers": ["x-a"]}],
            (ORIGIN, "GET", "x-a"),
            1,
            id="nor the first that fits origin and method",
        ),
        pytest.param([{}], (ORIGIN, "HEAD", ""), Reason.METHOD, id="GET does not imply HEAD"),
        pytest.param([{}], (ORIGIN, "get", ""), Reason.METHOD, id="methods have a case"),
        pytest.param([{}], (ORIGIN, "GET", "x-a"), Reason.HEADERS, id="no header unless allowed"),
        pytest.param(
            [{"allowed_headers": ["x-a"]}],
            (ORIGIN, "GET", "x-a,x-b"),
            Reason.HEADERS,
            id="every header counts",
        ),
        pytest.param([{}], ("https://b.example", "GET", ""), Reason.ORIGIN, id="other origin"),
        pytest.param(
            [{"allowed_headers": ["x-a"]}, {"allowed_methods": ["PUT"]}],
            (ORIGIN, "GET", "x-b"),
            Reason.HEADERS,
            id="the reason is the rule that came nearest",
        ),
    ],
)
def test_which_rule_decides(
    rules: list[dict[str, Any]], request_: tuple[str, str, str], expected: int | Reason
) -> None:
    decision = compiled(*rules).preflight(*request_)
    assert (decision.reason if decision.rule is None else decision.rule) == expected


@in_one_test
@pytest.mark.parametrize(
    "allowed, requested, expected",
    [
        pytest.param(["*"], "", None, id="star, nothing asked for"),
        pytest.param(["*"], "X-B, x-a", "X-B,x-a", id="star echoes the names"),
        pytest.param(["*", "x-a"], "x-b", "x-b", id="star beside names"),
        pytest.param(["X-A", "x-b"], "x-b", "x-a,x-b", id="names: all of them, in lower case"),
        pytest.param(["X-A"], "", "x-a", id="names without a question"),
        pytest.param(["x-cos-meta-*"], "X-Cos-Meta-B", "x-cos-meta-b", id="pattern: as asked"),
        pytest.param(["x-cos-meta-*"], "", None, id="pattern without a question"),
        pytest.param(["x-m-*", "x-a"], "x-m-b,x-a", "x-a,x-m-b", id="pattern beside names"),
        pytest.param([], "", None, id="none"),
        pytest.param(["*"], " x-a ,,\tx-b,", "x-a,x-b", id="blanks and empty items are dropped"),
    ],
)
def test_allow_headers(allowed: list[str], requested: str, expected: str | None) -> None:
    decision = compiled({"allowed_headers": allowed}).preflight(ORIGIN, "GET", requested)
    assert decision.allowed
    assert dict(decision.headers).get("Access-Control-Allow-Headers") == expected


@pytest.mark.parametrize(
    "origin, method, requested",
    [
        pytest.param("a" * (MAX_ORIGIN_BYTES + 1), "GET", "", id="origin too long"),
        pytest.param(ORIGIN, "G" * 65536, "", id="no method"),
        pytest.param(ORIGIN, "GET", "a" * (MAX_REQUESTED_HEADERS_BYTES + 1), id="headers too long"),
        pytest.param(ORIGIN, "GET", ",".join("a" * (MAX_REQUESTED_HEADERS + 1)), id="too many"),
        pytest.param(ORIGIN, "GET", "x a", id="not a token"),
        pytest.param(ORIGIN, "GET", "x-a\r\nX: y", id="line break"),
    ],
)
def test_bounds_come_before_any_rule(origin: str, method: str, requested: str) -> None:
    rules = compiled({"allowed_origins": ["*"], "allowed_headers": ["*"]})
    assert not rules.preflight(origin, method, requested).allowed


@pytest.mark.parametrize(
    "requested",
    [
        pytest.param("a" * MAX_REQUESTED_HEADERS_BYTES, id="longest"),
        pytest.param(",".join("a" * MAX_REQUESTED_HEADERS), id="most"),
    ],
)
def test_what_is_within_bounds_is_decided(requested: str) -> None:
    rules = compiled({"allowed_origins": ["*"], "allowed_headers": ["*"]})
    assert rules.preflight(ORIGIN, "GET", requested).allowed


def test_a_star_never_goes_with_credentials() -> None:
    rules = compiled({"allowed_origins": [ORIGIN, "*"]})
    for decision in (rules.preflight(ORIGIN, "GET"), rules.actual(ORIGIN, "GET")):
        headers = dict(decision.headers)
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers


def test_max_age_zero_is_sent_and_none_is_not() -> None:
    zero = compiled({"max_age_seconds": 0}).preflight(ORIGIN, "GET")
    none = compiled({}).preflight(ORIGIN, "GET")
    assert dict(zero.headers)["Access-Control-Max-Age"] == "0"
    assert "Access-Control-Max-Age" not in dict(none.headers)


ALL_NAMES = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


VENDOR_NAMES = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@in_one_test
@pytest.mark.parametrize(
    "dialect, mode, response_vary, allowed, refused, without_origin",
    [
        *(
            (dialect, VaryMode.SAFE, said, ALL_NAMES, ALL_NAMES, plain)
            for dialect, plain in [(COS, "Origin"), (OSS, "Origin"), (S3, VENDOR_NAMES)]
            for said in (None, False, True)
        ),
        *(
            (dialect, VaryMode.VENDOR, said, vary, vary, vary)
            for dialect in (COS, OSS)
            for said, vary in [(None, None), (False, None), (True, "Origin")]
        ),
        *((S3, VaryMode.VENDOR, said, VENDOR_NAMES, None, None) for said in (None, False, True)),
    ],
)
def test_vary_is_safe_by_default_and_literal_on_request(
    dialect: Dialect,
    mode: VaryMode,
    response_vary: bool | None,
    allowed: str | None,
    refused: str | None,
    without_origin: str | None,
) -> None:
    rules = CompiledRules(RuleSet([Rule([ORIGIN], ["GET"])], response_vary), dialect, vary=mode)
    assert dict(rules.preflight(ORIGIN, "GET").headers).get("Vary") == allowed
    assert dict(rules.preflight("https://b.example", "GET").headers).get("Vary") == refused
    assert dict(rules.without_origin).get("Vary") == without_origin
    assert dict(rules.actual("https://b.example", "GET").headers).get("Vary") == without_origin
    # An allowed actual request: of S3 it is known what it depends on.
    on_match = VENDOR_NAMES if dialect is S3 else without_origin
    assert dict(rules.actual(ORIGIN, "GET").headers).get("Vary") == on_match


def remembered(rules: CompiledRules) -> list[str]:
    """The lists of requested headers that are remembered for the rules of a set."""
    return [text for rule in rules.rules for text in rule.grant.preflights]


def known_origins(rules: CompiledRules) -> set[str]:
    """The origins that rules remember."""
    return {each for each in (rules.origin, *rules.by_origin) if each is not None}


def test_refused_requests_are_not_remembered() -> None:
    rules = compiled({"allowed_headers": ["x-refused-*"], "expose_headers": ["x-of-this-test"]})
    for number in range(1000):
        rules.preflight(f"https://{number}.example", "GET", f"x-refused-{number}")
        rules.preflight(ORIGIN, "GET", f"x-{number}")
        rules.actual(f"https://{number}.example", "GET")
    assert not remembered(rules)
    assert known_origins(rules) == {ORIGIN}


def test_no_origin_is_remembered_but_those_that_the_rules_spell_out() -> None:
    rules = compiled({"allowed_origins": ["*", ORIGIN]}, {"allowed_origins": ["https://*"]})
    for number in range(1000):
        assert rules.actual(f"https://{number}.example", "GET").allowed
    rules.actual(ORIGIN, "GET")
    assert known_origins(rules) == {ORIGIN}


def test_what_a_bare_star_covers_is_not_remembered() -> None:
    """Not even where its response is allowed: a client can invent any number of such texts."""
    rules = CompiledRules(RuleSet([Rule(["*", ORIGIN], ["GET"]), Rule(["https://*"], ["GET"])]))
    for index in range(50):
        for origin in (f"file://{index}", f"https://a.test/{index}", f"junk {index}"):
            assert rules.actual(origin, "GET").headers[0] == ("Access-Control-Allow-Origin", "*")
            assert rules.preflight(origin, "GET").allowed
    assert known_origins(rules) == {ORIGIN}


def test_memory_for_requested_headers_is_bounded_over_all_rules() -> None:
    several = [compiled({"allowed_headers": ["*", f"x-{n}"]}) for n in range(10)]
    for number in range(MAX_REMEMBERED * 2):
        several[number % 10].preflight(ORIGIN, "GET", f"x-{number}")
    texts = [text for rules in several for text in remembered(rules)]
    assert 0 < len(texts) <= MAX_REMEMBERED


def test_long_lists_of_requested_headers_are_not_remembered() -> None:
    rules = compiled({"allowed_headers": ["*"]}, {"allowed_headers": ["x" * 8000, "y-*"]})
    rules.preflight(ORIGIN, "GET", "x" * 8000)
    rules.preflight(ORIGIN, "GET", "y-short")
    assert all(len(text) < 8000 for text in remembered(rules))


@pytest.mark.parametrize("mode, vary", [(VaryMode.SAFE, ALL_NAMES), (VaryMode.VENDOR, None)])
def test_closed_rules_allow_nothing_and_name_their_reason(mode: VaryMode, vary: str | None) -> None:
    closed = ClosedRules(Reason.UNREADABLE, vary=mode)
    vary_origin = (("Vary", "Origin"),) if mode is VaryMode.SAFE else ()
    actual = closed.actual(ORIGIN, "GET")
    assert (actual.headers, actual.rule, actual.reason) == (vary_origin, None, Reason.UNREADABLE)
    preflight = closed.preflight(ORIGIN, "GET")
    assert (preflight.rule, preflight.reason) == (None, Reason.UNREADABLE)
    assert dict(preflight.headers).get("Vary") == vary


@pytest.mark.parametrize("mode", VaryMode)
def test_a_refusal_does_not_tell_whether_there_are_rules(mode: VaryMode) -> None:
    without = ClosedRules(Reason.NO_RULES, vary=mode).preflight(ORIGIN, "PUT")
    assert without.headers == compiled({}, vary=mode).preflight(ORIGIN, "PUT").headers


def test_what_a_reason_is_called() -> None:
    """Applications log these texts, compare them and store them."""
    assert {reason.name: reason.value for reason in Reason} == {
        "ORIGIN": "origin",
        "METHOD": "method",
        "HEADERS": "headers",
        "NO_RULES": "no_rules",
        "UNREADABLE": "unreadable",
        "RULES_CALL": "rules_call",
        "DOT_SEGMENT": "dot_segment",
    }


def test_what_a_mode_of_vary_is_called() -> None:
    """They are values of a setting."""
    assert {mode.name: mode.value for mode in VaryMode} == {"SAFE": "safe", "VENDOR": "vendor"}


@pytest.mark.parametrize(
    "allowed, requested, is_remembered",
    [
        pytest.param(["*"], "x" * 512, True, id="the longest"),
        pytest.param(["*"], "x" * 513, False, id="one byte more"),
        pytest.param(["x-own", "x" * 600], "x-own", True, id="what all its responses share"),
        pytest.param(["x" * 600, "y-*"], "y-short", False, id="a short request, a long response"),
        pytest.param(["y"], "y" + " " * 600, False, id="a long request, a short response"),
    ],
)
def test_what_is_remembered_of_requested_headers(
    allowed: list[str], requested: str, is_remembered: bool
) -> None:
    # Methods of its own keep this grant apart from those of other tests.
    rules = compiled({"allowed_headers": allowed, "allowed_methods": ["DELETE", "HEAD", "PUT"]})
    for _ in range(2):
        assert rules.preflight(ORIGIN, "PUT", requested).allowed
    assert (requested in remembered(rules)) is is_remembered


def candidates(rules: CompiledRules) -> dict[str, Candidate]:
    """The candidates of the origins that have some."""
    known = {rules.origin: rules.first, **rules.by_origin}
    return {o: each for o, each in known.items() if o and isinstance(each, Candidate)}


def chain(candidate: Candidate | None) -> list[Candidate]:
    """The candidates from one on."""
    return [] if candidate is None else [candidate, *chain(candidate.next)]


@in_one_test
@pytest.mark.parametrize(
    "rule_count, count, ready",
    [(1, 1, 1), (1, 8, 8), (1, 9, 0), (2, 8, 8), (3, 8, 0), (3, 5, 5), (3, 6, 0)],
)
def test_few_origins_are_made_ready_before_they_are_asked_for(
    rule_count: int, count: int, ready: int
) -> None:
    """Few, and in few rules."""
    origins = [f"https://{number}.example" for number in range(count)]
    methods = ["GET", "PUT", "POST"][:rule_count]
    rules = compiled(*({"allowed_origins": origins, "allowed_methods": [m]} for m in methods))
    assert len(candidates(rules)) == ready
    for origin in (*origins, "https://other.example"):
        assert rules.actual(origin, "GET").allowed is (origin in origins)
    assert set(candidates(rules)) == known_origins(rules) == set(origins)


def test_many_origins_share_what_the_rules_say_about_them() -> None:
    """A hundred rules that name the same origins would take a hundred objects for each."""
    origins = [f"https://{number}.example" for number in range(15)]
    rules = compiled(*({"allowed_origins": origins, "max_age_seconds": n} for n in range(100)))
    for origin in origins:
        assert list(rules.allowing(origin)) == list(range(100))
        headers = rules.actual(origin, "GET").headers
        assert headers[0] == ("Access-Control-Allow-Origin", origin)
    [shared] = set(candidates(rules).values())
    assert [each.index for each in chain(shared)] == [0]


def test_what_origins_share_is_bounded() -> None:
    """Each origin is in two of many rules, and patterns cover it, too."""
    pairs = list(combinations(range(12), 2))
    literals = {pair: f"https://{pair[0]}.{pair[1]}.example" for pair in pairs}
    rules = compiled(
        *(
            {
                "allowed_origins": [o for pair, o in literals.items() if n in pair] + ["https://*"],
                "allowed_methods": [METHOD_NAMES[n]],
            }
            for n in range(12)
        )
    )
    most = 0
    for _ in range(2):
        for origin in literals.values():
            assert rules.actual(origin, METHOD_NAMES[11]).rule == 11
            kept = {id(e) for each in candidates(rules).values() for e in chain(each)}
            most = max(most, len(kept))
    assert 12 <= most <= 2 * len(literals) + MIN_SHARED_RULES


def test_a_preflight_may_ask_for_no_header() -> None:
    assert parse_requested_headers("") == RequestedHeaders(text="", sent=(), names=())


def test_an_origin_in_several_rules_is_ready_for_all_of_them() -> None:
    several = {"allowed_origins": [ORIGIN, *(f"https://{n}.example" for n in range(8))]}
    rules = compiled(several, {**several, "allowed_methods": ["PUT"]}, {"allowed_origins": ["*"]})
    for _ in range(2):
        assert list(rules.allowing(ORIGIN)) == [0, 1, 2]
        assert rules.actual(ORIGIN, "PUT").rule == 1
    assert list(rules.allowing("https://other.example")) == [2]


def test_after_all_was_forgotten_memory_fills_again() -> None:
    forms = Forms(COS, VaryMode.SAFE, False, True)
    rules = [
        forms.compile_rule(fields_of(Rule([ORIGIN], ["GET"], ["*", f"x-{n}"]))) for n in range(2)
    ]
    memories = [rule.grant.preflights for rule in rules]

    def ask(count: int) -> int:
        for number in range(count):
            requested = parse_requested_headers(f"x-a{number}")
            assert requested is not None
            assert rules[number % 2].grant.preflight(requested)
        return sum(map(len, memories))

    assert ask(MAX_REMEMBERED) == MAX_REMEMBERED
    for memory in memories:
        memory.clear()
    # The list of what is remembered is full: the next text is the first of a new one.
    assert [ask(count) for count in (1, 2, 3)] == [1, 2, 3]


@given(meetings(), meetings())
def test_rule_sets_with_one_digest_differ_in_nothing_but_ids(one: Meeting, other: Meeting) -> None:
    def without_ids(meeting: Meeting) -> RuleSet:
        return RuleSet([Rule(**{**rule, "id": None}) for rule in map(dict, meeting.rules)])

    first, second = without_ids(one), without_ids(other)
    assert (digest_of(first) == digest_of(second)) is (first == second)
    named = RuleSet([Rule(**{**each.as_dict(), "id": "mine"}) for each in first.rules])
    assert digest_of(named) == digest_of(first)


BASE: dict[str, Any] = {
    "allowed_origins": ["https://a.example", "https://b.example"],
    "allowed_methods": ["GET", "PUT"],
    "allowed_headers": ["x-a", "x-b"],
    "expose_headers": ["x-c"],
    "max_age_seconds": 0,
}


@in_one_test
@pytest.mark.parametrize(
    "changed",
    [
        {"allowed_origins": ["https://b.example", "https://a.example"]},
        {"allowed_origins": ["https://a.example"]},
        {"allowed_methods": ["PUT", "GET"]},
        {"allowed_headers": ["X-A", "x-b"]},
        {"allowed_headers": [], "expose_headers": ["x-a", "x-b"]},
        {"allowed_headers": ["x-a", "x-b", "x-c"], "expose_headers": []},
        {"max_age_seconds": None},
        {"max_age_seconds": 1},
    ],
)
def test_what_rules_say_is_in_their_digest(changed: dict[str, Any]) -> None:
    rules, other = RuleSet([Rule(**BASE)]), RuleSet([Rule(**{**BASE, **changed})])
    assert digest_of(rules) != digest_of(other)
    digests = {digest_of(RuleSet(rules.rules, vary)) for vary in (None, False, True)}
    assert len(digests) == 2


def size_of(**fields: Any) -> int:
    return compiled(fields).units * UNIT_BYTES


GROWING: dict[str, Callable[[int], dict[str, Any]]] = {
    "origins": lambda n: {"allowed_origins": [f"https://{i}.size.example" for i in range(n)]},
    "patterns": lambda n: {"allowed_origins": [f"https://*.{i}.size.example" for i in range(n)]},
    "prefixes": lambda n: {"allowed_origins": [f"https://{i}.size.*" for i in range(n)]},
    "allowed headers": lambda n: {"allowed_headers": [f"x-size-{n}-{i}" for i in range(n)]},
    "exposed headers": lambda n: {"expose_headers": [f"x-size-{n}-{i}" for i in range(n)]},
}


@pytest.mark.parametrize("fields_of", GROWING.values(), ids=GROWING)
def test_the_estimate_of_memory_grows_with_the_rules(
    fields_of: Callable[[int], dict[str, Any]],
) -> None:
    """By what the texts take at least, and by no more than 15 times the document."""
    # What all of them share is counted for the first.
    _, *sizes = [size_of(**fields_of(n)) for n in (1, 1, 10, 100, 1000)]
    assert sizes == sorted(sizes)
    rule = Rule(**{"allowed_origins": [ORIGIN], "allowed_methods": ["GET"], **fields_of(1000)})
    [text] = {k: v for k, v in rule.as_dict().items() if k in fields_of(1)}.values()
    characters = sum(map(len, text))
    assert characters < sizes[-1] < 15 * (characters + 3 * len(text))


def test_what_rules_share_is_counted_once() -> None:
    """A rule without its origins is the same object in many rule sets."""
    first, *others = (
        size_of(allowed_origins=[f"https://{n}.example"], allowed_headers=["x-counted-once"])
        for n in range(3)
    )
    assert first > others[0] == others[1]


def test_a_request_does_not_change_the_estimate() -> None:
    origins = [f"https://{n}.example" for n in range(20)]
    rules = compiled({"allowed_origins": origins})
    before = rules.units
    for origin in origins:
        rules.actual(origin, "GET")
    assert rules.units == before
