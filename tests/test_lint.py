"""What rules do that their owner may not know: true of all requests, with a witness each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.algebra.diff import diff
from flask_bucketcors.analysis.algebra.grammars import ORIGINS as GRAMMAR
from flask_bucketcors.analysis.algebra.partition import Partition
from flask_bucketcors.analysis.algebra.request_space import APART
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.lint import lint
from flask_bucketcors.analysis.linter.sites import public_address, usual_public_suffix
from flask_bucketcors.analysis.mistakes import Check, Severity
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.wildcards import Wildcard
from flask_bucketcors.documents.from_xml import parse_xml
from tests.support.call_counts import count_calls
from tests.support.naive_evaluator import RuleDict, evaluate, fits, is_origin, origin_matches
from tests.support.strategies import rule_sets
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import vectors

A = "https://a.example"


def rules(*given: dict[str, Any]) -> list[dict[str, Any]]:
    """Rules of which only what matters is given."""
    return [{"allowed_origins": [A], "allowed_methods": ["GET"], **each} for each in given]


def ids(*given: dict[str, Any], **options: Any) -> list[str]:
    return [f"{each.id} {each.rule + 1}" for each in lint(rules(*given), **options)]


ORDER = {
    "one rule": ([{}], []),
    "the same again": ([{}, {}], ["BC101 2"]),
    "the same, narrower": (
        [
            {"allowed_origins": ["https://*.a.example"]},
            {"allowed_origins": ["https://x.a.example"]},
        ],
        ["BC101 2"],
    ),
    "covered by two together": (
        [
            {"allowed_headers": ["x-a"]},
            {"allowed_methods": ["PUT"], "allowed_headers": ["x-a"], "expose_headers": ["ETag"]},
            {
                "allowed_methods": ["GET", "PUT"],
                "allowed_headers": ["x-a"],
                "expose_headers": ["ETag"],
            },
        ],
        ["BC106 2", "BC101 3"],
    ),
    "covered but for a list of two names": (
        [{"allowed_headers": ["x-a"]}, {"allowed_headers": ["x-b"]}, {"allowed_headers": ["x-*"]}],
        ["BC102 2", "BC106 2", "BC102 3", "BC106 3"],
    ),
    "another method as well": (
        [{}, {"allowed_methods": ["GET", "DELETE"]}],
        ["BC102 2"],
    ),
    "other methods": ([{}, {"allowed_methods": ["DELETE"]}], []),
    "other terms": (
        [{"max_age_seconds": 5}, {"allowed_methods": ["DELETE"], "max_age_seconds": 6}],
        ["BC106 2"],
    ),
    "a star above": (
        [{"allowed_origins": ["*"]}, {}],
        ["BC208 1", "BC101 2", "BC107 2"],
    ),
    "a star above for part of it": (
        [{"allowed_origins": ["*"]}, {"allowed_headers": ["x-a"]}],
        ["BC208 1", "BC106 2", "BC107 2"],
    ),
    "a star above for something else": (
        [{"allowed_origins": ["*"]}, {"allowed_methods": ["DELETE"]}],
        ["BC208 1", "BC106 2"],
    ),
    "a star below": ([{}, {"allowed_origins": ["*"]}], ["BC102 2", "BC208 2"]),
}


@pytest.mark.parametrize(
    "above, named",
    [
        ([{}], "rule 1 above it matches every request"),
        (
            [{"allowed_methods": ["GET"]}, {"allowed_methods": ["PUT"]}],
            "rules 1 and 2 above it match every request",
        ),
        (
            [{"allowed_origins": [f"https://{host}.example"]} for host in "abcdef"],
            "rules 1, 2, 3, 4, 5 and others above it match every request",
        ),
    ],
)
def test_the_rules_above_are_named(above: list[dict[str, Any]], named: str) -> None:
    methods = [method for each in above for method in each.get("allowed_methods", ["GET"])]
    origins = [origin for each in above for origin in each.get("allowed_origins", [A])]
    last = {"allowed_origins": origins, "allowed_methods": methods}
    findings = lint(rules(*above, last))
    (found,) = [each for each in findings if each.check is Check.RULE_UNREACHABLE]
    assert named in found.text
    assert found.help == "delete the rule, or move it above rule 1"


LONG, OTHER_LONG = "x-" + "a" * 5000, "x-" + "b" * 5000


def test_a_rule_is_unreachable_if_no_server_reads_what_would_reach_it():
    above = [{"allowed_headers": [LONG]}, {"allowed_headers": [OTHER_LONG]}]
    assert "BC101 3" in ids(*above, {"allowed_headers": [LONG, OTHER_LONG]})
    assert "BC102 3" in ids(*above, {"allowed_headers": [LONG, OTHER_LONG, "x-c"]})


@in_one_test
@pytest.mark.parametrize(("given", "expected"), ORDER.values(), ids=ORDER)
def test_order(given, expected):
    assert ids(*given) == expected


ORIGINS = {
    "*": ["BC208"],
    A: [],
    f"{A}:8443": [],
    "https://*.a.example": [],
    "https://*.a.example:8443": [],
    "https://shop-*.a.example": [],
    "https://*shop.a.example": [],
    f"{A}:*": [],
    "http://localhost:3000": [],
    "http://localhost:*": [],
    "http://127.0.0.1:*": [],
    "http://*.localhost": [],
    "http://[::1]:3000": [],
    "capacitor://localhost": [],
    "file://": [],
    "http://*abc.com": ["BC201", "BC207"],
    "https://*abc.com": ["BC201"],
    "https://*-shop.com": ["BC201"],
    "https://*localhost": ["BC201"],
    "*abc.com": ["BC201", "BC203"],
    "https://abc.com*": ["BC202"],
    "https://abc*": ["BC202"],
    "https://192.168.*": ["BC202"],
    "http://localhost*": ["BC202", "BC207"],
    "*://abc.com": ["BC203"],
    "http*://abc.com": ["BC203"],
    "*.abc.com": ["BC203"],
    "https://*": ["BC204"],
    "http://*": ["BC204", "BC207"],
    "https://*:8443": ["BC204"],
    "*:8443": ["BC204"],
    "https://*.com": ["BC205"],
    "https://*.co.uk": ["BC205"],
    "https://shop.*.com": ["BC205"],
    # A scheme need not be there for a "*" to cover it.
    "https*": ["BC204"],
    "https:*": ["BC204"],
    "http*": ["BC204"],
    "h*": ["BC204"],
    "https*.com": ["BC205"],
    "https*abc.com": ["BC201"],
    "https*.abc.com": [],
    "http*.abc.com": ["BC203"],
    "*s://abc.com": [],
    "*p://abc.com": ["BC203"],
    "*-extension://abc": [],
    # A dot behind a name makes it another origin, and no other site.
    "https://*.": ["BC204"],
    "https://*.com.": ["BC205"],
    "https://*abc.com.": ["BC201"],
    "https://*.abc.com.": [],
    # Numbers may be the end of a port, or of an address.
    "https://*443": ["BC204"],
    "https://*65535": ["BC204"],
    "https://*123456": [],
    "https://abc.com*443": ["BC202"],
    "https://*3.4": ["BC201"],
    "https://*.3.4": ["BC201"],
    "https://*1.2.3.4": ["BC201"],
    "https://*.1.2.3.4": [],
    "https://10.*.3.4": [],
    "https://20.*.3.4": ["BC201"],
    "https://[*": ["BC202"],
    "https://[*]:8443": ["BC202"],
    "https://[2001:*]": ["BC202"],
    "https://[2606:4700:1:*]": [],
    "https://[fd00:*]": [],
    "https://*]": ["BC202"],
    "https://*1]": ["BC201"],
    "*]": ["BC202", "BC203"],
    "https://[2606::1]:*": [],
    "http://[*]": ["BC202", "BC207"],
    # Nobody can register these.
    "https://*.test": [],
    "https://*.internal": [],
    "http://0.0.0.0:3000": [],
    "http://localhost.": [],
    # These are no websites.
    "chrome-extension://*": ["BC204"],
    "chrome-extension*": ["BC204"],
    "chrome-extension:*": ["BC204"],
    "m*": ["BC204"],
    "app*": ["BC308"],
    "chrome-extension*.abc.com": [],
    "chrome-extension://abc*": [],
    "wss://*.com": [],
    "null": ["BC206"],
    "http://abc.com": ["BC207"],
    "http://*.abc.com": ["BC207"],
    "https://A.example": ["BC301"],
    "http://A.example": ["BC301"],
    "HTTPS://*": ["BC301"],
    "https://*.COM": ["BC301"],
    "https://*.A.example": ["BC301"],
    f"{A}/app": ["BC302"],
    f"{A}/": ["BC303"],
    "http://a.example/": ["BC303"],
    "https://*.com/": ["BC303"],
    f"{A}:443": ["BC304"],
    "https://b\xfccher.example": ["BC305"],
    f"{A}\xa0": ["BC306"],
    "https://\u0430pple.example": ["BC307"],
    "https://xn--pple-43d.example": ["BC307"],
    "https://\u0441\u043e\u0440.example": ["BC307"],
    # A real name, all of whose letters look like others, and the country that tells so.
    "https://\u0441\u043e\u0440.\u0440\u0444": ["BC305"],
    "https://\u0441\u043eop.\u0440\u0444": ["BC307"],
    "https://\u4f8b\u5b50.\u4e2d\u56fd": ["BC305"],
    "https://xn--fsqu00a.xn--fiqs8s": [],
    "https://\uff41.example": ["BC305"],
    "https://b\xfc*.example": ["BC305"],
    "a.example": ["BC308"],
    "localhost:3000": ["BC308"],
    "//a.example": ["BC308"],
    "[::1]:3000": ["BC308"],
    "'*'": ["BC314"],
    "https://": ["BC309"],
    "https://a.example:": ["BC314"],
    "https://*.*.example": ["BC314"],
    f"{A}, https://b.example": ["BC314"],
}


@in_one_test
@pytest.mark.parametrize(("origin", "expected"), ORIGINS.items(), ids=map(ascii, ORIGINS))
def test_origins(origin, expected):
    found = lint(rules({"allowed_origins": [origin]}))
    assert [each.id for each in found] == expected
    assert {(each.field, each.value) for each in found} <= {("allowed_origins", origin)}


REST = {
    "a value twice": ({"allowed_methods": ["GET", "GET"]}, ["BC103"]),
    "a name twice": ({"allowed_headers": ["x-a", "X-A"]}, ["BC103"]),
    "an origin that another covers": (
        {"allowed_origins": ["https://*.a.example", "https://x.a.example"]},
        ["BC104"],
    ),
    "an origin that others cover together": (
        {
            "allowed_origins": [
                "https://x*y.a.example",
                "https://x*.a.example",
                "https://*y.a.example",
            ]
        },
        ["BC104", "BC105"],
    ),
    "a name that another covers": ({"allowed_headers": ["x-a", "x-*"]}, ["BC104"]),
    "origins that overlap": (
        {"allowed_origins": ["https://x*.a.example", "https://*y.a.example"]},
        ["BC105"],
    ),
    "two sites": ({"allowed_origins": [A, "https://b.example"]}, ["BC108"]),
    "one machine": ({"allowed_origins": ["http://localhost", "http://127.0.0.1:3000"]}, []),
    "one site": ({"allowed_origins": [A, "https://*.b.a.example", f"{A}:8443"]}, []),
    "an underscore": ({"allowed_headers": ["x_a"]}, ["BC310"]),
    "a blank": ({"allowed_headers": ["x a"]}, ["BC314"]),
    "what cannot be seen": ({"allowed_headers": ["x-a\u200b"]}, ["BC306"]),
    "a long max-age": ({"max_age_seconds": 86400}, ["BC311"]),
    "as long as Chromium keeps it": ({"max_age_seconds": 7200}, []),
    "no ETag": ({"allowed_methods": ["POST"]}, ["BC312"]),
    "no headers": ({"allowed_methods": ["PUT"], "expose_headers": ["etag"]}, ["BC313"]),
    "all that an upload needs": (
        {"allowed_methods": ["PUT"], "expose_headers": ["ETag"], "allowed_headers": ["*"]},
        [],
    ),
    "a method that is refused": ({"allowed_methods": ["get", "GET"]}, ["BC314"]),
    "a star that is refused": ({"expose_headers": ["*"]}, ["BC314"]),
    "a max-age that is refused": ({"max_age_seconds": -1}, ["BC314"]),
    "an id that is refused": ({"id": "a\n"}, ["BC314"]),
    "a value that is no list": ({"allowed_origins": "https://a.example"}, ["BC315"]),
    "a key that nobody knows": ({"AllowedOrigns": []}, ["BC315"]),
}


@in_one_test
@pytest.mark.parametrize(("given", "expected"), REST.values(), ids=REST)
def test_other_values(given, expected):
    assert [each.id for each in lint(rules(given))] == expected


def test_an_exception_above_a_rule_may_stay():
    (named, *_) = lint(rules({}, {"allowed_origins": ["*"]}))
    assert named.help.startswith("keep both if rule 1 is meant as an exception")
    (same, *_) = lint(rules({}, {"allowed_methods": ["GET", "DELETE"]}))
    assert same.help == "allow each request by one rule only, or move the narrower rule up"


def test_a_rule_is_not_called_unreachable_for_want_of_a_short_list():
    first, second = "x-" + "b" * 3988, "x-" + "c" * 7898
    reached = {"allowed_headers": ["x-" + "a" * 7998, first, second]}
    found = ids({"allowed_headers": [second]}, {"allowed_headers": [first]}, reached)
    assert "BC101 3" not in found


def test_an_upload_may_find_its_headers_in_a_rule_below():
    upload = {"allowed_methods": ["PUT"], "expose_headers": ["ETag"]}
    assert "BC313 1" not in ids(upload, {**upload, "allowed_headers": ["*"]})


def test_a_public_suffix_is_not_called_a_site():
    given = rules({"allowed_origins": ["https://shop*.com", "https://*.b.example", A]})
    (finding,) = [each for each in lint(given) if each.check is Check.UNRELATED_ORIGINS]
    assert finding.text == "The rule names origins of 3 sites: a.example, b.example, shop*.com."


def test_what_cannot_be_told_without_a_list_is_told_with_one():
    given = {"allowed_origins": ["https://*.herokuapp.com"]}
    assert ids(given) == []

    def public_suffix(host):
        return "herokuapp.com" if host.endswith("herokuapp.com") else host.rpartition(".")[2]

    assert ids(given, public_suffix=public_suffix) == ["BC205 1"]
    own = {"allowed_origins": ["https://*.me.herokuapp.com"]}
    assert ids(own, public_suffix=public_suffix) == []
    two = {"allowed_origins": ["https://me.herokuapp.com", "https://you.herokuapp.com"]}
    assert ids(two, public_suffix=public_suffix) == ["BC108 1"]


def test_plain_http_is_dangerous_by_the_credentials_alone():
    given = {"allowed_origins": ["http://abc.com"]}
    assert ids(given, allow_credentials=False) == []
    # The first rule answers with "*".
    assert "BC207 2" not in ids({"allowed_origins": ["*"]}, given)


def test_a_pattern_may_be_so_long_that_hardly_anything_stands_for_its_star():
    value = "https://*" + "a" * 313 + ".com"
    (finding,) = lint(rules({"allowed_origins": [value]}))
    assert finding.check is Check.OPEN_START
    assert finding.witnesses[0].rule == 0


def test_what_covers_nearly_all_is_dangerous_by_the_credentials_alone():
    assert ids({"allowed_origins": ["https://*"]}, allow_credentials=False) == []
    assert ids({"allowed_origins": ["https://*.com"]}, allow_credentials=False) == ["BC205 1"]


def test_a_dangerous_pattern_cannot_be_hidden_by_taking_the_example_away():
    """One half of what the example may do is answered with ``*``, the other by its name."""
    example = lint(rules({"allowed_origins": ["https://*abc.com"]}))[0].witnesses[0].origin
    found = lint(
        rules(
            {"allowed_origins": ["*"], "allowed_headers": ["*"]},
            {"allowed_origins": [example], "allowed_methods": ["PUT"], "allowed_headers": ["*"]},
            {"allowed_origins": ["https://*abc.com"], "allowed_methods": ["GET", "PUT"]},
        )
    )
    (danger,) = [each for each in found if each.check is Check.OPEN_START]
    (witness,) = danger.witnesses
    assert witness.rule == danger.rule == 2
    assert witness.origin != example
    assert witness.origin in danger.text


def test_a_named_example_does_not_hide_a_pattern():
    found = ids(
        {"allowed_origins": ["https://evilabc.com"]}, {"allowed_origins": ["https://*abc.com"]}
    )
    assert "BC201 2" in found


def test_nothing_is_said_of_no_rules():
    assert lint(None) == ()


def test_an_empty_list_of_rules_is_refused_as_a_whole():
    (finding,) = lint([])
    assert str(finding).startswith("BC315 the rules: The API rejects the rules: rules is missing;")
    assert finding.as_dict()["rule"] is None


def test_rules_of_which_nothing_can_be_stored_are_looked_at():
    (finding,) = lint(rules({"allowed_origins": [f"{A}/app"], "allowed_methods": ["get"]}))[:1]
    assert finding.witnesses[0].rule is None


def test_findings_are_plain_data_where_that_is_wanted():
    (finding,) = lint(rules({"allowed_origins": ["null"]}))
    assert finding.as_dict() == {
        "id": "BC206",
        "check": "null_origin",
        "severity": "danger",
        "rule": 1,
        "field": "allowed_origins",
        "value": "null",
        "position": 1,
        "text": finding.text,
        "help": "delete it, and serve the page from an origin of its own",
        "examples": [{"origin": "null", "method": "GET", "headers": [], "rule": 1}],
    }


@in_one_test
@pytest.mark.parametrize(
    "given, field, place, marked",
    [
        ({"allowed_origins": [A, f"{A}/"]}, "allowed_origins", 1, "/"),
        ({"allowed_origins": ["https://b.example?x=1"]}, "allowed_origins", 0, "?x=1"),
        ({"allowed_origins": ["https://me@b.example/x"]}, "allowed_origins", 0, "me@"),
        ({"allowed_origins": ["https://BiG.example"]}, "allowed_origins", 0, "BiG"),
        ({"allowed_origins": ["https://b\xfcch\xf6r.test"]}, "allowed_origins", 0, "\xfcch\xf6"),
        ({"allowed_headers": ["x-a", "x_b_c"]}, "allowed_headers", 1, "_b_"),
        ({"allowed_headers": ["x-a\u200b"]}, "allowed_headers", 0, "\u200b"),
        ({"expose_headers": ["x-a", "*"]}, "expose_headers", 1, "*"),
        ({"max_age_seconds": 90_000}, "max_age_seconds", None, "90000"),
        ({"allowed_methods": ["PUT"], "allowed_headers": ["x-a"]}, "expose_headers", None, None),
        ({"allowed_headers": ["x-a", "x-b", "X-A"]}, "allowed_headers", 2, "X-A"),
        ({"allowed_headers": ["x-a", "x-b", "x-a"]}, "allowed_headers", 2, "x-a"),
        ({"allowed_methods": ["GET", "GET", "GET"]}, "allowed_methods", 1, "GET"),
    ],
)  # fmt: skip
def test_a_finding_says_which_value_and_which_part_of_it_is_wrong(given, field, place, marked):
    (finding,) = lint(rules(given))
    span = finding.span
    assert (finding.field, finding.index) == (field, place)
    assert (span and str(finding.value)[slice(*span)]) == marked


def test_ids_are_each_their_own():
    assert len({check.id for check in Check}) == len(Check)
    assert {check.id[2] for check in Check if check.severity is Severity.DANGER} == {"2"}


@in_one_test
@pytest.mark.parametrize("vector", vectors("put_bodies_valid"))
def test_what_is_said_of_the_vendors_samples_is_true(vector):
    rules = parse_xml(vector["text"].encode(), DIALECTS[vector["dialect"]])
    for finding in lint(rules, vector["dialect"]):
        assert_true(finding, list(map(as_given, rules.rules)), vector["dialect"])


@given(rule_sets(), st.sampled_from(list(DIALECTS)))
def test_what_is_said_is_true(given, dialect):
    for finding in lint(RuleSet([Rule(**each) for each in given]), dialect):
        assert_true(finding, given, dialect)


def as_given(rule: Rule) -> RuleDict:
    return {name: getattr(rule, name) for name in Rule.__slots__}


def assert_true(finding: Finding, given: list[RuleDict], dialect: str) -> None:
    """Judge a finding by the naive evaluator."""
    assert finding.witnesses
    for witness in finding.witnesses:
        assert decided(given, witness, dialect) == witness.rule
    if finding.index is not None:
        assert given[finding.rule][finding.field][finding.index] == finding.value
    if judge := JUDGES.get(finding.check):
        judge(finding, given, dialect)


def decided(given: list[RuleDict], witness: Any, dialect: str) -> int | None:
    return evaluate(
        given,
        origin=witness.origin,
        method=witness.method,
        requested_headers=",".join(witness.headers) or None,
        dialect=dialect,
    ).rule


def judge_shadowed(finding, given, dialect):
    """The rule alone would allow what one above it decides."""
    (witness,) = finding.witnesses
    assert witness.rule < finding.rule
    assert decided([given[finding.rule]], witness, dialect) == 0


def judge_any_first(finding, given, dialect):
    judge_shadowed(finding, given, dialect)
    assert "*" in given[finding.witnesses[0].rule]["allowed_origins"]
    assert "*" not in given[finding.rule]["allowed_origins"]


def judge_covered(finding, given, dialect):
    """Without the value, all is decided as before."""
    changed = [dict(each) for each in given]
    values = list(changed[finding.rule][finding.field])
    values.remove(finding.value)
    changed[finding.rule][finding.field] = values
    old, new = (RuleSet([Rule(**each) for each in some]) for some in (given, changed))
    assert not [each for each in diff(old, new, dialect) if each.aspects != ("headers",)]


def judge_overlap(finding, given, dialect):
    (witness,) = finding.witnesses
    texts = [witness.origin] if finding.field == "allowed_origins" else witness.headers
    matches = (
        origin_matches if finding.field == "allowed_origins" else lambda p, t: fits(p.lower(), t)
    )
    for text in texts:
        assert sum(matches(each, text) for each in set(given[finding.rule][finding.field])) > 1


def judge_disagreement(finding, given, dialect):
    one, two = finding.witnesses
    assert one.origin == two.origin
    assert one.rule < two.rule == finding.rule


def judge_danger(finding, given, dialect):
    (witness,) = finding.witnesses
    assert origin_matches(finding.value, witness.origin)
    assert witness.rule is not None
    assert "*" not in given[witness.rule]["allowed_origins"]


def judge_useless(finding, given, dialect):
    (witness,) = finding.witnesses
    assert not origin_matches(finding.value, witness.origin) or "*" in finding.value
    assert is_origin(witness.origin)


def judge_no_etag(finding, given, dialect):
    assert finding.witnesses[0].rule == finding.rule
    assert "etag" not in map(str.lower, given[finding.rule]["expose_headers"])


def judge_no_header(finding, given, dialect):
    assert finding.witnesses[0].rule is None
    assert not given[finding.rule]["allowed_headers"]


JUDGES = {
    Check.RULE_UNREACHABLE: judge_shadowed,
    Check.RULE_PARTLY_SHADOWED: judge_shadowed,
    Check.ANY_ORIGIN_FIRST: judge_any_first,
    Check.VALUE_REPEATED: judge_covered,
    Check.VALUE_COVERED: judge_covered,
    Check.PATTERNS_OVERLAP: judge_overlap,
    Check.RULES_DISAGREE: judge_disagreement,
    **{check: judge_danger for check in Check if check.severity is Severity.DANGER},
    Check.UPPER_CASE: judge_useless,
    Check.TRAILING_SLASH: judge_useless,
    Check.DEFAULT_PORT: judge_useless,
    Check.ETAG_NOT_EXPOSED: judge_no_etag,
    Check.NO_ALLOWED_HEADER: judge_no_header,
}


@given(rule_sets(), st.sampled_from(list(DIALECTS)))
def test_rules_are_called_unreachable_exactly_where_they_make_no_difference(given, dialect):
    findings = lint(RuleSet([Rule(**each) for each in given]), dialect)
    unreachable = {each.rule for each in findings if each.check is Check.RULE_UNREACHABLE}
    for index, rule in enumerate(given):
        changed = [*given[:index], {**rule, "max_age_seconds": 77}, *given[index + 1 :]]
        old, new = (RuleSet([Rule(**each) for each in some]) for some in (given, changed))
        fits_some = any(map(is_met, rule["allowed_origins"]))
        assert (index not in unreachable and fits_some) == bool(diff(old, new, dialect))


def is_met(pattern: str) -> bool:
    """Whether there is an origin that a pattern fits."""
    return bool(Partition([[pattern]], GRAMMAR, Work(Bounds.WIDE), APART).atoms)


def many(count: int) -> RuleSet:
    """Rules of ten patterns each that have much in common."""
    return RuleSet(
        [
            Rule(
                [f"https://{'a' * (i % 20)}*.h{i}-{j}.example" for j in range(10)],
                ["GET", "PUT"],
                [f"x-{i % 7}-*", "content-type"],
                max_age_seconds=i,
            )
            for i in range(count)
        ]
    )


def test_the_work_does_not_explode():
    """Ten times the rules take some ten times the steps."""
    few, often = (count_calls(lambda count=count: lint(many(count))) for count in (10, 100))
    assert often < 25 * few
    assert often < 2_000_000


@in_one_test
@pytest.mark.parametrize(
    "prefix, suffix, address",
    [
        ("http://8.8.8.", "", "http://8.8.8.8"),
        ("http://8.8.255", "", "http://8.8.255.8"),
        ("http://", "255.8.8", "http://8.255.8.8"),
        ("http://8.255", "255", "http://8.255.8.255"),
        ("http://8.", ".8.8", "http://8.8.8.8"),
        ("", "8.8.8.8", "http://8.8.8.8"),
        ("http://10.", "", None),
        ("http://127.0.0.", "", None),
        ("http://a.", "", None),
        ("http://8.8.8.8.", "", None),
        ("http://[", "]", "http://[2606:4700::8]"),
        ("http://[2606:4700:8::", "]", None),
        ("http://[fe80::", "]", None),
        ("http://[2606", "ffff:1:2:3:4:5:6]", "http://[2606:ffff:1:2:3:4:5:6]"),
    ],
)
def test_addresses_that_strangers_may_have(prefix: str, suffix: str, address: str | None) -> None:
    found = public_address(Wildcard(prefix, suffix), "http://")
    assert (found is None) is (address is None)
    if address is not None and prefix:
        assert found == address


@in_one_test
@pytest.mark.parametrize(
    "host, suffix",
    [
        *(
            (f"a.{second}.uk", f"{second}.uk")
            for second in ["ac", "co", "com", "edu", "go", "gov", "ne", "net"]
        ),
        ("a.or.jp", "or.jp"),
        ("a.org.uk", "org.uk"),
        ("a.b.uk", "uk"),
        ("a.co.example", "example"),
        ("a.com", "com"),
        ("com", "com"),
        ("", ""),
    ],
)
def test_the_usual_public_suffix(host: str, suffix: str) -> None:
    assert usual_public_suffix(host) == suffix


@pytest.mark.parametrize(
    "first", ["\u0430", "\u03bf", "\u0585"], ids=["Cyrillic", "Greek", "Armenian"]
)
def test_scripts_with_letters_that_look_like_latin_ones(first: str) -> None:
    found = lint(rules({"allowed_origins": [f"https://{first}pple.example"]}))
    assert Check.LOOKALIKE in {each.check for each in found}


def test_null_is_no_site_beside_another() -> None:
    assert ids({"allowed_origins": ["null", A]}) == ["BC206 1"]
    assert ids({"allowed_origins": ["https://b.test2.com", A]}) == ["BC108 1"]


def test_the_witness_of_a_name_with_an_underscore_has_the_name_that_is_meant() -> None:
    (found,) = [
        each
        for each in lint(rules({"allowed_headers": ["X_A*"]}))
        if each.check is Check.UNDERSCORE
    ]
    assert [each.headers for each in found.witnesses] == [("x-aexample",)]


@in_one_test
@pytest.mark.parametrize(
    "host",
    [
        "*.myqcloud.com",
        "*.cos.ap-guangzhou.myqcloud.com",
        "*.cos-website.ap-guangzhou.myqcloud.com",
        "*.ap-guangzhou.myqcloud.com",
        "*.aliyuncs.com",
        "*.oss-cn-hangzhou.aliyuncs.com",
        "*.myhuaweicloud.com",
        "*.obs.cn-north-4.myhuaweicloud.com",
        "*.amazonaws.com",
        "*.s3.us-east-1.amazonaws.com",
        "*.s3-website-us-east-1.amazonaws.com",
        "*.r2.dev",
        "*.core.windows.net",
        "*.z13.web.core.windows.net",
        "*.storage.googleapis.com",
        "shop-*.cos.ap-guangzhou.myqcloud.com",
    ],
)
def test_names_below_a_vendors_domain_are_anyones(host):
    assert ids({"allowed_origins": [f"https://{host}"]}) == ["BC205 1"]
    assert ids({"allowed_origins": [f"https://{host}"]}, public_suffix=lambda name: "com") == (
        ["BC205 1"]
    )


@pytest.mark.parametrize(
    "host",
    ["*.shop-1250000000.cos.ap-guangzhou.myqcloud.com", "a.s3.us-east-1.amazonaws.com"],
)
def test_names_below_a_bucket_are_its_owners(host):
    assert ids({"allowed_origins": [f"https://{host}"]}) == []


@pytest.mark.parametrize(
    "methods, found",
    [
        (["GET"], ["BC208 1"]),
        (["GET", "HEAD"], ["BC208 1"]),
        (["POST"], ["BC209 1"]),
        (["DELETE", "GET"], ["BC209 1"]),
    ],
)
def test_any_origin_is_advice_and_a_warning_where_it_may_write(methods, found):
    given = {
        "allowed_origins": ["*"],
        "allowed_methods": methods,
        "expose_headers": ["ETag"],
        "allowed_headers": ["*"],
    }
    assert ids(given) == found


@pytest.mark.parametrize(
    "value, help",
    [
        ("wss://page.test", "write the scheme of the page, `https://` or `http://`"),
        ("http://127.1:3000", "write 'http://127.0.0.1:3000'"),
        ("https://page.test:0444", "write 'https://page.test:444'"),
    ],
)
def test_what_no_page_has_is_corrected(value: str, help: str) -> None:
    found = lint([{"allowed_origins": [value], "allowed_methods": ["GET"]}])
    assert ("BC309", help) in [(each.id, each.help) for each in found]
