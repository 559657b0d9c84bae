"""The suites of Ceph, SeaweedFS and moto: which rule decides, and how the answer is worded.

Other servers choose a rule much as S3 does, and word what they answer in their own ways. Where
this package differs, one of two tables says so and why: ``DECISIONS`` for what is decided,
``WORDS`` for what is then said. A case that stands in one and does not differ fails, so that
neither says more than is so.
"""

from typing import Any

import pytest

from flask_bucketcors import CompiledRules
from flask_bucketcors.core.dialects import S3
from flask_bucketcors.core.headers import parse_requested_headers
from flask_bucketcors.wsgi.environ import read_request
from tests.support.vendor_corpus import (
    BUCKET,
    Case,
    cases,
    fits,
    has_status,
    load,
    other_headers,
    rule_set,
    send,
    serve,
    shown_rules,
)

SUITES = ("ceph.json", "seaweed.json", "moto.json")
ALLOW_ORIGIN = "Access-Control-Allow-Origin"

# What a case needs that bucket rules have no part in.
NEEDS = {
    "server-default-rules": "rules of the server, behind those of the bucket, are SeaweedFS's",
    "service-endpoint": "what is no bucket is the application's",
    "unit-serialiser": "asks for the headers of a decision that is given, not made",
}
# Rules that no rule set here can have, so that there is nothing to decide by.
SET_ASIDE = {
    "seaweed-wildcards.get": "an ExposeHeader takes no *, in any vendor's documents",
    "moto-unit.origin.c~": "a rule without an origin is no rule",
}

STILL_NAMED = "SeaweedFS names the origin although it refuses the method or a header; S3 does not"
# What is decided, or whether a document is taken.
DECISIONS = {
    "seaweed-unit.origin.bare-wild": "a * needs no scheme before it: S3 and Ceph take *.suffix",
    "seaweed-unit.matches-header.empty-list": "no AllowedHeader allows no header, as in S3",
    "seaweed-unit.evaluate.preflight-forbidden-header": STILL_NAMED,
    "seaweed-wildcards.put": SET_ASIDE["seaweed-wildcards.get"],
    "seaweed-http.headers.refused": STILL_NAMED,
    "seaweed-http.method.PUT": STILL_NAMED,
    "seaweed-http.method.DELETE": STILL_NAMED,
    "seaweed-http.method.HEAD": STILL_NAMED,
}

ECHO = "a bare * is answered with *, as in S3; an echo would be one with every site's name"
AS_ASKED = "Allow-Headers holds the names in lower case, as in S3"
NO_CREDENTIALS = "SeaweedFS never allows credentials; S3 does wherever it names the origin"
STRUCTURE = "what is missing is MalformedXML, as in S3; SeaweedFS has one code for everything"
VENDOR_VARY = "by S3's own way there is no Vary without a match; the safe way, the default, has it"
# What is said: a header's value, or an error's code.
WORDS = {
    "seaweed-unit.validate.nil": STRUCTURE,
    "seaweed-unit.validate.empty-rules": STRUCTURE,
    "seaweed-unit.validate.too-many": STRUCTURE,
    "seaweed-unit.validate.empty-origins": STRUCTURE,
    "seaweed-unit.evaluate.first-rule": f"{NO_CREDENTIALS}; Allow-Headers is for preflights",
    "seaweed-unit.evaluate.second-rule": ECHO,
    "seaweed-unit.evaluate.preflight": f"{NO_CREDENTIALS}; {AS_ASKED}",
    "seaweed-mw.vary.specific": VENDOR_VARY,
    "seaweed-mw.vary.star": VENDOR_VARY,
    "seaweed-validation.origins": STRUCTURE,
    "seaweed-errors.empty": STRUCTURE,
    "seaweed-errors.no-methods": STRUCTURE,
    "seaweed-http.preflight": AS_ASKED,
    "seaweed-http.origin.star": ECHO,
    "seaweed-http.headers.star": AS_ASKED,
    "seaweed-http.headers.listed": AS_ASKED,
    "seaweed-http.headers.one": AS_ASKED,
    "seaweed-http.headers.case": AS_ASKED,
    "seaweed-http.two-rules.first": AS_ASKED,
    "seaweed-http.two-rules.second": AS_ASKED,
    "moto-put.101": "too many rules are InvalidRequest, as in CloudServer, Ceph and SeaweedFS",
    "moto-server.exposed.preflight.bucket": "Allow-Headers holds the names asked for, as in S3",
    "moto-server.exposed.preflight.object": "Allow-Headers holds the names asked for, as in S3",
    "moto-server.star.https://a.google.com": ECHO,
    "moto-server.star.http://b.microsoft.com": ECHO,
    "moto-server.star.any": ECHO,
}


def set_aside(name: str) -> dict[str, str]:
    """Id to reason, for the cases of a suite that cannot be asked."""
    needs = {
        case["id"]: NEEDS[need]
        for case in load(name)
        for need in case.get("needs", ())
        if need in NEEDS
    }
    return needs | SET_ASIDE


@pytest.mark.parametrize(
    "case", [each for name in SUITES for each in cases(name, set_aside(name), pytest.mark.skip)]
)
def test_case(case: Case) -> None:
    app, store = serve(case, S3)
    response = send(app, case)
    decided = has_status(case["expect"].get("status"), response.status_int) and (
        is_allowed(case) in (None, ALLOW_ORIGIN in response.headers)
    )
    assert decided is (case["id"] not in DECISIONS), response
    if not decided:
        return
    others = [*other_headers(case, response), *other_texts(case, response)]
    assert bool(others) is (case["id"] in WORDS), others
    if "config" in case["expect"]:
        assert shown_rules(case, response, store, S3) == rule_set(case["expect"]["config"]).rules
    if "matched_rule" in case["expect"]:
        assert deciding_rule(case) == case["expect"]["matched_rule"]


def is_allowed(case: Case) -> bool | None:
    """Whether a case asks that its origin be allowed; None if it does not say."""
    expected = case["expect"]
    for said in ("origin_matches", "header_matches", "rule_found"):
        if said in expected:
            return bool(expected[said])
    if "matched_rule" in expected:
        return expected["matched_rule"] is not None
    headers = expected["headers"]
    named = [ALLOW_ORIGIN] if ALLOW_ORIGIN in headers else headers.keys() - {"Vary"}
    return any(not fits(headers[name], None) for name in named) if named else None


def other_texts(case: Case, response: Any) -> list[str]:
    """The texts of an error document that are not what a case asks for."""
    error = case["expect"].get("error", {})
    expected = {
        "Code": case["expect"].get("error_code"),
        "Message": error.get("message"),
        "BucketName": BUCKET if "bucket_name" in error else None,
    }
    # An application's errors are its own: this one sends them without a document.
    texts = {name: response.xml.findtext(name) for name in expected} if response.body else {}
    return [text for name, text in texts.items() if expected[name] not in (None, text)]


def deciding_rule(case: Case) -> int | None:
    """The index of the rule that decides a request."""
    headers = case["request"]["headers"]
    method = headers.get("Access-Control-Request-Method", case["request"]["method"])
    names = headers.get("Access-Control-Request-Headers", "")
    rules = CompiledRules(rule_set(case["config"]), S3)
    return rules.preflight(headers["Origin"], method, names).rule


@pytest.mark.parametrize(
    "case", [case for name in SUITES for case in load(name) if "is_preflight" in case["expect"]]
)
def test_what_a_preflight_is(case: Case) -> None:
    request, expected = case["request"], case["expect"]
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in request["headers"].items()
    }
    environ["REQUEST_METHOD"] = request["method"]
    assert read_request(environ).is_preflight is expected["is_preflight"]
    if "parsed_headers" in expected:
        requested = parse_requested_headers(environ["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"])
        assert requested is not None
        assert list(requested.sent) == expected["parsed_headers"]


def test_the_tables_name_cases_that_there_are() -> None:
    ids = {case["id"] for name in SUITES for case in load(name)}
    assert (SET_ASIDE.keys() | DECISIONS.keys() | WORDS.keys()) <= ids
    assert not DECISIONS.keys() & WORDS.keys()
