"""What a request can start is bounded: lint, diff, permissions, and explain with its fixes.

The work is counted here. ``benchmarks/bounds.py`` measures what it takes in seconds and megabytes.
"""

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import FrozenInstanceError, astuple
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import Bounds, RuleSet, TooIntricate, diff, explain, lint, permissions
from flask_bucketcors.cli import bucketcors
from tests.support.call_counts import count_calls
from tests.support.intricate_rules import (
    ASKED,
    SHAPES,
    compare,
    effects,
    fits,
    largest,
    many,
    other_terms,
    uses,
)
from tests.support.rounds import rounds
from tests.support.strategies import RuleDict, rule_sets
from tests.support.tables import in_one_test

DOCS = Path(__file__).parent.parent / "docs"
NARROW, WIDE = Bounds.NARROW, Bounds.WIDE
# A part of what a server allows, and of the size of the rules, so that the tests are quick.
PARTS, SIZES = rounds(few=400, many=40), rounds(few=12, many=4)
PART = Bounds(NARROW.comparisons // PARTS, NARROW.kinds // PARTS)
# Calls of Python and C functions that a document of 16 KiB takes, whatever is in it: they are few
# for each value. And those that a comparison takes.
CALLS_OF_A_DOCUMENT = 500_000
CALLS_OF_A_COMPARISON = 10


@in_one_test
@pytest.mark.parametrize("name", SHAPES)
def test_a_put_accepts_a_shape_and_no_larger_one(name: str) -> None:
    assert fits(largest(name))


@pytest.mark.parametrize("name", [*SHAPES][:: rounds(few=5, many=1)])
def test_the_work_is_within_its_bounds(name: str) -> None:
    """What is counted is what is done: calls do not grow where comparisons do not."""
    size, shape = SHAPES[name]
    most = CALLS_OF_A_DOCUMENT + CALLS_OF_A_COMPARISON * PART.comparisons
    for use, work in uses(shape(size // SIZES + 1), PART).items():
        assert count_calls(lambda work=work: _decided(work)) < most, use


def _decided(work: Callable[[], object]) -> object:
    with suppress(TooIntricate):
        return work()
    return None


@pytest.mark.parametrize(
    "bounds, bound, number",
    [
        (Bounds(comparisons=500, kinds=10_000), "comparisons", 500),
        (Bounds(comparisons=10_000, kinds=50), "kinds", 50),
    ],
)
def test_the_error_names_the_bound(bounds: Bounds, bound: str, number: int) -> None:
    rules = RuleSet(largest("nested origins and headers in pairs"))
    for work in (
        lambda: lint(rules, bounds=bounds),
        lambda: diff(None, rules, bounds=bounds),
        lambda: permissions(rules, bounds=bounds),
    ):
        with pytest.raises(
            TooIntricate, match=f"^not decided within {number:,} {bound}: "
        ) as error:
            work()
        assert (error.value.bound, error.value.number) == (bound, number)


def test_an_explanation_says_what_is_not_decided_about_a_fix() -> None:
    rules = RuleSet(largest("nested origins and headers in pairs"))
    explanation = explain(rules, **ASKED[0], bounds=Bounds(comparisons=500, kinds=500))
    assert explanation.cause is explain(rules, **ASKED[0]).cause
    fix = explanation.fixes[0]
    assert fix.effect.startswith("Its other effects cannot be listed: not decided within 500 ")
    for effect in ("newly_allows", "no_longer_allows", "changes_terms", "dangers"):
        with pytest.raises(TooIntricate):
            getattr(fix, effect)


def test_all_fixes_of_an_explanation_share_its_bounds() -> None:
    explanation = explain(RuleSet(largest("many sites")), **ASKED[1])
    assert len(explanation.fixes) > 0
    works = {id(fix._broken.work) for fix in explanation.fixes}
    assert len(works) == 1


BOUNDS = st.builds(Bounds, st.integers(0, 600), st.integers(0, 60))


@given(rule_sets(), rule_sets(), BOUNDS)
def test_a_result_is_that_of_ample_bounds_or_there_is_none(
    old: list[RuleDict], new: list[RuleDict], bounds: Bounds
) -> None:
    """There is no third thing: never an incomplete diff, never a finding that is missing."""
    for of in (
        lambda bounds: lint(new, bounds=bounds),
        lambda bounds: lint(new, dangers_only=True, bounds=bounds),
        lambda bounds: [each.as_dict() for each in diff(old, new, bounds=bounds)],
        lambda bounds: permissions(new, bounds=bounds).as_dict(),
    ):
        try:
            found: Any = of(bounds)
        except TooIntricate:
            continue
        assert found == of(WIDE)


@given(rule_sets(), BOUNDS)
def test_an_effect_is_that_of_ample_bounds_or_said_to_be_undecided(
    rules: list[RuleDict], bounds: Bounds
) -> None:
    asked = {"origin": "https://a.test", "method": "PUT", "headers": ["x-new"]}
    found, ample = (explain(rules, **asked, bounds=each) for each in (bounds, WIDE))
    assert (found.cause, found.summary) == (ample.cause, ample.summary)
    effects_of = {str(fix.edit): fix.effect for fix in ample.fixes}
    assert {str(fix.edit) for fix in found.fixes} == set(effects_of)
    for fix in found.fixes:
        assert fix.effect == effects_of[str(fix.edit)] or "not decided within" in fix.effect


def test_the_words_for_a_region_count_too() -> None:
    rules = RuleSet(largest("origins within one pattern"))
    changes = diff(None, rules)
    work = changes.changes[0].region._requests._work
    before = work.comparisons
    changes.changes[0].region.in_words()
    assert work.comparisons > before


@pytest.mark.parametrize("function", [lint, diff, explain, permissions])
def test_a_program_that_names_no_bounds_gets_the_narrow_ones(function: Callable[..., Any]) -> None:
    assert inspect.signature(function).parameters["bounds"].default is NARROW


@pytest.mark.parametrize("bounds", [5, "wide", None, Bounds])
@pytest.mark.parametrize("function", [lint, permissions, partial(diff, None), explain])
def test_something_else_in_place_of_bounds_is_refused(
    function: Callable[..., Any], bounds: object
) -> None:
    rules = [{"allowed_origins": ["https://a.example"], "allowed_methods": ["GET"]}]
    asked = ASKED[0] if function is explain else {}
    with pytest.raises(TypeError, match=r"^bounds is .*: pass Bounds, such as Bounds\.WIDE$"):
        function(rules, **asked, bounds=bounds)


def test_a_command_has_the_wide_ones(tmp_path: Path) -> None:
    size, shape = 420, SHAPES["prefixes that cross suffixes"][1]
    rules = RuleSet(shape(size))
    with pytest.raises(TooIntricate):
        diff(None, rules)
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(rules.to_json())
    new.write_text(RuleSet(shape(size - 1)).to_json())
    result = CliRunner().invoke(bucketcors, ["diff", str(old), str(new)])
    assert result.exit_code == 1, result.output


def test_rules_that_people_write_need_less_than_half() -> None:
    """A hundred rules of ten origins each."""
    half = Bounds(NARROW.comparisons // 2, NARROW.kinds // 2)
    rules = many(
        100,
        lambda i: [f"https://*.h{i}-{j}.example" for j in range(10)],
        lambda i: [f"x-{i}-*", "content-type"],
        lambda i: ("GET", "PUT"),
    )
    assert lint(rules, bounds=half)
    assert compare(RuleSet(rules), other_terms(rules), half)
    assert permissions(RuleSet(rules), bounds=half)
    assert not any("not decided" in each for each in effects(RuleSet(rules), ASKED[1], half))


@pytest.mark.parametrize("number", [-1, 1.5, True, "5", None])
def test_a_bound_is_a_whole_number(number: Any) -> None:
    with pytest.raises(ValueError, match=f"{number!r} is no bound: write a whole number from 0"):
        Bounds(comparisons=number, kinds=1)
    with pytest.raises(FrozenInstanceError):
        NARROW.kinds = 1  # type: ignore[misc]


@pytest.mark.parametrize("page", ["diff.md", "lint.md", "explain.md", "choices.md"])
def test_the_pages_say_the_bounds_that_the_code_has(page: str) -> None:
    text = (DOCS / page).read_text()
    said = re.findall(r"(\d[\d,]*,\d{3}) (?:comparisons|kinds)", text)
    known = {f"{number:,}" for each in (NARROW, WIDE) for number in astuple(each)}
    assert set(said) <= known
    if page == "diff.md":
        assert set(said) == known


def test_effects_are_said_in_words() -> None:
    """What the shapes are used for reaches the algebra."""
    said = effects(RuleSet(largest("many sites")), ASKED[1], NARROW)
    assert any("It also allows" in each or "It allows nothing" in each for each in said)
