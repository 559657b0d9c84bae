"""Texts that are almost JSON or XML: the message says what is wrong, what to write, and where."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_bucketcors import RuleSet, explain, lint
from flask_bucketcors.core.dialects import COS, DIALECTS, Dialect
from flask_bucketcors.core.json_text import NotJSON, parse_json
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.documents.any_form import read_rules
from flask_bucketcors.documents.from_xml import DocumentError, parse_xml
from tests.support.tables import in_one_test

RULES: list[Any] = [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]


@in_one_test
@pytest.mark.parametrize(
    "text, said",
    [
        ('{"AllowedMethods":["GET"],}', "a comma before }: remove it (line 1, column "),
        ('[{"a":[1,2 , ]}]', "a comma before ]: remove it (line 1, column "),
        ('{"a":1,,}', "a comma"),
        ('[{"a":1 // all sites\n}]', "a comment: JSON has none, remove it (line 1, column 9)"),
        ('{"a": /* all sites */ 1}', "a comment: JSON has none, remove it (line 1, column 7)"),
        ('# rules\n{"a": 1}', "a comment: JSON has none, remove it (line 1, column 1)"),
        ("[{\u201ca\u201d: 1}]", r"a typographic quote '\u201c': write the straight one (line 1,"),
        ("[{'a': 1}]", "a single quote: write double quotes (line 1, column 3)"),
        ('[{"a":1}\n {"b":2}]', "a comma is missing before this: write it between values (line 2,"),
        ('[{"a":["x" "y"]}]', "a comma is missing before this: write it between values (line 1,"),
        ('{"a" 1}', "a colon is missing: write it between a name and its value (line 1, column 6)"),
        (
            '{"a"="b"}',
            "a colon is missing: write it between a name and its value (line 1, column 5)",
        ),
        ('{a: ["*"]}', "a name without quotes: write it in double quotes, with a colon behind it"),
        ('{"a": GET}', "a text without quotes: write it in double quotes (line 1, column 7)"),
        ('{"a": True}', "True: write true (line 1, column 7)"),
        ('{"a": None}', "None: write null (line 1, column 7)"),
        ('[{"a":1}\xa0]', r"an invisible character '\xa0': remove it (line 1, column 9)"),
        ('[{"a":"x\ny"}]', r"a text has a line break or a tab in it: write \n or \t (line 1, col"),
        (r'[{"a":"\x"}]', "a backslash in a text: write it twice (line 1, column 8)"),
        ("[1] [2]", "something follows the end: remove it, or put all of it into one list"),
        ('{"a": .5}', "this is not a value: write a text in double quotes, a number"),
    ],
)
def test_json_that_people_write(text: str, said: str) -> None:
    with pytest.raises(NotJSON) as refused:
        parse_json(text)
    assert str(refused.value).startswith(said)


@in_one_test
@pytest.mark.parametrize("length", range(1, len(json.dumps(RULES))))
def test_json_that_was_cut_off(length: int) -> None:
    with pytest.raises(NotJSON) as refused:
        parse_json(json.dumps(RULES)[:length])
    assert "ends too early" in str(refused.value) or "not closed" in str(refused.value)


@given(st.text(alphabet="{}[]\",:\\ntrue0 '#/<\u201c\xa0", max_size=12))
def test_any_text_is_json_or_refused_in_printable_words(text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        with pytest.raises(NotJSON, match=r"^[ -~]+ \(line [0-9]+, column [0-9]+\)$"):
            parse_json(text)
    else:
        parse_json(text)


@in_one_test
@pytest.mark.parametrize(
    "body, said",
    [
        ('{"CORSRules": []}', "This is JSON: write XML (line 1, column 1)"),
        (" [1]", "This is JSON: write XML (line 1, column "),
        ("<!DOCTYPE html><html></html>", "This is an HTML page, such as a login page, and not an"),
        (
            "<html><br></html>",
            "This is an HTML page, such as a login page, and not an",
        ),
        (
            "<CORSConfiguration><CORSRule></CORSConfiguration>",
            "An end tag does not match its",
        ),
        ("<CORSConfiguration><CORSRule>", "The document ends too early: an element is not closed"),
        ("<CORSConfiguration", "The document ends too early: an element is not closed, or it was"),
        ("<CORSConfiguration a=\u201cb\u201d/>", "An attribute has typographic quotes: write"),
        (
            "<CORSConfiguration>a&b</CORSConfiguration>",
            "A & stands for itself: write &amp; (",
        ),
        ("<!DOCTYPE CORSConfiguration><CORSConfiguration/>", "A document type is not accepted."),
        ("<1/>", "The document is not well-formed XML: not well-formed (invalid token) (line 1,"),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
def test_xml_that_people_send(body: str, said: str, dialect: Dialect) -> None:
    with pytest.raises(DocumentError) as refused:
        parse_xml(body.encode(), dialect)
    assert refused.value.detail.startswith(said)


@pytest.mark.parametrize(
    "text, said",
    [
        ("<html/>", "not accepted as XML: This is an HTML page"),
        ("<!doctype HTML><p>", "not accepted as XML: This is an HTML page"),
        (b"\xff\xfe{\x00", "UTF-16, as some shells write it: convert it to UTF-8"),
        ("", "empty"),
    ],
)
def test_texts_that_are_no_rules(text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        read_rules(text)
    assert refused.value.detail.startswith(said)


@pytest.mark.parametrize(
    "method, said",
    [
        (
            "OPTIONS",
            "leave OPTIONS out: a preflight is decided by the rule for the method it asks about",
        ),
        ("*", "list the methods"),
        ("GET, HEAD", "write each method as a value of its own"),
    ],
)
def test_methods_that_people_write(method: str, said: str) -> None:
    """In our own words, wherever a person reads them; the API has the vendor's text."""
    data = [{"allowed_origins": ["https://a.example"], "allowed_methods": ["GET", method]}]
    (problem,) = read_rules(data).problems()
    assert str(problem).endswith(said)
    assert any(said in finding.text for finding in lint(data))
    explanation = explain(data, origin="https://a.example", method="PUT")
    assert said in explanation.text
    with pytest.raises(InvalidRules, match=re.escape(said)):
        RuleSet.from_dict({"rules": data})


def test_a_byte_order_mark_is_no_mistake() -> None:
    body = b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
    body += b"</AllowedMethod></CORSRule></CORSConfiguration>"
    assert parse_xml(b"\xef\xbb\xbf" + body, COS).as_dict() == (
        {"rules": [{"allowed_origins": ["*"], "allowed_methods": ["GET"]}]}
    )
    assert not read_rules("\ufeff" + json.dumps(RULES)).problems()
