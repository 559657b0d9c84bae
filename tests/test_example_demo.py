"""The server of the demo page, against the example application under gunicorn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from example_app import DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, SEEDED_BUCKET, SEEDED_OBJECT
from example_app.demo import create_demo, start_demo
from example_app.demo.client import StoreClient
from flask_bucketcors import Cause, explain

ORIGIN = "http://localhost"


@pytest.fixture
def store(store_url: str) -> StoreClient:
    return StoreClient(store_url, DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY)


@pytest.fixture
def page(
    store: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlaskClient]:
    monkeypatch.setenv("EXAMPLE_COS_JS_SDK", str(tmp_path / "sdk.js"))
    with create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT).test_client() as client:
        yield client


def explanation(page: FlaskClient, method: str, headers: list[str]) -> Any:
    """What the page is told about a request of this kind that failed."""
    path = f"/{SEEDED_BUCKET}/{SEEDED_OBJECT}"
    failed = {"method": method, "path": path, "headers": headers}
    return page.post("/explanation", json=failed, headers={"Origin": ORIGIN}).get_json()


@pytest.mark.parametrize(
    "name, status, shown",
    [
        ("least", 200, "<AllowedOrigin>*</AllowedOrigin>"),
        ("most", 200, f"<AllowedOrigin>{ORIGIN}</AllowedOrigin>"),
        ("none", 204, "NoSuchCORSConfiguration"),
    ],
)
def test_a_switch_goes_through_the_stores_own_api(
    page: FlaskClient, name: str, status: int, shown: str
) -> None:
    assert page.put(f"/rules/{name}").get_json()["status"] == status
    assert shown in page.get("/rules").get_json()["body"]


def test_other_rule_sets_are_not_there(page: FlaskClient) -> None:
    assert page.put("/rules/other").status_code == 404


@pytest.mark.parametrize("origin", [ORIGIN, "http://127.0.0.1:81"])
@pytest.mark.parametrize(
    "rules, method, headers, cause",
    [
        ("none", "GET", [], Cause.NO_RULES),
        ("most", "PATCH", [], Cause.METHOD_MISSING),
        ("most", "PUT", ["X-Other", "authorization"], Cause.HEADER_MISSING),
        ("most", "PUT", ["authorization"], None),
        ("least", "PUT", ["x-other"], None),
    ],
)
def test_a_failure_is_explained(
    page: FlaskClient, origin: str, rules: str, method: str, headers: list[str], cause: Cause | None
) -> None:
    page.put(f"/rules/{rules}", base_url=origin)
    document = page.get("/rules").get_json()["body"] if rules != "none" else None
    expected = explain(document, origin=ORIGIN, method=method, headers=headers, kind=None)
    assert explanation(page, method, headers)["text"] == expected.text
    if origin == ORIGIN:
        assert expected.cause is cause


def test_a_failure_comes_with_the_headers_of_the_responses(page: FlaskClient) -> None:
    page.put("/rules/most")
    preflight, plain = explanation(page, "PUT", [])["responses"]
    assert (preflight["status"], plain["status"]) == (200, 200)
    assert ["Access-Control-Allow-Origin", ORIGIN] in preflight["headers"]
    assert ["Access-Control-Expose-Headers", "ETag"] in plain["headers"]


def test_a_signature_opens_what_it_was_asked_for(page: FlaskClient, store: StoreClient) -> None:
    path = f"/{SEEDED_BUCKET}/signed by the page"
    asked = {"method": "PUT", "path": path, "query": {}}
    authorization = page.post("/sign", json=asked).get_json()["authorization"]
    url, headers = path.replace(" ", "%20"), {"Authorization": authorization}
    assert store.send("PUT", url, headers, b"x").status == 200
    assert store.send("DELETE", url, headers).status == 403


@pytest.mark.parametrize("path", ["/sign", "/explanation"])
def test_a_form_of_another_site_is_refused(page: FlaskClient, path: str) -> None:
    assert page.post(path, data='{"method": "PUT"}', content_type="text/plain").status_code == 415
    assert page.post(path, json=["PUT"]).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"method": 1, "path": "/"},
        {"method": "GET\r\nX: y", "path": "/"},
        {"method": "GET", "path": "http://evil.test/"},
        {"method": "GET", "path": "/", "query": []},
        {"method": "GET", "path": "/", "headers": [1]},
        {"method": "GET", "path": "/", "headers": ["a\r\nb: c"]},
        {"method": "GET", "path": "/", "headers": None},
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/sign", "/explanation"])
def test_what_is_no_request_is_refused(page: FlaskClient, path: str, asked: Any) -> None:
    assert page.post(path, json=asked).status_code == 400


@pytest.mark.parametrize("path", ["/a b\r\nX: y", "/\u4e2d?a#b"])
def test_any_path_can_be_asked_about(page: FlaskClient, path: str) -> None:
    """It is encoded: it neither splits the request nor leaves the store."""
    found = page.post("/explanation", json={"method": "GET", "path": path})
    assert found.status_code == 200
    assert " /" in found.get_json()["responses"][0]["request"]


def test_a_store_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    client = StoreClient("http://127.0.0.1:1", DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY)
    with create_demo(client, SEEDED_BUCKET, SEEDED_OBJECT).test_client() as page:
        response = page.get("/rules")
    assert response.status_code == 502
    assert "does not respond" in response.get_json()["error"]


def test_the_page_cannot_be_framed(page: FlaskClient) -> None:
    assert page.get("/").headers["Content-Security-Policy"] == "frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/", "/rules"])
def test_a_name_that_somebody_points_here_is_refused(page: FlaskClient, path: str) -> None:
    """A page of that name would be of one origin with this one."""
    assert page.get(path, base_url="http://evil.test").status_code == 400


def test_the_page_works_without_the_vendors_sdk(page: FlaskClient, tmp_path: Path) -> None:
    assert page.get("/cos-js-sdk-v5.js").status_code == 404
    assert "cos-js-sdk-v5.js" not in page.get("/").text


def test_the_page_loads_the_vendors_sdk_where_it_is(
    store: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sdk.js").write_text("// the SDK")
    monkeypatch.setenv("EXAMPLE_COS_JS_SDK", str(tmp_path / "sdk.js"))
    with create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT).test_client() as page:
        assert "cos-js-sdk-v5.js" in page.get("/").text
        with page.get("/cos-js-sdk-v5.js") as sdk:
            assert sdk.text == "// the SDK"


def test_the_secret_stays_on_the_server(page: FlaskClient) -> None:
    assert DEFAULT_SECRET_KEY not in page.get("/").text


def test_a_port_that_is_taken_does_not_concern_the_store(store: StoreClient) -> None:
    port = int(store.url.rpartition(":")[2])
    demo = create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT)
    assert start_demo(demo, "127.0.0.1", port) is False
