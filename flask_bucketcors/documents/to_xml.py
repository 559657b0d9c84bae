"""Rule sets and errors as XML.

COS's answer to GET has a fixed form, byte for byte: declaration in single quotes, LF, one TAB
per level, no newline at the end, no namespace (with one, some SDKs read no rules). The forms of
the others are in :mod:`flask_bucketcors.core.dialects`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape  # nosec B406 # it writes XML, and reads none

from flask_bucketcors.core.dialects import Dialect, ShowVary
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.documents.elements import LISTS

# XML 1.0, 2.2: what no document may hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def format_xml(rule_set: RuleSet, dialect: Dialect) -> bytes:
    """Write a rule set as the dialect's answer to GET."""
    content: list[tuple[str, Any]] = [
        ("CORSRule", list(_rule_elements(rule, dialect))) for rule in rule_set.rules
    ]
    vary = rule_set.response_vary
    if dialect.shows_vary is ShowVary.ALWAYS or (
        dialect.shows_vary is ShowVary.IF_PUT and vary is not None
    ):
        content.append(("ResponseVary", str(bool(vary)).lower()))
    return _write("CORSConfiguration", content, dialect, namespace=dialect.namespace)


def format_error(dialect: Dialect, values: Mapping[str, str]) -> bytes:
    """Write an error document; ``values`` holds its elements and their texts, in order."""
    return _write("Error", list(values.items()), dialect)


def escape_text(text: str) -> str:
    """Give ``text`` as an XML document may hold it; ``?`` stands for what none may hold."""
    return escape(_NOT_XML.sub("?", text), {"'": "&apos;"})


def _rule_elements(rule: Rule, dialect: Dialect) -> Iterator[tuple[str, str]]:
    if rule.id is not None and dialect.shows_id:
        yield "ID", rule.id
    for element, field in LISTS.items():
        for value in getattr(rule, field):
            yield element, value
    if rule.max_age_seconds is not None:
        yield "MaxAgeSeconds", str(rule.max_age_seconds)


def _write(
    root: str, content: Sequence[tuple[str, Any]], dialect: Dialect, *, namespace: str = ""
) -> bytes:
    attributes = f' xmlns="{namespace}"' if namespace else ""
    lines = _lines(root, content, dialect.xml_indent or "", 0, attributes)
    line_end = "" if dialect.xml_indent is None else "\n"
    return f"{dialect.xml_declaration}\n{line_end.join(lines)}".encode()


def _lines(
    element: str, content: Any, indent: str, depth: int, attributes: str = ""
) -> Iterator[str]:
    margin = indent * depth
    if isinstance(content, str):
        yield f"{margin}<{element}>{escape_text(content)}</{element}>"
        return
    yield f"{margin}<{element}{attributes}>"
    for child, value in content:
        yield from _lines(child, value, indent, depth + 1)
    yield f"{margin}</{element}>"
