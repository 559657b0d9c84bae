"""``flask bucketcors explain``: a request from options or evidence, as text or JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from flask_bucketcors import BucketCORS, MemoryStore, Rule, RuleSet, explain
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.documents.to_xml import format_xml
from tests.support import ROOT
from tests.support.command_line import invoke

PAGE = "https://page.test"
RULES = RuleSet([Rule([PAGE, "https://a.test"], ["GET", "PUT"], ["content-type"])])
CURL = f"curl 'https://photos.test/cat.png' -X DELETE -H 'Origin: {PAGE}'"
CONSOLE = (
    "Access to fetch at 'https://photos.test/cat.png' from origin 'https://b.test' has been "
    "blocked by CORS policy: Response to preflight request doesn't pass access control check: "
    "No 'Access-Control-Allow-Origin' header is present on the requested resource."
)

Run = Callable[..., Result]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = Path(tmp_path, "rules.xml")
    path.write_bytes(format_xml(RULES, DIALECTS["cos"]))
    return path


def run(*arguments: object, code: int = 0, input: str | None = None) -> Result:
    return invoke("explain", *arguments, code=code, input=input)


def data(*arguments: object, code: int = 1, input: str | None = None) -> dict[str, Any]:
    output = run(*arguments, "--format", "json", code=code, input=input).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def test_what_is_allowed_has_exit_code_0(rules: Path) -> None:
    assert run("--rules", rules, "--origin", PAGE).output.startswith("Allowed: rule 1 allows GET")
    assert data("--rules", rules, "--origin", PAGE, code=0)["cause"] is None


def test_json_holds_the_explanation_with_the_rules_of_each_fix(rules: Path) -> None:
    found = data("--rules", rules, "--origin", PAGE, "--method", "DELETE")
    expected = explain(RULES, origin=PAGE, method="DELETE")
    assert found["allowed"] is False
    assert found["cause"] == expected.cause == "method_missing"
    assert found["also"] == list(expected.also)
    assert found["text"] == expected.text
    fixed = [RuleSet.from_dict({"rules": fix["rules"]}) for fix in found["fixes"]]
    assert fixed == [fix.rules for fix in expected.fixes]
    newly = [[each.as_dict() for each in fix.newly_allows] for fix in expected.fixes]
    assert [fix["newly_allows"] for fix in found["fixes"]] == json.loads(json.dumps(newly))
    assert any(newly)


def test_the_value_that_decides_is_marked(rules: Path) -> None:
    output = run("--rules", rules, "--origin", f"{PAGE}:8443", code=1).output
    first, *lines = explain(RULES, origin=f"{PAGE}:8443").text.splitlines()
    assert output.splitlines()[:5] == [
        first.replace("Refused", "Refused[origin_port]"),
        "  rule 1",
        "    AllowedOrigin  https://page.test  (and 1 more)",
        "                                    ^ sent: https://page.test:8443 (origin_port)",
        lines[0],
    ]
    fix = explain(RULES, origin=f"{PAGE}:8443").fixes[0]
    assert f"\nFix 1: {fix.text} {fix.effect}\n" in output
    assert "It also allows GET, PUT from" in output


def test_the_verdict_is_named_with_the_cause(tmp_path: Path) -> None:
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps([{"allowed_origins": ["*"], "allowed_methods": ["GET"]}]))
    output = run("--rules", rules, "--origin", PAGE, "--credentials", code=1).output
    assert output.startswith(
        f"Stopped by the browser[credentials_wildcard]: rule 1 allows GET from '{PAGE}'."
    )


def test_a_character_that_nobody_sees_is_shown(tmp_path: Path) -> None:
    document = {"rules": [{"allowed_origins": [f"{PAGE}\u200b"], "allowed_methods": ["GET"]}]}
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps(document))
    output = run("--rules", rules, "--origin", PAGE, code=1).output
    assert "Refused[origin_invisible_character]" in output
    assert "\n    AllowedOrigin  https://page.test\\u200b\n" in output
    assert f"\n{' ' * 36}^^^^^^ sent: {PAGE}" in output


def test_options_say_what_was_seen(rules: Path) -> None:
    seen = ["--response-header", f"Access-Control-Allow-Origin: {PAGE}", "--status", 200]
    twice = data("--rules", rules, "--origin", PAGE, "--actual", *seen, *seen[:2])
    assert twice["cause"] == "duplicate_headers"
    refused = data("--rules", rules, "--origin", PAGE, "--status", 403)
    assert refused["cause"] == "app_refused"


def test_headers_that_need_no_asking_are_not_asked_for(rules: Path) -> None:
    simple = ["--header", "Accept: text/html", "--header", "Content-Type: text/plain"]
    assert data("--rules", rules, "--origin", PAGE, *simple, code=0)["allowed"]
    for header in ("accept", "X-A: 1"):
        found = data("--rules", rules, "--origin", PAGE, "--header", header)
        assert found["cause"] == "header_missing"


def test_a_request_is_read_from_curl(rules: Path) -> None:
    assert data("--rules", rules, "--curl", CURL)["cause"] == "method_missing"
    assert data("--rules", rules, "--curl", "-", input=CURL)["cause"] == "method_missing"
    # What an option says counts more.
    assert data("--rules", rules, "--curl", CURL, "--method", "PUT", code=0)["allowed"]


def test_a_header_that_an_option_adds_may_need_a_preflight(rules: Path) -> None:
    simple = f"curl https://photos.test/cat.png -H 'Origin: {PAGE}'"
    assert data("--rules", rules, "--curl", simple, code=0)["allowed"]
    found = data("--rules", rules, "--curl", simple, "--header", "x-a")
    assert found["cause"] == "header_missing"
    # Those of the command stay.
    signed = f"{simple} -H 'Authorization: x'"
    found = data("--rules", rules, "--curl", signed, "--header", "Content-Type: a/b")
    assert "'authorization'" in found["text"]


def test_a_method_is_taken_as_it_is_written(rules: Path) -> None:
    for method, cause in {"put": "method_case", "patch": "method_missing"}.items():
        found = data("--rules", rules, "--origin", PAGE, "--method", method)
        assert found["cause"] == cause


def test_a_header_that_is_set_twice_is_asked_for(rules: Path) -> None:
    twice = ["--header", "Accept: a", "--header", f"Accept: {'b' * 128}"]
    assert data("--rules", rules, "--origin", PAGE, *twice)["cause"] == "header_missing"


def test_problems_of_the_rules_are_named(tmp_path: Path) -> None:
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps([{"allowed_origins": [PAGE], "allowed_methods": ["get"]}]))
    found = data("--rules", rules, "--origin", PAGE)
    assert found["problems"] == [
        "rule 1: allowed_methods 'get' is in the wrong case; methods are case-sensitive, write it "
        "in upper case"
    ]


def test_the_settings_of_the_application_count() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = Flask("storage")
    app.config["BUCKETCORS_ALLOW_CREDENTIALS"] = False
    BucketCORS(app, store=store)
    arguments = ["explain", "--bucket", "photos", "--origin", PAGE, "--credentials"]
    result = app.test_cli_runner().invoke(bucketcors, arguments)
    assert result.exit_code == 1
    assert "BUCKETCORS_ALLOW_CREDENTIALS is off" in result.output


def test_a_request_is_read_from_the_console(rules: Path) -> None:
    found = data("--rules", rules, "--console", CONSOLE)
    assert found["cause"] == "origin_not_listed"
    assert "'https://b.test'" in found["text"]


@pytest.mark.parametrize(
    "option, text, cause",
    [("--curl", CURL, "method_missing"), ("--console", CONSOLE, "origin_not_listed")],
)
def test_a_text_is_read_from_a_file_that_is_marked(
    option: str, text: str, cause: str, rules: Path, tmp_path: Path
) -> None:
    file = Path(tmp_path, "text.txt")
    file.write_text(text)
    assert data("--rules", rules, option, f"@{file}")["cause"] == cause
    assert data("--rules", rules, option, "@-", input=text)["cause"] == cause
    # It would be taken for a text that says nothing, where options describe the request.
    output = run("--rules", rules, option, file, "--origin", PAGE, code=2).output
    assert f"this is the name of a file: write @{file} to read it" in unwrapped(output)


def unwrapped(output: str) -> str:
    """The output without the frame and the line breaks that Click adds to long errors."""
    return " ".join(output.split())


def test_a_file_may_be_marked_as_a_text_is(rules: Path, tmp_path: Path) -> None:
    har = Path(tmp_path, "page.har")
    har.write_text(json.dumps({"log": {"entries": []}}))
    assert "crosses origins" in run("--rules", f"@{rules}", "--har", f"@{har}", code=2).output
    marked = Path(tmp_path, "@rules.json")
    marked.write_bytes(rules.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert data("--rules", marked.name, "--curl", CURL)["cause"] == "method_missing"


def test_requests_are_read_from_a_har_file(rules: Path, tmp_path: Path) -> None:
    def entry(method: str) -> dict[str, Any]:
        headers = [{"name": "Origin", "value": PAGE}]
        request = {"method": method, "url": "https://photos.test/cat", "headers": headers}
        return {"request": request, "response": {"status": 0, "headers": []}}

    har = Path(tmp_path, "page.har")
    har.write_text(json.dumps({"log": {"entries": [entry("PUT"), entry("DELETE")]}}))
    found = data("--rules", rules, "--har", har)
    assert not found["allowed"]
    assert len(found.get("more", [])) == 1


def test_requests_that_fail_alike_are_explained_once(rules: Path, tmp_path: Path) -> None:
    """A gallery has hundreds of images in one bucket."""

    def entry(number: int, method: str = "PUT") -> dict[str, Any]:
        headers = [{"name": "Origin", "value": PAGE}]
        url = f"https://photos.test/{number}"
        request = {"method": method, "url": url, "headers": headers}
        return {"request": request, "response": {"status": 0, "headers": []}}

    har = Path(tmp_path, "page.har")
    entries = [*map(entry, range(300)), entry(300, "DELETE")]
    har.write_text(json.dumps({"log": {"entries": entries}}))
    found = data("--rules", rules, "--har", har)
    assert found["requests"] == 300
    assert [each["requests"] for each in found["more"]] == [1]
    output = run("--rules", rules, "--har", har, code=1).output
    assert output.count(f"from '{PAGE}'") == 2
    assert output.count("This is about 300 requests.") == 1


def test_a_console_that_is_not_understood_is_said_with_exit_code_1(rules: Path) -> None:
    output = run("--rules", rules, "--origin", PAGE, "--console", "hello", code=1).output
    assert output.startswith("Not explained[other]: rule 1 allows GET")
    assert "was not understood" in output
    assert "is a guess" in output
    named = run("--rules", rules, "--origin", PAGE, "--console", "hello", "--method", "PUT", code=1)
    assert "is a guess" not in named.output


def test_the_origin_of_the_page_is_lost_by_a_redirect(rules: Path) -> None:
    text = CONSOLE.replace("' from", "' (redirected from 'https://api.test/1') from")
    found = data("--rules", rules, "--console", text, "--origin", PAGE)
    assert found["cause"] == "origin_null"
    assert all(fix["is_dangerous"] for fix in found["fixes"])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "write --rules FILE or --bucket NAME"),
        (["--rules", "RULES"], "write --origin"),
        (["--rules", "RULES", "--bucket", "photos"], "not both"),
        (["--rules", "nowhere.xml", "--origin", PAGE], "does not exist"),
        (["--rules", "RULES", "--curl", "x", "--console", "y"], "write one of"),
        (["--rules", "RULES", "--curl", "wget x"], "curl"),
        (["--rules", "RULES", "--curl", "@nowhere.txt"], "'nowhere.txt' does not exist"),
        (["--rules", "RULES", "--console", "@nowhere.txt"], "'nowhere.txt' does not exist"),
        (["--rules", "RULES", "--har", "@nowhere.har"], "'nowhere.har' does not exist"),
        (["--rules", "RULES", "--har", '{"log": {}}'], "pass text on standard input, with -"),
        (["--rules", "<CORSRule/>"], "pass text on standard input, with -"),
        (["--rules", "-", "--curl", "@-"], "standard input can be read only once"),
        (["--rules", "-", "--har", "-"], "standard input can be read only once"),
        (["--rules", "-", "--console", "-"], "standard input can be read only once"),
        (["--rules", "RULES", "--console", "hello"], "reports no CORS failure"),
        (["--rules", "RULES", "--origin", PAGE, "--response-header", "x"], "write 'NAME: VALUE'"),
        (["--rules", "RULES", "--origin", PAGE, "--status", "1000"], "is not in the range"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], message: str, rules: Path) -> None:
    named = [str(rules) if each == "RULES" else each for each in arguments]
    assert message in run(*named, code=2).output


def test_a_file_without_rules_is_wrong_usage() -> None:
    output = run("--rules", "-", "--origin", PAGE, code=2, input="hello").output
    assert "standard input is neither XML nor JSON" in output


def test_the_rules_of_a_bucket_are_explained() -> None:
    store = MemoryStore()
    store.put("photos", RULES)
    app = Flask("storage")
    BucketCORS(app, store=store)

    def cause(bucket: str) -> str:
        arguments = ["explain", "--bucket", bucket, "--origin", "https://c.test"]
        result = app.test_cli_runner().invoke(bucketcors, [*arguments, "--format", "json"])
        return str(json.loads(result.stdout)["cause"])

    assert cause("photos").startswith("origin_")
    assert cause("videos") == "no_rules"


def test_nothing_that_was_read_commands_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b[31m\u202e"
    document = [{"allowed_origins": [f"https://{evil}"], "allowed_methods": [evil]}]
    rules = Path(tmp_path, "rules.json")
    rules.write_text(json.dumps(document))
    output = run("--rules", rules, "--origin", PAGE, "--method", f"GET{evil}", code=1).output
    assert not set(evil[:1] + evil[-1:]) & set(output)


def test_it_runs_without_an_application(rules: Path) -> None:
    command = [sys.executable, "-m", "flask", "bucketcors", "explain", "--rules", "-"]
    result = subprocess.run(
        [*command, "--origin", PAGE, "--method", "PUT"],
        cwd=rules.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=rules.read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Allowed: ")
