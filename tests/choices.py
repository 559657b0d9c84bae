"""The choices of docs/choices.md, for tests of cases that were written for another one."""

from pathlib import Path

_PAGE = Path(__file__).parent.parent / "docs" / "choices.md"


def assert_is_chosen(choice: str) -> None:
    """Fail unless a choice begins with these words, or holds them in its title."""
    titles = [line.split("**")[1] for line in _PAGE.read_text().splitlines() if "**" in line]
    assert any(title.startswith(choice) for title in titles), f"no choice is called {choice!r}"
