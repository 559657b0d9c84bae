"""The server of the demo page, against the example application under gunicorn."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from example_app import DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, demo
from example_app.demo import create_demo, start_demo
from example_app.demo.bucket_rules import StoreRefused
from example_app.demo.client import StoreClient, StoreResponse
from example_app.example_bucket import SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES
from flask_bucketcors import Cause, TooIntricate, explain

ORIGIN = "http://localhost"


@pytest.fixture
def store(store_url: str) -> StoreClient:
    return StoreClient(store_url, DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY)


@pytest.fixture
def page(
    store: StoreClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FlaskClient]:
    monkeypatch.setenv("EXAMPLE_COS_JS_SDK", str(tmp_path / "sdk.js"))
    with create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES).test_client() as client:
        # As a browser does for the page's own requests.
        client.environ_base["HTTP_ORIGIN"] = ORIGIN
        yield client


def document(page: FlaskClient) -> str:
    """The rules that the page shows."""
    return str(page.get("/rules").get_json()["document"])


def failed(method: str, headers: list[str], **more: object) -> dict[str, Any]:
    path = f"/{SEEDED_BUCKET}/{SEEDED_OBJECT}"
    return {"method": method, "path": path, "headers": headers, **more}


def explanation(page: FlaskClient, method: str, headers: list[str], **more: object) -> Any:
    """What the page is told about a request of this kind that failed."""
    return page.post("/explanation", json=failed(method, headers, **more)).get_json()


@pytest.mark.parametrize(
    "name, shown",
    [
        ("initial", "<AllowedOrigin>https://www.example.com</AllowedOrigin>"),
        ("least", "<AllowedOrigin>*</AllowedOrigin>"),
        ("most", f"<AllowedOrigin>{ORIGIN}</AllowedOrigin>"),
        ("none", ""),
    ],
)
def test_a_switch_goes_through_the_stores_own_api(
    page: FlaskClient, store: StoreClient, name: str, shown: str
) -> None:
    assert page.put(f"/rules/{name}").get_json()["name"] == name
    found = page.get("/rules").get_json()
    assert found["name"] == name
    assert shown in found["document"]
    stored = store.call("GET", f"/{SEEDED_BUCKET}/?cors").body.decode()
    assert stored == found["document"] or "NoSuchCORSConfiguration" in stored


def test_other_rule_sets_are_not_there(page: FlaskClient) -> None:
    assert page.put("/rules/other").status_code == 404


# Edits


RULE_IN_XML = """<CORSConfiguration><CORSRule>
    <AllowedOrigin>https://a.test</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
</CORSRule></CORSConfiguration>"""
RULE_IN_JSON = '{"CORSRules": [{"AllowedOrigins": ["https://a.test"], "AllowedMethods": ["GET"]}]}'


@pytest.mark.parametrize("edited", [RULE_IN_XML, RULE_IN_JSON], ids=["XML", "JSON"])
def test_edited_rules_are_stored(page: FlaskClient, edited: str) -> None:
    page.put("/rules/none")
    saved = page.put("/rules", json={"document": edited}).get_json()
    assert "<AllowedOrigin>https://a.test</AllowedOrigin>" in saved["document"]
    assert saved["name"] is None
    assert document(page) == saved["document"]


@pytest.mark.parametrize(
    "edited, error",
    [
        (
            RULE_IN_JSON.replace("a.test", "a.test/x").replace("GET", "get"),
            "The rules are refused:\nrule 1: allowed_origins 'https://a.test/x' contains a path; "
            "write scheme://host or scheme://host:port\nrule 1: allowed_methods 'get' is in the "
            "wrong case; methods are case-sensitive, write it in upper case",
        ),
        (
            RULE_IN_XML.replace("GET", "TRACE"),
            "The rules are refused:\nrule 1: AllowedMethod 'TRACE' is not a method that rules can "
            "allow; write GET, PUT, POST, DELETE or HEAD",
        ),
        ("hello", "The rules are neither XML nor JSON nor YAML"),
        (" ", "The rules are empty"),
        (None, "The rules are empty"),
    ],
)
def test_what_is_wrong_with_edited_rules_is_said_as_put_says_it(
    page: FlaskClient, edited: object, error: str
) -> None:
    page.put("/rules/most")
    before = document(page)
    response = page.put("/rules", json={"document": edited})
    assert (response.status_code, response.get_json()["error"]) == (400, error)
    assert document(page) == before


def test_findings_of_lint_are_shown_with_the_rules(page: FlaskClient) -> None:
    with_slash = RULE_IN_JSON.replace("https://a.test", "https://a.test/")
    [finding, *_] = page.put("/rules", json={"document": with_slash}).get_json()["findings"]
    assert finding["title"] == "warning[BC303]"
    assert finding["text"].startswith("rule 1: 'https://a.test/' ends in a slash;")
    assert finding["text"].endswith("\nhelp: remove the trailing slash")
    assert page.get("/rules").get_json()["findings"][0] == finding
    assert page.put("/rules/most").get_json()["findings"] == []


def test_rules_that_lint_cannot_judge_are_stored_nevertheless(
    page: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        raise TooIntricate("kinds", 5)

    monkeypatch.setattr(demo, "lint", give_up)
    [finding] = page.put("/rules/most").get_json()["findings"]
    assert "cannot judge these rules" in finding["text"]


def test_what_the_store_refuses_is_said(tmp_path: Path, store: StoreClient) -> None:
    stranger = StoreClient(store.url, DEFAULT_ACCESS_KEY, "wrong")
    with create_demo(stranger, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES).test_client() as page:
        response = page.put("/rules/most", headers={"Origin": ORIGIN})
    assert response.status_code == 502
    error = response.get_json()["error"]
    assert error.startswith("The response of the store is 403 SignatureDoesNotMatch: The Signature")


def test_what_something_else_sends_in_place_of_the_store_is_shown() -> None:
    refused = StoreRefused(StoreResponse(503, [], b"busy"))
    assert str(refused) == "The response of the store is 503 busy"


# Explanations and fixes


@pytest.mark.parametrize("origin", [ORIGIN, "http://127.0.0.1:81"])
@pytest.mark.parametrize(
    "rules, method, headers, cause",
    [
        ("none", "GET", [], Cause.NO_RULES),
        ("most", "PATCH", [], Cause.METHOD_NOT_ENABLED),
        ("most", "PUT", ["X-Other", "authorization"], Cause.HEADER_MISSING),
        ("most", "PUT", ["authorization"], None),
        ("least", "PUT", ["x-other"], None),
    ],
)
def test_a_failure_is_explained(
    page: FlaskClient, origin: str, rules: str, method: str, headers: list[str], cause: Cause | None
) -> None:
    page.put(f"/rules/{rules}", base_url=origin, headers={"Origin": origin})
    stored = document(page) or None
    expected = explain(stored, origin=ORIGIN, method=method, headers=headers, kind=None)
    assert explanation(page, method, headers)["text"] == expected.text
    if origin == ORIGIN:
        assert expected.cause is cause


def test_a_failure_comes_with_the_headers_of_the_responses(page: FlaskClient) -> None:
    page.put("/rules/most")
    preflight, plain = explanation(page, "PUT", [])["responses"]
    assert (preflight["status"], plain["status"]) == (200, 200)
    assert ["Access-Control-Allow-Origin", ORIGIN] in preflight["headers"]
    assert ["Access-Control-Expose-Headers", "ETag"] in plain["headers"]


@pytest.mark.parametrize("rules", ["initial", "none", "most"])
def test_a_fix_is_applied_that_was_shown(page: FlaskClient, rules: str) -> None:
    page.put(f"/rules/{rules}")
    asked = "PUT", ["x-other", "authorization"]
    shown = explanation(page, *asked)
    # What it newly allows is part of it.
    assert shown["text"].endswith(f"Fix: {shown['fix']}")
    assert " allows " in shown["fix"]
    fixed = page.post("/fix", json=failed(*asked, fix=shown["fix"])).get_json()
    assert fixed["document"] == document(page)
    assert explanation(page, *asked)["text"].startswith("Allowed")
    assert explanation(page, *asked)["fix"] is None


@pytest.mark.parametrize("meanwhile", ["none", "least"])
def test_a_fix_of_other_rules_is_not_applied(page: FlaskClient, meanwhile: str) -> None:
    page.put("/rules/initial")
    shown = explanation(page, "DELETE", [])
    page.put(f"/rules/{meanwhile}")
    before = document(page)
    response = page.post("/fix", json=failed("DELETE", [], fix=f"{shown['fix']} "))
    assert response.status_code == 409
    assert "send the request again" in response.get_json()["error"]
    assert document(page) == before


def test_what_the_sdk_says_is_part_of_the_evidence(page: FlaskClient) -> None:
    open_to_all = RULE_IN_JSON.replace("https://a.test", "*").replace("GET", "PUT")
    page.put("/rules", json={"document": open_to_all})
    message = 'get ETag error, please add "ETag" to CORS ExposeHeader setting.'
    shown = explanation(page, "PUT", [], message=message)
    assert "add 'ETag' to ExposeHeader" in shown["fix"]
    page.post("/fix", json=failed("PUT", [], message=message, fix=shown["fix"]))
    assert "<ExposeHeader>ETag</ExposeHeader>" in document(page)


# Who may use the server


def test_a_signature_opens_what_it_was_asked_for(page: FlaskClient, store: StoreClient) -> None:
    path = f"/{SEEDED_BUCKET}/signed by the page"
    asked = {"method": "PUT", "path": path, "query": {}}
    authorization = page.post("/sign", json=asked).get_json()["authorization"]
    url, headers = path.replace(" ", "%20"), {"Authorization": authorization}
    assert store.send("PUT", url, headers, b"x").status == 200
    assert store.send("DELETE", url, headers).status == 403


WRITES = [
    ("PUT", "/rules"),
    ("PUT", "/rules/none"),
    ("POST", "/sign"),
    ("POST", "/explanation"),
    ("POST", "/fix"),
]


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.test", "http://localhost:5000", "https://localhost", f"{ORIGIN}/"],
)
@pytest.mark.parametrize("method, path", WRITES)
def test_a_page_of_another_origin_can_change_nothing(
    page: FlaskClient, method: str, path: str, origin: str | None
) -> None:
    page.put("/rules/most")
    before = document(page)
    del page.environ_base["HTTP_ORIGIN"]
    headers = {"Origin": origin} if origin else {}
    data = failed("PUT", [], document=RULE_IN_XML, fix="")
    assert page.open(path, method=method, json=data, headers=headers).status_code == 403
    assert document(page) == before


def test_every_request_that_may_change_something_is_tried_above(page: FlaskClient) -> None:
    safe = {"GET", "HEAD", "OPTIONS"}
    found = {
        (method, rule.rule.replace("<name>", "none"))
        for rule in page.application.url_map.iter_rules()
        for method in (rule.methods or set()) - safe
    }
    assert found == set(WRITES)


@pytest.mark.parametrize("method, path", [("OPTIONS", "/rules"), ("GET", "/rules")])
def test_a_page_of_another_origin_gets_no_cors_headers(
    page: FlaskClient, method: str, path: str
) -> None:
    response = page.open(path, method=method, headers={"Origin": "http://localhost:5000"})
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", ["/sign", "/explanation", "/fix"])
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
        {"method": "GET", "path": "/", "message": 1},
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/sign", "/explanation", "/fix"])
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
    with create_demo(client, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES).test_client() as page:
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
    with create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES).test_client() as page:
        assert "cos-js-sdk-v5.js" in page.get("/").text
        with page.get("/cos-js-sdk-v5.js") as sdk:
            assert sdk.text == "// the SDK"


def test_the_secret_stays_on_the_server(page: FlaskClient) -> None:
    assert DEFAULT_SECRET_KEY not in page.get("/").text


def test_a_port_that_is_taken_does_not_concern_the_store(store: StoreClient) -> None:
    port = int(store.url.rpartition(":")[2])
    server = create_demo(store, SEEDED_BUCKET, SEEDED_OBJECT, SEEDED_RULES)
    assert start_demo(server, "127.0.0.1", port) is False
