"""Rules of any shape are read, or refused as InvalidRules; the work is bounded."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import Rule, RuleSet, diff, explain, lint
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.problems import InvalidRules, ProblemReason
from flask_bucketcors.documents.any_form import parse_rules, read_rules
from tests.support.tables import in_one_test

A = "https://a.example"
RULE = {"allowed_origins": [A], "allowed_methods": ["GET"]}
VALID = RuleSet([Rule([A], ["GET"])])
MAX_NOTE = 512


def nested(depth: int, key: str = "properties") -> Any:
    data: Any = {"rules": [RULE]}
    for _ in range(depth):
        data = {key: data}
    return data


def modules(depth: int) -> Any:
    module: Any = {"resources": [{"address": "x", "values": {"cors_rule": [RULE]}}]}
    for _ in range(depth):
        module = {"child_modules": [module]}
    return {"values": {"root_module": module}}


def that_holds_itself(key: str) -> Any:
    data: Any = {}
    data[key] = data
    return data


# What reads rules.
USES: list[Callable[[Any], Any]] = [
    read_rules,
    parse_rules,
    lint,
    lambda rules: explain(rules, origin=A).text,
    lambda rules: list(diff(rules, [RULE])),
]

# None of them can be stored.
WRONG: dict[str, Any] = {
    "a list that holds itself": that_holds_itself("rules"),
    "an object within itself": that_holds_itself("properties"),
    "nested 100 deep": nested(100),
    "nested 50000 deep": nested(50_000),
    "modules in modules": modules(50_000),
    "a number": 3,
    "no object": object(),
    "bytes that are not text": b"\x00\xff",
    "an array of bytes": bytearray(b"[]"),
    "an infinite number": json.dumps([{**RULE, "max_age_seconds": float("inf")}]),
    "not a number": json.dumps([{**RULE, "max_age_seconds": float("nan")}]),
    "keys that are not text": [{**RULE, 1: 2, None: 3, (1, 2): 3, b"x": 1}],
    "a key that is too long a number": [{**RULE, 10**10_000: 1}],
    "a number that is too long": [{**RULE, "max_age_seconds": 10**10_000}],
    "values of each type": [{**RULE, "allowed_headers": [1, None, [], {}, b"x", 1.5]}],
    "operations of each type": [{"allowedOrigins": [A], "allowedOperations": [[], {}, None, 1]}],
    "headers of each type": [{"origin": [A], "method": ["GET"], "responseHeader": [1, None, []]}],
    "Azure's list of commas": [{"AllowedOrigins": "," * 100_000, "MaxAgeInSeconds": 1}],
    "XML of Azure without rules": "<Cors/>",
    "XML of Google without rules": "<CorsConfig><Cors>x</Cors></CorsConfig>",
}


@in_one_test
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("rules", WRONG.values(), ids=WRONG.keys())
def test_wrong_rules_are_refused_in_words(rules: Any, use: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidRules):
        parse_rules(rules)
    with suppress(InvalidRules):
        use(rules)


# They are read once, so each use gets its own.
ONCE: dict[str, Callable[[], Any]] = {
    "rules": lambda: iter([RULE]),
    "rules in an object": lambda: {"CORSRules": iter([RULE])},
    "values": lambda: [{"allowed_origins": iter([A]), "allowed_methods": iter(["GET"])}],
    "rules of a template": lambda: {
        "Resources": {"b": {"Properties": {"CorsConfiguration": {"CorsRules": iter([RULE])}}}}
    },
    "Rule objects": lambda: iter([Rule([A], ["GET"])]),
}


@pytest.mark.parametrize("make", ONCE.values(), ids=ONCE.keys())
def test_iterators_are_read_once(make: Callable[[], Any]) -> None:
    assert parse_rules(make()) == VALID
    assert explain(make(), origin=A).allowed
    reading = read_rules(make())
    assert (reading.problems(), reading.problems()) == ((), ())
    assert reading.rule_set() == VALID


def test_suggestions_are_bounded() -> None:
    """Each is a search, and a document may have very many unknown keys."""
    with pytest.raises(InvalidRules) as refused:
        parse_rules([{**RULE, **{f"AllowedOrigin{number}x": 1 for number in range(1000)}}])
    problems = refused.value.problems
    assert [each.reason for each in problems] == [ProblemReason.UNKNOWN_ELEMENT] * 1000
    assert sum(each.suggestion is not None for each in problems) == 20


def test_notes_are_bounded_and_printable() -> None:
    odd = [{**RULE, "service" + "-_"[number % 2] * (number // 2): 1} for number in range(100)]
    notes = read_rules(odd).notes
    assert len(notes) == 21
    assert notes[-1] == "and 79 more notes"
    assert all(note.isprintable() and len(note) < MAX_NOTE for note in notes)


KEYS = st.sampled_from(
    [
        *("rules", "CORSRules", "cors", "Resources", "resources", "resource", "Properties"),
        *("properties", "values", "root_module", "child_modules", "deployment", "inputs"),
        *("allowed", "allowedOrigins", "origin", "method", "allowedOperations", "responseHeader"),
        *("maxAgeInSeconds", "AllowedMethods", "id", "Service", "terraform_version"),
        *("instances", "attributes", "name", "address", "Ref", "blob_properties", "response_vary"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text()
DATA = st.recursive(
    LEAVES | st.sampled_from([A, "GET", "https", "s3_put", "${x}", "1.0"]),
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(KEYS, each, max_size=5)
        | st.dictionaries(LEAVES.filter(lambda key: key == key), each, max_size=2)
    ),
    max_leaves=25,
)


@given(data=DATA)
def test_data_of_any_shape_is_read_or_refused(data: Any) -> None:
    try:
        reading = read_rules(data)
    except InvalidRules:
        return
    assert all(note.isprintable() and len(note) < MAX_NOTE for note in reading.notes)
    problems = reading.problems()
    assert all(str(each).isprintable() for each in problems)
    try:
        lint(reading)
        explain(reading, origin=A)
    except TooIntricate:
        return
    if not problems:
        assert reading.rule_set() == read_rules(reading.rule_set()).rule_set()
