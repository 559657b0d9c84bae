"""Who may do what: exact, each origin in one row."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_bucketcors import (
    CompiledRules,
    HeaderLists,
    InvalidRules,
    PermissionRow,
    Permissions,
    Rule,
    RuleSet,
    Span,
    permissions,
)
from flask_bucketcors.analysis.algebra.terms import terms_of
from flask_bucketcors.core.dialects import COS
from tests.support.call_counts import count_calls
from tests.support.naive_evaluator import RuleDict, evaluate, origin_matches
from tests.support.near_requests import near_lists, near_origins
from tests.support.rounds import ROUNDS_TIMEOUT, rounds
from tests.support.strategies import METHODS, origins, rule_sets
from tests.support.tables import in_one_test

A, B = "https://a.example", "https://b.example"

# Hypothesis asks thousands of questions about each rule set.
searches = pytest.mark.timeout(ROUNDS_TIMEOUT)
many_rules = settings(max_examples=rounds(few=40, many=2_000))


def rule_set(*rules: dict[str, Any]) -> RuleSet:
    """Rules of which only what matters is given."""
    base = {"allowed_origins": [A], "allowed_methods": ["GET"]}
    return RuleSet([Rule(**{**base, **rule}) for rule in rules])


def matrix(*rules: dict[str, Any]) -> Permissions:
    return permissions(rule_set(*rules))


def said(row: PermissionRow) -> dict[str, list[str]]:
    """The rules that decide in a row, counted from 1, and for which headers."""
    return {
        method: [f"{each.rule + 1}: {each.headers}" for each in found]
        for method, found in row.decided.items()
        if found
    }


def shown(found: Permissions) -> list[list[str]]:
    """The patterns of each row."""
    return [[span.pattern for span in row.origins] for row in found]


def sets_of(headers: HeaderLists) -> tuple[object, object]:
    """The lists of header names, in whatever order they are described."""
    return headers.names, frozenset(headers.one_of)


def row_of(found: Permissions, origin: str) -> PermissionRow | None:
    """The only row that holds an origin, if any does."""
    holding = [row for row in found if row.holds(origin)]
    assert len(holding) <= 1, f"{origin!r} is in several rows"
    assert found.row_of(origin) is (holding[0] if holding else None)
    return holding[0] if holding else None


def compiled(rules: list[RuleDict]) -> CompiledRules:
    return CompiledRules(RuleSet([Rule(**rule) for rule in rules]))


def check(
    found: Permissions,
    rules: list[RuleDict],
    compiled: CompiledRules,
    request: tuple[str, str, tuple[str, ...]],
) -> None:
    """The matrix names the rule that decides a request."""
    origin, method, headers = request
    row = row_of(found, origin)
    # What a bare "*" would not allow, no rule does.
    assert (row is not None) is origin_matches("*", origin)
    decided = row and row.find(method, headers)
    asked = ",".join(headers)
    expected = evaluate(rules, origin=origin, method=method, requested_headers=asked or None).rule
    assert (decided.rule if decided else None) == expected
    assert compiled.preflight(origin, method, asked).rule == expected


@searches
@many_rules
@given(rule_sets(), st.data())
def test_a_request_is_decided_by_the_rule_that_its_row_names(rules, data):
    found = permissions(rules)
    near = st.one_of(st.sampled_from(near_origins(rules)), origins())
    lists = st.sampled_from(near_lists(rules))
    requests = st.tuples(near, st.sampled_from([*METHODS, "LOCK", "get"]), lists)
    decide = compiled(rules)
    for request in data.draw(st.lists(requests, min_size=50, max_size=50)):
        check(found, rules, decide, request)


@searches
@many_rules
@given(rule_sets(), st.data())
def test_an_example_is_decided_as_its_row_says(rules, data):
    found = permissions(rules)
    lists = data.draw(st.lists(st.sampled_from(near_lists(rules)), min_size=3, max_size=3))
    decide = compiled(rules)
    for row in found:
        assert row_of(found, row.example) is row
        for method in METHODS:
            for headers in ((), *lists):
                check(found, rules, decide, (row.example, method, headers))


@searches
@many_rules
@given(rule_sets())
def test_rows_differ_in_who_decides(rules):
    usual = [row for row in permissions(rules) if row.origins != (Span("null"),)]
    deciding = [
        [[(each.rule, sets_of(each.headers)) for each in cell] for cell in row.decided.values()]
        for row in usual
    ]
    assert all(each not in deciding[:place] for place, each in enumerate(deciding))
    assert all(any(each) for each in deciding[:-1])
    assert [row.is_rest for row in usual] == [False] * (len(usual) - 1) + [True]


def test_origins_of_one_rule_are_one_row() -> None:
    found = matrix({"allowed_origins": [f"https://h{i}.example" for i in range(1000)]})
    assert [len(row.origins) for row in found] == [1000, 1]
    assert found.rows[0].example == "https://h0.example"


def test_a_hundred_rules_are_a_hundred_rows_in_their_order() -> None:
    found = permissions(many(100, 10))
    assert len(found) == 101
    first = [found.rows[i].decided["GET"][0].rule for i in range(100)]
    assert first == [*range(100)]


def test_a_row_shows_the_pattern_of_its_rule_and_what_is_in_other_rows() -> None:
    found = matrix(
        {"allowed_origins": ["https://www.abc.example"]},
        {"allowed_origins": ["https://*.abc.example"], "allowed_methods": ["GET", "PUT"]},
    )
    www, below, others = found.rows
    assert www.origins == (Span("https://www.abc.example"),)
    assert below.origins == (Span("https://*.abc.example", ("https://www.abc.example",)),)
    assert others.origins == (Span("*", ("https://*.abc.example",)),)
    assert said(www) == {"GET": ["1: no header"], "PUT": ["2: no header"]}
    assert said(below) == {"GET": ["2: no header"], "PUT": ["2: no header"]}
    assert said(others) == {}


def test_where_patterns_cross_a_row_shows_what_they_share() -> None:
    found = matrix(
        {"allowed_origins": ["https://*.abc.example"]},
        {"allowed_origins": ["https://shop.*"], "allowed_methods": ["PUT"]},
    )
    # In the first of these, the two patterns share the dot.
    both = ["https://shop.abc.example", "https://shop.*.abc.example"]
    assert shown(found)[:3] == [["https://*.abc.example"], both, ["https://shop.*"]]
    assert set(found.rows[0].origins[0].but_not) == set(both)
    assert said(found.rows[1]) == {"GET": ["1: no header"], "PUT": ["2: no header"]}


def test_several_rules_share_a_method_by_its_headers() -> None:
    found = matrix({"allowed_headers": ["x-a"]}, {"allowed_headers": ["x-a", "x-b"]})
    assert said(found.rows[0])["GET"] == [
        "1: no header, or headers out of x-a",
        "2: headers out of x-a, x-b, including one of x-b",
    ]


def test_a_rule_that_never_decides_makes_no_row() -> None:
    found = matrix({"allowed_origins": ["*"]}, {})
    assert shown(found) == [["*"]]
    assert said(found.rows[0]) == {"GET": ["1: no header"]}
    assert found.rows[0].origins == (Span("*"),)


def test_origins_stand_as_the_rule_lists_them() -> None:
    listed = [B, "https://*.c.example", A]
    assert shown(matrix({"allowed_origins": listed}))[0] == listed


def test_rows_of_one_rule_stand_as_it_lists_their_origins() -> None:
    found = matrix({"allowed_origins": [B, A]}, {"allowed_methods": ["PUT"]})
    assert shown(found) == [[B], [A], ["*"]]


APART = {
    "null beside an origin": ([{"allowed_origins": ["null", A]}], [[A], ["null"], ["*"]]),
    "null alone": ([{"allowed_origins": ["null"]}], [["null"], ["*"]]),
    "null in the first rule": ([{"allowed_origins": ["null"]}, {}], [[A], ["null"], ["*"]]),
    "files": ([{"allowed_origins": ["file://", A]}], [[A], ["file://"], ["*"]]),
    "both": (
        [{"allowed_origins": ["file://", "null", A]}],
        [[A], ["null"], ["file://"], ["*"]],
    ),
    "as any other site": ([{"allowed_origins": ["*"]}], [["*"]]),
    "below a rule for any site": (
        [{"allowed_origins": ["*"]}, {"allowed_origins": ["null"], "allowed_methods": ["PUT"]}],
        [["null"], ["*"]],
    ),
}


@in_one_test
@pytest.mark.parametrize(("rules", "rows"), APART.values(), ids=APART)
def test_what_has_no_form_of_an_origin_has_a_row_of_its_own(rules, rows) -> None:
    assert shown(matrix(*rules)) == rows


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
EVERY_START = [f"{each}*" for each in f"{LETTERS}0123456789_-["]
OTHERS = {
    "a usual name": ([A], "https://www.example.com"),
    "another one, if that is listed": (["https://*.com"], "https://www.example.org"),
    "plain http, if https is listed": (["https://*"], "http://www.example.com"),
    "a port, if other addresses are listed": (
        ["https://*.com", "https://*.org", "http*m"],
        "https://www.example.com:8443",
    ),
    "an app, if all pages are listed": (["http*"], "app://localhost"),
    "a host, if all apps are listed": (["http*", "a*"], "www.example.com"),
    "a file, if all origins are listed": (EVERY_START, "file://"),
    "what is no origin, if files are listed": ([*EVERY_START, "file://"], "data:,"),
}


@in_one_test
@pytest.mark.parametrize("top", [True, False], ids=["with a rule for any site", "alone"])
@pytest.mark.parametrize(("listed", "example"), OTHERS.values(), ids=OTHERS)
def test_other_origins_have_an_example(listed: list[str], example: str, top: bool) -> None:
    any_site = [{"allowed_origins": ["*"], "allowed_methods": ["PUT"]}] if top else []
    found = matrix({"allowed_origins": listed}, *any_site)
    assert found.rows[-1].example == example
    assert row_of(found, example) is found.rows[-1]
    assert said(found.rows[-1]) == ({"PUT": ["2: no header"]} if top else {})


def test_without_rules_all_origins_are_refused() -> None:
    (row,) = permissions(None)
    assert (row.origins, row.example, said(row)) == ((Span("*"),), "https://www.example.com", {})


def test_methods_that_read_come_first_and_further_ones_last() -> None:
    found = matrix({"allowed_methods": ["PATCH", "PUT"]})
    assert found.methods == ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
    assert tuple(found.rows[0].decided) == found.methods


@pytest.mark.parametrize("origin", ["https://" + "a" * 319, "https://a\x00", "a\r\nb"])
def test_what_no_rule_ever_allows_is_in_no_row(origin: str) -> None:
    assert matrix({"allowed_origins": ["*"]}).row_of(origin) is None


def test_the_terms_are_those_of_the_dialect_and_the_settings() -> None:
    rules = rule_set({"expose_headers": ["ETag"], "allowed_headers": ["x-a"]})
    (of_cos,) = permissions(rules).rows[0].decided["GET"]
    assert of_cos.terms == terms_of(rules.rules[0], COS)
    (of_s3,) = permissions(rules, "s3", allow_credentials=False).rows[0].decided["GET"]
    assert (of_s3.terms.headers, of_s3.terms.credentials) == (frozenset(), False)


LONG, OTHER_LONG = "x-" + "a" * 5000, "x-" + "b" * 5000


def test_what_no_server_reads_is_decided_by_no_rule() -> None:
    """Only lists of both names would reach the third rule."""
    above = [{"allowed_headers": [LONG]}, {"allowed_headers": [OTHER_LONG]}]
    found = matrix(*above, {"allowed_headers": [LONG, OTHER_LONG]})
    assert [each.rule for each in found.rows[0].decided["GET"]] == [0, 1]


def test_as_plain_data() -> None:
    found = matrix({"allowed_headers": ["x-*"]})
    (decided,) = found.rows[0].decided["GET"]
    nothing: dict[str, list[Any]] = {"HEAD": [], "PUT": [], "POST": [], "DELETE": []}
    assert found.as_dict() == {
        "methods": ["GET", "HEAD", "PUT", "POST", "DELETE"],
        "rows": [
            {
                "origins": [{"pattern": A, "but_not": []}],
                "example": A,
                "decided": {
                    "GET": [
                        {
                            "rule": 1,
                            "headers": {
                                "names": [{"pattern": "x-*", "but_not": []}],
                                "one_of": [],
                                "not_all_of": [],
                            },
                            "terms": decided.terms.as_dict(),
                        }
                    ],
                    **nothing,
                },
            },
            {
                "origins": [{"pattern": "*", "but_not": [A]}],
                "example": "https://www.example.com",
                "decided": {"GET": [], **nothing},
            },
        ],
    }


def test_rules_have_to_be_valid() -> None:
    with pytest.raises(InvalidRules):
        permissions([{"allowed_origins": ["https://a b"], "allowed_methods": ["GET"]}])
    with pytest.raises(ValueError, match="gcs"):
        permissions(None, "gcs")


def many(count: int, per_rule: int) -> RuleSet:
    """Rules whose patterns have much in common."""
    return RuleSet(
        [
            Rule(
                [f"https://{'a' * (i % 20)}*.h{i}-{j}.example" for j in range(per_rule)],
                ["GET", "PUT"],
                [f"x-{i % 7}-*", "content-type"],
            )
            for i in range(count)
        ]
    )


def test_the_work_does_not_explode() -> None:
    """Ten times the rules take some ten times the steps."""
    few = count_calls(lambda: permissions(many(10, 10)))
    often = count_calls(lambda: permissions(many(100, 10)))
    assert often < 25 * few
    assert often < 1_500_000
