"""Prose and messages use the words of the field: a response is no "answer", a fault gets a fix."""

from pathlib import Path

import pytest

from tests.support.prose import without_code
from tests.support.tables import in_one_test
from tests.words import WORDS, found_in, found_in_file, main, modules, name_of, pages


@in_one_test
@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    assert found_in_file(page) == []


def test_modules_use_the_words_of_the_field() -> None:
    texts = {name_of(path): found_in_file(path) for path in modules()}
    assert texts
    assert {name: found for name, found in texts.items() if found} == {}


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


def test_the_command_names_the_file_and_the_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("The answer is no.\n")
    (tmp_path / "CHANGES.md").write_text("The response is no.\n")
    monkeypatch.setattr("tests.words.ROOT", tmp_path)
    assert main([str(tmp_path / "CHANGES.md")]) == 0
    assert main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "No word to replace.",
        "README.md: 'The answer is no.\\n': write response, respond",
    ]
