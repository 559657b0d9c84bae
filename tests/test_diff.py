"""What a change of rules allows: exact, each change with a witness."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.analysis.algebra.diff import ChangeKind, Diff, diff
from flask_bucketcors.analysis.algebra.terms import Terms, terms_of
from flask_bucketcors.core.dialects import COS
from tests.support.call_counts import count_calls
from tests.support.fetch_model import PageRequest, passes_preflight
from tests.support.naive_evaluator import RuleDict, evaluate
from tests.support.near_requests import near_requests
from tests.support.strategies import rule_sets, rules
from tests.support.tables import in_one_test

DIALECTS = ["cos", "oss", "s3", "obs"]
A, B = "https://a.example", "https://b.example"


def rule_set(*rules: dict[str, Any]) -> RuleSet:
    """Rules of which only what matters is given."""
    base = {"allowed_origins": [A], "allowed_methods": ["GET"]}
    return RuleSet([Rule(**{**base, **rule}) for rule in rules])


def said(rules: list[RuleDict], dialect: str, request: tuple[str, str, tuple[str, ...]]) -> Any:
    """What the naive evaluator says of a preflight, as a browser reads it; None if refused."""
    origin, method, headers = request
    verdict = evaluate(
        rules,
        origin=origin,
        method=method,
        requested_headers=",".join(headers) or None,
        dialect=dialect,
    )
    return None if verdict.rule is None else read(verdict.headers)


def read(headers: dict[str, str]) -> dict[str, Any]:
    return {
        name: frozenset(item.strip().lower() for item in value.split(","))
        for name, value in headers.items()
        if name != "Vary"
    }


def as_read(terms: Terms | None, request: tuple[str, str, tuple[str, ...]]) -> Any:
    """What a browser reads of an answer on these terms."""
    if terms is None:
        return None
    origin, _, headers = request
    texts = {
        "Access-Control-Allow-Origin": "*" if terms.any_origin else origin,
        "Access-Control-Allow-Credentials": "true" if terms.credentials else "",
        "Access-Control-Allow-Methods": ",".join(terms.methods),
        "Access-Control-Allow-Headers": ",".join({*terms.headers, *headers}),
        "Access-Control-Expose-Headers": ",".join(terms.exposed),
        "Access-Control-Max-Age": "" if terms.max_age is None else str(terms.max_age),
    }
    return read({name: value for name, value in texts.items() if value})


def rule_sets_of(rules: list[RuleDict]) -> RuleSet:
    return RuleSet([Rule(**rule) for rule in rules])


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[RuleDict], list[RuleDict]]:
    """Rules, and what they became: moved, left out, put in, or other ones."""
    old = draw(rule_sets())
    new = draw(st.permutations(old))[: draw(st.integers(1, len(old)))]
    if draw(st.booleans()):
        new = [*new, draw(rules())]
    if draw(st.booleans()):
        changed = {**draw(rules()), "allowed_origins": new[0]["allowed_origins"]}
        new = [RuleDict(**changed), *new[1:]]
    return old, new


# Hypothesis compares a hundred pairs of rule sets, seconds of work on a machine of its own.
searches = pytest.mark.timeout(240)


@searches
@given(edits(), st.sampled_from(DIALECTS), st.data())
def test_requests_are_decided_otherwise_exactly_where_a_change_says_so(edit, dialect, data):
    old, new = edit
    changes = diff(rule_sets_of(old), rule_sets_of(new), dialect)
    requests = near_requests([*old, *new])
    for request in data.draw(st.lists(st.sampled_from(requests), min_size=300, max_size=300)):
        before, after = said(old, dialect, request), said(new, dialect, request)
        found = [each for each in changes if each.region.holds(*request)]
        expected = [] if before == after else [(before, after)]
        assert [
            (as_read(each.before, request), as_read(each.after, request)) for each in found
        ] == expected


@searches
@given(edits(), st.sampled_from(DIALECTS))
def test_every_change_has_a_witness(edit, dialect):
    old, new = edit
    for change in diff(rule_sets_of(old), rule_sets_of(new), dialect):
        request = tuple(change.witness)
        assert change.region.holds(*request)
        assert said(old, dialect, request) == as_read(change.before, request)
        assert said(new, dialect, request) == as_read(change.after, request)
        assert as_read(change.before, request) != as_read(change.after, request)


@searches
@given(edits(), st.sampled_from(DIALECTS))
def test_the_other_way_round_it_is_the_other_way_round(edit, dialect):
    old, new = map(rule_sets_of, edit)
    forth, back = diff(old, new, dialect), diff(new, old, dialect)
    assert len(forth) == len(back)
    assert len(forth.newly_allowed) == len(back.no_longer_allowed)
    assert len(forth.on_other_terms) == len(back.on_other_terms)


@searches
@given(edits(), st.sampled_from(DIALECTS))
def test_there_is_no_difference_to_itself(edit, dialect):
    for each in map(rule_sets_of, edit):
        assert not diff(each, each, dialect)


SAME = {
    "an id": ([{"id": "a"}], [{"id": "b"}]),
    "the order of values": (
        [{"allowed_origins": [A, B], "allowed_methods": ["GET", "PUT"]}],
        [{"allowed_origins": [B, A], "allowed_methods": ["PUT", "GET"]}],
    ),
    "a value that another one covers": (
        [{"allowed_origins": ["https://*.a.example"]}],
        [{"allowed_origins": ["https://*.a.example", "https://x.a.example"]}],
    ),
    "names in another case": ([{"allowed_headers": ["X-A"]}], [{"allowed_headers": ["x-a"]}]),
    "one rule for two": (
        [{"allowed_origins": [A]}, {"allowed_origins": [B]}],
        [{"allowed_origins": [A, B]}],
    ),
    "a rule that is never reached": (
        [{"allowed_origins": ["*"]}],
        [{"allowed_origins": ["*"]}, {"allowed_origins": [A], "max_age_seconds": 5}],
    ),
    "ports, each by itself": (
        [{"allowed_origins": [f"{A}:2000*"]}],
        [{"allowed_origins": [f"{A}:2000{digit}" for digit in ["", *range(10)]]}],
    ),
    "what no request can have as its origin": ([{}], [{"allowed_origins": [A, f"{A}/"]}]),
}


@in_one_test
@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_no_difference_is(old, new):
    assert not diff(rule_set(*old), rule_set(*new))


def kinds(changes: Diff) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind.value, each.aspects) for each in changes]


OTHER_TERMS = {
    "max-age": ({"max_age_seconds": 5}, "max_age", "cos"),
    "exposure": ({"expose_headers": ["ETag"]}, "exposed", "oss"),
    "credentials": ({"allowed_origins": ["*"]}, "credentials", "cos"),
    "methods": ({"allowed_methods": ["GET", "PUT"]}, "methods", "s3"),
    "headers": ({"allowed_headers": ["x-a"]}, "headers", "cos"),
}


@pytest.mark.parametrize(("new", "aspect", "dialect"), OTHER_TERMS.values(), ids=OTHER_TERMS)
def test_a_difference_is(new, aspect, dialect):
    changes = diff(rule_set({}), rule_set(new), dialect).on_other_terms
    assert [aspect in each.aspects for each in changes] == [True]


def test_ports_that_are_left_over_are_found():
    """Of those that begin with 1: all of two digits are listed, and all that begin with 18."""
    start = f"{A}:1"
    listed = [start, *(f"{start}{digit}" for digit in range(10)), f"{start}8*"]
    (change,) = diff(
        rule_set({"allowed_origins": listed}), rule_set({"allowed_origins": [f"{start}*"]})
    )
    assert change.region.holds(f"{start}33", "GET")
    assert not change.region.holds(f"{start}88", "GET")


def test_names_that_nobody_need_ask_for_are_answered_by_some_vendors_alone():
    old, new = rule_set({}), rule_set({"allowed_headers": ["x-a"]})
    assert kinds(diff(old, new, "cos")) == [("newly_allowed", ()), ("other_terms", ("headers",))]
    assert kinds(diff(old, new, "s3")) == [("newly_allowed", ())]


def test_credentials_count_where_they_are_given():
    old, new = rule_set({}), rule_set({"allowed_origins": ["*", A]})
    assert "credentials" in diff(old, new).on_other_terms[0].aspects
    assert diff(old, new, allow_credentials=False).on_other_terms[0].aspects == ("any_origin",)


NAMED_BESIDE = {"Access-Control-Allow-Methods", "Access-Control-Allow-Headers"}


@searches
@given(edits(), st.sampled_from(DIALECTS), st.booleans())
def test_a_change_that_is_not_felt_changes_nothing_for_a_page(edit, dialect, credentials):
    for change in diff(*map(rule_sets_of, edit), dialect).on_other_terms:
        origin, method, headers = change.witness
        page = PageRequest(origin, method, dict.fromkeys(headers, "1"), credentials)
        asked = ",".join(headers) or None
        before, after = (
            evaluate(rules, origin=origin, method=method, requested_headers=asked, dialect=dialect)
            for rules in edit
        )
        old, new = (
            {name: value for name, value in read(each.headers).items() if name not in NAMED_BESIDE}
            for each in (before, after)
        )
        assert change.is_felt is (old != new)
        passes = {passes_preflight(page, 200, [*each.headers.items()]) for each in (before, after)}
        assert change.is_felt or len(passes) == 1


@pytest.mark.parametrize(
    ("new", "aspects", "felt"),
    [
        ({"allowed_methods": ["GET", "PUT"]}, ("methods",), ()),
        ({"allowed_headers": ["x-a"]}, ("headers",), ()),
        ({"max_age_seconds": 5}, ("max_age",), ("max_age",)),
        (
            {"allowed_methods": ["GET", "PUT"], "expose_headers": ["ETag"]},
            ("methods", "exposed"),
            ("exposed",),
        ),
    ],
)
def test_a_page_does_not_feel_what_is_named_beside_the_requested(new, aspects, felt):
    # S3 names the requested headers alone.
    changes = diff(rule_set({}), rule_set(new), "cos")
    (other,) = changes.on_other_terms
    assert (other.aspects, other.felt_aspects, other.is_felt) == (aspects, felt, bool(felt))
    assert all(each.is_felt and not each.felt_aspects for each in changes.newly_allowed)


def test_changes_by_origins():
    old = rule_set({"allowed_origins": [A, B]})
    new = rule_set(
        {"allowed_origins": [A], "allowed_methods": ["GET", "PUT"]},
        {"allowed_origins": ["https://*.b.example"], "allowed_methods": ["GET"]},
    )
    changes = diff(old, new)
    groups = changes.by_origins()
    kinds = {
        tuple(each.pattern for each in origins): [str(each.kind) for each in group]
        for origins, group in groups.items()
    }
    assert list(kinds.items()) == [
        (("https://*.b.example",), ["newly_allowed"]),
        ((A,), ["newly_allowed", "other_terms"]),
        ((B,), ["no_longer_allowed"]),
    ]


@searches
@given(edits())
def test_each_change_is_in_the_group_of_its_origins(edit):
    changes = diff(*map(rule_sets_of, edit))
    groups = changes.by_origins()
    place = {id(each): number for number, each in enumerate(changes)}
    places = [[place[id(each)] for each in group] for group in groups.values()]
    assert sorted(chain(*places)) == list(range(len(changes)))
    assert places == sorted(sorted(each) for each in places)
    for origins, group in groups.items():
        assert {each.region.origins for each in group} == {origins}
    assert changes.by_origins() == groups


def test_what_no_rules_allow_is_nothing():
    (change,) = diff(None, rule_set({}))
    assert change.kind is ChangeKind.NEWLY_ALLOWED
    assert change.witness == (A, "GET", ())
    assert [each.kind for each in diff(rule_set({}), None)] == [ChangeKind.NO_LONGER_ALLOWED]
    assert not diff(None, None)


def test_a_region_in_words():
    old = rule_set({"allowed_origins": [f"{A}:1"], "allowed_headers": ["x-a", "range"]})
    wide = {"allowed_origins": [f"{A}:*"], "allowed_headers": ["x-*", "range"]}
    changes = diff(old, rule_set(wide), "s3").newly_allowed
    assert [str(each.region) for each in changes] == [
        f"GET from {A}:* (but not {A}:1), with no header, or headers out of range, x-*",
        f"GET from {A}:1, with headers out of range, x-*, including one of x-* (but not x-a)",
    ]


LONG, OTHER_LONG = "x-" + "a" * 5000, "x-" + "b" * 5000
# Of two long names, or of very many, no server reads a list.
AT_THE_BOUNDS = {
    "both long names": ([LONG, OTHER_LONG], None),
    "a short one, which will do for both": ([LONG, OTHER_LONG, "x-c"], ("x-c",)),
    "a short one that a pattern covers": ([LONG, OTHER_LONG, "x-*"], ("x-example",)),
    "as much as there can be": (["x-" + "c" * 8190], ("x-" + "c" * 8190,)),
    "more than that": (["x-" + "c" * 8191], None),
}


@pytest.mark.parametrize(("names", "asked"), AT_THE_BOUNDS.values(), ids=AT_THE_BOUNDS)
def test_lists_count_as_far_as_servers_read_them(names, asked):
    above = [{"allowed_headers": [LONG]}, {"allowed_headers": [OTHER_LONG]}]
    changes = diff(rule_set(*above), rule_set(*above, {"allowed_headers": names}), "s3")
    assert [each.witness.headers for each in changes] == ([] if asked is None else [asked])


def test_the_shortest_names_are_found_where_others_are_too_long():
    """With what a pattern is usually filled in, they would not fit."""
    one, other = "a" * 4095, "b" * 4095
    above = [{"allowed_headers": [f"{one}*"]}, {"allowed_headers": [f"{other}*"]}]
    both = {"allowed_headers": [f"{one}*", f"{other}*"]}
    (change,) = diff(rule_set(*above), rule_set(*above, both), "s3").newly_allowed
    assert set(change.witness.headers) == {one, other}


def test_what_no_server_reads_is_in_no_region():
    (change,) = diff(None, rule_set({"allowed_headers": ["*"]}))
    assert change.region.holds(A, "GET", ["x-a"])
    for names in (["x a"], ["x-a"] * 129, ["x" * 8193]):
        assert not change.region.holds(A, "GET", names)


def test_an_unknown_dialect_is_named():
    with pytest.raises(ValueError, match="gcs"):
        diff(None, None, "gcs")


def many(count: int, per_rule: int, shift: int = 0) -> RuleSet:
    """Rules whose patterns have much in common, and that are answered on terms of their own."""
    return RuleSet(
        [
            Rule(
                [f"https://{'a' * (i % 20)}*.h{i}-{j}.example" for j in range(per_rule)],
                ["GET", "PUT"],
                [f"x-{i % 7}-*", "content-type"],
                max_age_seconds=i + shift,
            )
            for i in range(count)
        ]
    )


def test_the_work_does_not_explode():
    """Ten times the rules take some ten times the steps."""
    few = count_calls(lambda: diff(many(10, 10), many(10, 10, shift=1)))
    often = count_calls(lambda: diff(many(100, 10), many(100, 10, shift=1)))
    assert often < 25 * few
    assert often < 1_000_000


def test_a_single_long_name_is_found_where_several_would_be_too_long():
    first, second = "x-" + "b" * 3988, "x-" + "c" * 7898
    both = "x-" + "a" * 7998
    above = [{"allowed_headers": [second]}, {"allowed_headers": [first]}]
    below = {"allowed_headers": [both, first, second]}
    (change,) = diff(rule_set(*above), rule_set(*above, below), "s3")
    assert change.witness.headers == (both,)


def test_lists_without_the_only_name_are_called_that():
    old, new = rule_set({"allowed_headers": ["x-a"]}), rule_set({"allowed_headers": ["*"]})
    (change,) = diff(old, new).on_other_terms
    assert str(change.region) == f"GET from {A}, with no header"


def test_what_is_newly_allowed_comes_first_and_other_terms_last() -> None:
    old = [{}, {"allowed_origins": [B]}]
    new = [{"max_age_seconds": 5}, {"allowed_origins": ["https://c.example"]}]
    for one, other in ((old, new), (new, old), (old[::-1], new), (new, old[::-1])):
        found = [each.kind for each in diff(rule_set(*one), rule_set(*other))]
        assert found == [*ChangeKind]


def test_a_change_as_plain_data() -> None:
    (change,) = diff(rule_set({}), None)
    assert change.as_dict() == {
        "kind": "no_longer_allowed",
        "region": change.region.as_dict(),
        "example": {"origin": A, "method": "GET", "headers": []},
        "before": terms_of(rule_set({}).rules[0], COS, True).as_dict(),
        "after": None,
    }
