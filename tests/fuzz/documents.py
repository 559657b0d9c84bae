"""Rule sets as text: XML, JSON in its forms, and what a store keeps."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from flask_bucketcors import RuleSet
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.dialects import COS, DIALECTS, Dialect
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.problems import InvalidRules, Problem
from flask_bucketcors.documents.any_form import parse_rules
from flask_bucketcors.documents.error_documents import error_places, fill_error
from flask_bucketcors.documents.from_xml import DocumentError, parse_xml
from flask_bucketcors.documents.to_forms import FORMS, write_as
from flask_bucketcors.documents.to_xml import format_xml
from flask_bucketcors.stores.rows import format_rule_set, parse_rule_set
from tests.fuzz.target import Target, check_words
from tests.support.dialect_facts import READERS
from tests.support.vendor_corpus import body_of, load

# Twenty problems with a shown value each, and the vendors' sentences about them.
MAX_TEXT = 20_000
MAX_PROBLEM = 512


def check_xml(data: bytes) -> None:
    """A document is refused with a bounded text, or comes back as it was written."""
    for dialect in DIALECTS.values():
        try:
            rules = parse_xml(data, dialect)
        except DocumentError as error:
            _check_refusal(error, dialect)
        else:
            _check_written(rules, dialect)


def _check_refusal(error: DocumentError, dialect: Dialect) -> None:
    assert error.code in dialect.errors
    text = f"{error.message} {error.detail}"
    assert len(text) <= MAX_TEXT
    names = error_places(dialect.error_document)
    texts = ["400" if name == "Status" else text for name in names]
    document = fill_error(dialect.error_document, texts, dialect)
    read = dict(READERS[dialect.error_content_type](document.encode()))
    assert read.keys() >= {"Code", "Message"}
    _check_problems(error.problems)


def _check_problems(problems: Iterable[Problem]) -> None:
    for problem in problems:
        assert len(str(problem)) <= MAX_PROBLEM
        assert str(problem).isprintable()


def _check_written(rules: RuleSet, dialect: Dialect) -> None:
    assert len(rules.rules) <= dialect.max_rules
    # Written with its indents, a document may be longer than one that is taken.
    roomy = replace(dialect, max_body_bytes=64 * dialect.max_body_bytes)
    written = format_xml(rules, dialect)
    again = parse_xml(written, roomy)
    assert format_xml(again, dialect) == written
    assert [replaced(each) for each in again.rules] == [replaced(each) for each in rules.rules]
    if dialect is COS:
        assert again == rules


def replaced(rule: object) -> object:
    """A rule without its ID, which not every dialect shows."""
    return replace(rule, id=None)  # type: ignore[type-var]


def check_rules(data: bytes) -> None:
    """Rules in any form are refused in words, or read alike by whoever reads them."""
    try:
        plain = PlainRules.read(data)
    except InvalidRules as error:
        check_words(str(error), MAX_TEXT)
        plain = None
    else:
        _check_problems(plain.problems(COS))
        for note in plain.reading.notes:
            check_words(note, MAX_PROBLEM)
    try:
        rules = parse_rules(data, COS)
    except InvalidRules as error:
        check_words(error.detail or "problems", MAX_TEXT)
        _check_problems(error.problems)
        return
    assert plain is not None
    assert RuleSet.from_dict(rules.as_dict()) == rules
    as_s3 = json.dumps(write_as(rules, FORMS["aws"], "photos").data).encode()
    assert parse_rules(as_s3, replace(COS, max_body_bytes=len(as_s3))).rules == rules.rules


def check_stored(data: bytes) -> None:
    """What is stored is a rule set, or is said to be none."""
    document = data.decode("utf-8", "replace")
    try:
        rules = parse_rule_set("bucket", document)
    except StoredRulesInvalid as error:
        check_words(str(error), None, "the stored rules of bucket")
        return
    assert parse_rule_set("bucket", format_rule_set(rules)) == rules


def xml_seeds() -> Iterator[bytes]:
    """Documents that clients send, and such as a case of a corpus has."""
    vectors = load("vectors.json")
    for vector in [*vectors["put_bodies_valid"], *vectors["put_bodies_invalid"]]:
        if "text" in vector:
            yield vector["text"].encode()
    for name in ("cos.json", "ceph.json"):
        for case in load(name):
            if case["kind"] == "put" and len(body := body_of(case)) < 4096:
                yield body


def json_seeds() -> Iterator[bytes]:
    """The same rules in the forms of JSON, and XML beside them."""
    for body in xml_seeds():
        try:
            rules = parse_xml(body, COS)
        except DocumentError:
            continue
        yield json.dumps(rules.as_dict()).encode()
        yield json.dumps(write_as(rules, FORMS["aws"], "photos").data).encode()
        yield body


def stored_seeds() -> Iterator[bytes]:
    """What a store keeps."""
    return (each for each in json_seeds() if each.startswith(b'{"rules"'))


_FIELDS = (
    b'"rules"', b'"CORSRules"', b'"allowed_origins"', b'"AllowedOrigins"', b'"allowed_methods"',
    b'"AllowedMethods"', b'"max_age_seconds"', b'"MaxAgeSeconds"', b'"response_vary"', b'"id"',
    b"true", b"null", b"[", b"]", b"{", b"}", b"1e999", b"-1", b"NaN", b'"\\ud800"', b'"\\u0000"',
    b"[[[[[[[[[[[[[[[[", b"]]]]]]]]]]]]]]]]", b"9" * 64,
)  # fmt: skip
_ELEMENTS = (
    b"<CORSRule>", b"</CORSRule>", b"<AllowedOrigin>", b"</AllowedOrigin>", b"<ID/>", b"<ID>",
    b"</ID>", b"<MaxAgeSeconds>", b"<ResponseVary>true</ResponseVary>", b"<!DOCTYPE a>", b"<!--",
    b"-->", b"<![CDATA[", b"]]>", b"&#0;", b"&#x85;", b"&lt;", b"&a;", b' xmlns="n"',
    b"\xef\xbb\xbf",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<?a?>", b"*", b"\xc2\xa0", b"\xed\xa0\x80",
)  # fmt: skip

TARGETS = (
    Target("xml", check_xml, xml_seeds, _ELEMENTS),
    Target("rules", check_rules, json_seeds, _FIELDS + _ELEMENTS),
    Target("stored", check_stored, stored_seeds, _FIELDS),
)
