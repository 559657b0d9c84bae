"""Ids and error answers."""

import json
import re
import threading
from base64 import b64decode
from dataclasses import replace
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from flask_bucketcors.core.dialects import BASE, DIALECTS, Dialect, Id, IdForm
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.wsgi.error_responses import MAX_PATH_SHOWN, error_response, resource
from flask_bucketcors.wsgi.request_ids import Ids, ids_of
from tests.support.processes.children import CHILD_SECONDS, run_python
from tests.support.tables import in_one_test


def an_id(form: IdForm, size: int = 0) -> str:
    ((_, value),) = next(ids_of((Id("x-id", "Id", form, size),)).series)
    return value


@pytest.mark.parametrize(
    "form, size, expected",
    [
        pytest.param(IdForm.HEX, 24, "[0-9A-F]{24}", id="OSS"),
        pytest.param(IdForm.HEX, 16, "[0-9A-F]{16}", id="S3"),
        pytest.param(IdForm.BASE64, 56, "[0-9A-Za-z+/]{75}=", id="S3, extended"),
        pytest.param(IdForm.HEX, 32, "[0-9A-F]{32}", id="OBS"),
        pytest.param(IdForm.BASE64, 48, "[0-9A-Za-z+/]{64}", id="OBS, extended"),
    ],
)
def test_ids_have_the_vendors_form(form: IdForm, size: int, expected: str) -> None:
    assert re.fullmatch(expected, an_id(form, size))


def test_a_cos_request_id_has_the_vendors_form() -> None:
    """Base64 of time_x_y_z in hexadecimal."""
    parts = b64decode(an_id(IdForm.COS_REQUEST), validate=True).decode().split("_")
    assert [len(part) for part in parts] == [8, 8, 5, 9]
    assert all(int(part, 16) >= 0 for part in parts)


def test_a_cos_trace_id_has_the_vendors_form() -> None:
    """Base64 of 128 hexadecimal digits."""
    digits = b64decode(an_id(IdForm.COS_TRACE), validate=True).decode()
    assert len(digits) == 128
    assert int(digits, 16) > 0


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_no_two_answers_have_one_id(dialect: Dialect) -> None:
    ids = Ids(dialect.ids)
    seen: list[tuple[tuple[str, str], ...]] = []
    threads = [
        threading.Thread(
            target=lambda: seen.extend(next(ids.series) for _ in range(1000)), daemon=True
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CHILD_SECONDS)
    assert len(seen) == 4000
    for number in range(len(dialect.ids)):
        assert len({each[number] for each in seen}) == 4000


IDS_OF_PARENT_AND_CHILD = """
import os
from flask_bucketcors.wsgi.request_ids import response_ids
from flask_bucketcors.core.dialects import COS

ids = response_ids(COS)
next(ids.series)
if child := os.fork():
    os.waitpid(child, 0)
print(next(ids.series)[0][1], flush=True)
"""


def test_a_forked_child_has_ids_of_its_own() -> None:
    child, parent = run_python(IDS_OF_PARENT_AND_CHILD).split()
    assert child[:32] != parent[:32]


@in_one_test
@pytest.mark.parametrize(
    "environ, expected",
    [
        pytest.param({"HTTP_HOST": "b.cos.test", "PATH_INFO": "/k"}, "b.cos.test/k", id="plain"),
        pytest.param({"HTTP_HOST": "[::1]:80", "PATH_INFO": "/"}, "[::1]:80/", id="IPv6"),
        pytest.param({"SCRIPT_NAME": "/m", "PATH_INFO": "/k"}, "/m/k", id="mounted"),
        pytest.param({}, "/", id="never empty"),
        pytest.param({"HTTP_HOST": "<a>", "PATH_INFO": "/k"}, "/k", id="no host"),
        pytest.param({"PATH_INFO": "/<a>&'\r\n"}, "/%3Ca%3E%26%27%0D%0A", id="encoded"),
        pytest.param({"PATH_INFO": "/\xc3\xbc"}, "/%C3%BC", id="beyond ASCII"),
        pytest.param({"PATH_INFO": "/" + "a" * 999}, "/" + "a" * (MAX_PATH_SHOWN - 1), id="long"),
    ],
)
def test_the_resource_of_an_error(environ: dict[str, Any], expected: str) -> None:
    assert resource(environ) == expected


IN_JSON = replace(
    BASE,
    error_content_type="application/json; charset=UTF-8",
    error_document='{"error": {"code": $Status, "reason": "$Code", "message": "$Message", '
    '"bucket": "$BucketName", "method": "$Method", "path": "$Resource", "id": "$RequestId"}}',
    error_escapes={"\\": "\\\\", '"': '\\"'},
)


@in_one_test
@pytest.mark.parametrize("bucket", ["photos", 'a"b', "a\\", "%s%", "\x00\x1f", "$Code", "\ud800"])
def test_a_dialect_says_how_an_error_is_written(bucket: str) -> None:
    for refusal in Refusal:
        is_written_as_json(refusal, bucket)


def is_written_as_json(refusal: Refusal, bucket: str) -> None:
    environ: dict[str, Any] = {"HTTP_HOST": "store.test", "PATH_INFO": "/photos"}
    setup_testing_defaults(environ)
    started: list[Any] = []
    [body] = error_response(
        environ, lambda *head: started.extend(head), IN_JSON, refusal, bucket=bucket
    )
    status, headers = started[0], dict(started[1])
    error = json.loads(body)["error"]
    expected = IN_JSON.errors[refusal]
    assert error == {
        "code": int(status[:3]),
        "reason": expected.code,
        "message": expected.message.replace("{value}", "null"),
        "bucket": re.sub("[\x00-\x1f\ud800]", "?", bucket),
        "method": "OPTIONS",
        "path": "store.test/photos",
        "id": headers["x-request-id"],
    }
    assert headers["Content-Type"] == "application/json; charset=UTF-8"


@pytest.mark.parametrize("message", ["100 %s of %", "{value} $Code", "\ue000 twice \ue000"])
def test_a_message_is_no_place_to_fill(message: str) -> None:
    """Whatever a client made it say."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    for dialect in DIALECTS.values():
        [body] = error_response(
            environ, lambda *_: None, dialect, Refusal.INVALID_VALUE, message=message
        )
        assert message.replace("\ue000", "?") in body.decode()
