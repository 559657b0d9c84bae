"""The text of usual rules: it is read as a JSON parser and a full check read it, or not at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import InvalidRules, Rule, RuleSet
from flask_bucketcors.core.fields import MAX_SHARED_LISTS
from flask_bucketcors.core.rules import rule_set_of
from flask_bucketcors.stores import usual_text
from flask_bucketcors.stores.rows import format_rule_set
from flask_bucketcors.stores.usual_text import read_usual_text
from tests.support.tables import in_one_test

A = "https://a.example"


def read(text: str) -> RuleSet | None:
    usual = read_usual_text(text)
    return rule_set_of(usual) if usual else None


def parse(text: str) -> RuleSet | None:
    """As the text is read if it is not usual."""
    try:
        return RuleSet.from_dict(json.loads(text))
    except (InvalidRules, ValueError, TypeError):
        return None


USUAL: dict[str, RuleSet] = {
    "one rule": RuleSet([Rule([A], ["GET"])]),
    "each field": RuleSet([Rule([A, "*"], ["GET", "PUT"], ["*", "x-*"], ["ETag"], 600, "rule 1")]),
    "several rules": RuleSet([Rule([A], ["GET"], max_age_seconds=0), Rule(["*"], ["PUT"], ["x"])]),
    "an ID that is not ASCII": RuleSet([Rule([A], ["GET"], id="},{ \u00e9[]")]),
}


@in_one_test
@pytest.mark.parametrize("rules", USUAL.values(), ids=USUAL)
def test_usual_rules_need_no_parser(rules: RuleSet) -> None:
    assert read(format_rule_set(rules)) == rules


ONE = '{"allowed_origins":["https://a.example"],"allowed_methods":["GET"]}'
LIST = '"allowed_headers":["x-a"]'


@in_one_test
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{}", id="no rules"),
        pytest.param('{"rules":[]}', id="an empty list"),
        pytest.param(ONE, id="a rule alone"),
        pytest.param(f'{{"rules":[{ONE}]', id="cut off"),
        pytest.param(f'{{"rules":[{ONE}]}}x', id="something behind it"),
        pytest.param(f'{{"rules":[{ONE}]}}{{"rules":[{ONE}]}}', id="twice"),
        pytest.param(f'{{"rules":[{ONE}{ONE}]}}', id="no comma"),
        pytest.param(f'{{"rules":[{ONE},,{ONE}]}}', id="two commas"),
        pytest.param(f'{{"rules":[{ONE},5,{ONE}]}}', id="a number between rules"),
        pytest.param(f'{{"rules":[{ONE},{ONE},{{}}]}}', id="an empty rule"),
        pytest.param(f'{{"rules":[{ONE}],"response_vary":true}}', id="more than rules"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"more":1}}]}}', id="more than a rule has"),
        pytest.param(f'{{"rules":[{ONE[:-1]},{LIST},{LIST}}}]}}', id="a field twice"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"id":"","id":"a"}}]}}', id="an ID twice"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"id":" a"}}]}}', id="an ID with a blank first"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"id":"a\nb"}}]}}', id="an ID with a line feed"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"id":"{"a" * 256}"}}]}}', id="a long ID"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"max_age_seconds":01}}]}}', id="0 first"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"max_age_seconds":-1}}]}}', id="a negative number"),
        pytest.param(f'{{"rules":[{ONE[:-1]},"max_age_seconds":2147483648}}]}}', id="a large one"),
        pytest.param(f'{{"rules":[{ONE.replace("GET", "GET,PUT")}]}}', id="two methods in a text"),
        pytest.param(f'{{"rules":[{ONE.replace("GET", "TRACE")}]}}', id="no method"),
        pytest.param(f'{{"rules":[{ONE.replace("GET", "")}]}}', id="an empty method"),
        pytest.param(f'{{"rules":[{ONE.replace("GET", "GET" + chr(34) + ",")}]}}', id="no JSON"),
        pytest.param(f'{{"rules":[{ONE.replace("a.example", "a b")}]}}', id="a blank in an origin"),
        pytest.param(f'{{"rules":[{ONE.replace("a.example", "a/b")}]}}', id="a path in an origin"),
        pytest.param(f'{{"rules":[{ONE.replace("a.example", chr(92) + "n")}]}}', id="an escape"),
        pytest.param(f'{{"rules":[{ONE.replace("a.example", chr(233))}]}}', id="not ASCII"),
        pytest.param(f'{{"rules":[{ONE.replace("https", "[" * 99)}]}}', id="brackets in a text"),
    ],
)
def test_any_other_text_is_left_to_the_parser(text: str) -> None:
    assert read(text) is None


RULES = st.builds(
    Rule,
    st.lists(st.sampled_from([A, "http://*.b.example:8080", "*"]), min_size=1, max_size=2),
    st.sampled_from([["GET"], ["PUT", "GET"]]),
    st.sampled_from([(), ["*"], ["x-a", "X-B*"]]),
    st.sampled_from([(), ["ETag"]]),
    st.sampled_from([None, 0, 600, 2**31 - 1]),
    st.sampled_from([None, "a", "\u00e9},{"]),
)
TOKENS = [*'",]}{[\\ 1*\n\x00\u00e9\ud800', "", '","', "},{", "\\u0041", "e5", "GET", ONE, LIST]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a few rules, in most cases with one or two places changed."""
    text = format_rule_set(RuleSet(draw(st.lists(RULES, min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        end = place + draw(st.sampled_from([0, 0, 1, 2, 12]))
        text = text[:place] + draw(st.sampled_from(TOKENS)) + text[end:]
    return text


@given(texts())
def test_what_is_read_is_what_the_parser_reads(text: str) -> None:
    found = read(text)
    assert found is None or found == parse(text)


def test_lists_that_are_remembered_are_bounded() -> None:
    rules = [RuleSet([Rule([A], ["GET"], [f"x-{n}"])]) for n in range(2 * MAX_SHARED_LISTS)]
    assert [read(format_rule_set(each)) for each in rules] == rules
    assert len(usual_text._HEADER_TEXTS) <= MAX_SHARED_LISTS
