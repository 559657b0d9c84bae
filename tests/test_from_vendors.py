"""The recipes for moving rules from other vendors run as their pages show them.

The vendor's commands are replaced by ones that repeat what the documentation or the source of the
real ones says that they print.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from flask_bucketcors import InvalidRules, RuleSet, read_rules
from tests.support import ROOT
from tests.support.recorded_commands import Shell, commands_of

#: By page: the commands that are replaced, and the file with their calls.
PAGES = {
    "from-gcs": ("gcloud", "gcloud_cli.json"),
    "from-r2": ("curl npx", "r2_cli.json"),
    "from-azure": ("az", "az_cli.json"),
}


def text_of(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text()


def printed(page: str, *arguments: str) -> Any:
    """What a vendor's command prints for the first call that has these arguments."""
    calls = json.loads((ROOT / "tests" / "data" / PAGES[page][1]).read_text())["calls"]
    return next(
        json.loads(call["stdout"]) for call in calls if {*arguments} <= set(call["arguments"])
    )


@pytest.fixture
def shell(tmp_path: Path, forked_commands: Path, request: pytest.FixtureRequest) -> Shell:
    programs, recorded = PAGES[request.param]
    shell = Shell(tmp_path, forked_commands, programs, ROOT / "tests" / "data" / recorded)
    shell.run_page(text_of(request.param))
    return shell


def on_page(page: str) -> pytest.MarkDecorator:
    """A shell in which all commands of the page have run."""
    return pytest.mark.parametrize("shell", [page], indirect=True)


@on_page("from-gcs")
def test_rules_come_from_google_and_go_back(shell: Shell) -> None:
    [uploads] = printed("from-gcs", "describe", "gs://photos")["cors_config"]
    assert shell.rules("photos", "gcs") == [uploads]
    assert json.loads((shell.folder / "cors.json").read_text()) == [uploads]
    [uploads_here] = shell.rules("photos", "json")["rules"]
    assert uploads_here["allowed_headers"] == uploads_here["expose_headers"]
    [development] = shell.rules("videos", "json")["rules"]
    assert development["allowed_headers"] == ["*"]
    assert "expose_headers" not in development


@on_page("from-r2")
def test_rules_come_from_r2_and_go_back(shell: Shell) -> None:
    rules = {"rules": printed("from-r2", "-s")["result"]["rules"]}
    assert shell.rules("photos", "r2") == rules
    assert json.loads((shell.folder / "cors.json").read_text()) == rules


@on_page("from-azure")
def test_rules_come_from_azure_for_each_bucket(shell: Shell) -> None:
    expected = read_rules(printed("from-azure", "cors")).rule_set()
    for bucket in ("photos", "videos"):
        assert RuleSet.parse(json.dumps(shell.rules(bucket, "json"))) == expected
    assert read_rules((shell.folder / "properties.json").read_text()).rule_set() == expected


@on_page("from-azure")
def test_the_file_from_azure_has_default_rules(shell: Shell) -> None:
    [code] = [each for each in text_of("from-azure").split("```") if each.startswith("py\n")]
    (shell.folder / "app.py").write_text(code.removeprefix("py\n"))
    shell.run("flask bucketcors delete photos --yes")
    explained = shell.run(
        "flask bucketcors explain --bucket photos --origin https://shop.example.com --method PUT"
    )
    assert "Allowed" in explained


def refused_values(page: str) -> list[str]:
    """The values in the table of what ``put`` refuses."""
    table = text_of(page).partition("## What `put` refuses")[2].partition("\n## ")[0]
    return [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]


COMPLETE = {
    "from-gcs": {"origin": ["https://www.example.com"], "method": ["GET"], "maxAgeSeconds": 60},
    "from-azure": {
        "AllowedOrigins": "https://www.example.com",
        "AllowedMethods": "GET",
        "AllowedHeaders": "",
        "ExposedHeaders": "",
        "MaxAgeInSeconds": 60,
    },
}


@pytest.mark.parametrize(
    "page, value", [(page, value) for page in COMPLETE for value in refused_values(page)]
)
def test_what_put_refuses_is_refused(page: str, value: str) -> None:
    assert RuleSet.parse([COMPLETE[page]])
    with pytest.raises(InvalidRules) as refused:
        RuleSet.parse([{**COMPLETE[page], **json.loads(f"{{{value}}}")}], limits="cos")
    assert len(refused.value.problems) == 1


def test_each_page_has_such_a_table_or_needs_none() -> None:
    assert {page: bool(refused_values(page)) for page in PAGES} == {
        page: page in COMPLETE for page in PAGES
    }
    assert all(commands_of(text_of(page)) for page in PAGES)
