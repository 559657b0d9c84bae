"""The mutation tests' own parts: which changes they make, and which they leave out."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.mutants.__main__ import draw
from tests.mutants.equivalents import Equivalent, load, outdated, reason_of
from tests.mutants.operators import is_valid, mutants_of
from tests.mutants.targets import modules
from tests.support import ROOT
from tests.support.tables import in_one_test


def changed(source: str) -> set[str]:
    """What a line, or the only line that changes, can become."""
    text = dedent(source).encode()
    found = [each for each in mutants_of("m.py", text) if is_valid(each, text)]
    return {each.lines(text)[1] for each in found}


@in_one_test
@pytest.mark.parametrize(
    "source, expected",
    [
        ("a == b", {"a != b", "pass"}),
        ("a <= b", {"a < b", "a > b", "pass"}),
        ("a in b", {"a not in b", "pass"}),
        ("a is not b", {"a is b", "pass"}),
        ("a and b", {"a or b", "True and b", "a and True", "pass"}),
        ("a or b", {"a and b", "False or b", "a or False", "pass"}),
        ("not a", {"(a)", "pass"}),
        ("a + b", {"a - b", "pass"}),
        ("a[1:b]", {"a[2:b]", "a[0:b]", "a[:b]", "a[1:]", "pass"}),
        (
            "a.split('/', 3)",
            {
                "a.split('/', 4)",
                "a.split('/', 2)",
                "a.split('/X', 3)",
                "a.split('', 3)",
                "a.split(3, '/')",
                "pass",
            },
        ),
        ("a.startswith(b)", {"a.endswith(b)", "pass"}),
        ("any(a)", {"all(a)", "pass"}),
        ("raise a", {"pass"}),
        ("a = True", {"a = False"}),
        ("a = 'Host'", {"a = 'hOST'", "a = ''"}),
        (
            "a = '\u00e4' if b else c",
            {
                "a = '\u00e4' if True else c",
                "a = '\u00e4' if False else c",
                "a = '\u00c4' if b else c",
                "a = '' if b else c",
            },
        ),
        ("a = [b for b in c if d]", {"a = [b for b in c if True]", "a = [b for b in c if False]"}),
    ],
)
def test_changes_of_a_line(source: str, expected: set[str]) -> None:
    assert changed(source) == expected


@in_one_test
@pytest.mark.parametrize(
    "source",
    [
        pytest.param('"""A docstring."""', id="docstring"),
        pytest.param("import a", id="import"),
        pytest.param("a: int | None", id="annotation"),
        pytest.param("Name = int | None", id="type alias"),
        pytest.param("__all__ = ['a']", id="public names"),
        pytest.param("if TYPE_CHECKING:\n    a(1)", id="for type checkers alone"),
        pytest.param("a = 'a text of four words'", id="prose"),
        pytest.param("@a(1)\ndef b(): ...", id="decorator"),
    ],
)
def test_what_is_not_changed(source: str) -> None:
    assert changed(source) == set()


def test_changes_of_statements() -> None:
    assert changed(
        """
        def a(b):
            for c in b:
                if c:
                    continue
                break
            return c
        """
    ) >= {"break", "pass", "continue", "return None", "if True:", "if False:"}


def test_an_exception_that_is_caught_is_passed_on() -> None:
    assert "raise" in changed("try:\n    a()\nexcept b:\n    c()")


def test_the_same_seed_draws_the_same_changes() -> None:
    first, second, other = (draw(ROOT, seed, 6, "*/resolvers.py") for seed in (1, 1, 2))
    assert first == second != other
    assert len(first) == 6


def test_half_of_the_changes_are_from_security() -> None:
    drawn = draw(ROOT, 1, 4, "*/core/[bp]*.py")
    assert [each.target.is_security for each in drawn].count(True) == 2


def test_every_module_that_decides_has_its_tests() -> None:
    for file, target in modules(ROOT):
        for test in sum(target.stages(), target.last_stage()):
            assert (ROOT / test).is_file(), f"{file} names {test}"


def test_equivalent_changes_have_a_reason_and_their_lines_are_there() -> None:
    assert outdated(load(), ROOT) == []
    assert all(entry.reason.endswith(".") for entry in load())


def test_an_equivalent_change_is_found_by_what_its_lines_say(tmp_path: Path) -> None:
    """Its line may move; once it changes, the entry is outdated."""
    entry = Equivalent("m.py", "if a:", "It is always true.", "if True:")
    for source, is_there in ((b"\n\nif a:\n    b()\n", True), (b"if a and c:\n    b()\n", False)):
        (tmp_path / "m.py").write_bytes(source)
        reasons = {reason_of(each, source, [entry]) for each in mutants_of("m.py", source)}
        assert (entry.reason in reasons) is is_there
        assert outdated([entry], tmp_path) == ([] if is_there else [entry])
