"""What each dialect puts on the wire, whole, as its vendor documents it or was recorded."""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import BucketCORS, BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.dialects import COS, DIALECTS, Dialect
from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.wsgi.error_responses import error_response
from tests.support import cos_signing
from tests.support.dialect_facts import FACTS, READERS, SITUATIONS, Refused
from tests.support.naive_evaluator import RuleDict, evaluate
from tests.support.sdk_signers import KEYS, SIGNERS, Sent, signed
from tests.support.strategies import methods, requested_headers, rule_sets
from tests.support.tables import in_one_test

A = "https://a.test"
EVIL = "https://evil.test"
HOST = "store.test"
KEY = "/photos/cat.png"
ROOT = "/photos/"
# An empty bucket.
ALBUMS = "/albums/cat.png"

RULES = RuleSet(
    [
        Rule([A], ["GET", "PUT"], ["X-Meta-A", "x-b-*"], ["ETag", "X-Own"], 600, "of a.test"),
        Rule(["*"], ["HEAD"]),
    ],
    response_vary=True,
)

ALL = list(DIALECTS.values())
in_every_dialect = pytest.mark.parametrize("dialect", ALL, ids=DIALECTS)

ALL_IDS = {name for facts in FACTS.values() for name in facts.error_ids}


class Answer(NamedTuple):
    """What came over the wire."""

    status: str
    pairs: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        return int(self.status[:3])

    @property
    def headers(self) -> dict[str, str]:
        """The headers, of which none may stand there twice."""
        assert len(self.pairs) == len(dict(self.pairs))
        return dict(self.pairs)

    @property
    def document(self) -> list[tuple[str, str]]:
        """The elements of the error document, in order."""
        return READERS[self.headers["Content-Type"]](self.body)

    def without_ids(self, dialect: Dialect) -> dict[str, str]:
        """The headers but for the ids, which have to be there."""
        ids = {name: value for name, value in self.headers.items() if name in ALL_IDS}
        facts = FACTS[dialect.name]
        assert tuple(ids) == (facts.error_ids if self.code >= 400 else facts.ids)
        return {name: value for name, value in self.headers.items() if name not in ids}


def storage(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Has every object, all of them empty."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]


def serve(dialect: str, **options: Any) -> Any:
    """A storage with the rules, and an API that anybody may call."""
    store = MemoryStore()
    store.put("photos", RULES)
    api = RulesAPI(
        store,
        authorize=lambda call: True,
        bucket_exists=lambda bucket: bucket in ("photos", "albums"),
        dialect=dialect,
    )
    options = {"api": api, "plain_options": "refuse", "api_cross_origin": True, **options}
    return BucketCORSMiddleware(storage, store=store, dialect=dialect, **options)


def ask(
    app: Any, method: str, path: str, headers: Mapping[str, str] | None = None, query: str = ""
) -> Answer:
    """Send a request; header names are those of the environ, without their prefix."""
    named = {f"HTTP_{name}": value for name, value in (headers or {}).items()}
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    return run(app, {**environ, "HTTP_HOST": HOST, **named})


def run(app: Any, environ: dict[str, Any]) -> Answer:
    """Have an environ answered; what it lacks is added."""
    environ = {"SCRIPT_NAME": "", **environ}
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start_response(status: str, pairs: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, pairs]
        return started.append

    body = validator(app)(environ, start_response)
    answer = Answer(*started, b"".join(body))
    body.close()
    return answer


def preflight(origin: str = A, method: str = "PUT", asked: str | None = None) -> dict[str, str]:
    """The headers of a preflight."""
    headers = {"ORIGIN": origin, "ACCESS_CONTROL_REQUEST_METHOD": method}
    return headers if asked is None else headers | {"ACCESS_CONTROL_REQUEST_HEADERS": asked}


PLAIN = {"Content-Type": "text/plain", "Content-Length": "0"}
in_every_way = pytest.mark.parametrize("vary", ["safe", "vendor"])


def with_vary(headers: Mapping[str, str], vary: str | None) -> dict[str, str]:
    return {**headers, **({"Vary": vary} if vary else {})}


@in_one_test
@in_every_way
@in_every_dialect
def test_an_allowed_preflight(dialect: Dialect, vary: str) -> None:
    app = serve(dialect.name, vary=vary)
    for path in (KEY, ROOT, "/photos"):
        answer = ask(app, "OPTIONS", path, preflight(asked="X-B-One,, x-meta-a"))
        assert (answer.status, answer.body) == ("200 OK", b"")
        facts = FACTS[dialect.name]
        expected = {**PLAIN, **facts.allowed_preflight}
        assert answer.without_ids(dialect) == with_vary(expected, facts.vary[vary].preflight)


@in_every_dialect
def test_an_allowed_preflight_that_asks_for_no_header(dialect: Dialect) -> None:
    answer = ask(serve(dialect.name), "OPTIONS", KEY, preflight())
    assert answer.headers.get("Access-Control-Allow-Headers") == FACTS[dialect.name].unasked


@in_every_dialect
def test_a_star_is_answered_to_everybody_and_never_with_credentials(dialect: Dialect) -> None:
    app = serve(dialect.name)
    for answer in (
        ask(app, "OPTIONS", KEY, preflight(EVIL, "HEAD")),
        ask(app, "HEAD", KEY, {"ORIGIN": EVIL}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


@in_one_test
@in_every_way
@in_every_dialect
def test_an_allowed_actual_request(dialect: Dialect, vary: str) -> None:
    answer = ask(serve(dialect.name, vary=vary), "GET", KEY, {"ORIGIN": A})
    facts = FACTS[dialect.name]
    expected = {**PLAIN, **facts.allowed_actual}
    assert answer.status == "200 OK"
    assert answer.headers == with_vary(expected, facts.vary[vary].actual)


@in_one_test
@in_every_way
@pytest.mark.parametrize("headers", [{"ORIGIN": EVIL}, {}], ids=["other origin", "no origin"])
@in_every_dialect
def test_an_actual_request_that_is_not_allowed(
    dialect: Dialect, headers: dict[str, str], vary: str
) -> None:
    answer = ask(serve(dialect.name, vary=vary), "GET", KEY, headers)
    assert answer.status == "200 OK"
    assert answer.headers == with_vary(PLAIN, FACTS[dialect.name].vary[vary].refused_actual)


@in_every_dialect
def test_a_bucket_without_rules_has_nothing_added(dialect: Dialect) -> None:
    assert ask(serve(dialect.name), "GET", ALBUMS, {"ORIGIN": A}).headers == PLAIN


@in_one_test
@pytest.mark.parametrize(
    "method, asked, by_its_own, by_requested",
    [
        pytest.param("GET", {"METHOD": "PUT"}, True, True, id="another of the rule's"),
        pytest.param("GET", {"METHOD": "DELETE"}, True, False, id="one that is not allowed"),
        pytest.param("DELETE", {"METHOD": "GET"}, False, True, id="one that alone is allowed"),
        pytest.param("GET", {"METHOD": ""}, True, False, id="an empty one"),
        pytest.param("GET", {"METHOD": "get"}, True, False, id="one in lower case"),
        pytest.param("GET", {"HEADERS": "x-meta-a"}, True, True, id="a header"),
        pytest.param("GET", {"HEADERS": "x-c"}, True, False, id="a header that is not allowed"),
        pytest.param("GET", {"HEADERS": "x c"}, True, False, id="what is no header"),
        pytest.param("GET", {"HEADERS": ""}, True, True, id="no header"),
    ],
)
@in_every_dialect
def test_what_an_actual_request_is_judged_by(
    dialect: Dialect,
    method: str,
    asked: dict[str, str],
    by_its_own: bool,
    by_requested: bool,
) -> None:
    headers = {f"ACCESS_CONTROL_REQUEST_{name}": value for name, value in asked.items()}
    answer = ask(serve(dialect.name), method, KEY, {"ORIGIN": A, **headers})
    by_those = FACTS[dialect.name].manner.judges_by_requested
    expected = by_requested if by_those else by_its_own
    assert ("Access-Control-Allow-Origin" in answer.headers) is expected
    assert "Access-Control-Allow-Headers" not in answer.headers


@given(
    rule_sets(),
    methods().filter(lambda method: method.isascii() and method != "OPTIONS"),
    st.none() | methods(),
    requested_headers(),
    st.sampled_from(ALL),
)
def test_actual_requests_are_answered_as_the_naive_evaluator_does(
    rules: list[RuleDict],
    method: str,
    requested_method: str | None,
    asked: str | None,
    dialect: Dialect,
) -> None:
    origin = next((o for rule in rules for o in rule["allowed_origins"] if "*" not in o), A)
    store = MemoryStore()
    store.put("photos", RuleSet([Rule(**rule) for rule in rules]))
    app = BucketCORSMiddleware(storage, store=store, dialect=dialect.name, vary="vendor")
    sent = {
        "ACCESS_CONTROL_REQUEST_METHOD": requested_method,
        "ACCESS_CONTROL_REQUEST_HEADERS": asked,
    }
    environ = {f"HTTP_{name}": value for name, value in sent.items() if value is not None}
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": KEY, "HTTP_ORIGIN": origin}
    verdict = evaluate(
        rules,
        origin=origin,
        method=method,
        requested_method=requested_method,
        requested_headers=asked,
        kind="actual",
        dialect=dialect.name,
    )
    # Twice: at first the bucket's rules are not in memory.
    for _ in range(2):
        started: list[Any] = []
        app(environ, lambda status, headers: started.append(dict(headers)))  # noqa: B023
        assert started == [{**PLAIN, **verdict.headers}]


# A path and the headers of a preflight.
REFUSED: dict[str, tuple[str, dict[str, str]]] = {
    "another origin": (KEY, preflight(EVIL)),
    "another method": (KEY, preflight(method="DELETE")),
    "another header": (KEY, preflight(asked="x-c")),
    "the bucket itself": (ROOT, preflight(EVIL)),
    "no rules": (ALBUMS, preflight()),
    "no such bucket": ("/nowhere/k", preflight()),
    "no rules, no method": (ALBUMS, {"ORIGIN": A}),
    "no origin": (KEY, {"ACCESS_CONTROL_REQUEST_METHOD": "GET"}),
    "no rules, no origin": (ALBUMS, {}),
    "no method": (KEY, {"ORIGIN": A}),
    "a method for no rule": (KEY, preflight(method="PATCH")),
    "what is no method": (KEY, preflight(method="a b")),
    "what is no header": (KEY, preflight(asked="x-meta-a, x b")),
    "no origin that fits, and what is no header": (KEY, preflight(EVIL, asked="x b")),
}


def error_document(dialect: Dialect, refused: Refused, answer: Answer, **about: str) -> bytes:
    """The whole document of an error.

    :param about: what its elements say of the request.
    """
    facts = FACTS[dialect.name]
    ids = [answer.headers[name] for name in facts.error_ids]
    texts = {
        "Code": refused.code,
        "Status": str(refused.status),
        "Message": refused.message,
        "HostId": ids[-1] if len(ids) > 1 else HOST,
        "RequestId": ids[0],
        "TraceId": ids[-1],
        "EC": "0034-00000001",
        "RecommendDoc": "https://api.aliyun.com/troubleshoot?q=0034-00000001",
        **about,
    }
    return facts.error([(name, texts[name]) for name in refused.elements])


@in_one_test
@in_every_way
@pytest.mark.parametrize("situation", SITUATIONS)
@in_every_dialect
def test_a_refused_preflight(dialect: Dialect, situation: str, vary: str) -> None:
    path, headers = REFUSED[situation]
    answer = ask(serve(dialect.name, vary=vary), "OPTIONS", path, headers)
    facts = FACTS[dialect.name]
    refused = facts.preflights[situation]
    expected = error_document(
        dialect,
        refused,
        answer,
        Resource=HOST + path,
        Method=headers.get("ACCESS_CONTROL_REQUEST_METHOD", "OPTIONS"),
        ResourceType="BUCKET" if path == ROOT else "OBJECT",
    )
    assert (answer.code, answer.body) == (refused.status, expected)
    # A bucket without rules has no owner who said ResponseVary.
    silent = vary == "vendor" and not path.startswith(ROOT)
    about_body = {
        "Content-Type": facts.error_content_type,
        "Content-Length": str(len(expected)),
        "X-Content-Type-Options": "nosniff",
    }
    expected_vary = None if silent else facts.vary[vary].refused_preflight
    assert answer.without_ids(dialect) == with_vary(about_body, expected_vary)


@pytest.mark.parametrize("path, kind", [(KEY, "OBJECT"), (ROOT, "BUCKET"), ("/photos", "BUCKET")])
def test_s3_names_the_kind_of_resource_in_path_style(path: str, kind: str) -> None:
    answer = ask(serve("s3"), "OPTIONS", path, preflight(EVIL))
    assert ("ResourceType", kind) in answer.document


@pytest.mark.parametrize("path, kind", [("/cat.png", "OBJECT"), ("/", "BUCKET"), ("", "BUCKET")])
def test_s3_names_the_kind_of_resource_on_a_virtual_host(path: str, kind: str) -> None:
    app = serve("s3", host_suffixes=["store.test"])
    answer = ask(app, "OPTIONS", path, {**preflight(EVIL), "HOST": "photos.store.test:80"})
    assert ("ResourceType", kind) in answer.document


@in_every_dialect
def test_every_answer_of_the_api_has_the_ids(dialect: Dialect) -> None:
    app = serve(dialect.name, plain_options="app")
    for method, path, status in [
        ("GET", "/photos", 200),
        ("OPTIONS", "/photos", 200),
        ("DELETE", "/photos", 204),
        ("GET", "/photos", 404),
        ("PUT", "/photos", 400),
        ("POST", "/photos", 405),
        ("GET", "/nowhere", 404),
    ]:
        answer = ask(app, method, path, query="cors")
        assert answer.code == status
        answer.without_ids(dialect)
        if status >= 400:
            texts = dict(answer.document)
            ids = {
                each.element: answer.headers[each.header]
                for each in dialect.ids
                if each.element in FACTS[dialect.name].error_elements
            }
            assert texts.items() >= ids.items()
    without_api = ask(serve(dialect.name, api=None), "GET", "/photos", query="cors")
    assert without_api.status == "501 Not Implemented"
    without_api.without_ids(dialect)


@in_one_test
@pytest.mark.parametrize("bucket", ["albums", "nowhere"])
@in_every_dialect
def test_a_document_that_is_not_there(dialect: Dialect, bucket: str) -> None:
    answer = ask(serve(dialect.name), "GET", f"/{bucket}", query="cors")
    facts = FACTS[dialect.name]
    refused = facts.no_rules if bucket == "albums" else facts.no_bucket
    expected = error_document(
        dialect, refused, answer, Resource=f"{HOST}/{bucket}", BucketName=bucket
    )
    assert (answer.code, answer.body) == (refused.status, expected)


HOSTILE = [
    "<a>",
    "&amp;",
    "a&b",
    "%s%(Code)s%%",
    "{value}{0}",
    "a\r\nX-Evil: 1",
    "a\x00b",
    "\x1b[31m",
    "]]>",
    "'\"",
    "\xc3\xa4",
    "\xef\xbf\xbe",
    "\xff",
    "a" * 70000,
]


@in_one_test
@pytest.mark.parametrize("where", ["host", "path", "origin", "method", "headers"])
@in_every_dialect
def test_what_a_request_says_is_never_repeated_raw(dialect: Dialect, where: str) -> None:
    for text in HOSTILE:
        repeats_nothing_raw(dialect, where, text)


def repeats_nothing_raw(dialect: Dialect, where: str, text: str) -> None:
    headers = preflight(EVIL, asked="x-meta-a")
    key = {
        "host": "HOST",
        "origin": "ORIGIN",
        "method": "ACCESS_CONTROL_REQUEST_METHOD",
        "headers": "ACCESS_CONTROL_REQUEST_HEADERS",
    }.get(where)
    path = f"/photos/{text}" if where == "path" else KEY
    app = serve(dialect.name, host_suffixes=["store.test"])
    answer = ask(app, "OPTIONS", path, headers | ({key: text} if key else {}))
    elements = dict(answer.document)
    names = [name for name in elements if name not in ("Method", "ResourceType")]
    assert names == list(FACTS[dialect.name].error_elements)
    assert answer.code in (400, 403)
    assert len(answer.body) < 2000
    ids = {name: value for name, value in answer.headers.items() if name in ALL_IDS}
    assert not any(text in value for value in (answer.headers.items() - ids.items()))
    shown = [elements[name] for name in elements.keys() - {"RequestId", "TraceId"}]
    # A method may be any token, and is one that a document has to write otherwise.
    if where != "method" or not re.fullmatch(r"[a-z&%]+", text):
        assert text not in "".join(shown)


@in_one_test
@pytest.mark.parametrize(
    "method, shown",
    [
        ("GE&T", "GE&T"),
        ("%s", "%s"),
        ("it's", "it's"),
        ("G" * 64, "G" * 64),
        ("G" * 65, "?"),
        ("", "?"),
        ("G{value}", "?"),
        ("G\xcbT", "?"),
    ],
)
def test_s3_repeats_a_requested_method_that_is_a_token(method: str, shown: str) -> None:
    answer = ask(serve("s3"), "OPTIONS", KEY, preflight(method=method))
    expected = ("Message", f"Invalid Access-Control-Request-Method: {shown}")
    assert answer.document[:2] == [("Code", "BadRequest"), expected]
    unnamed = ask(serve("s3"), "OPTIONS", ALBUMS, preflight(method=method))
    assert ("Method", shown) in unnamed.document


@in_one_test
@pytest.mark.parametrize("name", ["a&b", "it's", "%s%(Code)s", "{value}", "\ufffe", "<b>", "\xfc"])
@in_every_dialect
def test_a_bucket_of_any_name_is_missed_by_a_document(dialect: Dialect, name: str) -> None:
    path = f"/{name}".encode().decode("latin-1")
    answer = ask(serve(dialect.name), "GET", path, query="cors")
    texts = dict(answer.document)
    assert texts["Code"] == "NoSuchBucket"
    if "BucketName" in texts:
        # XML 1.0 has no way to write U+FFFE.
        assert texts["BucketName"] == name.replace("\ufffe", "?")


@in_one_test
@pytest.mark.parametrize("refusal", Refusal)
@in_every_dialect
def test_every_refusal_has_an_answer(dialect: Dialect, refusal: Refusal) -> None:
    started: list[Any] = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    body = error_response(
        environ, lambda *started_with: started.extend(started_with), dialect, refusal, bucket="b"
    )
    answer = Answer(*started, b"".join(body))
    status = HTTPStatus(answer.code)
    assert answer.status == f"{status.value} {status.phrase}"
    assert status >= 400
    texts = dict(answer.document)
    assert re.fullmatch("[A-Z][A-Za-z0-9]+", texts["Code"])
    assert all(texts.values())
    answer.without_ids(dialect)


@in_every_dialect
def test_the_setting_says_what_is_spoken(dialect: Dialect) -> None:
    app = Flask("storage")
    app.config["BUCKETCORS_DIALECT"] = dialect.name
    store = MemoryStore()
    store.put("photos", RULES)
    BucketCORS(app, store=store)
    answer = ask(app, "OPTIONS", KEY, preflight(asked="X-B-One, x-meta-a"))
    assert answer.without_ids(dialect).items() >= FACTS[dialect.name].allowed_preflight.items()
    actual = ask(app, "GET", KEY, {"ORIGIN": A})
    assert actual.headers.items() >= FACTS[dialect.name].allowed_actual.items()
    nobodys = ask(app, "GET", "/photos", query="cors")
    assert (nobodys.code, dict(nobodys.document)["Code"]) == (403, "AccessDenied")
    nobodys.without_ids(dialect)


def cos_signed(presigned: bool) -> Sent:
    """A call that is signed as COS has it."""
    headers = {"host": HOST}
    if presigned:
        path, _, query = cos_signing.presigned("GET", "/photos?cors", headers).partition("?")
        return Sent(path=path, query=query, headers=headers)
    signature = cos_signing.authorization("GET", "/photos?cors", headers)
    return Sent(path="/photos", headers={**headers, "authorization": signature})


@in_one_test
@pytest.mark.parametrize("presigned", [False, True], ids=["header", "query"])
@pytest.mark.parametrize("signer", [None, *SIGNERS])
@in_every_dialect
def test_a_call_is_answered_in_the_dialect_of_its_signature(
    dialect: Dialect, signer: str | None, presigned: bool
) -> None:
    if signer is None:
        spoken, sent, clock = COS, cos_signed(presigned), lambda: float(cos_signing.NOW)
    else:
        spoken = DIALECTS[SIGNERS[signer][0]]
        sent, clock = signed(signer, presigned=presigned), time.time
    api = RulesAPI(MemoryStore(), access_keys=KEYS, dialect=dialect.name, clock=clock)
    app = BucketCORSMiddleware(storage, store=MemoryStore(), api=api, dialect=dialect.name)
    for path, refusal in [
        (sent.path, Refusal.NO_SUCH_RULES),
        ("/another", Refusal.SIGNATURE_MISMATCH),
    ]:
        answer = run(app, sent.but(path=path).environ())
        error = spoken.errors[refusal]
        assert answer.status == error.status
        assert answer.document[:2] == [("Code", error.code), ("Message", error.message)]
        assert answer.headers["Content-Type"] == FACTS[spoken.name].error_content_type
        answer.without_ids(spoken)
