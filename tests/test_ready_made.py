"""Ready-made rules let a browser send what their clients send, and read what these read."""

from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from flask_bucketcors import CompiledRules, RuleSet, explain, lint
from flask_bucketcors.analysis.ready_made import READY_MADE
from flask_bucketcors.cli import bucketcors
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.documents.to_forms import FORMS
from tests.support.fetch_model import (
    PageRequest,
    exposed_headers,
    may_proceed,
    passes_preflight,
    preflight_request_headers,
)
from tests.support.tables import in_one_test

SITE = "https://www.example.com"


class Sent(NamedTuple):
    """A request of a client.

    :param headers: names that a page sets, which need a preflight.
    :param ranges: the value of Range; a browser asks before it sends several.
    :param reads: names of headers that the client reads in the response.
    """

    method: str
    headers: str = ""
    reads: str = ""
    ranges: str = ""


_OSS = "authorization,x-oss-date,x-oss-user-agent"
_AWS = (
    "amz-sdk-invocation-id,amz-sdk-request,authorization,x-amz-content-sha256,x-amz-date,"
    "x-amz-user-agent"
)
_OBS = "authorization,x-obs-date,x-obs-security-token"
#: What each client sends: see the sources in ``ready_made.py``.
CLIENTS = {
    "read-only": [
        Sent("GET"),
        Sent("HEAD", reads="etag,content-length"),
        Sent("GET", "if-none-match", "etag"),
        Sent("GET", reads="content-range", ranges="bytes=0-99"),
    ],
    "cos-sdk": [
        Sent("PUT", "authorization,cache-control", "etag,x-cos-request-id"),
        Sent("PUT", "authorization,cache-control,x-cos-meta-test", "etag"),
        Sent("GET", "authorization", "etag"),
        Sent("HEAD", "authorization", "etag"),
        Sent("DELETE", "authorization"),
        Sent("POST", "authorization,cache-control,content-type"),
        Sent("PUT", "authorization", "etag"),
        Sent("POST", "authorization,content-md5,content-type"),
        Sent("PUT", "authorization,content-type,x-cos-security-token", "etag"),
        Sent("PUT", "authorization,content-md5,content-type"),
    ],
    "oss-sdk": [
        Sent("PUT", _OSS, "etag,x-oss-request-id"),
        Sent("PUT", f"{_OSS},cache-control,x-oss-meta-test", "etag"),
        Sent("GET", _OSS),
        Sent("HEAD", _OSS),
        Sent("DELETE", _OSS),
        Sent("POST", _OSS),
        Sent("POST", f"{_OSS},content-md5,content-type"),
        Sent("PUT", f"{_OSS},content-type,x-oss-security-token", "etag"),
    ],
    "s3-sdk": [
        Sent("PUT", f"{_AWS},x-amz-checksum-crc32,x-amz-meta-test,x-amz-sdk-checksum-algorithm",
             "etag,x-amz-request-id,x-amz-id-2,x-amz-version-id"),
        Sent("GET", f"{_AWS},range,x-amz-checksum-mode", "content-range,etag"),
        Sent("HEAD", _AWS, "etag"),
        Sent("DELETE", _AWS),
        Sent("POST", f"{_AWS},content-type"),
        Sent("PUT", f"{_AWS},content-type,x-amz-checksum-crc32,x-amz-sdk-checksum-algorithm"),
    ],
    "obs-sdk": [
        Sent("PUT", f"{_OBS},content-type,x-obs-meta-test", "etag,x-obs-request-id,x-obs-id-2"),
        Sent("PUT", "authorization,content-md5,content-type,x-amz-date", "x-amz-request-id"),
        Sent("POST", f"{_OBS},content-md5,content-type"),
        Sent("GET", f"{_OBS},range", "content-range"),
        Sent("HEAD", _OBS, "etag"),
        Sent("DELETE", _OBS),
    ],
    "form-upload": [
        Sent("POST", reads="etag,location"),
        Sent("POST", "x-requested-with", "etag"),
    ],
    "uppy": [
        Sent("PUT", "content-type", "etag,x-amz-error-code"),
        Sent("POST", reads="etag"),
        Sent("POST"),
        Sent("PUT", reads="etag"),
        Sent("GET"),
        Sent("POST", "content-type"),
        Sent("DELETE"),
        Sent("PUT", "authorization,content-type,x-amz-content-sha256,x-amz-date", "etag,location"),
    ],
    "multipart": [
        Sent("POST", "content-type,x-amz-acl"),
        Sent("PUT", reads="etag"),
        Sent("PUT", "content-md5,content-type", "etag"),
        Sent("GET"),
        Sent("POST", "content-type", "location"),
        Sent("DELETE"),
    ],
    "fonts": [Sent("GET")],
    "video": [
        Sent("GET", reads="age,content-length,retry-after"),
        Sent("GET", reads="content-range,content-length", ranges="bytes=0-99"),
        Sent("HEAD", reads="content-length,date"),
        Sent("GET", "range"),
    ],
    "pmtiles": [
        Sent("GET", reads="etag,content-length,content-range", ranges="bytes=0-16383"),
        Sent("GET", "if-match", "etag", ranges="bytes=0-99"),
        Sent("GET", "range"),
    ],
    "ranges": [
        Sent("HEAD", reads="accept-ranges,content-encoding,content-length,last-modified"),
        Sent("GET", reads="content-range,content-type", ranges="bytes=0-99"),
        Sent("GET", reads="content-type", ranges="bytes=0-99,200-299"),
        Sent("GET", "if-match", "etag", ranges="bytes=0-99"),
    ],
    "everything": [
        Sent("PUT", f"{_AWS},x-a"),
        Sent("DELETE", "authorization"),
        Sent("POST", _OSS, "etag,location"),
        Sent("GET", reads="content-range,etag", ranges="bytes=0-99"),
        Sent("HEAD"),
    ],
}  # fmt: skip
PLAYED = [(name, sent) for name, requests in CLIENTS.items() for sent in requests]


def test_each_has_requests() -> None:
    assert CLIENTS.keys() == READY_MADE.keys()


@in_one_test
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name, sent", PLAYED)
def test_a_browser_sends_and_reads_what_the_client_needs(
    name: str, sent: Sent, dialect: str
) -> None:
    rules = CompiledRules(READY_MADE[name].rules_for([SITE]), dialect)
    # A value that no header may have without a preflight.
    headers = {each: '"a"' for each in sent.headers.split(",") if each}
    headers |= {"range": sent.ranges} if sent.ranges else {}
    page = PageRequest(SITE, sent.method, headers)
    asked = preflight_request_headers(page).get("Access-Control-Request-Headers", "")
    preflight = (200, rules.preflight(SITE, sent.method, asked).headers)
    # Scripts that follow the progress of an upload always cause one.
    assert passes_preflight(page, *preflight)
    stored = [(each, "1") for each in sent.reads.split(",") if each]
    response = (200, [*rules.actual(SITE, sent.method).headers, *stored])
    assert may_proceed(page, preflight, response)
    assert exposed_headers(page, response[1]).keys() >= {each for each, _ in stored}


@in_one_test
@pytest.mark.parametrize("name", READY_MADE)
def test_they_are_for_their_origins_alone(name: str) -> None:
    rules = CompiledRules(READY_MADE[name].rules_for([SITE]))
    for method in READY_MADE[name].methods:
        assert rules.preflight(SITE, method).allowed
        assert not rules.preflight("https://www.example.org", method).allowed
    assert not rules.preflight(SITE, "PATCH").allowed


@in_one_test
@pytest.mark.parametrize("name", READY_MADE)
def test_lint_finds_nothing_but_the_origin(name: str) -> None:
    ready = READY_MADE[name]
    assert not lint(ready.rules_for([SITE]))
    assert not lint(ready.rules_for([SITE, "https://admin.example.com"]))
    (finding,) = lint(ready.rules_for(["*"]))
    writes = not {*ready.methods} <= {"GET", "HEAD"}
    assert finding.id == ("BC209" if writes else "BC208")


@in_one_test
@pytest.mark.parametrize("name", READY_MADE)
def test_no_method_can_be_left_out(name: str) -> None:
    """Each method is one that the client sends; HEAD may also be sent by a browser."""
    assert {*READY_MADE[name].methods} - {"HEAD"} <= {sent.method for sent in CLIENTS[name]}


def test_the_documents_list_them() -> None:
    page = (Path(__file__).parent.parent / "docs" / "cli.md").read_text()
    for name, ready in READY_MADE.items():
        assert f"| `{name}` | {ready.purpose} |" in page


def test_an_origin_that_rules_may_not_hold_is_refused() -> None:
    with pytest.raises(InvalidRules, match="contains a path"):
        READY_MADE["fonts"].rules_for([f"{SITE}/fonts"])


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(bucketcors, ["rules", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_lists_them() -> None:
    code, output, _ = run()
    assert code == 0
    for name, ready in READY_MADE.items():
        assert f"{name} " in output
        assert ready.purpose in output


@pytest.mark.parametrize("form", ["json", *DIALECTS, *FORMS])
def test_the_command_prints_them_in_each_form(form: str) -> None:
    for name, ready in READY_MADE.items():
        code, output, notes = run(name, "--origin", SITE, "--as", form)
        assert code == 0, name
        rules = ready.rules_for([SITE])
        read = RuleSet.parse(output)
        if "left out or changed" not in notes:
            assert [{**each.as_dict(), "id": None} for each in read.rules] == [
                {**each.as_dict(), "id": None} for each in rules.rules
            ], name
        # What a form leaves out is not what decides the client's requests.
        for sent in CLIENTS[name]:
            headers = [each for each in sent.headers.split(",") if each]
            found = explain(read, origin=SITE, method=sent.method, headers=headers)
            assert found.allowed, (name, sent)


@in_one_test
@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["fonts", "--origin", "*"], 0, "note: BC208: '*' lets pages of every site read"),
        (["uppy", "--origin", "*"], 0, "note: BC209: '*' lets pages of every site send"),
        (["read-only", "--origin", "null"], 0, "note: BC206: 'null' is the origin of every"),
        (["fonts", "--origin", SITE, "--origin", "https://a.test"], 0, "note: BC108: The rule"),
        (["everything", "--origin", SITE], 0, "note: Only for testing: "),
        (["s3-sdk", "--origin", SITE, "--as", "gcs"], 0, "note: left out or changed: rule 1: "),
        (["fonts"], 2, "write --origin ORIGIN"),
        (["--origin", SITE], 2, "write a NAME: read-only, cos-sdk"),
        (["font", "--origin", SITE], 2, "'font' is not one of 'read-only', 'cos-sdk'"),
        (["fonts", "--origin", f"{SITE}/a"], 1, "contains a path; write scheme://host"),
    ],
)
def test_what_to_know_is_said_beside_them(arguments: list[str], code: int, said: str) -> None:
    found, _, errors = run(*arguments)
    assert (found, said in errors) == (code, True)
