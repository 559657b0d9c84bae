"""Every case of the COS corpus, end to end: middleware, API, and an application behind them."""

from base64 import b64encode
from hashlib import md5
from typing import Any

import pytest
from corpus import load, rule_set
from webtest import TestApp

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, RulesAPI
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.documents import format_xml, parse_xml

BUCKET = "examplebucket-1250000000"

# Cases that are not run, each with its reason.
SET_ASIDE = {
    "cos-doc.options.2017-a": "the page of 2020 shows Allow-Credentials, this older one does not",
    "cos-sdk.js.options": "a browser refuses to send the request; the server has no part in it",
}


def cases() -> list[Any]:
    """The corpus as parameters."""
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.skip(reason=reason)]
            if (reason := SET_ASIDE.get(case["id"]))
            else [],
        )
        for case in load("cos.json")
    ]


class Storage:
    """The application behind the middleware: objects that are public, private, or missing."""

    def __init__(self, needs: list[str]) -> None:
        self.status = "403 Forbidden" if "private-object" in needs else "200 OK"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(self.status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return []


def serve(case: dict[str, Any]) -> tuple[TestApp, MemoryStore]:
    """The application of a case, with the rules that are in force before its request."""
    store, needs = MemoryStore(), case.get("needs", [])
    if case["kind"] != "put" and (case.get("config") or case.get("config_xml")):
        store.put(BUCKET, configured(case))
    api = RulesAPI(
        store,
        authorize=lambda call: "owner-auth" in needs or case.get("level") == "unit",
        bucket_exists=lambda bucket: "bucket-missing" not in needs,
    )
    app = BucketCORSMiddleware(
        Storage(needs), store=store, api=api, vary="vendor", plain_options="refuse"
    )
    return TestApp(app), store


def configured(case: dict[str, Any]) -> Any:
    """The rule set that a case starts with."""
    if "config_xml" in case:
        return parse_xml(case["config_xml"].encode(), COS)
    vary = {"true": True, "false": False, None: None}[case.get("response_vary")]
    return rule_set(case["config"], vary)


def body_of(case: dict[str, Any]) -> bytes:
    """The document that a put case sends, well-formed also where its values are not."""
    raw = case.get("config_xml")
    if isinstance(raw, dict):
        return b"\0" * int(raw["zero_bytes"])
    if raw is not None:
        return str(raw).encode()
    elements = {
        "id": "ID",
        "allowed_origins": "AllowedOrigin",
        "allowed_methods": "AllowedMethod",
        "allowed_headers": "AllowedHeader",
        "expose_headers": "ExposeHeader",
        "max_age_seconds": "MaxAgeSeconds",
    }
    rules = [
        "".join(
            f"<{elements[field]}>{value}</{elements[field]}>"
            for field, values in rule.items()
            for value in (values if isinstance(values, list) else [values])
        )
        for rule in case["config"]
    ]
    inner = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"<CORSConfiguration>{inner}</CORSConfiguration>".encode()


def send(app: TestApp, case: dict[str, Any]) -> Any:
    """Send the request of a case."""
    request = case["request"]
    path = f"/{BUCKET}" + ("/exampleobject" if request["target"] == "object" else "/")
    query = f"?{request['query']}" if request.get("query") else ""
    body = body_of(case) if case["kind"] == "put" else b""
    stands_for = {"<correct>": b64encode(md5(body).digest()).decode()}
    headers = {name: stands_for.get(value, value) for name, value in request["headers"].items()}
    options: dict[str, Any] = {"body": body} if case["kind"] == "put" else {}
    return app.request(
        path + query, method=request["method"], headers=headers, expect_errors=True, **options
    )


def has_status(expected: Any, status: int) -> bool:
    """Whether a status is what a case asks for: a number, several, or some client error."""
    if isinstance(expected, dict):
        return 400 <= status < 500
    return expected is None or status in (expected if isinstance(expected, list) else [expected])


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any]) -> None:
    app, store = serve(case)
    response = send(app, case)
    expected = case["expect"]
    assert has_status(expected["status"], response.status_int), response.text
    for name, value in expected["headers"].items():
        assert response.headers.get(name) == value, name
    if "error_code" in expected:
        assert response.xml.findtext("Code") == expected["error_code"]
    if "error" in expected:
        check_error(response, expected["error"])
    if "config" in expected:
        assert shown_rules(case, response, store) == rule_set(expected["config"]).rules


def check_error(response: Any, expected: dict[str, Any]) -> None:
    """Compare an error document with what a case says of it."""
    assert [child.tag for child in response.xml] == expected["elements"]
    assert response.xml.findtext("Code") == expected["code"]
    assert response.xml.findtext("Message").startswith(expected["message"])
    assert response.xml.findtext("Resource") == f"localhost:80/{BUCKET}/exampleobject"
    assert response.xml.findtext("RequestId") == response.headers["x-cos-request-id"]
    assert response.xml.findtext("TraceId") == response.headers["x-cos-trace-id"]


def shown_rules(case: dict[str, Any], response: Any, store: MemoryStore) -> Any:
    """The rules as a get shows them, or as a put stored them."""
    if case["kind"] == "get":
        return parse_xml(response.body, COS).rules
    stored = store.get(BUCKET)
    assert stored is not None
    return parse_xml(format_xml(stored, COS), COS).rules
