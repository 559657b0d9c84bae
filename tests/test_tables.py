"""Many rows in one test: each of them counts."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.tables import in_one_test

SEEN: Counter[tuple[str, int]] = Counter()


@in_one_test
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(("letter", "is_first"), [("a", True), ("b", False)])
def combine(letter: str, is_first: bool, number: int) -> None:
    assert is_first is (letter == "a")
    SEEN[letter, number] += 1


def test_each_combination_of_rows_is_run_once() -> None:
    SEEN.clear()
    combine()
    assert SEEN == {("a", 1): 1, ("a", 2): 1, ("b", 1): 1, ("b", 2): 1}


@in_one_test
@pytest.mark.parametrize("number", range(20))
def test_rows_share_the_fixtures_of_their_module(number: int, small: Callable[[int], bool]) -> None:
    assert small(number)


@pytest.fixture(scope="module")
def small() -> Callable[[int], bool]:
    return lambda number: number < 20


def table_of(*rows: Any, **options: Any) -> Callable[[], None]:
    """A test that fails in the rows 1 and 3."""

    @in_one_test
    @pytest.mark.parametrize("number", rows, **options)
    def fails(number: int) -> None:
        if number == 1:
            pytest.fail("the first")
        assert number != 3, "the third"

    return fails


def test_every_row_that_fails_is_named_whatever_the_others_do() -> None:
    with pytest.raises(BaseExceptionGroup, match="2 of 3 rows fail") as caught:
        table_of(1, 2, pytest.param(3, id="III"))()
    assert sorted(note for error in caught.value.exceptions for note in error.__notes__) == [
        "This is the row III.",
        "This is the row {'number': 1}.",
    ]


def test_ids_name_rows() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        table_of(1, 2, ids=["one", "two"])()
    assert caught.value.exceptions[0].__notes__ == ["This is the row one."]


def test_no_row_is_run_once_the_time_is_up() -> None:
    run = []

    @in_one_test
    @pytest.mark.parametrize("number", range(9))
    def hangs(number: int) -> None:
        run.append(number)
        pytest.fail("Timeout (>60.0s) from pytest-timeout.")

    with pytest.raises(BaseExceptionGroup, match="1 of 9 rows fail"):
        hangs()
    assert len(run) == 1


def test_a_row_with_a_mark_needs_a_test_of_its_own() -> None:
    with pytest.raises(ValueError, match="has a mark"):
        table_of(pytest.param(1, marks=pytest.mark.xfail))


def test_a_table_has_rows() -> None:
    with pytest.raises(ValueError, match="has no rows"):
        table_of()
