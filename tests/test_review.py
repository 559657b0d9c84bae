"""What a PUT says of the rules that it brings: in the log, in a header, or as a refusal."""

import logging
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from signing import KEYS, NOW, signed
from strategies import rule_sets
from webtest import TestApp, TestResponse

from flask_bucketcors import BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet, lint
from flask_bucketcors.core.lint import may_be_dangerous
from flask_bucketcors.core.linting.findings import Severity
from flask_bucketcors.review import FINDINGS, LINT, MAX_EXPLAINED, MAX_LISTED

PLAIN = "https://a.example"
Put = Callable[..., TestResponse]


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def put(store: MemoryStore) -> Put:
    """Put one rule for GET and HEAD."""

    def put(*origins: str, headers: dict[str, str] | None = None, **options: bool) -> TestResponse:
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
    assert value.count("BC207") == MAX_LISTED - 1  # BC108 is one of them.
    assert value.endswith(", more;count=31")


def test_dangers_are_stored_and_logged(put, store, caplog):
    assert put("http://*abc.com").status_code == 200
    assert store.get("photos") == RuleSet([Rule(["http://*abc.com"], ["GET"])])
    (line,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert line.getMessage().startswith(
        "dangerous rules for bucket 'photos': BC201 rule 1 'http://*abc.com': "
    )


def test_the_rest_is_information(put, caplog):
    caplog.set_level(logging.INFO, logger="flask_bucketcors.review")
    put("https://A.example")
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        (
            "INFO",
            "rules for bucket 'photos': BC301 rule 1 'https://A.example': an origin has capitals; "
            "browsers send none",
        )
    ]


def test_what_is_no_danger_is_looked_at_for_those_alone_who_read_it(put, caplog):
    caplog.set_level(logging.WARNING, logger="flask_bucketcors.review")
    put("https://A.example")
    assert not caplog.records


def test_rules_that_are_refused_are_not_logged_as_put(put, caplog):
    put("null", strict=True)
    assert not caplog.records


def test_strict_refuses_what_is_dangerous(put, store):
    answer = put("http://*abc.com", strict=True)
    assert answer.status_code == 400
    assert answer.xml.findtext("Code") == "InvalidArgument"
    message = answer.xml.findtext("Message")
    assert "BC201 rule 1: 'http://*abc.com' covers 'http://evilabc.com'" in message
    assert "Write a dot behind the '*'" in message
    assert "(GET from http://evilabc.com: allowed by rule 1)" in message
    assert store.get("photos") is None


def test_strict_explains_a_few_and_counts_the_rest(put):
    answer = put(*(f"http://h{i}.example" for i in range(80)), strict=True)
    message = answer.xml.findtext("Message")
    assert message.count("BC207") == MAX_EXPLAINED
    assert message.endswith(f"And {80 - MAX_EXPLAINED} more.")


def test_strict_takes_what_is_only_odd(put):
    assert put("https://A.example", strict=True).status_code == 200


def test_strict_is_about_the_credentials_that_there_are(put):
    assert put("http://a.example", strict=True).status_code == 400
    assert put("http://a.example", strict=True, allow_credentials=False).status_code == 200


@pytest.mark.parametrize(
    "origin", ["null", "https://*", "http://a.example", "*://a.example", "app://*", "https*"]
)
def test_the_quick_look_sees_each_kind_of_danger(origin):
    assert may_be_dangerous(RuleSet([Rule([PLAIN], ["GET"]), Rule([PLAIN, origin], ["GET"])]))


@pytest.mark.parametrize("origin", ["*", PLAIN, "app://a", "localhost", "HTTP://a.example"])
def test_the_quick_look_lets_the_rest_be(origin):
    assert not may_be_dangerous(RuleSet([Rule([origin], ["GET"])]))


@given(rule_sets())
def test_the_quick_look_misses_no_danger(given):
    rules = RuleSet([Rule(**each) for each in given])
    dangers = [each for each in lint(rules) if each.severity is Severity.DANGER]
    assert may_be_dangerous(rules) or not dangers
