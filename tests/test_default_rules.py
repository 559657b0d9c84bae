"""Default rules: the rules of every bucket that has none of its own, and of nothing else."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from flask_bucketcors import (
    BucketCORSMiddleware,
    Decision,
    MemoryStore,
    Reason,
    Rule,
    RulesAPI,
    RuleSet,
    SettingRefused,
    SQLiteStore,
    Store,
    StoreUnavailable,
    lint,
)
from flask_bucketcors.core.dialects import DIALECTS
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.stores.contract import StoredRules
from flask_bucketcors.wsgi.environ import DECISION
from tests.support.naive_evaluator import evaluate
from tests.support.strategies import Meeting, meetings
from tests.support.tables import in_one_test

OWN, DEFAULT = "https://own.example", "https://default.example"
OWN_RULES = RuleSet([Rule([OWN], ["GET"], max_age_seconds=1)])
DEFAULT_RULES = RuleSet([Rule([DEFAULT], ["GET"], max_age_seconds=2)])
PREFIX = {"url_prefix": "/"}


class Response(NamedTuple):
    """A response, and what the application was told of the decision."""

    status: int
    headers: dict[str, str]
    body: bytes
    decision: Decision | None

    @property
    def allow_origin(self) -> str | None:
        return self.headers.get("Access-Control-Allow-Origin")


class Site:
    """An application behind the middleware."""

    def __init__(self, store: Store, default_rules: Any = DEFAULT_RULES, **settings: Any) -> None:
        self.decisions: list[Decision | None] = []
        where = {} if {"host_suffixes", "buckets"} & settings.keys() else PREFIX
        self.middleware = BucketCORSMiddleware(
            self._app, store=store, default_rules=default_rules, **{**where, **settings}
        )

    def _app(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.decisions.append(environ.get(DECISION))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"app"]

    def ask(self, path: str, origin: str = DEFAULT, method: str = "GET", **more: str) -> Response:
        """Send a request; ``more`` are keys of the environ."""
        self.decisions.clear()
        environ = {**create_environ(path, method=method), "HTTP_ORIGIN": origin, **more}
        body, status, headers = run_wsgi_app(self.middleware, environ)
        # Ids differ, and the error document repeats one.
        kept = {name: value for name, value in headers if "-id" not in name}
        start = b"".join(body).partition(b"<RequestId>")[0]
        return Response(int(status[:3]), kept, start, (self.decisions or [None])[0])

    def preflight(
        self, path: str, origin: str = DEFAULT, method: str = "GET", headers: str | None = None
    ) -> Response:
        asked = {} if headers is None else {"HTTP_ACCESS_CONTROL_REQUEST_HEADERS": headers}
        asked["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] = method
        return self.ask(path, origin, "OPTIONS", **asked)

    def rules_of(self, bucket: str) -> str:
        """Which rules decide about a bucket, for preflights and for actual requests alike."""
        found = set()
        for ask in (self.ask, self.preflight):
            allowed = {"own": OWN, "default": DEFAULT}
            names = [
                name for name, each in allowed.items() if ask(f"/{bucket}/k", each).allow_origin
            ]
            found.add(" and ".join(names) or "none")
        assert len(found) == 1, found
        return found.pop()


# The decision is the one that the bucket's own rules would make


@given(meetings(), st.sampled_from(sorted(DIALECTS)), st.sampled_from(["safe", "vendor"]))
def test_default_rules_decide_as_own_rules_do(meeting: Meeting, dialect: str, vary: str) -> None:
    rule_set = RuleSet([Rule(**rule) for rule in meeting.rules])
    store = MemoryStore()
    store.put("own", rule_set)
    site = Site(store, rule_set, dialect=dialect, vary=vary)
    sent = meeting.origin, meeting.method
    for _ in range(2):
        own, default = (
            site.preflight(f"/{bucket}/k", *sent, meeting.requested_headers)
            for bucket in ("own", "any")
        )
        # The error document names the bucket.
        assert own._replace(body=b"") == default._replace(body=b"")
        own, default = (site.ask(f"/{bucket}/k", *sent) for bucket in ("own", "any"))
        assert own.decision is not None
        assert default.decision is not None
        assert default == own._replace(decision=own.decision._replace(is_default=True))
        verdict = evaluate(
            meeting.rules, origin=sent[0], method=sent[1], kind="actual", dialect=dialect
        )
        assert default.decision.rule == verdict.rule


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_application_is_told_that_the_default_rules_decided(dialect: str) -> None:
    store = MemoryStore()
    store.put("own", OWN_RULES)
    site = Site(store, dialect=dialect)
    for _ in range(2):
        for origin, reason in ((DEFAULT, None), (OWN, Reason.ORIGIN)):
            decision = site.ask("/any/k", origin).decision
            assert decision is not None
            assert (decision.is_default, decision.reason) == (True, reason)
        own = site.ask("/own/k", OWN).decision
        assert own is not None
        assert not own.is_default


# Which buckets have them


class Damaged(MemoryStore):
    """A store in which some buckets cannot be read."""

    def read(self, bucket: str) -> StoredRules | None:
        if bucket == "gone":
            raise StoreUnavailable("the disk is gone")
        if bucket == "garbled":
            return StoredRules("1", 1, self._fail)
        return super().read(bucket)

    def _fail(self) -> RuleSet:
        raise StoredRulesInvalid("no rule set")


HOSTS = {"host_suffixes": ["cos.test"]}
WHICH = [
    pytest.param({}, "/any/k", "default", id="without rules"),
    pytest.param({}, "/any", "default", id="the bucket itself"),
    pytest.param({}, "/b\u00fccher/k", "default", id="a name beyond ASCII"),
    pytest.param({}, "/a b/k", "default", id="a name with a space"),
    pytest.param({}, "/own/k", "own", id="own rules"),
    pytest.param({}, "/gone/k", "none", id="cannot be read"),
    pytest.param({}, "/garbled/k", "none", id="no longer a rule set"),
    pytest.param({"reserved": ["api"]}, "/api/items", "none", id="reserved"),
    pytest.param({}, "/any/../k", "none", id="dot segment"),
    pytest.param({}, "/a\x01b/k", "none", id="a name with a control character"),
    pytest.param({}, f"/{'a' * 256}/k", "none", id="a name that is too long"),
    pytest.param({}, "/", "none", id="no bucket"),
    pytest.param({"url_prefix": "/files"}, "/files/any/k", "default", id="below the prefix"),
    pytest.param({"url_prefix": "/files"}, "/any/k", "none", id="outside the prefix"),
    pytest.param({"url_prefix": "/files"}, "/files", "none", id="the prefix"),
    pytest.param({"buckets": lambda request: ("x", "k")}, "/any", "default", id="by a function"),
    pytest.param({"buckets": lambda request: None}, "/any", "none", id="none by a function"),
]


@in_one_test
@pytest.mark.parametrize("no_rules", ["refuse", "pass"])
@pytest.mark.parametrize("settings, path, expected", WHICH)
def test_every_bucket_without_rules_of_its_own_has_them(
    settings: dict[str, Any], path: str, expected: str, no_rules: str
) -> None:
    store = Damaged()
    store.put("own", OWN_RULES)
    site = Site(store, **settings, no_rules=no_rules)
    raw = path.encode().decode("latin-1")
    origins = {"own": OWN, "default": DEFAULT}
    # Twice: the second time, the rules are in memory.
    for _ in range(2):
        for name, origin in origins.items():
            allowed = origin if name == expected else None
            assert site.ask("/", origin, PATH_INFO=raw).allow_origin == allowed
            asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET", "PATH_INFO": raw}
            assert site.ask("/", origin, "OPTIONS", **asked).allow_origin == allowed


def test_no_rules_is_about_buckets_that_have_no_default_rules_either() -> None:
    site = Site(MemoryStore(), no_rules="pass")
    assert site.preflight("/any/k", OWN).status == 403
    assert Site(MemoryStore(), None, no_rules="pass").preflight("/any/k", OWN).body == b"app"


# A bucket leaves them, and comes back


@pytest.fixture
def stores(path: Path) -> Iterator[list[SQLiteStore]]:
    """The stores of two workers."""
    with closing(SQLiteStore(path)) as one, closing(SQLiteStore(path)) as other:
        yield [one, other]


def test_own_rules_replace_them_at_once_and_a_deletion_brings_them_back(
    stores: list[SQLiteStore],
) -> None:
    sites = [Site(store) for store in stores]
    for writer in [*stores, *stores]:
        assert [site.rules_of("any") for site in sites] == ["default"] * 2
        writer.put("any", OWN_RULES)
        assert [site.rules_of("any") for site in sites] == ["own"] * 2
        assert [site.rules_of("other") for site in sites] == ["default"] * 2
        writer.delete("any")


def test_the_api_knows_stored_rules_alone() -> None:
    store = MemoryStore()
    site = Site(store, api=RulesAPI(store, authorize=lambda call: True))

    def call(method: str) -> Response:
        return site.ask("/any", method=method, QUERY_STRING="cors")

    missing = call("GET")
    assert missing.status == 404
    assert b"<Code>NoSuchCORSConfiguration</Code>" in missing.body
    assert call("DELETE").status == 204
    assert store.history("any") == store.list() == []
    store.put("any", OWN_RULES)
    assert call("DELETE").status == 204
    assert site.rules_of("any") == "default"


NOBODY = RuleSet([Rule(["https://nobody.invalid"], ["GET"])])


def test_an_owner_can_allow_nobody() -> None:
    """With the rules of the documentation, with which every form and check is content."""
    store = MemoryStore()
    store.put("closed", NOBODY)
    assert Site(store).rules_of("closed") == "none"
    assert lint(NOBODY) == ()


# Memory


def test_all_buckets_share_one_object_and_invented_names_are_bounded() -> None:
    store = MemoryStore()
    store.put("own", OWN_RULES)
    site = Site(store, cached_buckets=5)
    assert site.rules_of("own") == "own"
    for number in range(20):
        assert site.ask(f"/invented-{number}/k").allow_origin == DEFAULT
    kept = site.middleware._rules.kept
    compiled = {id(each.rules) for name, each in kept.by_bucket.items() if name != "own"}
    assert len(compiled) == 1
    assert sorted(kept.by_bucket) == [
        "invented-15",
        *(f"invented-{n}" for n in range(16, 20)),
        "own",
    ]
    assert len(kept.absent) == 5
    assert site.ask("/invented-0/k").allow_origin == DEFAULT


# Setting them


APPLICATION_AS_A_WHOLE = "default rules would apply to every URL of the application"


@pytest.mark.parametrize("settings", [{}, {"reserved": ["api"]}, {"host_suffixes": []}])
def test_they_are_refused_where_nothing_says_which_urls_are_buckets(settings: Any) -> None:
    with pytest.raises(SettingRefused, match=APPLICATION_AS_A_WHOLE):
        BucketCORSMiddleware(
            lambda *_: [], store=MemoryStore(), default_rules=DEFAULT_RULES, **settings
        )


XML = f"""<CORSConfiguration><CORSRule>
<AllowedOrigin>{DEFAULT}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
<MaxAgeSeconds>2</MaxAgeSeconds></CORSRule></CORSConfiguration>"""
JSON = json.dumps(DEFAULT_RULES.as_dict())


def test_they_may_be_a_value_a_document_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.xml").write_text(XML)
    (tmp_path / "<odd>.json").write_text(JSON)
    forms = [
        DEFAULT_RULES,
        XML,
        f"\ufeff\n {XML}",
        JSON,
        DEFAULT_RULES.as_dict(),
        DEFAULT_RULES.as_dict()["rules"],
        "rules.xml",
        str(tmp_path / "rules.xml"),
        tmp_path / "rules.xml",
        Path("<odd>.json"),
    ]
    for form in forms:
        site = Site(MemoryStore(), form)
        assert site.middleware.default_rules == DEFAULT_RULES
        assert site.rules_of("any") == "default"


@in_one_test
@pytest.mark.parametrize(
    "value, said",
    [
        ("", "default_rules is '': write a RuleSet, a document in XML or JSON, the path of a file"),
        (" ", "default_rules is ' ': write a RuleSet"),
        (5, "default_rules is 5: write a RuleSet"),
        (True, "default_rules is True: write a RuleSet"),
        (XML.encode(), "default_rules is b'<CORSConfiguration>"),
        ("rules.xml", "default_rules: the file 'rules.xml' cannot be read (No such file or dir"),
        (Path("/"), "default_rules: the file '/' cannot be read (Is a directory): write a RuleSet"),
        ("a\0b", "default_rules: the file 'a\\x00b' cannot be read (embedded null byte)"),
        ("<CORSRule>", "default_rules: the document is refused: the rules are not accepted as XML"),
        ("{}", "default_rules: the document is refused: the rules are without a list of rules"),
        ([], "default_rules: the document is refused: rules"),
        (XML.replace("GET", "get"), "the document is refused: rule 1: AllowedMethod 'get' is in"),
        ("<" + "a" * 2**20, "the document is refused: the rules are longer than 1048576 bytes"),
    ],
)
def test_what_holds_no_rules_is_refused_with_what_to_write(value: Any, said: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        Site(MemoryStore(), value)
    assert said in str(refused.value)


def test_they_stay_away_from_other_urls_if_two_threads_build_the_resolver() -> None:
    """Nothing says that paths are buckets', only hosts."""
    site = Site(MemoryStore(), host_suffixes=["cos.test"])
    for _ in range(2):
        for bucket in ("photos", "albums"):
            assert site.ask(f"/{bucket}/a").allow_origin is None
            on_host = site.ask("/a", HTTP_HOST=f"{bucket}.cos.test")
            assert on_host.allow_origin == DEFAULT
        # What the other thread did. A change lets the rules be read again.
        BucketCORSMiddleware.resolve.func(site.middleware)
        site.middleware.store.put("pictures", OWN_RULES)
