"""The documents of each dialect: what GET shows, what PUT takes, and how it says no."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import botocore.parsers
import botocore.session
import oss2.xml_utils
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from obs.convertor import Convertor
from qcloud_cos.cos_comm import xml_to_dict
from webtest import TestApp

from flask_bucketcors import BucketCORS, BucketCORSMiddleware, MemoryStore, Rule, RulesAPI, RuleSet
from flask_bucketcors.core.dialects import (
    COS,
    DIALECTS,
    OBS,
    OSS,
    S3,
    Dialect,
    ShowVary,
    find_dialect,
)
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.documents.from_xml import parse_xml
from flask_bucketcors.documents.to_xml import format_xml
from tests.support.cos_signing import send
from tests.support.dialect_facts import FACTS, READERS
from tests.support.naive_evaluator import RuleDict
from tests.support.strategies import rule_sets
from tests.support.tables import in_one_test

A = "https://a.test"
in_every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)

RULES = [
    Rule([A], ["GET", "PUT"], ["X-Meta-A", "x-b-*"], ["ETag", "X-Own"], 600, "one & 'all'"),
    Rule(["*"], ["HEAD"]),
]
# GET's document, as it is laid out in COS; the others have another root, leave out lines, and
# indent by something else.
SHOWN = """\
<CORSConfiguration>
\t<CORSRule>
\t\t<ID>one &amp; &apos;all&apos;</ID>
\t\t<AllowedOrigin>https://a.test</AllowedOrigin>
\t\t<AllowedMethod>GET</AllowedMethod>
\t\t<AllowedMethod>PUT</AllowedMethod>
\t\t<AllowedHeader>X-Meta-A</AllowedHeader>
\t\t<AllowedHeader>x-b-*</AllowedHeader>
\t\t<ExposeHeader>ETag</ExposeHeader>
\t\t<ExposeHeader>X-Own</ExposeHeader>
\t\t<MaxAgeSeconds>600</MaxAgeSeconds>
\t</CORSRule>
\t<CORSRule>
\t\t<AllowedOrigin>*</AllowedOrigin>
\t\t<AllowedMethod>HEAD</AllowedMethod>
\t</CORSRule>{vary}
</CORSConfiguration>"""


@in_one_test
@pytest.mark.parametrize("response_vary", [None, False, True])
@in_every_dialect
def test_what_get_shows(dialect: Dialect, response_vary: bool | None) -> None:
    facts = FACTS[dialect.name]
    text = SHOWN.format(vary=facts.shown_vary[response_vary])
    expected = facts.shown(text).encode()
    assert format_xml(RuleSet(RULES, response_vary), dialect) == expected


def read_by_cos(text: bytes) -> list[Any]:
    return [rule["AllowedMethod"] for rule in xml_to_dict(text)["CORSRule"]]


def read_by_oss(text: bytes) -> list[Any]:
    result = SimpleNamespace(rules=[])
    oss2.xml_utils.parse_get_bucket_cors(result, text)
    return [rule.allowed_methods for rule in result.rules]


def read_by_s3(text: bytes) -> list[Any]:
    service = botocore.session.get_session().get_service_model("s3")
    shape = service.operation_model("GetBucketCors").output_shape
    response = {"status_code": 200, "headers": {}, "body": text}
    read = botocore.parsers.create_parser("rest-xml").parse(response, shape)
    return [rule["AllowedMethods"] for rule in read["CORSRules"]]


def read_by_obs(text: bytes) -> list[Any]:
    # The client takes the namespace away before it has this read.
    plain = re.sub('xmlns="http.*?"', "", text.decode())
    return [rule.allowedMethod for rule in Convertor("obs").parseGetBucketCors(plain)]


@pytest.mark.parametrize(
    "dialect, read",
    [(COS, read_by_cos), (OSS, read_by_oss), (S3, read_by_s3), (OBS, read_by_obs)],
    ids=["cos", "oss", "s3", "obs"],
)
def test_the_vendors_client_reads_the_rules(
    dialect: Dialect, read: Callable[[bytes], list[Any]]
) -> None:
    methods = [["GET", "PUT"], ["HEAD", "POST"]]
    rules = [Rule([A], each, id="some") for each in methods]
    assert read(format_xml(RuleSet(rules, True), dialect)) == methods


@given(rule_sets(), st.sampled_from([None, False, True]), st.sampled_from(list(DIALECTS.values())))
def test_a_document_comes_back_but_for_what_the_dialect_cannot_say(
    rules: list[RuleDict], response_vary: bool | None, dialect: Dialect
) -> None:
    vary = {
        ShowVary.IF_PUT: response_vary,
        ShowVary.ALWAYS: bool(response_vary),
        ShowVary.NEVER: None,
    }[dialect.shows_vary]
    said = [rule if dialect.shows_id else {**rule, "id": None} for rule in rules]
    expected = RuleSet([Rule(**rule) for rule in said], vary)
    document = format_xml(RuleSet([Rule(**rule) for rule in rules], response_vary), dialect)
    assert parse_xml(document, find_dialect(dialect, EXTRA_METHODS)) == expected
    # The public way reads what every dialect writes, whatever is the reader's.
    written = RuleSet([Rule(**rule) for rule in rules], response_vary)
    assert RuleSet.parse(written.to_xml(dialect.name)) == expected
    assert RuleSet.parse(written.to_json()) == written


RULE = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"


def document(*rules: str, more: str = "") -> bytes:
    """A document with these rules' contents."""
    inner = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"<CORSConfiguration>{inner}{more}</CORSConfiguration>".encode()


def make(dialect: Dialect, store: MemoryStore | None = None, **options: Any) -> TestApp:
    """An application with nothing but an API that anybody may call."""
    store = store or MemoryStore()
    api = RulesAPI(store, authorize=lambda call: True, dialect=dialect.name, **options)
    return TestApp(BucketCORSMiddleware(lambda e, s: [b""], store=store, api=api))


def put(app: TestApp, body: bytes) -> tuple[int, str, str]:
    """Put a document; give status, code and message."""
    response = send(app, "PUT", "/photos?cors", body)
    if not response.body:
        return response.status_int, "", ""
    error = dict(READERS[response.headers["Content-Type"]](response.body))
    return response.status_int, error["Code"], error["Message"]


TAKEN = (200, "", "")


@in_one_test
@in_every_dialect
@pytest.mark.parametrize("limited", [False, True], ids=["the vendor's", "by setting"])
def test_so_many_rules_and_no_more(dialect: Dialect, limited: bool) -> None:
    facts = FACTS[dialect.name]
    rules = 3 if limited else facts.limits[0]
    app = make(dialect, limits={dialect.name: (3, 2000)} if limited else None)
    assert put(app, document(*[RULE] * rules)) == TAKEN
    status, code, message = put(app, document(*[RULE] * (rules + 1)))
    expected_code, text = facts.too_many
    assert (status, code) == (400, expected_code)
    assert text.format(limit=rules, count=rules + 1) in message


@in_one_test
@in_every_dialect
@pytest.mark.parametrize("limited", [False, True], ids=["the vendor's", "by setting"])
def test_so_many_bytes_and_no_more(dialect: Dialect, limited: bool) -> None:
    facts = FACTS[dialect.name]
    size = 300 if limited else facts.limits[1]
    app = make(dialect, limits={dialect.name: (3, size)} if limited else None)
    assert put(app, document(RULE).ljust(size)) == TAKEN
    assert put(app, document(RULE).ljust(size + 1))[:2] == (400, facts.too_large)


def test_limits_are_those_of_one_dialect() -> None:
    store = MemoryStore()
    limits = {"oss": (20, 65536)}
    assert put(make(OSS, store, limits=limits), document(*[RULE] * 20)) == TAKEN
    assert put(make(COS, store, limits=limits), document(*[RULE] * 100)) == TAKEN
    # They are for what is put, not for what is there.
    response = send(make(OSS, store), "GET", "/photos?cors")
    assert response.text.count("<CORSRule>") == 100


def test_limits_may_be_a_setting() -> None:
    app = Flask("storage")
    app.config.update(BUCKETCORS_DIALECT="oss", BUCKETCORS_LIMITS={"oss": (2, 400)})
    BucketCORS(app, store=MemoryStore(), authorize=lambda call: True)
    assert put(TestApp(app), document(RULE, RULE).ljust(400)) == TAKEN
    assert put(TestApp(app), document(RULE, RULE, RULE))[:2] == (400, "InvalidArgument")
    assert put(TestApp(app), document(RULE).ljust(401))[:2] == (400, "XMLSizeLimit")


@in_every_dialect
def test_what_a_dialect_does_not_show_is_kept(dialect: Dialect) -> None:
    store = MemoryStore()
    assert put(make(OSS, store), document(f"<ID>mine</ID>{RULE}")) == TAKEN
    rules = store.get("photos")
    assert rules is not None
    assert rules.rules[0].id == "mine"
    facts = FACTS[dialect.name]
    response = send(make(dialect, store), "GET", "/photos?cors")
    assert response.headers["Content-Type"] == facts.content_type
    assert ("<ID>mine</ID>" in response.text) is ("<ID>" in facts.shown(SHOWN))


@in_one_test
@pytest.mark.parametrize("value", ["true", "false", ""])
@in_every_dialect
def test_what_never_shows_response_vary_refuses_it(dialect: Dialect, value: str) -> None:
    body = document(RULE, more=f"<ResponseVary>{value}</ResponseVary>")
    status, code, message = put(make(dialect), body)
    if FACTS[dialect.name].shown_vary[True]:
        assert (status, code, message) == TAKEN
    else:
        assert (status, code) == (400, "MalformedXML")
        assert message.endswith(". ResponseVary is not allowed here; remove it.")


S3_MALFORMED = (
    "The XML you provided was not well-formed or did not validate against our published schema"
)
METHOD = "Found unsupported HTTP method in CORS config. Unsupported method is {}"
ORIGIN = 'AllowedOrigin "{}" can not have more than one wildcard.'
HEADER = 'AllowedHeader "{}" can not have more than one wildcard.'
ALLOWED = 'AllowedHeader "{}" contains invalid character.'
EXPOSED = 'ExposeHeader "{}" contains invalid character.'
STARRED = (
    "ExposeHeader {} contains a wildcard. Wildcards are currently not supported for ExposeHeader."
)


@in_one_test
@pytest.mark.parametrize(
    "more, message",
    [
        ("<AllowedMethod>MYMETHOD</AllowedMethod>", METHOD.format("MYMETHOD")),
        ("<AllowedMethod>get</AllowedMethod>", METHOD.format("get")),
        ("<AllowedMethod>{value}</AllowedMethod>", METHOD.format("{value}")),
        ("<AllowedMethod>{0}{limit!r}</AllowedMethod>", METHOD.format("{0}{limit!r}")),
        ("<AllowedMethod>%s%(Code)s%</AllowedMethod>", METHOD.format("%s%(Code)s%")),
        ("<AllowedMethod>&lt;b&gt;&amp;</AllowedMethod>", METHOD.format("<b>&")),
        ('<AllowedMethod>it\'s "so"</AllowedMethod>', METHOD.format('it\\\'s "so"')),
        ("<AllowedMethod>\u200bGET</AllowedMethod>", METHOD.format("\\u200bGET")),
        (f"<AllowedMethod>{'x' * 999}</AllowedMethod>", METHOD.format("x" * 80)),
        ("<AllowedMethod/>", METHOD.format("")),
        ("<AllowedOrigin>http://*.*.com</AllowedOrigin>", ORIGIN.format("http://*.*.com")),
        ("<AllowedHeader>*-amz-*</AllowedHeader>", HEADER.format("*-amz-*")),
        ("<AllowedHeader>a b</AllowedHeader>", ALLOWED.format("a b")),
        ("<AllowedHeader>\xe4</AllowedHeader>", ALLOWED.format("\\xe4")),
        ("<ExposeHeader>test header</ExposeHeader>", EXPOSED.format("test header")),
        ("<ExposeHeader>{}</ExposeHeader>", EXPOSED.format("{}")),
        ("<ExposeHeader>\U0001f600</ExposeHeader>", EXPOSED.format("\\U0001f600")),
        ("<ExposeHeader>x-amz-*</ExposeHeader>", STARRED.format("x-amz-*")),
    ],
)
def test_s3_words_a_problem_as_it_is_known_to(more: str, message: str) -> None:
    assert put(make(S3), document(RULE + more)) == (400, "InvalidRequest", message)


@pytest.mark.parametrize(
    "rules, code, message",
    [
        pytest.param(
            [
                f"{RULE}<AllowedMethod>get</AllowedMethod><ExposeHeader>x-*</ExposeHeader>",
                f"{RULE}<AllowedOrigin>*.*</AllowedOrigin>",
            ],
            "InvalidRequest",
            f"{METHOD.format('get')}; {STARRED.format('x-*')[:-1]}; {ORIGIN.format('*.*')}",
            id="several sentences of S3's",
        ),
        pytest.param(
            [f"{RULE}<AllowedOrigin>*.*</AllowedOrigin><MaxAgeSeconds>-1</MaxAgeSeconds>"],
            "InvalidRequest",
            f"{ORIGIN.format('*.*')[:-1]}; rule 1: MaxAgeSeconds -1 is not between 0 and "
            "2147483647 seconds",
            id="and one of ours",
        ),
        pytest.param(
            [f"{RULE}<AllowedOrigin>a b</AllowedOrigin><ExposeHeader>*</ExposeHeader>"],
            "InvalidRequest",
            "A value of the rules is not valid. rule 1: AllowedOrigin 'a b' contains a character "
            "that no origin can have; write scheme://host or scheme://host:port; "
            + STARRED.format("*"),
            id="ours first",
        ),
        pytest.param(
            [f"{RULE}<ID>a</ID><ID>b</ID><AllowedMethod>get</AllowedMethod>"],
            "MalformedXML",
            f"{S3_MALFORMED}. rule 1: ID may occur only once; {METHOD.format('get')}.",
            id="a wrong structure among them",
        ),
        pytest.param(
            [],
            "MalformedXML",
            f"{S3_MALFORMED}. CORSRule is missing; write at least one.",
            id="no rule",
        ),
    ],
)
def test_s3_names_every_problem(rules: list[str], code: str, message: str) -> None:
    assert put(make(S3), document(*rules)) == (400, code, message)


@pytest.mark.parametrize("dialect", [COS, OSS], ids=["cos", "oss"])
def test_the_others_name_a_value_and_what_to_write(dialect: Dialect) -> None:
    status, code, message = put(
        make(dialect), document(f"{RULE}<AllowedMethod>{{%s}}</AllowedMethod>")
    )
    assert (status, code) == (400, "InvalidArgument")
    assert message == (
        "A value of the rules is not valid. rule 1: AllowedMethod '{%s}' is not a method "
        "that rules can allow; write GET, PUT, POST, DELETE or HEAD."
    )
