"""Rule and RuleSet: valid once they exist, and every problem named at once."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import InvalidRules, Rule, RuleSet
from flask_bucketcors.core.fields import (
    HEADER_LISTS,
    MAX_SHARED_LISTS,
    MAX_SHARED_VALUES,
    METHODS,
    checked_fields,
    usual_fields,
)
from flask_bucketcors.core.problems import Problem, ProblemReason
from flask_bucketcors.core.rules import check_methods
from tests.support.strategies import allowed_headers, methods, origin_patterns, rule_sets, rules
from tests.support.tables import in_one_test

FIELDS = Rule.__match_args__
GOOD: dict[str, Any] = {"allowed_origins": ["https://a.example"], "allowed_methods": ["GET"]}


def test_order_case_and_repetition_are_kept() -> None:
    rule = Rule(
        allowed_origins=["https://B.example", "https://a.example", "https://a.example"],
        allowed_methods=["PUT", "GET"],
        allowed_headers=["X-B", "x-a", "*"],
        expose_headers=["ETag", "etag"],
        max_age_seconds=0,
        id="r 1",
    )
    assert rule.allowed_origins == ("https://B.example", "https://a.example", "https://a.example")
    assert rule.allowed_methods == ("PUT", "GET")
    assert rule.allowed_headers == ("X-B", "x-a", "*")
    assert rule.expose_headers == ("ETag", "etag")
    assert (rule.max_age_seconds, rule.id) == (0, "r 1")


def test_an_id_is_never_invented() -> None:
    assert Rule(**GOOD).id is None


def test_values_do_not_follow_the_lists_they_came_from() -> None:
    origins = ["https://a.example"]
    rule = Rule(origins, ["GET"])
    origins.append("*")
    assert rule.allowed_origins == ("https://a.example",)


def test_any_iterable_will_do() -> None:
    assert Rule(iter(["https://a.example"]), ("GET",)) == Rule(**GOOD)  # type: ignore[arg-type]


@in_one_test
@pytest.mark.parametrize(
    "field, value, reason",
    [
        ("allowed_origins", [], ProblemReason.MISSING),
        ("allowed_origins", "https://a.example", ProblemReason.NOT_A_LIST),
        ("allowed_origins", "*", ProblemReason.NOT_A_LIST),
        ("allowed_origins", {"*": 1}, ProblemReason.NOT_A_LIST),
        ("allowed_origins", None, ProblemReason.NOT_A_LIST),
        ("allowed_origins", [7], ProblemReason.NOT_TEXT),
        ("allowed_origins", ["http://*.*"], ProblemReason.WILDCARDS),
        ("allowed_methods", [], ProblemReason.MISSING),
        ("allowed_methods", ["get"], ProblemReason.METHOD_CASE),
        ("allowed_methods", ["OPTIONS"], ProblemReason.OPTIONS_METHOD),
        ("allowed_methods", ["options"], ProblemReason.OPTIONS_METHOD),
        ("allowed_methods", ["*"], ProblemReason.ANY_METHOD),
        ("allowed_methods", ["GET,PUT"], ProblemReason.SEVERAL_METHODS),
        ("allowed_methods", ["get put"], ProblemReason.SEVERAL_METHODS),
        ("allowed_methods", ["GET, HEAD, OPTIONS"], ProblemReason.SEVERAL_METHODS),
        ("allowed_methods", ["GET,"], ProblemReason.METHOD),
        ("allowed_methods", ["TRACE"], ProblemReason.METHOD),
        ("allowed_methods", ["TRACK"], ProblemReason.METHOD),
        ("allowed_methods", ["CONNECT"], ProblemReason.METHOD),
        ("allowed_methods", ["patch"], ProblemReason.METHOD_CASE),
        ("allowed_methods", [""], ProblemReason.METHOD),
        ("allowed_headers", "*", ProblemReason.NOT_A_LIST),
        ("allowed_headers", {"*"}, ProblemReason.NOT_A_LIST),
        ("allowed_headers", ["x-a,x-b"], ProblemReason.SEVERAL_HEADERS),
        ("allowed_headers", [7], ProblemReason.NOT_TEXT),
        ("allowed_headers", ["a b"], ProblemReason.SEVERAL_HEADERS),
        ("allowed_headers", [""], ProblemReason.EMPTY),
        ("allowed_headers", ["x-*-*"], ProblemReason.WILDCARDS),
        ("allowed_headers", ["x-a\u00a0"], ProblemReason.NOT_ASCII),
        ("allowed_headers", ["x:y"], ProblemReason.NOT_A_HEADER_NAME),
        ("expose_headers", ["*"], ProblemReason.WILDCARD_FORBIDDEN),
        ("expose_headers", ["x-cos-*"], ProblemReason.WILDCARD_FORBIDDEN),
        ("expose_headers", ["ETag,x-a"], ProblemReason.SEVERAL_HEADERS),
        ("expose_headers", ["ETag\r\nX: y"], ProblemReason.NOT_A_HEADER_NAME),
        ("max_age_seconds", -1, ProblemReason.OUT_OF_RANGE),
        ("max_age_seconds", 2**31, ProblemReason.OUT_OF_RANGE),
        ("max_age_seconds", 1.5, ProblemReason.NOT_AN_INTEGER),
        ("max_age_seconds", "600", ProblemReason.NOT_AN_INTEGER),
        ("max_age_seconds", True, ProblemReason.NOT_AN_INTEGER),
        ("id", "", ProblemReason.EMPTY),
        ("id", "a" * 256, ProblemReason.TOO_LONG),
        ("id", "a\nb", ProblemReason.CONTROL_CHARACTER),
        ("id", " a", ProblemReason.CONTROL_CHARACTER),
        ("id", "\ud800", ProblemReason.CONTROL_CHARACTER),
        ("id", 7, ProblemReason.NOT_TEXT),
    ],
)
def test_a_rule_may_not_have(field: str, value: Any, reason: ProblemReason) -> None:
    with pytest.raises(InvalidRules) as refused:
        Rule(**{**GOOD, field: value})
    shown = None if reason is ProblemReason.MISSING else value
    if isinstance(value, list) and value:
        shown = value[0]
    index = 0 if shown is not value and shown is not None else None
    assert refused.value.problems == (Problem(field, shown, reason, index=index),)


@pytest.mark.parametrize(
    "field, value",
    [
        ("allowed_headers", ["x-cos-meta-*", "under_score", "*"]),
        ("max_age_seconds", 0),
        ("max_age_seconds", 2**31 - 1),
        ("id", "a&b <c> 'd' \u4e2d\u6587"),
        ("id", "X"),
    ],
)
def test_a_rule_may_have(field: str, value: Any) -> None:
    rule = Rule(**{**GOOD, field: value})
    assert getattr(rule, field) == (tuple(value) if isinstance(value, list) else value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InvalidRules) as refused:
        RuleSet.from_dict(
            {
                "rules": [
                    {"allowed_origins": ["http://*.*", "a b"], "allowed_methods": ["get"]},
                    GOOD,
                    {"allowed_methods": ["GET"], "expose_headers": ["*"], "max_age_seconds": -1},
                    "not a rule",
                    {**GOOD, "unknown": 1},
                ],
                "response_vary": "yes",
            }
        )
    assert [(each.rule, each.field, each.reason) for each in refused.value.problems] == [
        (0, "allowed_origins", ProblemReason.WILDCARDS),
        (0, "allowed_origins", ProblemReason.FORBIDDEN_CHARACTER),
        (0, "allowed_methods", ProblemReason.METHOD_CASE),
        (2, "allowed_origins", ProblemReason.MISSING),
        (2, "expose_headers", ProblemReason.WILDCARD_FORBIDDEN),
        (2, "max_age_seconds", ProblemReason.OUT_OF_RANGE),
        (3, "rules", ProblemReason.NOT_A_RULE),
        (4, "unknown", ProblemReason.UNKNOWN_ELEMENT),
        (None, "response_vary", ProblemReason.NOT_A_BOOLEAN),
    ]


DOUBLED = {
    "allowed_origins": ["a b", "*", "a b"],
    "allowed_methods": ["get", "GET", "get"],
    "allowed_headers": ["x:y", 1, "x:y"],
    "expose_headers": ["*", "ETag", "*"],
}


def test_a_wrong_value_that_stands_twice_has_two_indexes() -> None:
    with pytest.raises(InvalidRules) as of_a_rule:
        Rule(**DOUBLED)
    with pytest.raises(InvalidRules) as of_a_rule_set:
        RuleSet.from_dict({"rules": [GOOD, DOUBLED]})
    for refused, rule in ((of_a_rule, None), (of_a_rule_set, 1)):
        assert [(each.rule, each.field, each.index) for each in refused.value.problems] == [
            (rule, "allowed_origins", 0),
            (rule, "allowed_origins", 2),
            (rule, "allowed_methods", 0),
            (rule, "allowed_methods", 2),
            (rule, "allowed_headers", 0),
            (rule, "allowed_headers", 1),
            (rule, "allowed_headers", 2),
            (rule, "expose_headers", 0),
            (rule, "expose_headers", 2),
        ]


def test_a_method_that_the_settings_do_not_list_has_its_index() -> None:
    rule_set = RuleSet([Rule(["*"], ["GET", "PATCH", "PATCH"]), Rule(["*"], ["MKCOL"])])
    with pytest.raises(InvalidRules) as refused:
        check_methods(rule_set, ())
    places = [(each.rule, each.index) for each in refused.value.problems]
    assert places == [(0, 1), (0, 2), (1, 0)]


def test_a_problem_says_where_what_and_what_to_write() -> None:
    problem = Problem("allowed_methods", "get", ProblemReason.METHOD_CASE, rule=1)
    assert str(problem) == (
        "rule 2: allowed_methods 'get' is in the wrong case; methods are case-sensitive, "
        "write it in upper case"
    )


def test_a_problem_shows_invisible_characters_and_no_end_of_them() -> None:
    text = str(Problem("allowed_origins", "\u200b" * 1000, ProblemReason.NOT_ASCII))
    assert r"\u200b" in text
    assert text.isascii()
    assert len(text) < 300


@pytest.mark.parametrize(
    "rules, reason",
    [
        ([], ProblemReason.MISSING),
        ([{"allowed_origins": ["*"]}], ProblemReason.NOT_A_RULE),
        ("*", ProblemReason.NOT_A_LIST),
    ],
)
def test_a_rule_set_holds_rules(rules: Any, reason: ProblemReason) -> None:
    with pytest.raises(InvalidRules) as refused:
        RuleSet(rules)
    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == ("rules", reason)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"rules": None}, {"rules": {}}])
def test_data_that_is_no_rule_set(data: Any) -> None:
    with pytest.raises(InvalidRules, match=r"write \{'rules': \[\.\.\.\]\}"):
        RuleSet.from_dict(data)


@given(rule_sets())
def test_a_rule_set_comes_back_from_its_data(rules: list[dict[str, Any]]) -> None:
    rule_set = RuleSet([Rule(**rule) for rule in rules], response_vary=True)
    assert RuleSet.from_dict(rule_set.as_dict()) == rule_set


VALUES = st.one_of(
    st.sampled_from([*METHODS, "get", "*", "x-*", "*-*", "ETag", "a,b", "a b", "", "x" * 70]),
    st.sampled_from([7, None, b"GET", "\xe4", "\ud800", "a\n", "x_y", "https://a.example"]),
)
LISTS = st.one_of(
    st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3).map(tuple), st.just("GET"), st.none()
)


ANYTHING = st.tuples(
    st.one_of(LISTS, st.lists(origin_patterns(), max_size=3)),
    st.one_of(LISTS, st.lists(methods(), max_size=5)),
    st.one_of(LISTS, st.lists(allowed_headers(), max_size=20)),
    st.one_of(LISTS, st.lists(allowed_headers(), max_size=20)),
    st.sampled_from([None, 0, 600, -1, 2**31, True, 1.5, "600"]),
    st.sampled_from([None, "r 1", "", " a", "a\n", "a" * 256, "\ud800", 7]),
)


@given(ANYTHING)
def test_the_fast_check_accepts_nothing_that_the_full_one_refuses(values: tuple[Any, ...]) -> None:
    """And keeps what the full one keeps."""
    usual = usual_fields(*values)
    if usual is not None:
        assert usual == checked_fields(*values)


@given(rules())
def test_the_fast_check_and_the_full_one_keep_the_same(data: dict[str, Any]) -> None:
    kept = checked_fields(**{name: data.get(name) for name in FIELDS})
    assert usual_fields(**data) in (None, kept)
    assert tuple(getattr(Rule(**data), name) for name in FIELDS) == kept


def test_usual_rules_need_no_full_check() -> None:
    assert usual_fields(["https://a.example", "http://b.example:80", "*"], ["PUT", "GET"])
    assert usual_fields(["*"], ["GET"], ["*", "x-cos-meta-*"], ["ETag"], 600, "rule 1")


def test_equal_lists_are_kept_once() -> None:
    """Bucket for bucket the same few."""
    text = json.dumps({**GOOD, "allowed_headers": ["x-a", "*"], "expose_headers": ["ETag"]})
    one, another = Rule(**json.loads(text)), Rule(**json.loads(text))
    assert one.allowed_methods is another.allowed_methods
    assert one.allowed_headers is another.allowed_headers
    assert one.expose_headers is another.expose_headers


def test_lists_that_are_kept_once_are_bounded() -> None:
    lists = [(f"x-{number}",) for number in range(2 * MAX_SHARED_LISTS)]
    assert [Rule(**GOOD, allowed_headers=each).allowed_headers for each in lists] == lists
    assert len(HEADER_LISTS) <= MAX_SHARED_LISTS
    long = [f"x-{number}" for number in range(MAX_SHARED_VALUES + 1)]
    assert Rule(**GOOD, allowed_headers=long).allowed_headers == tuple(long)
    assert tuple(long) not in HEADER_LISTS


def test_a_rule_can_be_copied_with_another_field() -> None:
    assert replace(Rule(**GOOD), id="r").id == "r"
    assert pickle.loads(pickle.dumps(Rule(**GOOD))) == Rule(**GOOD)
    with pytest.raises(FrozenInstanceError):
        Rule(**GOOD).id = "r"  # type: ignore[misc]


def nested(depth: int) -> list[Any]:
    """A list in a list, as JSON may have it."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    "field, value",
    [
        pytest.param("allowed_origins", [nested(10_000)], id="nested too deeply"),
        pytest.param("max_age_seconds", nested(10_000), id="nested too deeply, single"),
        pytest.param("max_age_seconds", 10**5000, id="too many digits"),
        pytest.param("id", {"a": 10**5000}, id="too many digits within"),
    ],
)
def test_a_value_that_python_cannot_write_is_a_problem_like_any_other(
    field: str, value: Any
) -> None:
    with pytest.raises(InvalidRules, match="too large to show") as refused:
        RuleSet.from_dict({"rules": [{**GOOD, field: value}]})
    assert [each.field for each in refused.value.problems] == [field]


@pytest.mark.parametrize(
    "name", ["a\nERROR forged", "\x1b[2J", "\u202egpj", "\ud800", "a" * 10_000]
)
def test_a_problem_shows_a_foreign_field_in_bounded_ascii(name: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        RuleSet.from_dict({"rules": [{**GOOD, name: 1}], name: 1})
    for each in refused.value.problems:
        assert each.field == name
        assert str(each).isascii()
        assert str(each).isprintable()
        assert len(str(each)) < 200
