"""Writes rule sets as XML.

The response of COS to GET has a fixed form, byte for byte: declaration in single quotes, LF, one
TAB per level, no newline at the end, no namespace (with one, some SDKs find no rules). The forms of
other vendors are in :mod:`flask_bucketcors.core.dialects`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask_bucketcors.core.dialects import LIST_ELEMENTS, XML_ESCAPES, Dialect, ShowVary
from flask_bucketcors.core.rules import Rule, RuleSet

# XML 1.0, 2.2: characters that a document cannot contain.
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def format_xml(rule_set: RuleSet, dialect: Dialect) -> bytes:
    """Write a rule set as the dialect's response to GET."""
    content: list[tuple[str, Any]] = [
        (dialect.elements["rules"], list(_rule_elements(rule, dialect))) for rule in rule_set.rules
    ]
    vary = rule_set.response_vary
    if dialect.shows_vary is ShowVary.ALWAYS or (
        dialect.shows_vary is ShowVary.IF_PUT and vary is not None
    ):
        content.append((dialect.elements["response_vary"], str(bool(vary)).lower()))
    attributes = f' xmlns="{dialect.namespace}"' if dialect.namespace else ""
    lines = _lines("CORSConfiguration", content, dialect.xml_indent or "", 0, attributes)
    line_end = "" if dialect.xml_indent is None else "\n"
    return f"{dialect.xml_declaration}\n{line_end.join(lines)}".encode()


def escape_text(text: str, escapes: Mapping[str, str] = XML_ESCAPES) -> str:
    """Escape a text for a document; ``?`` replaces characters that XML cannot contain.

    :param escapes: characters, each with its escape.
    """
    if text.isalnum():
        # Usual for methods, and much faster than trying each escape.
        return text
    text = _NOT_XML.sub("?", text)
    for character, escaped in escapes.items():
        text = text.replace(character, escaped)
    return text


def _rule_elements(rule: Rule, dialect: Dialect) -> Iterator[tuple[str, str]]:
    if rule.id is not None and dialect.shows_id:
        yield dialect.elements["id"], rule.id
    for field in LIST_ELEMENTS:
        for value in getattr(rule, field):
            yield dialect.elements[field], value
    if rule.max_age_seconds is not None:
        yield dialect.elements["max_age_seconds"], str(rule.max_age_seconds)


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
