"""Rule and RuleSet: valid once they exist, and every problem named at once."""

from typing import Any

import pytest
from hypothesis import given
from strategies import rule_sets

from flask_bucketcors import InvalidRules, Rule, RuleSet
from flask_bucketcors.core.errors import Problem, ProblemReason

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


@pytest.mark.parametrize(
    "field, value, reason",
    [
        ("allowed_origins", [], ProblemReason.MISSING),
        ("allowed_origins", "https://a.example", ProblemReason.NOT_A_LIST),
        ("allowed_origins", None, ProblemReason.NOT_A_LIST),
        ("allowed_origins", [7], ProblemReason.NOT_TEXT),
        ("allowed_origins", ["http://*.*"], ProblemReason.WILDCARDS),
        ("allowed_methods", [], ProblemReason.MISSING),
        ("allowed_methods", ["get"], ProblemReason.METHOD_CASE),
        ("allowed_methods", ["OPTIONS"], ProblemReason.METHOD),
        ("allowed_methods", ["PATCH"], ProblemReason.METHOD),
        ("allowed_methods", [""], ProblemReason.METHOD),
        ("allowed_headers", ["a b"], ProblemReason.NOT_A_HEADER_NAME),
        ("allowed_headers", [""], ProblemReason.EMPTY),
        ("allowed_headers", ["x-*-*"], ProblemReason.WILDCARDS),
        ("allowed_headers", ["x-a\u00a0"], ProblemReason.NOT_ASCII),
        ("allowed_headers", ["x:y"], ProblemReason.NOT_A_HEADER_NAME),
        ("expose_headers", ["*"], ProblemReason.WILDCARD_FORBIDDEN),
        ("expose_headers", ["x-cos-*"], ProblemReason.WILDCARD_FORBIDDEN),
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
    assert refused.value.problems == (Problem(field, shown, reason),)


@pytest.mark.parametrize(
    "field, value",
    [
        ("allowed_headers", ["x-cos-meta-*", "under_score", "*"]),
        ("max_age_seconds", 0),
        ("max_age_seconds", 2**31 - 1),
        ("id", "a&b <c> 'd' \u4e2d\u6587"),
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
    [([], ProblemReason.MISSING), ([{"allowed_origins": ["*"]}], ProblemReason.NOT_A_RULE)],
)
def test_a_rule_set_holds_rules(rules: Any, reason: ProblemReason) -> None:
    with pytest.raises(InvalidRules) as refused:
        RuleSet(rules)
    assert [problem.reason for problem in refused.value.problems] == [reason]


@pytest.mark.parametrize("data", [None, [], "x", {}, {"rules": None}, {"rules": {}}])
def test_data_that_is_no_rule_set(data: Any) -> None:
    with pytest.raises(InvalidRules):
        RuleSet.from_dict(data)


@given(rule_sets())
def test_a_rule_set_comes_back_from_its_data(rules: list[dict[str, Any]]) -> None:
    rule_set = RuleSet([Rule(**rule) for rule in rules], response_vary=True)
    assert RuleSet.from_dict(rule_set.as_dict()) == rule_set
