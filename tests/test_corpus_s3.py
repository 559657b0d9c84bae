"""Every case of CloudServer's suites, which are written to run against AWS too, in S3's dialect.

Its unit tests are asked end to end as well. What its serialiser writes, byte for byte, is its
own (S3 writes a namespace): those cases ask whether the rules come back.
"""

import pytest

from flask_bucketcors.core.dialects import S3
from flask_bucketcors.documents.from_xml import parse_xml
from tests.support.vendor_corpus import (
    Case,
    cases,
    configured,
    has_status,
    other_headers,
    rule_set,
    send,
    serve,
    shown_rules,
)

# Cases that cannot pass, each with the choice of docs/choices.md that it contradicts.
SET_ASIDE = {
    "cloudserver-preflight.missing-bucket.no-acrm": "a bucket that is missing looks "
    "like one without rules; S3's own recorded answer is 403, too",
    "cloudserver-preflight.wild.*.allowedorigin.com.match..allowedorigin.com": "an "
    "empty label is no host",
    "cloudserver-preflight.wild.http://*.allowedorigin.com.match.http://.allowedorigin.com": "the "
    "same choice",
    "cloudserver-unit.put.no-md5": "Content-MD5 is not demanded",
}


@pytest.mark.parametrize("case", cases("cloudserver.json", SET_ASIDE))
def test_case(case: Case) -> None:
    app, store = serve(case, S3)
    response = send(app, case)
    expected = case["expect"]
    assert has_status(expected.get("status"), response.status_int), response.text
    assert not other_headers(case, response)
    # An application's errors are its own: this one sends them without a document.
    if "error_code" in expected and (case["kind"] != "actual" or response.body):
        assert response.xml.findtext("Code") == expected["error_code"]
    if "config" in expected:
        assert shown_rules(case, response, store, S3) == rule_set(expected["config"]).rules
    if "xml_round_trip" in expected:
        assert parse_xml(response.body, S3) == configured(case, S3)
