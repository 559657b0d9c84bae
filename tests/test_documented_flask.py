"""The application of docs/flask.md, and what the page says of the parts of an application."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request

from flask_bucketcors import Rule, RuleSet, Store
from flask_bucketcors.testing import (
    assert_browser_allows,
    assert_browser_refuses,
    memory_store,
)
from tests.support import ROOT

PAGE = (ROOT / "docs" / "flask.md").read_text()
[APP] = re.findall(r"```python\n# app\.py\n(.*?)```", PAGE, re.S)
[VIEW] = re.findall(r"```python\n(from flask import request\n.*?)```", PAGE, re.S)
SHOP = "https://www.example.com"
OTHER = "https://other.example"
URL = "/files/photos/cat.png"


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as store:
        store.put("photos", RuleSet([Rule([SHOP], ["GET", "PUT"], ["content-type"], ["ETag"])]))
        yield store


@pytest.fixture
def app(store: Store) -> Flask:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(APP, names)
    made: Flask = names["create_app"]()
    return made


def preflight(app: Flask) -> Any:
    wanted = {"Origin": SHOP, "Access-Control-Request-Method": "PUT"}
    return app.test_client().options(URL, headers=wanted)


def test_a_page_stores_an_object_and_reads_it(app: Flask) -> None:
    client = app.test_client()
    put = assert_browser_allows(
        client, URL, origin=SHOP, method="PUT", headers={"Content-Type": "image/png"}, body=b"cat"
    )
    got = assert_browser_allows(client, URL, origin=SHOP)
    assert (put.status, put.headers["ETag"], got.body) == (200, '"1"', b"cat")
    assert_browser_refuses(client, URL, origin=OTHER)
    assert_browser_refuses(client, "/api/items", origin=SHOP)


def test_hooks_run_for_all_requests_but_preflights_and_calls(app: Flask) -> None:
    seen = []
    app.before_request(lambda: seen.append(request.full_path))
    assert preflight(app).status_code == 200
    assert app.test_client().get("/files/photos?cors").status_code == 403
    assert seen == []
    app.test_client().get(URL, headers={"Origin": SHOP})
    assert seen == [f"{URL}?"]


def test_headers_of_a_hook_are_replaced(app: Flask) -> None:
    def open_all(response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    app.after_request(open_all)
    response = app.test_client().get(URL, headers={"Origin": SHOP})
    assert response.headers.getlist("Access-Control-Allow-Origin") == [SHOP]
    assert_browser_refuses(app.test_client(), URL, origin=OTHER)


def test_a_page_reads_the_status_of_an_error(app: Flask) -> None:
    assert assert_browser_allows(app.test_client(), URL, origin=SHOP).status == 404


def test_a_preflight_is_not_redirected(app: Flask) -> None:
    app.add_url_rule("/files/<bucket>/folder/", "folder", lambda bucket: "")
    url = "/files/photos/folder"
    wanted = {"Origin": SHOP, "Access-Control-Request-Method": "PUT"}
    assert app.test_client().options(url, headers=wanted).status_code == 200
    assert app.test_client().get(url).status_code == 308


def test_an_exception_leaves_in_debug_mode(app: Flask) -> None:
    def fail(bucket: str) -> str:
        raise ZeroDivisionError

    app.add_url_rule("/files/<bucket>/broken", "broken", fail)
    url = "/files/photos/broken"
    assert assert_browser_allows(app.test_client(), url, origin=SHOP).status == 500
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(ZeroDivisionError):
        app.test_client().get(url, headers={"Origin": SHOP})


def test_a_view_finds_the_decision(app: Flask) -> None:
    names: dict[str, Any] = {}
    exec(VIEW, names)
    app.add_url_rule("/files/<bucket>/asked", "asked", lambda bucket: str(names["was_allowed"]()))
    client = app.test_client()
    found = [
        client.get("/files/photos/asked", headers=headers).text
        for headers in ({"Origin": SHOP}, {"Origin": OTHER}, {})
    ]
    assert found == ["True", "False", "False"]
