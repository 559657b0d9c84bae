"""What a user meets in an output or a setting is found by a search of the documents."""

import re
from collections.abc import Iterable
from configparser import ConfigParser
from typing import Any

import click
import pytest

import flask_bucketcors
from flask_bucketcors.analysis.ready_made import READY_MADE
from flask_bucketcors.analysis.response_mistakes import Level, ResponseMistake
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.documents.to_forms import FORMS
from flask_bucketcors.settings import SETTING_NAMES
from tests.support import ROOT

#: Without the pages that scripts write from the same names.
PAGES = [
    page
    for page in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md"), ROOT / "README.md"]
    if not page.read_text().startswith("<!-- Written by ")
]
#: A setting is found by its whole key, whatever is beside it in the code.
TEXT = "\n".join(page.read_text() for page in PAGES)
CODE = {name for span in re.findall(r"`([^`\n]+)`", TEXT) for name in re.findall(r"[-\w.]+", span)}


def commands() -> dict[str, Any]:
    context = click.Context(bucketcors)
    names = bucketcors.list_commands(context)
    return {name: bucketcors.get_command(context, name) for name in names}


def options() -> set[str]:
    found = {option for each in commands().values() for one in each.params for option in one.opts}
    return {option for option in found if option.startswith("--")}


def extras() -> list[str]:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    return list(config["options.extras_require"])


def variables() -> set[str]:
    """The variables of the environment that the tests read."""
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    return set(re.findall(r"environ(?:\.get\(|\[)\"(BUCKETCORS_\w+)\"", sources))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"BUCKETCORS_{each.upper()}" for each in SETTING_NAMES], id="settings"),
        pytest.param(commands(), id="commands"),
        pytest.param(options(), id="options"),
        pytest.param(
            {error.code for each in DIALECTS.values() for error in each.errors.values()},
            id="error codes",
        ),
        pytest.param(map(str, flask_bucketcors.Reason), id="reasons of refusals"),
        pytest.param(map(str, flask_bucketcors.Cause), id="causes"),
        pytest.param(map(str, flask_bucketcors.Severity), id="severities"),
        pytest.param(map(str, ResponseMistake), id="kinds of faults"),
        pytest.param(map(str, Level), id="levels of faults"),
        pytest.param(DIALECTS, id="dialects"),
        pytest.param(FORMS, id="forms"),
        pytest.param(READY_MADE, id="ready-made rules"),
        pytest.param(extras(), id="extras"),
        pytest.param(variables(), id="variables of the tests"),
    ],
)
def test_names_are_found(names: Iterable[str]) -> None:
    names = {*names}
    assert names
    assert names - CODE == set()


def test_ids_of_findings_are_found() -> None:
    ids = {each.id for each in flask_bucketcors.Check}
    assert ids <= set(re.findall(r"\bBC\d+\b", TEXT))
