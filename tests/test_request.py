"""A request as a value: what is read from an environ, and what can be said of a request alone."""

import pytest

from flask_bucketcors import Request
from flask_bucketcors.wsgi.environ import read_request
from tests.support.tables import in_one_test

PAGE = "https://a.example"


def test_an_environ_is_translated():
    environ = {
        "REQUEST_METHOD": "OPTIONS",
        "SCRIPT_NAME": "/mounted",
        "PATH_INFO": "/photos/cat.png",
        "QUERY_STRING": "cors",
        "HTTP_HOST": "store.test:8080",
        "HTTP_ORIGIN": PAGE,
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
        "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "range",
    }
    request = read_request(environ)
    assert request == Request(
        method="OPTIONS",
        path="/photos/cat.png",
        host="store.test:8080",
        query="cors",
        origin=PAGE,
        requested_method="PUT",
        requested_headers="range",
        environ=environ,
    )
    assert request.environ is environ


def test_what_was_not_sent_is_empty_or_none():
    request = read_request({"REQUEST_METHOD": "GET"})
    assert request == Request("GET", "", environ=request.environ)
    assert (request.host, request.query, request.requested_headers) == ("", "", "")
    assert request.origin is request.requested_method is None


@pytest.mark.parametrize(
    "raw, path",
    [
        pytest.param("/b\xc3\xbccher", "/b\xfccher", id="UTF-8"),
        pytest.param("/\xe5\x86\x99\xe7\x9c\x9f/a", "/\u5199\u771f/a", id="Chinese"),
        pytest.param("/b\xff", "/b\udcff", id="bytes that are not UTF-8"),
        pytest.param("/a%2Fb", "/a%2Fb", id="decoded once"),
    ],
)
def test_a_path_is_text(raw: str, path: str):
    """PEP 3333 hands it over as bytes read as latin-1."""
    assert read_request({"PATH_INFO": raw}).path == path


def test_paths_of_other_bytes_stay_apart():
    """Bytes that are not UTF-8 may not fall together into one bucket."""
    raw = [f"/b{each}" for each in ("\xfe", "\xff", "\xff\xff", "?")]
    assert len({read_request({"PATH_INFO": each}).path for each in raw}) == len(raw)


@in_one_test
@pytest.mark.parametrize(
    "method, origin, requested_method, expected",
    [
        ("OPTIONS", PAGE, "PUT", True),
        ("OPTIONS", "", "", True),
        ("OPTIONS", PAGE, None, False),
        ("OPTIONS", None, "PUT", False),
        ("OPTIONS", None, None, False),
        ("GET", PAGE, "PUT", False),
        ("options", PAGE, "PUT", False),
    ],
)
def test_a_preflight_is_options_with_both_headers(
    method: str, origin: str | None, requested_method: str | None, expected: bool
):
    request = Request(method, "/", origin=origin, requested_method=requested_method)
    assert request.is_preflight is expected


@in_one_test
@pytest.mark.parametrize(
    "query, expected",
    [
        ("cors", True),
        ("cors=", True),
        ("cors=x", True),
        ("CORS", True),
        ("a=1&cors", True),
        ("cors&a=1", True),
        ("%63ors", True),
        ("", False),
        ("corsx", False),
        ("a=cors", False),
        ("a=1&b=cors&%63=ors", False),
    ],
)
def test_the_query_cors_names_the_rules(query: str, expected: bool):
    assert Request("DELETE", "/photos", query=query).names_rules is expected


@pytest.mark.parametrize(
    "method, query, expected",
    [
        ("HEAD", "apiversion", True),
        ("HEAD", "apiversion=", True),
        ("GET", "apiversion", False),
        ("HEAD", "", False),
        ("HEAD", "apiversion=1", False),
        ("HEAD", "apiversion&a=1", False),
    ],
)
def test_sdks_of_obs_ask_for_the_version(method: str, query: str, expected: bool):
    assert Request(method, "/photos", query=query).asks_for_version is expected


@in_one_test
@pytest.mark.parametrize(
    "host, expected",
    [
        ("photos.example", "photos.example"),
        ("Photos.Example:8080", "photos.example"),
        ("photos.example.", "photos.example"),
        ("photos.example.:443", "photos.example"),
        ("[::1]:8080", "[::1]"),
        ("", ""),
        ("a.example, b.example", ""),
        ("user@photos.example", ""),
        ("photos.example/", ""),
    ],
)
def test_a_hostname_has_no_port_and_no_capitals(host: str, expected: str):
    assert Request("GET", "/", host).hostname == expected


@in_one_test
@pytest.mark.parametrize(
    "path, expected",
    [
        ("/a/../b", True),
        ("/..", True),
        ("..", True),
        ("/a\\..\\b", True),
        ("/a/..b", False),
        ("/a/.../b", False),
        ("/a/./b", False),
        ("/a/%2e%2e/b", False),
    ],
)
def test_a_dot_segment_stands_between_separators(path: str, expected: bool):
    assert Request("GET", path).has_dot_segment is expected
