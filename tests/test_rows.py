"""Rule sets as SQL stores keep them: what is written is read in one step, the rest with care."""

from typing import Any

import pytest

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.stores.rows import format_rule_set, parse_rule_set
from tests.support.tables import in_one_test

RULES = RuleSet(
    [Rule(["https://a.example"], ["GET"], id="é"), Rule(["*"], ["PUT"], ["x-*"], (), 0)]
)
TEXT = format_rule_set(RULES)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="as written"),
        pytest.param(f" {TEXT}\n", id="by another tool, with space around it"),
        pytest.param(TEXT.replace("[", "[ "), id="by another tool, with space in it"),
        pytest.param(TEXT.encode(), id="by another tool, as bytes"),
    ],
)
def test_rules_are_read_as_they_were_written(text: Any) -> None:
    assert parse_rule_set("b", text) == RULES


ONE = '{"allowed_origins":["https://a.example"],"allowed_methods":["GET"]}'


@in_one_test
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(TEXT[:-1], id="cut off"),
        pytest.param(f"{TEXT}x", id="something behind it"),
        pytest.param(TEXT + TEXT, id="twice"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"rules":[]}', id="no rule"),
        pytest.param(f'{{"rules":[{ONE}],"more":1}}', id="unknown field"),
        pytest.param(f'{{"rules":[{ONE},{{"allowed_methods":["GET"]}}]}}', id="no origin"),
        pytest.param(f'{{"rules":[{ONE},{ONE.replace("GET", "TRACE")}]}}', id="unknown method"),
        pytest.param(f'{{"rules":[{ONE},{ONE.replace("https://", "a b")}]}}', id="bad origin"),
        pytest.param(f'{{"rules":[{ONE},{ONE.replace("[", "[1,", 1)}]}}', id="number for origin"),
        pytest.param(f'{{"rules":[{ONE},{{"allowed_origins":[],"allowed_methods":["GET"]}}]}}'),
        pytest.param(f'{{"rules":[{ONE},{ONE[:-1]},"max_age_seconds":true}}]}}', id="true"),
        pytest.param(f'{{"rules":[{ONE},{ONE[:-1]},"max_age_seconds":2147483648}}]}}', id="long"),
        pytest.param(f'{{"rules":[{ONE},{ONE[:-1]},"id":""}}]}}', id="empty ID"),
        pytest.param(f'{{"rules":[{ONE},5]}}', id="a number for a rule"),
    ],
)
def test_every_stored_text_is_checked(text: str) -> None:
    """Also a rule among others that need no look of its own."""
    with pytest.raises(StoredRulesInvalid, match="bucket 'b'"):
        parse_rule_set("b", text)
