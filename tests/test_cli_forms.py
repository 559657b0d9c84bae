"""Forms of rules on the command line: ``--as``, ``--exact``, ``--resource``, and notes."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.documents.to_forms import FORMS
from flask_bucketcors.stores.sqlite.store import SQLiteStore

A = "https://a.example"
PLAIN = RuleSet([Rule([A], ["GET"], max_age_seconds=60)])
# OSS has no ID, and Google Cloud Storage neither it nor the pattern.
PATTERN = RuleSet([Rule(["https://*.a.example"], ["GET"], max_age_seconds=60, id="x")])
GCS = [{"origin": [A], "method": ["GET"], "responseHeader": ["ETag"]}]
GCS_NOTE = "responseHeader is read as AllowedHeader and as ExposeHeader"
TEMPLATE = {
    "Resources": {
        name: {
            "Properties": {
                "CorsConfiguration": {
                    "CorsRules": [{"AllowedOrigins": [origin], "AllowedMethods": ["GET"]}]
                }
            }
        }
        for name, origin in (("Uploads", A), ("Public", "https://b.example"))
    }
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUCKETCORS_DATABASE", "rules.sqlite")
    store = SQLiteStore(tmp_path / "rules.sqlite")
    store.put_many([("plain", PLAIN), ("pattern", PATTERN)])
    store.close()
    for name, data in (("gcs.json", GCS), ("template.json", TEMPLATE)):
        (tmp_path / name).write_text(json.dumps(data))
    return tmp_path


def run(*arguments: str, code: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(bucketcors, list(arguments), input=text)
    assert result.exit_code == code, result.output
    return result


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", FORMS)
def test_show_writes_each_form_and_put_reads_it(form: str) -> None:
    shown = run("show", "plain", "--as", form, "--exact")
    assert shown.stderr == ""
    run("put", "copy", "-", text=shown.stdout)
    assert json.loads(run("show", "copy", "--as", "json").stdout)["rules"][0] == {
        **PLAIN.as_dict()["rules"][0],
        **({"id": "rule-1"} if form == "b2" else {}),
    }


@pytest.mark.usefixtures("folder")
def test_what_a_form_cannot_say_is_a_warning_or_an_error() -> None:
    shown = run("show", "pattern", "--as", "gcs")
    assert json.loads(shown.stdout)[0]["origin"] == ["https://*.a.example"]
    assert shown.stderr.splitlines() == [
        "warning: pattern as gcs: rule 1: the origin 'https://*.a.example'; Google Cloud Storage "
        "takes exact origins and * alone",
        "warning: pattern as gcs: rule 1: ID becomes none",
    ]
    refused = run("show", "pattern", "--as", "gcs", "--exact", code=1)
    assert refused.stdout == ""
    assert refused.stderr == shown.stderr.replace("warning:", "error:")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("form", FORMS)
def test_export_writes_lines_in_each_form_that_import_reads(form: str) -> None:
    lines = run("export", "--as", form, "--prefix", "plain").stdout
    assert json.loads(lines)["bucket"] == "plain"
    run("delete", "plain", "--yes")
    imported = run("import", "-", "--quiet", text=lines)
    assert imported.stdout == "1 stored, 0 had these rules already, 0 lines refused\n"


@pytest.mark.usefixtures("folder")
def test_an_exact_export_leaves_out_what_the_form_cannot_say() -> None:
    result = run("export", "--as", "oss", "--exact", code=1)
    assert [json.loads(line)["bucket"] for line in result.stdout.splitlines()] == ["plain"]
    assert result.stderr == "error: pattern as oss: rule 1: ID becomes none\n"


COMMANDS: dict[str, list[str]] = {
    "put": ["put", "photos", "{file}"],
    "lint": ["lint", "{file}"],
    "explain": ["explain", "--rules", "{file}", "--origin", A],
    "check": ["check", "http://127.0.0.1:1/", "--rules", "{file}", "--origin", A],
    "diff": ["diff", "{file}", "{file}"],
}


def filled_in(command: list[str], file: str) -> list[str]:
    return [each.format(file=file) for each in command]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_notes_go_to_standard_error(command: list[str]) -> None:
    result = CliRunner().invoke(bucketcors, filled_in(command, "gcs.json"))
    assert f"gcs.json: {GCS_NOTE}" in result.stderr.splitlines()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["explain", "diff"])
def test_notes_are_in_json(name: str) -> None:
    command = filled_in(COMMANDS[name], "gcs.json")
    data: Any = json.loads(run(*command, "--format", "json").stdout)
    assert GCS_NOTE in data["notes"]


@pytest.mark.usefixtures("folder")
def test_import_counts_the_lines_of_a_note() -> None:
    lines = "\n".join(json.dumps({"bucket": f"b{n}", "cors": GCS}) for n in range(3))
    assert run("import", "-", text=lines).stderr.endswith(f"{GCS_NOTE} (3 lines)\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_template_with_several_buckets_needs_a_name(command: list[str]) -> None:
    filled = filled_in(command, "template.json")
    refused = CliRunner().invoke(bucketcors, filled)
    assert refused.exit_code in (1, 2)
    assert "(Uploads, Public): name one, with --resource NAME" in refused.output
    named = CliRunner().invoke(bucketcors, [*filled, "--resource", "Uploads"])
    assert "template.json: the rules of Uploads are read" in named.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", [["lint"], ["explain", "--origin", A]])
def test_a_bucket_of_the_application_has_no_resources(command: list[str]) -> None:
    refused = run(*command, "--bucket", "plain", "--resource", "x", code=2)
    assert "--resource" in refused.output
