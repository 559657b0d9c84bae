"""Titles of checks, causes and reasons: for the cells of tables, and beside values."""

from enum import Enum

import pytest

from flask_bucketcors import Cause, Check, Reason

MAX_LENGTH = 40
TITLED: tuple[type[Enum], ...] = (Check, Cause, Reason)


@pytest.mark.parametrize("kind", TITLED, ids=lambda kind: kind.__name__)
def test_each_has_a_short_title_of_its_own(kind: type[Enum]) -> None:
    titles = {each.name: each.title for each in kind}
    assert len(set(titles.values())) == len(titles)
    for name, title in titles.items():
        assert 0 < len(title) <= MAX_LENGTH, name
        assert title[0].isupper(), name
        assert title[-1] not in ".:", name


@pytest.mark.parametrize("kind", [Cause, Reason], ids=lambda kind: kind.__name__)
def test_a_title_changes_nothing_of_the_text_that_a_member_is(kind: type[Enum]) -> None:
    for each in kind:
        assert (each, str(each), each.value, kind(each.value)) == (each.name.lower(),) * 3 + (each,)


def test_a_cause_and_a_reason_of_one_name_have_one_title() -> None:
    causes, reasons = ({each.value: each.title for each in kind} for kind in (Cause, Reason))
    both = causes.keys() & reasons.keys()
    assert both == {"no_rules"}
    assert {causes[name] == reasons[name] for name in both} == {True}
