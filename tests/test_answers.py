"""Ids and error answers."""

import os
import threading
from base64 import b64decode
from typing import Any

import pytest

from flask_bucketcors.answers import MAX_PATH_SHOWN, Ids, request_ids, resource, trace_ids


def test_a_request_id_has_the_vendors_form() -> None:
    """Base64 of time_x_y_z in hexadecimal."""
    parts = b64decode(next(request_ids.series)).decode().split("_")
    assert [len(part) for part in parts] == [8, 8, 5, 9]
    assert all(int(part, 16) >= 0 for part in parts)


def test_a_trace_id_has_the_vendors_form() -> None:
    """Base64 of 128 hexadecimal digits."""
    digits = b64decode(next(trace_ids.series)).decode()
    assert len(digits) == 128
    assert int(digits, 16) > 0


def test_no_two_answers_have_one_id() -> None:
    ids = Ids(lambda: ("AAAA", ""))
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(next(ids.series) for _ in range(1000)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == len(seen) == 4000


def test_a_forked_child_has_ids_of_its_own() -> None:
    ids = request_ids
    next(ids.series)
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, next(ids.series).encode())
        os._exit(0)
    os.wait()
    child = os.read(read, 100).decode()
    os.close(read)
    os.close(write)
    assert child[:32] != next(ids.series)[:32]


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
