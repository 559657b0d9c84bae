"""The converter of docs/from-wsgicors.md gives rules with which pages get what wsgicors gave them.

Each claim is a comparison with wsgicors itself, as a page sees it.
"""

import configparser
import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import wsgicors

from flask_bucketcors import BucketCORSMiddleware, InvalidRules, MemoryStore, Rule, RuleSet
from tests.support import ROOT
from tests.support.fetch_model import PageRequest
from tests.support.tables import in_one_test
from tests.support.visits import visit

PAGE = (ROOT / "docs" / "from-wsgicors.md").read_text()
URL = "/files/photos/cat.png"
INI = re.findall(r"<<'END'\n(.*?)^END$", PAGE, re.S | re.M)[0]


def page_code() -> dict[str, Any]:
    """The names of the page's file ``from_wsgicors.py``."""
    [code] = re.findall(r"```python\n(# from_wsgicors\.py\n.*?)```", PAGE, re.S)
    names: dict[str, Any] = {"__name__": "from_wsgicors"}
    exec(code, names)
    return names


rule_of, rules_of = (page_code()[name] for name in ("rule_of", "rules_of"))


def storage(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    headers = [("Content-Type", "text/plain"), ("Foo", "1"), ("Bar", "2")]
    start_response("200 OK", headers)
    return [b"a cat"]


def section_of(ini: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(ini)
    return {key: value for key, value in parser["filter:cors"].items() if key != "use"}


def moved(rules: RuleSet, application: Any = storage, **settings: Any) -> BucketCORSMiddleware:
    return BucketCORSMiddleware(
        application, store=MemoryStore(), url_prefix="/files", default_rules=rules, **settings
    )


def converted(policy: Mapping[str, str], **settings: Any) -> BucketCORSMiddleware:
    return moved(RuleSet.parse([rule_of(policy)]), **settings)


ORIGINS = [
    "http://example.com",
    "https://example.com",
    "http://example2.com",
    "https://www.example.com",
    "https://a.b.example.com",
    "https://www.example.com.evil.test",
    "https://other.example",
]
HEADERS: list[dict[str, str]] = [{}, {"X-Any": "1"}, {"Content-Type": "image/png", "Range": "x"}]


def outcomes(app: Any, methods: list[str], **asked: bool) -> dict[str, object]:
    """What a page of each origin gets: the headers that it can read, or None."""
    found = {}
    for origin, method, headers in product(ORIGINS, methods, HEADERS):
        seen = visit(app, URL, PageRequest(origin, method, headers, **asked))
        found[f"{method} from {origin} with {sorted(headers)}"] = seen and sorted(seen.headers)
    return found


def test_pages_get_what_the_ini_file_gave_them() -> None:
    section = section_of(INI.replace("free_expose_headers=*", "free_expose_headers=Bar"))
    before = wsgicors.CORS(storage, section)
    after = moved(RuleSet.parse(rules_of(section)))
    expected = outcomes(before, ["GET", "HEAD"])
    assert expected == outcomes(after, ["GET", "HEAD"])
    assert len({str(each) for each in expected.values()}) > 1
    expected = outcomes(before, ["PUT", "DELETE"])
    assert expected == outcomes(after, ["PUT", "DELETE"])
    assert {True, False} == {bool(each) for each in expected.values()}


@pytest.mark.parametrize(
    "policy",
    [
        {"origin": "*", "methods": "*", "headers": "*", "maxage": "180"},
        {"origin": "copy", "methods": "GET, PUT", "headers": "X-Any"},
        {"origin": "https://*.example.com", "methods": "GET,HEAD,POST", "expose_headers": "Foo"},
        {"origin": "http://example.com", "methods": "*", "headers": "*", "maxage": "5"},
    ],
    ids=lambda policy: policy["origin"],
)
def test_pages_get_what_a_policy_in_code_gave_them(policy: dict[str, str]) -> None:
    methods = ["GET", "PUT", "DELETE"]
    before = outcomes(wsgicors.CORS(storage, **policy), methods)
    assert before == outcomes(converted(policy), methods)
    assert any(before.values())


@pytest.mark.parametrize("policies", ["deny", "subdom,deny,free"])
def test_deny_ends_the_list(policies: str) -> None:
    section = {**section_of(INI), "policy": policies}
    before, rules = wsgicors.CORS(storage, section), rules_of(section)
    assert [rule["id"] for rule in rules] == policies.split(",")[: policies.count("subdom")]
    after = moved(RuleSet.parse(rules)) if rules else storage
    assert outcomes(before, ["GET", "PUT"]) == outcomes(after, ["GET", "PUT"])


def test_credentials_go_with_origins_that_are_named() -> None:
    policy = {"origin": "https://*.example.com", "methods": "GET, PUT", "headers": "*"}
    with_credentials = {**policy, "credentials": "true"}
    before = outcomes(wsgicors.CORS(storage, **with_credentials), ["GET", "PUT"], credentials=True)
    after = outcomes(converted(with_credentials), ["GET", "PUT"], credentials=True)
    assert before == after
    assert any(before.values())


def test_credentials_can_be_switched_off() -> None:
    policy = {"origin": "https://*.example.com", "methods": "GET, PUT", "headers": "*"}
    for credentials in (True, False):
        before = outcomes(wsgicors.CORS(storage, **policy), ["PUT"], credentials=credentials)
        after = converted(policy, allow_credentials=False)
        assert before == outcomes(after, ["PUT"], credentials=credentials)
        assert any(before.values()) is not credentials


OTHER = "https://other.example"
NAMED = {"origin": "http://example.com", "methods": "PUT", "headers": "*"}


# Policy, request, whether it works with wsgicors, and here.
DIFFERENT = {
    "copy with credentials": (
        {"origin": "copy", "methods": "GET", "credentials": "true"},
        PageRequest(OTHER, credentials=True),
        (True, False),
    ),
    "credentials without asking for them": (
        {"origin": OTHER, "methods": "GET"},
        PageRequest(OTHER, credentials=True),
        (False, True),
    ),
    "GET without naming it": (NAMED, PageRequest("http://example.com"), (True, False)),
    "POST without naming it": (NAMED, PageRequest("http://example.com", "POST"), (True, False)),
    "a host within a path": (
        {"origin": "https://*.example.com", "methods": "GET"},
        PageRequest("https://evil.test/.example.com"),
        (True, False),
    ),
}


@in_one_test
@pytest.mark.parametrize("policy, request_, expected", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_differences_that_the_page_names(
    policy: dict[str, str], request_: PageRequest, expected: tuple[bool, bool]
) -> None:
    apps = wsgicors.CORS(storage, **policy), converted(policy)
    assert tuple(bool(visit(app, URL, request_)) for app in apps) == expected


def test_the_next_rule_is_tried() -> None:
    section = {
        "policy": "named,free",
        "named_origin": "http://example.com",
        "named_methods": "GET",
        "free_origin": "copy",
        "free_methods": "PUT",
    }
    page = PageRequest("http://example.com", "PUT")
    assert not visit(wsgicors.CORS(storage, section), URL, page)
    assert visit(moved(RuleSet.parse(rules_of(section))), URL, page)


@pytest.mark.parametrize("origin", ["https://*.*.example", "https://a?.example"])
def test_patterns_without_a_counterpart_are_named(origin: str) -> None:
    with pytest.raises(InvalidRules, match=re.escape(repr(origin))):
        RuleSet.parse([rule_of({"origin": origin, "methods": "GET"})])


def test_headers_of_the_application_are_replaced_here() -> None:
    def opinionated(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Access-Control-Allow-Origin", "https://own.example")])
        return [b""]

    def allowed(app: Any) -> list[str]:
        found: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], *rest: Any) -> None:
            found.extend(value for name, value in headers if name == "Access-Control-Allow-Origin")

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": URL, "HTTP_ORIGIN": OTHER}
        app(environ, start_response)
        return found

    before = wsgicors.CORS(opinionated, origin="copy", methods="GET")
    after = moved(RuleSet([Rule([OTHER], ["GET"])]), opinionated)
    assert allowed(before) == ["https://own.example", OTHER]
    assert allowed(after) == [OTHER]


def test_the_middleware_that_the_page_shows_uses_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.json").write_text(json.dumps(rules_of(section_of(INI))))
    [block] = re.findall(r"```py\n(.*?)```", PAGE, re.S)
    names: dict[str, Any] = {"__name__": "documented", "storage": storage}
    exec(block, names)
    with closing(names["store"]):
        assert visit(names["application"], URL, PageRequest("https://www.example.com", "DELETE"))
        assert not visit(names["application"], URL, PageRequest(OTHER, "DELETE"))
