"""Every case of the COS corpus, end to end: middleware, API, and an application behind them."""

from typing import Any

import pytest

from tests.support.vendor_corpus import (
    BUCKET,
    KEY,
    Case,
    cases,
    has_status,
    other_headers,
    rule_set,
    send,
    serve,
    shown_rules,
)

# Cases that cannot pass, each with its reason.
SET_ASIDE = {
    "cos-doc.match.http://*.abc.com~http://.abc.com": "an empty label is no host",
    "cos-doc.options.2017-a": "the page of 2020 shows Allow-Credentials, this older one does not",
}


@pytest.mark.parametrize("case", cases("cos.json", SET_ASIDE))
def test_case(case: Case) -> None:
    app, store = serve(case)
    response = send(app, case)
    expected = case["expect"]
    assert has_status(expected["status"], response.status_int), response.text
    assert not other_headers(case, response)
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
    assert response.xml.findtext("Resource") == f"localhost:80/{BUCKET}/{KEY}"
    assert response.xml.findtext("RequestId") == response.headers["x-cos-request-id"]
    assert response.xml.findtext("TraceId") == response.headers["x-cos-trace-id"]
