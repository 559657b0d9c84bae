"""Attacks that libraries, servers and stores for CORS have met, one case each.

Where another choice was made here, a case stands in a table below with that choice, which is
one of docs/choices.md, and the test asserts what happens instead.
"""

import tracemalloc
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pytest

from flask_bucketcors import BucketCORSMiddleware, InvalidRules, MemoryStore, RulesAPI, lint
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.documents.from_xml import DocumentError, parse_xml
from tests.support.attack_corpus import (
    Storage,
    call,
    environ_of,
    lets_proceed,
    rule_fields,
    rule_set,
    unmet,
)
from tests.support.call_counts import count_calls
from tests.support.choices_page import assert_is_chosen
from tests.support.fetch_model import PageRequest, passes_preflight
from tests.support.tables import in_one_test
from tests.support.vendor_corpus import Case, load

CASES: list[Case] = load("attacks.json")

# Rules that are to be refused, and are kept: the choice, whether strict refuses them, and the
# finding that says so.
KEPT: dict[str, tuple[str, bool, str | None]] = {
    "WILD-23": ("A PUT is linted in full", True, "BC204"),
    "WILD-24": ("A PUT is linted in full", True, "BC205"),
    "WILD-25": ("A PUT is linted in full", True, "BC203"),
    # Nothing stands before the dot: it covers no origin that there can be.
    "WILD-28": ("`*` among other characters covers origins only", False, "BC309"),
    "PORT-21": ("An AllowedOrigin", False, "BC303"),
    # The literal `*` that it is answered with goes with no credentials; see CRED-03, CRED-11.
    "CRED-01": ("A bare `*` never comes with credentials", False, None),
    "LINT-01": ("Header names that browsers reserve", False, None),
    "LINT-02": ("Header names that browsers reserve", False, None),
    "LINT-05": ("Header names that browsers reserve", False, None),
}

MAX_EXTRA_BYTES = 16 * 1024


def parameters(chosen: Callable[[Case], bool]) -> list[Any]:
    """Cases as parameters."""
    return [pytest.param(case, id=case["id"]) for case in CASES if chosen(case)]


def is_about_rules(case: Case) -> bool:
    return case["request"] is None and case["config"] is not None


def is_request(case: Case) -> bool:
    return case["request"] is not None


def is_heavy(case: Case) -> bool:
    return is_request(case) and "max_ms" in case["expect"]


@in_one_test
@pytest.mark.parametrize("case", parameters(is_request))
def test_request(case: Case) -> None:
    """The second time it goes by what was remembered of the first."""
    storage, request = Storage(case), case["request"]
    for sent in (1, 2):
        response = call(storage.wsgi, environ_of(request))
        if case["expect"]["allowed"] is not None:
            assert lets_proceed(request, response) is case["expect"]["allowed"]
        assert not unmet(case["expect"], response)
        if "app_calls" in case["expect"]:
            assert storage.calls == sent * case["expect"]["app_calls"]


@pytest.mark.parametrize("case", parameters(is_heavy))
def test_request_takes_no_more_work_than_a_plain_one(case: Case) -> None:
    """Calls and memory are counted, where the case has milliseconds."""
    storage = Storage(case)

    def work(headers: list[list[str]]) -> tuple[int, int]:
        request = {**case["request"], "headers": headers}
        call(storage.wsgi, environ_of(request))
        environ = environ_of(request)
        tracemalloc.start()
        call(storage.wsgi, environ)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        environ = environ_of(request)
        return count_calls(lambda: call(storage.wsgi, environ)), peak

    plain_steps, plain_peak = work(
        [[name, value[-8:]] for name, value in case["request"]["headers"]]
    )
    heavy_steps, heavy_peak = work(case["request"]["headers"])
    assert heavy_steps <= 2 * plain_steps
    assert heavy_peak <= plain_peak + MAX_EXTRA_BYTES


def is_refused(config: dict[str, Any]) -> bool:
    """Whether rules are refused as values; then every dialect refuses their document, too."""
    documents = [_accepts(config, name) for name in DIALECTS]
    try:
        rule_set(config)
    except InvalidRules:
        assert not any(documents)
        return True
    assert all(documents)
    return False


def _accepts(config: dict[str, Any], dialect: str) -> bool:
    try:
        parse_xml(document(config), DIALECTS[dialect])
    except DocumentError:
        return False
    return True


def document(config: dict[str, Any]) -> bytes:
    """The rules as a client sends them, whatever they hold."""
    names = {
        "origins": "AllowedOrigin",
        "methods": "AllowedMethod",
        "headers": "AllowedHeader",
        "expose": "ExposeHeader",
        "max_age": "MaxAgeSeconds",
    }
    rules = "".join(
        "<CORSRule>"
        + "".join(
            f"<{names[field]}>{escape(str(value))}</{names[field]}>"
            for field, values in rule.items()
            for value in (values if isinstance(values, list) else [values])
        )
        + "</CORSRule>"
        for rule in config["rules"]
    )
    return f"<CORSConfiguration>{rules}</CORSConfiguration>".encode()


def put_status(case: Case, *, strict: str) -> int:
    """The status of a PUT of the rules by somebody who may."""
    store, config = MemoryStore(), case["config"]
    api = RulesAPI(
        store,
        authorize=lambda call: True,
        strict=strict,
        allow_credentials=config["credentials"],
    )
    app = BucketCORSMiddleware(lambda environ, start: [b""], store=store, api=api)
    body = document(config)
    environ = environ_of({"method": "PUT", "path": "/bucket-a?cors", "headers": []})
    environ["wsgi.input"].write(body)
    environ["wsgi.input"].seek(0)
    response = call(app, {**environ, "CONTENT_LENGTH": str(len(body))})
    assert (store.get("bucket-a") is not None) is (response.status == 200)
    return response.status


def finding_ids(case: Case) -> set[str]:
    config = case["config"]
    found = lint(rule_fields(config), allow_credentials=config["credentials"])
    return {finding.id for finding in found}


@in_one_test
@pytest.mark.parametrize(
    "case", parameters(lambda case: is_about_rules(case) and case["id"] not in KEPT)
)
def test_rules(case: Case) -> None:
    """What is to be refused is no rule set and no document; of the rest a finding warns."""
    if case["expect"]["config"] == "reject":
        assert is_refused(case["config"])
        assert put_status(case, strict="off") == 400
    else:
        assert finding_ids(case)


@in_one_test
@pytest.mark.parametrize("case", parameters(lambda case: case["id"] in KEPT))
def test_rules_that_are_kept(case: Case) -> None:
    choice, strict_refuses, finding = KEPT[case["id"]]
    assert_is_chosen(choice)
    assert not is_refused(case["config"])
    assert put_status(case, strict="off") == 200
    assert put_status(case, strict="dangers") == (400 if strict_refuses else 200)
    assert finding is None or finding in finding_ids(case)


def test_every_case_is_of_one_kind() -> None:
    """Scenarios stand in test_corpus_scenarios.py."""
    kinds = [
        is_request(case) + is_about_rules(case) for case in CASES if case["reach"] != "scenario"
    ]
    assert set(kinds) == {1}
    assert {case["id"] for case in CASES} >= KEPT.keys()


def test_the_model_lets_a_page_through_only_by_its_own_origin() -> None:
    """The judge of this module tells the two apart."""
    pairs = [
        ("Access-Control-Allow-Origin", "https://a.test"),
        ("Access-Control-Allow-Methods", "PUT"),
    ]
    assert passes_preflight(PageRequest("https://a.test", "PUT"), 200, pairs)
    assert not passes_preflight(PageRequest("https://b.test", "PUT"), 200, pairs)
