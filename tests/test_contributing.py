"""CONTRIBUTING.md and the page of steps name what there is, and no step is left out."""

import ast
import re
from pathlib import Path

import yaml

from tests.support import ROOT

#: The most files that a frequent change touches, beside the list of changes.
MOST_FILES = 5


def nox_sessions() -> dict[str, str]:
    """The sessions of nox, each with its code."""
    text = (ROOT / "noxfile.py").read_text()
    return {
        each.name: ast.get_source_segment(text, each) or ""
        for each in ast.parse(text).body
        if isinstance(each, ast.FunctionDef) and each.decorator_list
    }


def steps() -> dict[str, list[str]]:
    """The files of each change that the page leads through, by its heading."""
    page = (ROOT / "docs" / "contributing.md").read_text()
    _, *parts = re.split(r"^## ", page, flags=re.M)
    return {
        part.splitlines()[0]: re.findall(r"^\d\. \*\*.*?`([\w/.]+)`.*?\*\*", part, re.M)
        for part in parts
    }


def test_the_table_of_commands_names_every_session() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"^\| `nox -s (\w+)[^`]*` \|", page, re.M)
    assert list(dict.fromkeys(named)) == [
        "tests",
        *(each for each in nox_sessions() if each != "tests"),
    ]


def test_each_session_says_what_it_does() -> None:
    for name, code in nox_sessions().items():
        assert '"""' in code, name


def test_a_commit_checks_nothing_that_no_session_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    sessions = "".join(nox_sessions().values()).replace('", "', " ")
    for hook in hooks:
        command = re.sub(r" --.*", "", hook["entry"].removeprefix(".venv/bin/"))
        assert f'"{command}' in sessions, hook["id"]


def test_frequent_changes_touch_few_files_and_all_of_them_exist() -> None:
    found = steps()
    assert len(found) == 4
    for change, files in found.items():
        assert 0 < len(files) <= MOST_FILES, change
        for file in files:
            assert (ROOT / file).exists(), (change, file)


def test_names_of_the_code_in_the_steps_exist() -> None:
    """Such as the tables to which a step adds a row."""
    page = (ROOT / "docs" / "contributing.md").read_text()
    page = re.sub(r"```.*?```", "", page, flags=re.S)
    text = "\n".join(
        path.read_text()
        for folder in ("flask_bucketcors", "tests")
        for path in sorted(Path(ROOT, folder).rglob("*.py*"))
        if path.suffix in {".py", ".pyi"}
    )
    names = re.findall(r"`([A-Z]{4,}|\w+_\w+|\w+\.py)`", page)
    assert names
    files = {path.name for path in (ROOT / "flask_bucketcors").rglob("*.py")}
    assert [each for each in names if each not in text and each not in files] == []
