"""What a fix does beside what it was made for is said, exactly."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from flask_bucketcors import (
    AddRule,
    Change,
    CompiledRules,
    Explanation,
    Fix,
    ReplaceRule,
    Rule,
    RuleSet,
    diff,
    explain,
)
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.api.put_review import Reviewer
from flask_bucketcors.cli.report_explain import explanation_data
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import RefusedByLint, TooIntricate
from flask_bucketcors.core.fields import EXTRA_METHODS
from tests.support.broken_setups import BROKEN, PAGE, Broken, rule
from tests.support.reported_setups import TOLD
from tests.support.strategies import Meeting, meetings
from tests.support.tables import in_one_test

UNEXPOSED = {"console": 'Refused to get unsafe header "ETag"'}


def why(*rules: dict[str, Any], **request: Any) -> Explanation:
    return explain(list(rules), **{"origin": PAGE, "method": "PUT", **request})


def allows(rules: RuleSet | None, change: Change) -> bool:
    origin, method, headers = change.witness
    compiled = CompiledRules(rules) if rules else None
    return bool(compiled and compiled.preflight(origin, method, ",".join(headers)).allowed)


def check_effects(before: RuleSet | None, fixes: Sequence[Fix]) -> None:
    for fix in fixes:
        for change in fix.newly_allows:
            assert not allows(before, change)
            assert allows(fix.rules, change)
        for change in fix.no_longer_allows:
            assert allows(before, change)
            assert not allows(fix.rules, change)
        for change in fix.changes_terms:
            assert allows(before, change)
            assert allows(fix.rules, change)


def check_order(fixes: Sequence[Fix]) -> None:
    """A fix that allows less than another one stands before it, and dangerous ones come last."""
    dangers = [fix.is_dangerous for fix in fixes]
    assert dangers == sorted(dangers)
    for start, end in ((0, dangers.count(False)), (dangers.count(False), len(fixes))):
        same = fixes[start:end]
        for tight, loose in [*pairwise(same), *((same[0], each) for each in same[1:])]:
            change = diff(tight.rules, loose.rules)
            assert change.newly_allowed or not change.no_longer_allowed


@in_one_test
@pytest.mark.parametrize("setup", [*BROKEN, *TOLD], ids=lambda setup: setup.name)
def test_effects_are_those_of_the_rules(setup: Broken) -> None:
    before = PlainRules.read(setup.rules).rule_set
    fixes = explain(setup.rules, **setup.request, response=setup.response).fixes
    check_effects(before, fixes)
    check_order(fixes)
    for fix in fixes:
        asked = fix.rules and explain(fix.rules, **setup.request).decision
        assert asked.allowed
        assert fix.effect.startswith("It ")


@given(meetings())
def test_effects_of_generated_fixes_are_those_of_the_rules(meeting: Meeting) -> None:
    headers = (meeting.requested_headers or "").split(",")
    request = {
        "origin": meeting.origin,
        "method": meeting.method,
        "headers": headers,
        "extra_methods": EXTRA_METHODS,
    }
    fixes = explain(meeting.rules, **request).fixes
    held = RuleSet.from_dict({"rules": meeting.rules})
    check_effects(held, fixes)
    check_order(fixes)
    for fix in fixes:
        assert fix.edit.apply(held) == fix.rules
        assert explain(fix.edit.apply(held), **request).allowed


OTHER = "https://b.example"


@in_one_test
@pytest.mark.parametrize(
    "rules, request_, effect",
    [
        ([rule(OTHER)], {}, "It allows nothing else."),
        ([rule(PAGE, headers="x-a")], {"headers": ["X-B"]}, "It also allows GET, PUT from "
         f"{PAGE}, with headers out of x-a, x-b, including one of x-b."),
        ([rule(PAGE + "/")], {}, f"It also allows GET, PUT from {PAGE}, with no header."),
        ([rule(PAGE, methods="PUT")], {"response": UNEXPOSED}, "It allows nothing new."),
        ([rule(PAGE, "https://*.b.example", methods="PUT")], {"response": UNEXPOSED},
         "It allows nothing new. It changes the response (exposed headers) to PUT from "
         f"{PAGE}, https://*.b.example, with no header."),
        ([rule("*", methods="PUT")], {"credentials": True}, "It allows nothing new."),
        ([{**rule(PAGE, methods="PUT"), "max_age_seconds": True}], {"method": "GET"},
         "It allows nothing else."),
    ],
)  # fmt: skip
def test_effects_are_told(rules: list[Any], request_: dict[str, Any], effect: str) -> None:
    explanation = why(*rules, **request_)
    assert explanation.fixes[0].effect == effect
    assert explanation.text.endswith(f"Fix: {explanation.fixes[0].text} {effect}")


def test_of_many_effects_the_first_are_told() -> None:
    rules = [rule(*(f"{PAGE}:{port}/" for port in range(1, 200)))]
    fix = why(*rules, origin=f"{PAGE}:7").fixes[0]
    assert len(fix.effect) < 600
    wide = rule(f"{PAGE}/", methods="GET PUT POST DELETE", headers="x-a x-b")
    narrow = [rule(PAGE, methods="GET", headers="x-a"), rule(PAGE, methods="DELETE")]
    fix = why(wide, *narrow).fixes[0]
    assert len(fix.newly_allows) == 3
    assert fix.effect.endswith("; and 1 more.")


def test_a_fix_of_rules_that_the_api_would_reject_applies_to_what_is_left_of_them() -> None:
    rules = [rule("https://*.*.b.example"), rule(OTHER, allowed_methods=["get", "TRACE"])]
    (fix, *_) = why(*rules, origin=OTHER).fixes
    assert fix.before == RuleSet([Rule([OTHER], ["GET"])])
    assert fix.edit == ReplaceRule(0, Rule([OTHER], ["GET", "PUT"]))
    assert fix.edit.apply(fix.before) == fix.rules
    assert fix.text == (
        "In rule 2, add 'PUT' to AllowedMethod; leave out rules without valid values: 1."
    )


def test_a_fix_adds_a_rule_to_a_bucket_without_rules() -> None:
    (fix,) = why(headers=["x-a"]).fixes
    assert (fix.before, fix.edit) == (None, AddRule(Rule([PAGE], ["PUT"], ["x-a"])))
    assert fix.text == f"Add a rule for '{PAGE}' with PUT and the headers 'x-a'."


@in_one_test
@pytest.mark.parametrize("on", [True, False, None])
@pytest.mark.parametrize(
    "rules",
    [[], [rule("https://*.*.b.example")], [rule(PAGE, allowed_methods=["TRACE"])], [rule(OTHER)]],
    ids=["none", "without an origin", "without a method", "valid"],
)
def test_a_fix_keeps_response_vary(rules: list[dict[str, Any]], on: bool | None) -> None:
    fixes = explain({"rules": rules, "response_vary": on}, origin=PAGE, method="PUT").fixes
    assert fixes
    for fix in fixes:
        assert fix.rules.response_vary is on
        assert fix.edit.apply(fix.before) == fix.rules


def test_a_rule_is_moved_only_if_nothing_else_helps() -> None:
    rules = [rule(PAGE, methods="PUT"), rule(OTHER), rule("*", methods="PUT", headers="x_a")]
    fixes = why(*rules, headers=["x-a"], response=UNEXPOSED).fixes
    assert [fix.no_longer_allows for fix in fixes] == [()]
    assert isinstance(fixes[0].edit, ReplaceRule)
    assert fixes[0].edit.to is None


def test_what_a_fix_takes_away_is_said() -> None:
    rules = [rule("*", methods="PUT"), rule(PAGE, methods="PUT")]
    fix = why(*rules, credentials=True).fixes[0]
    assert fix.text == "Move rule 2 above rule 1."
    assert fix.effect == "It allows nothing new."
    # There is no room for one more rule.
    rules = [rule("*", methods="PUT"), *[rule(OTHER, methods="GET")] * 99]
    (fix,) = why(*rules, credentials=True).fixes
    assert fix.effect == (
        "It allows nothing new. It no longer allows PUT from any origin (but not "
        "https://www.a.example), with no header."
    )


def test_what_cannot_be_said_of_a_fix_is_said() -> None:
    explanation = why(rule(OTHER, headers="*" + "a" * 60_000))
    fix = explanation.fixes[0]
    assert fix.effect.startswith("Its other effects cannot be listed: ")
    with pytest.raises(TooIntricate):
        _ = fix.newly_allows
    assert explanation_data(explanation)["fixes"][0]["newly_allows"] is None


@pytest.mark.parametrize(
    "held, request_, text",
    [
        (rule(PAGE, allowed_methods=["put"]), {}, "In rule 1, write 'PUT' instead of 'put'."),
        (
            rule(PAGE, methods="PUT", allowed_headers=["x-a:"]),
            {"headers": ["x-a"]},
            "In rule 1, write 'x-a' instead of 'x-a:'.",
        ),
        (
            rule(PAGE, methods="GET", allowed_headers=["x-b"]),
            {"headers": ["x-a"]},
            "In rule 1, add 'PUT' to AllowedMethod and add 'x-a' to AllowedHeader.",
        ),
        (
            rule(PAGE, allowed_methods=["get, put"]),
            {},
            "In rule 1, write 'GET', 'PUT' as separate values.",
        ),
    ],
)
def test_what_a_fix_says(held: dict[str, Any], request_: dict[str, Any], text: str) -> None:
    assert [fix.text for fix in why(held, **request_).fixes] == [text]


FROM_A_NETWORK = {"status": 403, "headers": {"X-Cache": "Error from cloudfront"}}


@pytest.mark.parametrize("kind", ["actual", "preflight"])
@pytest.mark.parametrize(
    "response, also", [(FROM_A_NETWORK, ("cdn_responded",)), ({"status": 403}, ()), (None, ())]
)
def test_what_stands_in_front_is_named_beside_the_rules(
    kind: str, response: Any, also: tuple[str, ...]
) -> None:
    explanation = why(rule(f"{PAGE}/"), kind=kind, method="GET", response=response)
    assert (explanation.cause, explanation.also) == ("origin_trailing_slash", also)


def test_other_terms_are_named() -> None:
    star = {**rule("*", methods="PUT GET"), "max_age_seconds": 9}
    named = {**rule(PAGE, methods="PUT GET"), "max_age_seconds": 5}
    assert [fix.effect for fix in why(star, named, credentials=True).fixes] == [
        "It allows nothing new. It changes the response (allowed origin, credentials, max-age) to "
        f"GET, PUT from {PAGE}, with no header."
    ]


@pytest.mark.parametrize("dialect, cause", [("s3", "header_missing"), ("cos", None)])
def test_where_requested_headers_count_for_the_request_itself(
    dialect: str, cause: str | None
) -> None:
    asked = {"method": "PUT", "kind": "actual", "headers": ["x-a"], "dialect": dialect}
    explanation = why(rule(PAGE, methods="PUT"), **asked)
    assert (explanation.cause, explanation.decision.allowed) == (cause, cause is None)


@pytest.mark.parametrize("status", [200, 204, 403])
def test_a_preflight_that_went_through_or_was_refused_stops_nothing_before_the_rules(
    status: int,
) -> None:
    explanation = why(rule(f"{PAGE}/"), kind="preflight", response={"status": status})
    assert (explanation.cause, explanation.also) == ("origin_trailing_slash", ())


@pytest.mark.parametrize(
    "headers, cause",
    [
        ({"Age": "10"}, "vary_missing"),
        ({"Age": "10", "Access-Control-Allow-Origin": OTHER}, "vary_missing"),
        ({"Age": "10", "Vary": "Origin"}, "other"),
        ({"X-Cache": "Hit", "Age": "10"}, "cdn_responded"),
    ],
)
def test_a_response_that_was_kept_for_another_page(headers: dict[str, str], cause: str) -> None:
    kept = {"status": 200, "headers": headers}
    assert why(rule(PAGE, methods="GET"), method="GET", kind="actual", response=kept).cause == cause


@pytest.mark.parametrize(
    "exposed, instead",
    [
        ([], ""),
        (["x-a"], ""),
        (["x-*"], " instead of 'x-*'"),
        (["x-a", "x-*", "*"], " instead of 'x-*', '*'"),
    ],
)
def test_a_fix_names_the_patterns_that_a_name_replaces(exposed: list[str], instead: str) -> None:
    held = rule(PAGE, methods="PUT", expose_headers=exposed)
    text = f"In rule 1, add 'ETag' to ExposeHeader{instead}."
    assert [fix.text for fix in why(held, response=UNEXPOSED).fixes] == [text]


@pytest.mark.parametrize(
    "origin, check, instead",
    [
        ("null", "BC206", "serve the page over https; after a redirect, hand out the final"),
        ("http://www.a.example", "BC207", "serve the page over https, and write `https://`"),
    ],
)
def test_a_dangerous_fix_says_so_behind_what_to_do_instead(
    origin: str, check: str, instead: str
) -> None:
    explanation = why(rule(PAGE), origin=origin)
    assert all(fix.is_dangerous and check in fix.effect for fix in explanation.fixes)
    assert explanation.help.startswith(f"help: {instead}")
    assert explanation.text.index("help: ") < explanation.text.index("It is dangerous: ")
    with pytest.raises(RefusedByLint):
        _strict().review(explanation.fixes[0].rules, DIALECTS["cos"])


def test_a_fix_that_keeps_a_danger_is_not_called_dangerous() -> None:
    (*_, fix) = why(
        rule("http://www.a.example", methods="GET"), origin="http://www.a.example"
    ).fixes
    assert not fix.is_dangerous


def test_dangerous_fixes_come_last() -> None:
    explanation = why(rule("https://*.com.b.example", methods="GET"), rule("https://*.*"))
    dangers = [fix.is_dangerous for fix in explanation.fixes]
    assert dangers == sorted(dangers)
    assert (dangers[0], explanation.help) == (False, "")


def test_a_header_that_servers_drop_is_to_be_renamed() -> None:
    """The fix of the rules alone lets the browser send what the server does not read."""
    explanation = why(rule(PAGE, headers="x-a"), headers=["x_a"])
    assert "write `-` in the page and in the rule" in explanation.help
    assert explanation.fixes


def _strict() -> Reviewer:
    return Reviewer(strict="dangers", public_suffix=None, allow_credentials=True)
