"""Prose and messages use the words of the field: a response is no "answer", a fault gets a fix."""

import re
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.prose import messages, prose, without_code
from tests.support.tables import in_one_test

FOLDERS_OF_PAGES = (".", "benchmarks", "docs")
#: How a page begins that a script writes from docstrings, which are checked themselves.
WRITTEN_BY_A_SCRIPT = "<!-- Written by "
PAGES = [
    page
    for folder in FOLDERS_OF_PAGES
    for page in sorted((ROOT / folder).glob("*.md"))
    if not page.read_text().startswith(WRITTEN_BY_A_SCRIPT)
]

#: What not to write, and what to write instead. In code, a witness is an example request.
WORDS = {
    r"answer(s|ed|ing)?": "response, respond",
    r"mend(s|ed|ing)?": "fix, help, correct",
    r"who(m)?ever": "anyone who, or the name of the thing",
    r"decided? otherwise": "treat differently",
    r"(is|are) asked for": "requested",
    r"such as no \w+": "which no ...",
}
WORDS_IN_PAGES = {**WORDS, r"witness(es)?": "example request"}

#: How many characters of the text are shown on either side of a word.
AROUND = 30


def modules() -> list[Path]:
    """The modules of the package, the example, the benchmarks and the documentation."""
    folders = ("flask_bucketcors", "example_app", "benchmarks", "docs")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py*"))]
    return [path for path in found if path.suffix in {".py", ".pyi"}]


def name_of(path: Path) -> str:
    """A path as it is seen from the root."""
    return path.relative_to(ROOT).as_posix()


def found_in(text: str, words: dict[str, str]) -> list[str]:
    """The words in a text that are not to be written, where they are, and what to write instead."""
    return [
        f"{text[max(0, found.start() - AROUND) : found.end() + AROUND]!r}: write {instead}"
        for word, instead in words.items()
        for found in re.finditer(rf"(?i)\b{word}\b", text)
    ]


@in_one_test
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    text = without_code(page.read_text())
    assert found_in(text, WORDS_IN_PAGES) == []


def test_modules_use_the_words_of_the_field() -> None:
    texts = {name_of(path): f"{prose(path)}\n{messages(path)}" for path in modules()}
    assert texts
    assert {name: found for name, text in texts.items() if (found := found_in(text, WORDS))} == {}


@in_one_test
@pytest.mark.parametrize(
    "text, found",
    [
        ("The answer names the origin.", True),
        ("Whoever asks is answered.", True),
        ("Mend: take it away", True),
        ("requests that are decided otherwise", True),
        ("`answer` is an argument, and answer_ids a name", False),
        ("a recommendation, amended", False),
        ("which requests are asked, for example", False),
    ],
)
def test_a_word_is_noticed_where_it_is_one(text: str, found: bool) -> None:
    assert bool(found_in(without_code(text), WORDS)) is found
