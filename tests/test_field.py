"""What people really paste means what a person reads in it: rules, evidence, and both together.

The tables are in ``tests/support``: :mod:`tests.support.field_rules` and
:mod:`tests.support.field_evidence`.
"""

from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import RuleSet, explain, from_har, lint, read_rules
from flask_bucketcors.analysis.evidence import from_console, from_copy
from flask_bucketcors.core.problems import InvalidRules
from tests.support.broken_setups import rule
from tests.support.field_evidence import (
    CASES,
    CONSOLES,
    COPIES,
    HARS,
    NOT_UNDERSTOOD,
    PAGE,
    Case,
    Console,
    Copied,
)
from tests.support.field_rules import LINTED, REFUSED, RULES, Refused, Rules, aws
from tests.support.tables import in_one_test

FILES = Path(__file__).parent / "data" / "field"
ALL = rule("*", PAGE, methods="GET PUT POST HEAD DELETE", headers="*", expose_headers=["ETag"])


def test_there_are_enough_inputs() -> None:
    tables = (RULES, REFUSED, LINTED, CONSOLES, NOT_UNDERSTOOD, COPIES, CASES, HARS)
    assert sum(map(len, tables)) >= 160


@in_one_test
@pytest.mark.parametrize("given", RULES.values(), ids=RULES)
def test_rules(given: Rules) -> None:
    reading = read_rules(given.text, given.resource)
    expected: dict[str, Any] = {"rules": given.rules}
    if given.vary is not None:
        expected["response_vary"] = given.vary
    assert reading.rule_set() == RuleSet.from_dict(expected)
    for words in given.notes:
        assert any(words in note for note in reading.notes), reading.notes
    assert not any(finding.id in ("BC314", "BC315") for finding in lint(reading))


@in_one_test
@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_rules_that_are_refused(given: Refused) -> None:
    """What ``put`` names, lint finds, and explain lists, in the same words."""
    try:
        problems = read_rules(given.text).problems()
    except InvalidRules as error:
        told = str(error)
        with pytest.raises(InvalidRules):
            lint(given.text)
    else:
        told = "; ".join(map(str, problems))
        found = "; ".join(each.text for each in lint(given.text) if each.id in ("BC314", "BC315"))
        listed = list(map(str, explain(given.text, origin=PAGE).problems))
        assert listed == list(map(str, problems))
        for words in given.words:
            assert words.partition(": ")[2] in found or words in found
    for words in given.words:
        assert words in told


@in_one_test
@pytest.mark.parametrize("value", LINTED)
def test_values_that_lint_names(value: str) -> None:
    check, method = LINTED[value]
    found = lint(aws(AllowedOrigins=[value], AllowedMethods=[method]))
    assert any(each.id == check and each.value == value for each in found), found


def told(arguments: Any) -> dict[str, Any]:
    return {"guessed": [], **arguments, "headers": sorted(arguments["headers"])}


@in_one_test
@pytest.mark.parametrize("given", CONSOLES.values(), ids=CONSOLES)
def test_consoles(given: Console) -> None:
    found = told(from_console(given.text))
    assert {name: found.get(name) for name in given.tells} == given.tells
    explanation = explain([ALL], **{"origin": PAGE, **found})
    assert not explanation.allowed
    assert given.words in explanation.text


@in_one_test
@pytest.mark.parametrize("text", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_texts_that_say_nothing_of_cors(text: str) -> None:
    with pytest.raises(ValueError, match="reports no CORS failure"):
        from_console(text)
    explanation = explain([ALL], origin=PAGE, response={"console": text})
    assert not explanation.allowed
    assert "not understood" in explanation.text


@in_one_test
@pytest.mark.parametrize("given", COPIES.values(), ids=COPIES)
def test_copied_requests(given: Copied) -> None:
    if isinstance(given.tells, str):
        with pytest.raises(ValueError, match=given.tells):
            from_copy(given.text)
    else:
        found = told(from_copy(given.text))
        assert {name: found.get(name) for name in given.tells} == given.tells


@pytest.mark.parametrize("name", HARS)
def test_har_files(name: str) -> None:
    found = [told(each) for each in from_har((FILES / name).read_bytes())]
    expected = HARS[name]
    assert len(found) == len(expected)
    for each, tells in zip(found, expected, strict=True):
        assert {key: each.get(key) for key in tells} == tells


def requests(evidence: str | dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(evidence, dict):
        return [evidence]
    if evidence.endswith(".har"):
        return [dict(each) for each in from_har((FILES / evidence).read_bytes())]
    try:
        return [{"origin": PAGE, **from_console(evidence)}]
    except ValueError:
        return [{"origin": PAGE, "response": {"console": evidence}, "guessed": ["method"]}]


@in_one_test
@pytest.mark.parametrize("given", CASES.values(), ids=CASES)
def test_rules_and_evidence(given: Case) -> None:
    found = [explain(given.rules, **each) for each in requests(given.evidence)]
    assert not any(each.allowed for each in found[:1])
    assert given.cause in [each.cause for each in found]
    for words in given.words:
        assert any(words in each.text for each in found)
