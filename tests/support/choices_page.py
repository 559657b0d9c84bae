"""Looks up docs/choices.md, for corpus cases that contradict a documented choice."""

from tests.support import ROOT

_PAGE = ROOT / "docs" / "choices.md"


def assert_is_chosen(choice: str) -> None:
    """Fail unless a choice begins with these words, or holds them in its title."""
    titles = [line.split("**")[1] for line in _PAGE.read_text().splitlines() if "**" in line]
    assert any(title.startswith(choice) for title in titles), f"no choice is called {choice!r}"
