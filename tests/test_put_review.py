"""What a PUT says of the rules that it brings: in the log, in a header, or as a refusal."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from webtest import TestApp, TestResponse

from flask_bucketcors import (
    Bounds,
    BucketCORSMiddleware,
    MemoryStore,
    Rule,
    RulesAPI,
    RuleSet,
    lint,
)
from flask_bucketcors.analysis.linter import subject
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.api import put_review
from flask_bucketcors.api.put_review import MAX_EXPLAINED, MAX_LISTED, Reviewer
from flask_bucketcors.api.rules_api import FINDINGS, LINT
from flask_bucketcors.core.dialects import COS
from flask_bucketcors.core.errors import RefusedByLint
from tests.support.cos_signing import KEYS, NOW, signed
from tests.support.strategies import rule_sets

PLAIN = "https://a.example"
STRICT = Reviewer(strict="dangers", public_suffix=None, allow_credentials=True)
Put = Callable[..., TestResponse]


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def put(store: MemoryStore) -> Put:
    """Put one rule for GET and HEAD."""

    def put(*origins: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        api = RulesAPI(store, access_keys=KEYS, clock=lambda: NOW, **options)
        app = TestApp(BucketCORSMiddleware(lambda *_: [], store=store, api=api))
        body = document(origins)
        return signed(app, "PUT", "/photos?cors", body, headers=headers or {})

    return put


def document(origins: tuple[str, ...]) -> bytes:
    values = "".join(f"<AllowedOrigin>{origin}</AllowedOrigin>" for origin in origins)
    methods = "<AllowedMethod>GET</AllowedMethod>"
    return f"<CORSConfiguration><CORSRule>{values}{methods}</CORSRule></CORSConfiguration>".encode()


HEADER = {
    "nothing to be said": ([PLAIN], "none"),
    "a danger": (["null"], "BC206;rule=1"),
    "several": (["http://*a.example"], "BC201;rule=1, BC207;rule=1"),
}


@pytest.mark.parametrize("origins, expected", HEADER.values(), ids=HEADER)
def test_findings_are_answered_on_request(put, origins, expected):
    assert put(*origins, headers={LINT: "1"}).headers[FINDINGS] == expected


def test_nobody_is_told_who_did_not_ask(put):
    assert FINDINGS not in put("null").headers


def test_a_header_has_an_end(put):
    value = put(*(f"http://h{i}.example" for i in range(80)), headers={LINT: "1"}).headers[FINDINGS]
    # The worst first: BC108, which is advice, is among those that are only counted.
    assert value.count("BC207") == MAX_LISTED
    assert value.endswith(", more;count=31")


def test_dangers_are_stored_and_logged(put, store, caplog):
    assert put("http://*abc.com").status_code == 200
    assert store.get("photos") == RuleSet([Rule(["http://*abc.com"], ["GET"])])
    (line,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert line.getMessage().startswith(
        "rules of bucket 'photos', danger: BC201 rule 1 'http://*abc.com': "
    )


def test_the_rest_is_information(put, caplog):
    caplog.set_level(logging.INFO, logger="flask_bucketcors.lint")
    put("https://A.example")
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "INFO",
            "rules of bucket 'photos', warning: BC301 rule 1 'https://A.example': a value contains "
            "capital letters; browsers send lower case, and case counts",
        )
    ]


def test_what_is_no_danger_is_looked_at_for_those_alone_who_read_it(put, caplog):
    caplog.set_level(logging.WARNING, logger="flask_bucketcors.lint")
    put("https://A.example")
    assert not caplog.records


def test_rules_that_are_refused_are_not_logged_as_put(put, caplog):
    put("null", strict="dangers")
    assert not caplog.records


def test_strict_refuses_what_is_dangerous(put, store):
    answer = put("http://*abc.com", strict="dangers")
    assert answer.status_code == 400
    assert answer.xml.findtext("Code") == "InvalidArgument"
    message = answer.xml.findtext("Message")
    assert "BC201 rule 1: 'http://*abc.com' matches 'http://evilabc.com'" in message
    assert "Help: write a dot after the `*`" in message
    assert "Example request: GET from http://evilabc.com: allowed by rule 1." in message
    assert store.get("photos") is None


def test_strict_explains_a_few_and_counts_the_rest(put):
    answer = put(*(f"http://h{i}.example" for i in range(80)), strict="dangers")
    message = answer.xml.findtext("Message")
    assert message.count("BC207") == MAX_EXPLAINED
    assert message.endswith(f"And {80 - MAX_EXPLAINED} more.")


def test_strict_takes_what_is_only_odd(put):
    assert put("https://A.example", strict="dangers").status_code == 200


ODD = "https://A.example"
LEVELS = [
    # origins, and the levels that refuse them for which finding
    ([PLAIN], {}),
    ([PLAIN, "https://b.example"], {}),
    ([ODD], {"warnings": "BC301"}),
    (["null"], {"dangers": "BC206", "warnings": "BC206"}),
    ([ODD, "null"], {"dangers": "BC206", "warnings": "BC206"}),
]


@pytest.mark.parametrize("level", ["off", "dangers", "warnings"])
@pytest.mark.parametrize("origins, refusing", LEVELS)
def test_each_level_refuses_its_findings_the_worst_first(put, store, origins, refusing, level):
    answer = put(*origins, strict=level)
    if level in refusing:
        message = answer.xml.findtext("Message")
        assert re.findall(r"BC\d+", message)[0] == refusing[level]
    assert answer.status_code == (400 if level in refusing else 200)
    assert (store.get("photos") is None) is (level in refusing)


def test_warnings_refuse_rules_that_lint_cannot_judge_though_they_are_not_dangerous(put):
    rule = {"allowed_methods": ["GET"], "allowed_headers": ["*" + "a" * 60_000]}
    rules = RuleSet([Rule(allowed_origins=[PLAIN], **rule)])
    warned = replace(STRICT, strict="warnings")
    for in_full in (True, False):
        with pytest.raises(RefusedByLint, match="too long, or overlap"):
            warned.review(rules, COS, in_full=in_full)


def test_strict_is_about_the_credentials_that_there_are(put):
    assert put("http://a.example", strict="dangers").status_code == 400
    assert put("http://a.example", strict="dangers", allow_credentials=False).status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "https://*", "http://a.example", "*://a.example", "app://*", "https*"]
)
def test_the_quick_look_sees_each_kind_of_danger(origin):
    rules = RuleSet([Rule([PLAIN], ["GET"]), Rule([PLAIN, origin], ["GET"])])
    assert {each.severity for each in lint(rules, dangers_only=True)} == {Severity.DANGER}


@pytest.mark.parametrize("origin", ["*", PLAIN, "app://a", "localhost", "HTTP://a.example"])
def test_the_quick_look_works_out_no_requests_for_the_rest(origin, monkeypatch):
    monkeypatch.setattr(subject, "Requests", None)
    assert lint(RuleSet([Rule([origin], ["GET"])]), dangers_only=True) == ()


# Its one finding would take minutes to tell, and its answer all memory there is.
INTRICATE = ("http://*abc.com", *(f"https://{i:03}{'a' * 40}*" for i in range(300)))
INTRICATE += tuple(f"*{'a' * 40}{i:03}" for i in range(300))


def test_rules_too_intricate_to_look_at_are_stored_and_that_is_said(put, store, caplog):
    assert put(*INTRICATE, headers={LINT: "1"}).headers[FINDINGS] == "unknown"
    assert store.get("photos") is not None
    (line,) = caplog.records
    assert line.getMessage() == "rules of bucket 'photos' could not be judged"


def test_strict_refuses_them(put, store):
    answer = put(*INTRICATE, strict="dangers")
    assert answer.status_code == 400
    assert "overlap in too many ways" in answer.xml.findtext("Message")
    assert store.get("photos") is None


def test_what_is_too_intricate_is_refused_if_it_may_be_dangerous():
    rule = {"allowed_methods": ["GET"], "allowed_headers": ["*" + "a" * 60_000]}
    plain = RuleSet([Rule(allowed_origins=[PLAIN], **rule)])
    assert STRICT.review(plain, COS) == ()
    assert STRICT.review(plain, COS, in_full=True) is None
    dangerous = RuleSet([Rule(allowed_origins=["http://a.example"], **rule)])
    with pytest.raises(RefusedByLint, match="too long, or overlap"):
        STRICT.review(dangerous, COS)


@pytest.mark.parametrize("origin, refused", [(PLAIN, False), ("null", True)])
def test_strict_judges_the_dangers_where_the_rest_is_too_intricate(monkeypatch, origin, refused):
    # To find the dangers takes 71 comparisons, to find everything more than 200.
    bounded = partial(lint, bounds=Bounds(comparisons=100, kinds=100))
    monkeypatch.setattr(put_review, "lint", bounded)
    strict = replace(STRICT)
    rules = RuleSet([Rule([origin, "https://*.a.example"], ["GET"])] * 2)
    with pytest.raises(RefusedByLint, match="BC206") if refused else nullcontext():
        assert strict.review(rules, COS, in_full=True) is None
    with pytest.raises(RefusedByLint, match="BC206") if refused else nullcontext():
        assert strict.review(rules, COS) == ()


@pytest.fixture
def lintings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each run of lint, whether it looks for dangers only."""
    runs: list[bool] = []

    def counted(*arguments: Any, dangers_only: bool, **named: Any) -> Any:
        runs.append(dangers_only)
        return lint(*arguments, dangers_only=dangers_only, **named)

    monkeypatch.setattr(put_review, "lint", counted)
    return runs


RUNS = [
    # origin, strict, asked for findings: whether each run looks for dangers only
    (PLAIN, "off", False, [True]),
    (PLAIN, "dangers", False, [True]),
    (PLAIN, "dangers", True, [False]),
    ("null", "off", False, [True]),
    ("null", "dangers", False, [True]),
    ("null", "off", True, [False]),
    ("null", "dangers", True, [False]),
    ("https://*.a.example", "dangers", False, [True]),
    ("https://*.a.example", "dangers", True, [False]),
    # A warning can be in any rules.
    (PLAIN, "warnings", False, [False]),
    ("null", "warnings", True, [False]),
]


@pytest.mark.parametrize("origin, strict, asked, expected", RUNS)
def test_rules_are_linted_once_at_most(put, lintings, origin, strict, asked, expected):
    put(origin, strict=strict, headers={LINT: "1"} if asked else {})
    assert lintings == expected


def failing(host: str) -> str:
    raise LookupError(host)


def test_a_failing_function_for_public_suffixes_breaks_no_put(put, store, caplog):
    answer = put("https://*.com", headers={LINT: "1"}, public_suffix=failing)
    assert (answer.status_code, answer.headers[FINDINGS]) == (200, "unknown")
    assert store.get("photos") is not None
    assert "LookupError" in caplog.text


def test_unless_dangers_are_to_be_refused(put, store, caplog):
    assert put("https://*.com", strict="dangers", public_suffix=failing).status_code == 500
    assert store.get("photos") is None
    assert "LookupError" in caplog.text


@given(rule_sets())
def test_the_quick_look_misses_no_danger(given):
    rules = RuleSet([Rule(**each) for each in given])
    dangers = [each for each in lint(rules) if each.severity is Severity.DANGER]
    assert list(lint(rules, dangers_only=True)) == dangers
