"""Edits of a rule set: what each does to the rules, what it says, what it refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import (
    AddRule,
    DeleteRule,
    InvalidRules,
    MoveRule,
    NoSuchRule,
    ReplaceRule,
    Rule,
    RuleEdit,
    RuleSet,
    SetResponseVary,
)
from tests.support.tables import in_one_test

NEW = Rule(["https://new.example"], ["GET", "PUT"], ["x-a", "x-b"])


def named(names: str) -> RuleSet | None:
    """Rules, one for each letter; no rule set if there is none."""
    rules = [NEW if name == "N" else Rule([f"https://{name}.example"], ["GET"]) for name in names]
    return RuleSet(rules, True) if rules else None


EDITS = [
    # (edit, rules before, rules after, in words)
    (AddRule(NEW), "abc", "abcN",
     "add a rule for 'https://new.example' with GET, PUT and the headers 'x-a', 'x-b'"),
    (AddRule(NEW, 0), "abc", "Nabc",
     "add a rule for 'https://new.example' with GET, PUT and the headers 'x-a', 'x-b' as rule 1"),
    (AddRule(NEW, 2), "abc", "abNc",
     "add a rule for 'https://new.example' with GET, PUT and the headers 'x-a', 'x-b' as rule 3"),
    (AddRule(NEW, 3), "abc", "abcN",
     "add a rule for 'https://new.example' with GET, PUT and the headers 'x-a', 'x-b' as rule 4"),
    (ReplaceRule(1, NEW), "abc", "aNc", "replace rule 2"),
    (ReplaceRule(2, NEW, 0), "abc", "Nab", "replace rule 3 and move it to place 1"),
    (ReplaceRule(0, NEW, 2), "abc", "bcN", "replace rule 1 and move it to place 3"),
    (DeleteRule(0), "abc", "bc", "delete rule 1"),
    (DeleteRule(2), "abc", "ab", "delete rule 3"),
    (MoveRule(2, 0), "abc", "cab", "move rule 3 above rule 1"),
    (MoveRule(0, 2), "abc", "bca", "move rule 1 below rule 3"),
    (MoveRule(1, 1), "abc", "abc", "leave rule 2 in its place"),
]  # fmt: skip


@in_one_test
@pytest.mark.parametrize("edit, before, after, words", EDITS, ids=[str(each[0]) for each in EDITS])
def test_what_an_edit_does_and_says(edit: RuleEdit, before: str, after: str, words: str) -> None:
    held = named(before)
    assert edit.apply(held) == named(after)
    assert held == named(before)
    assert str(edit) == words


@pytest.mark.parametrize(
    "on, words",
    [
        (True, "turn ResponseVary on"),
        (False, "turn ResponseVary off"),
        (None, "remove ResponseVary"),
    ],
)
def test_response_vary_is_turned_on_and_off(on: bool | None, words: str) -> None:
    held = named("ab")
    assert held
    edit = SetResponseVary(on)
    assert edit.apply(held) == RuleSet(held.rules, on)
    assert str(edit) == words


def test_a_bucket_without_rules_gets_its_first() -> None:
    assert AddRule(NEW).apply(None) == AddRule(NEW, 0).apply(None) == RuleSet([NEW])


def test_a_first_rule_brings_response_vary_and_others_do_not() -> None:
    edit = AddRule(NEW, response_vary=False)
    assert edit.apply(None) == RuleSet([NEW], False)
    assert edit.apply(named("a")) == AddRule(NEW).apply(named("a"))


@in_one_test
@pytest.mark.parametrize(
    "edit, number",
    [
        (AddRule(NEW, 3), 4),
        (AddRule(NEW, -1), 0),
        (ReplaceRule(2, NEW), 3),
        (ReplaceRule(0, NEW, 2), 3),
        (DeleteRule(2), 3),
        (DeleteRule(-1), 0),
        (MoveRule(2, 0), 3),
        (MoveRule(0, 2), 3),
        (MoveRule(0, -1), 0),
    ],
    ids=str,
)
def test_an_edit_names_a_place_that_is_not_there(edit: RuleEdit, number: int) -> None:
    held = named("ab")
    with pytest.raises(NoSuchRule, match=f"there is no rule {number}: write a number from 1 to"):
        edit.apply(held)
    assert held == named("ab")


@pytest.mark.parametrize("edit", [DeleteRule(0), ReplaceRule(0, NEW), MoveRule(0, 0)], ids=str)
def test_a_bucket_without_rules_has_none_to_edit(edit: RuleEdit) -> None:
    with pytest.raises(NoSuchRule, match="there is no rule 1: the bucket has no rules"):
        edit.apply(None)


@pytest.mark.parametrize(
    "edit, rules", [(DeleteRule(0), "a"), (SetResponseVary(True), "")], ids=str
)
def test_no_edit_leaves_a_rule_set_without_rules(edit: RuleEdit, rules: str) -> None:
    with pytest.raises(InvalidRules):
        edit.apply(named(rules))


def test_edits_are_values() -> None:
    assert AddRule(NEW, 1) == AddRule(NEW, 1) != AddRule(NEW)
    assert DeleteRule(1) != MoveRule(1, 0)
    with pytest.raises(AttributeError):
        DeleteRule(1).index = 0  # type: ignore[misc]


@given(st.data(), st.integers(1, 6))
def test_the_other_rules_keep_their_order(data: st.DataObject, count: int) -> None:
    held = named("abcdef"[:count])
    assert held
    index, to = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count - 1))
    others = [each for each in held.rules if each != held.rules[index]]
    edits: list[RuleEdit] = [ReplaceRule(index, NEW, to), MoveRule(index, to)]
    for edit, moved in zip(edits, (NEW, held.rules[index]), strict=True):
        rules = list(edit.apply(held).rules)
        assert rules[to] == moved
        assert rules[:to] + rules[to + 1 :] == others
    added = list(AddRule(NEW, to).apply(held).rules)
    assert added.pop(to) == NEW
    assert added == list(held.rules)
    if count > 1:
        assert list(DeleteRule(index).apply(held).rules) == others
