"""Loads the test data (documented, recorded or sent by vendors) and replays its cases."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import md5
from itertools import chain
from typing import Any
from xml.sax.saxutils import escape

import pytest
from webtest import TestApp

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.dialects import COS, Dialect
from flask_bucketcors.documents.from_xml import parse_xml
from flask_bucketcors.documents.to_xml import format_xml
from tests.support import ROOT

BUCKET = "examplebucket-1250000000"
KEY = "exampleobject"

_FOLDER = ROOT / "tests" / "data"
_ELEMENTS = {
    "id": "ID",
    "allowed_origins": "AllowedOrigin",
    "allowed_methods": "AllowedMethod",
    "allowed_headers": "AllowedHeader",
    "expose_headers": "ExposeHeader",
    "max_age_seconds": "MaxAgeSeconds",
}
# Whoever calls is not the owner.
_STRANGERS = {"auth-denied", "other-account-auth"}

Case = dict[str, Any]

_CASES = ("cos.json", "cloudserver.json", "ceph.json", "seaweed.json", "moto.json")
_FILES = (*_CASES, "vectors.json", "sdk_requests.json", "attacks.json")


@cache
def load(name: str) -> Any:
    """The parsed file; callers do not change it."""
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


def vectors(name: str) -> list[Any]:
    """The vectors of one kind as parameters, named as they are or by their order."""
    return [
        pytest.param(vector, id=vector.get("name", str(index)))
        for index, vector in enumerate(load("vectors.json")[name])
    ]


def cases(name: str, set_aside: Mapping[str, str], mark: Any = pytest.mark.xfail) -> list[Any]:
    """The cases of a corpus as parameters.

    :param set_aside: id to the reason why its case cannot pass.
    :param mark: what becomes of those. By default they are asked, and one that passes fails:
        nothing stays set aside for longer than it has to.
    """
    marks = {key: mark(reason=reason) for key, reason in set_aside.items()}
    return [
        pytest.param(case, id=case["id"], marks=marks.get(case["id"], ())) for case in load(name)
    ]


def rule_set(config: list[dict[str, Any]], response_vary: bool | None = None) -> RuleSet:
    """The rule set of a case in a corpus."""
    return RuleSet([Rule(**fields) for fields in config], response_vary)


def vector_rule_set(config: dict[str, Any]) -> RuleSet:
    """The rule set of a vector, which has shorter names for the fields."""
    names = {
        "origins": "allowed_origins",
        "methods": "allowed_methods",
        "headers": "allowed_headers",
        "expose": "expose_headers",
        "max_age": "max_age_seconds",
        "id": "id",
    }
    rules = [Rule(**{names[key]: value for key, value in rule.items()}) for rule in config["rules"]]
    return RuleSet(rules, config["response_vary"] or None)


class Storage:
    """The application behind the middleware: it answers actual requests as the case has it."""

    def __init__(self, case: Case) -> None:
        expected = case["expect"].get("status")
        self.status = expected if case["kind"] == "actual" and isinstance(expected, int) else 200

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        about = [("Content-Type", "text/plain"), ("Content-Length", "0")]
        start_response(f"{self.status} Any", [] if self.status == 204 else about)
        return []


def serve(case: Case, dialect: Dialect = COS) -> tuple[TestApp, MemoryStore]:
    """The application of a case, with the rules that are in force before its request."""
    store, needs = MemoryStore(), set(case.get("needs", []))
    if case["kind"] != "put" and (case.get("config") or case.get("config_xml")):
        store.put(BUCKET, configured(case, dialect))
    is_owner = "owner-auth" in needs or case.get("level") == "unit"
    api = RulesAPI(
        store,
        authorize=lambda call: is_owner and not needs & _STRANGERS,
        bucket_exists=lambda bucket: "bucket-missing" not in needs,
        dialect=dialect.name,
    )
    app = BucketCORSMiddleware(
        Storage(case),
        store=store,
        api=api,
        dialect=dialect.name,
        vary="vendor",
        plain_options="refuse",
        # As if the calls were signed.
        api_cross_origin=True,
    )
    return TestApp(app), store


def configured(case: Case, dialect: Dialect) -> RuleSet:
    """The rule set that a case starts with."""
    if "config_xml" in case:
        return parse_xml(case["config_xml"].encode(), dialect)
    vary = {"true": True, "false": False, None: None}[case.get("response_vary")]
    return rule_set(case["config"], vary)


def body_of(case: Case) -> bytes:
    """The document that a put case sends, well-formed also where its values are not."""
    raw = case.get("config_xml")
    if isinstance(raw, dict):
        return b"\0" * int(raw["zero_bytes"])
    if raw is not None:
        return str(raw).encode()
    rules = [
        "".join(
            f"<{_ELEMENTS[field]}>{escape(str(value))}</{_ELEMENTS[field]}>"
            for field, values in rule.items()
            for value in (values if isinstance(values, list) else [values])
        )
        for rule in case["config"] or []
    ]
    inner = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"<CORSConfiguration>{inner}</CORSConfiguration>".encode()


def all_documents() -> list[str]:
    """Every document with rules in the test data; those of cases as a put would send them."""
    found = dict.fromkeys(chain.from_iterable(map(_documents_in, map(load, _FILES))))
    for name in _CASES:
        found.update(dict.fromkeys(body_of(case).decode() for case in load(name)))
    return list(found)


def _documents_in(data: Any) -> Iterator[str]:
    if isinstance(data, str) and "CORSConfiguration" in data:
        yield data
    elif isinstance(data, dict | list):
        values = data.values() if isinstance(data, dict) else data
        yield from chain.from_iterable(map(_documents_in, values))


def send(app: TestApp, case: Case) -> Any:
    """Send the request of a case."""
    request = case["request"]
    path = {"bucket": f"/{BUCKET}/", "object": f"/{BUCKET}/{KEY}", "service": "/"}[
        request["target"]
    ]
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


def _items(value: str | None) -> list[str]:
    return sorted(item.strip() for item in (value or "").split(","))


def _texts(wanted: Any) -> list[str]:
    return wanted if isinstance(wanted, list) else [wanted]


# How a case may speak of a header other than by its exact value, or null for none.
_FORMS: Mapping[str, Callable[[Any, str | None], bool]] = {
    "any": lambda wanted, value: True,
    "present": lambda wanted, value: (value is not None) is wanted,
    "contains": lambda wanted, value: all(each in (value or "") for each in _texts(wanted)),
    "not_contains": lambda wanted, value: not any(each in (value or "") for each in _texts(wanted)),
    "not_equal": lambda wanted, value: value != wanted,
    "set": lambda wanted, value: _items(value) == sorted(wanted),
    "one_of": lambda wanted, value: value in wanted,
}


def fits(expected: Any, value: str | None) -> bool:
    """Whether a header is what a case asks for; ``value`` is None where there is none."""
    if not isinstance(expected, dict):
        return bool(value == expected)
    return all(_FORMS[form](wanted, value) for form, wanted in expected.items())


def other_headers(case: Case, response: Any) -> dict[str, str | None]:
    """The headers of a response that are not what the case asks for."""
    found = {name: response.headers.get(name) for name in case["expect"]["headers"]}
    return {n: value for n, value in found.items() if not fits(case["expect"]["headers"][n], value)}


def shown_rules(case: Case, response: Any, store: MemoryStore, dialect: Dialect = COS) -> Any:
    """The rules as a get shows them, or as a put stored them."""
    if case["kind"] == "get":
        return parse_xml(response.body, dialect).rules
    stored = store.get(BUCKET)
    assert stored is not None
    return parse_xml(format_xml(stored, dialect), dialect).rules
