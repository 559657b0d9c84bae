"""XML text to rule sets and back, under a dialect's limits; error documents.

Facts (Tencent COS, 436/8279 and 436/8274, and what official SDKs were seen to send):

- Namespaces differ from client to client, and several have existed: local names count.
- Elements stand in any order, and blanks around a value do not belong to it.
- An empty ID or MaxAgeSeconds is the same as none.
- COS's answer to GET has a fixed form, byte for byte: declaration in single quotes, LF, one TAB
  per level, no newline at the end, no namespace (with one, some SDKs read no rules). The forms
  of the others are in :mod:`flask_bucketcors.core.dialects`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from flask_bucketcors.core.dialects import Dialect, ShowVary
from flask_bucketcors.core.errors import (
    SHOWN_VALUE,
    BucketCORSError,
    CallRefused,
    InvalidRules,
    Problem,
    ProblemReason,
    Refusal,
)
from flask_bucketcors.core.fields import LIST_ELEMENTS, is_list
from flask_bucketcors.core.rules import Rule, RuleSet

#: Rules in any form are refused unread beyond this.
MAX_RULES_TEXT_BYTES: Final = 1024 * 1024
# How many problems an error document spells out; the rest are counted.
MAX_PROBLEMS_SHOWN: Final = 20

_LISTS: Final = {element: field for field, element in LIST_ELEMENTS.items()}
_SINGLES: Final = {"ID": "id", "MaxAgeSeconds": "max_age_seconds"}
_ELEMENTS: Final = {
    **{field: element for element, field in (_LISTS | _SINGLES).items()},
    "rules": "CORSRule",
    "response_vary": "ResponseVary",
}

_JSON_ELEMENTS: Final = {
    **_LISTS,
    **{f"{element}s": field for element, field in _LISTS.items()},
    **_SINGLES,
    # As CloudFormation says it.
    "ExposedHeaders": "expose_headers",
    "MaxAge": "max_age_seconds",
}
# Its development kit starts with a small letter.
_JSON_NAMES: Final = {
    **{name[0].lower() + name[1:]: field for name, field in _JSON_ELEMENTS.items()},
    **_JSON_ELEMENTS,
}

#: What the list of rules is called in JSON: here, by ``aws s3api``, by the COS SDK, by
#: CloudFormation.
RULES_KEYS: Final = ("rules", "CORSRules", "CORSRule", "CorsRules")

_BARE_RULE: Final = b"<CORSRule>"
_XML_BLANKS: Final = " \t\r\n"
_ENCODING = re.compile(r"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")
_ENCODINGS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
# A parser repeats a namespace in the name of every element: a long one, times thousands of
# elements, would fill the memory from a document of 64 KiB.
_LONG_ATTRIBUTE = re.compile(r"=\s*(?:\"[^\"]{257}|'[^']{257})")
_INTEGER = re.compile(r"[+-]?[0-9]+")
# Python reads no longer numbers; they are out of range anyway.
_MAX_DIGITS: Final = 4000
# XML 1.0, 2.2: what no document may hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class DocumentError(CallRefused):
    """A document is refused; ``problems`` names everything that is wrong with its rules."""

    def __init__(
        self,
        code: Refusal,
        detail: str = "",
        problems: Sequence[Problem] = (),
        *,
        message: str | None = None,
    ) -> None:
        self.problems = tuple(problems)
        super().__init__(code, detail, message=message)


class UnreadableRules(BucketCORSError, ValueError):
    """A text holds no rules that could be explained; says why and what to write."""


def check_size(body: bytes, dialect: Dialect) -> None:
    """Refuse a body that is larger than the dialect allows, or empty.

    :raises DocumentError: ``Refusal.BODY_TOO_LARGE`` or ``Refusal.MISSING_BODY``.
    """
    if len(body) > dialect.max_body_bytes:
        raise DocumentError(Refusal.BODY_TOO_LARGE)
    if not body:
        raise DocumentError(Refusal.MISSING_BODY)


def parse_xml(body: bytes, dialect: Dialect) -> RuleSet:
    """Read a CORSConfiguration document.

    :raises DocumentError: with every problem at once; ``Refusal.MALFORMED_XML`` if one of them
        is about the structure, else ``Refusal.INVALID_VALUE``. What :func:`check_size` raises.
    """
    check_size(body, dialect)
    root = _parse_element(body)
    if _local_name(root) != "CORSConfiguration":
        raise DocumentError(Refusal.MALFORMED_XML, "The root element must be CORSConfiguration.")
    data, problems = _read_configuration(root)
    if "response_vary" in data and dialect.shows_vary is ShowVary.NEVER:
        problems.append(Problem("response_vary", None, ProblemReason.UNKNOWN_ELEMENT))
    try:
        rule_set = RuleSet.from_dict(data)
    except InvalidRules as error:
        problems.extend(error.problems)
    if len(data["rules"]) > dialect.max_rules:
        count = len(data["rules"])
        problems.append(Problem("rules", count, ProblemReason.TOO_MANY_RULES))
    if problems:
        raise _refusal(problems, dialect)
    return rule_set


def read_configuration(text: str | bytes) -> dict[str, Any]:
    """Read rules in any form without judging their values, so that they can be explained.

    Forms: XML of COS, OSS and S3 in any namespace, and rules in it without their root; JSON of
    ``aws s3api get-bucket-cors``, of the COS SDK and of CloudFormation, alone or as the
    ``CORSConfiguration`` of a call; JSON of :meth:`~flask_bucketcors.RuleSet.as_dict`; a JSON
    list of rules.

    :returns: ``rules``, mappings with the names of Rule's fields, and ``response_vary`` where the
        text says so. What stands in a rule and does not belong there is among its keys.
    :raises UnreadableRules: if the text is too long, or has none of the forms.
    """
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    if len(body) > MAX_RULES_TEXT_BYTES:
        raise UnreadableRules(f"The rules are longer than {MAX_RULES_TEXT_BYTES} bytes.")
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    if stripped[:1] in (b"{", b"["):
        return _configuration_from_json(stripped)
    if stripped.startswith(_BARE_RULE):
        # Questions often quote a rule without what holds it.
        stripped = b"<CORSConfiguration>%b</CORSConfiguration>" % stripped
    try:
        root = _parse_element(stripped)
    except DocumentError as error:
        raise UnreadableRules(f"The rules are neither XML nor JSON: {error.detail}") from None
    if _local_name(root) != "CORSConfiguration":
        name = ascii(_local_name(root))[:SHOWN_VALUE]
        raise UnreadableRules(f"The root element is {name}: it must be CORSConfiguration.")
    data, problems = _read_configuration(root)
    for problem in problems:
        if problem.rule is not None and problem.reason is ProblemReason.UNKNOWN_ELEMENT:
            # As JSON would have it, so that whoever judges the rules can name it.
            data["rules"][problem.rule].setdefault(problem.field, None)
    return data


def _configuration_from_json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body, parse_int=shortened_integer)
    except RecursionError:
        raise UnreadableRules("The rules are no JSON: its brackets are too deep.") from None
    except UnicodeDecodeError:
        raise UnreadableRules("The encoding must be UTF-8.") from None
    except ValueError as error:
        raise UnreadableRules(f"The rules are no JSON: {error}") from None
    found = plain_configuration(data)
    for number, rule in enumerate(found["rules"], 1):
        if not {"allowed_origins", "allowed_methods"} & rule.keys():
            # In another vendor's form, of which nothing would be seen.
            raise UnreadableRules(
                f"Rule {number} names no origins and no methods: write AllowedOrigins and "
                "AllowedMethods."
            )
    return found


def plain_configuration(data: Any) -> dict[str, Any]:
    """Take rules as plain data, in our own form or in that of an SDK.

    :param data: a mapping, or a list of mappings and of :class:`~flask_bucketcors.Rule`.
    :raises UnreadableRules: if there are none.
    """
    data = unwrapped(data)
    if not isinstance(data, Mapping):
        data = {"rules": data}
    rules = next((data[name] for name in RULES_KEYS if name in data), None)
    if isinstance(rules, Mapping):
        # A document that was turned from XML into JSON does not know that there may be more.
        rules = [rules]
    found: dict[str, Any] = {"rules": list(map(_with_field_names, _listed(rules)))}
    vary = data.get("response_vary", data.get("ResponseVary"))
    return found if vary is None else {**found, "response_vary": vary}


def _listed(rules: Any) -> list[Mapping[str, Any]]:
    if is_list(rules):
        listed = [each.as_dict() if isinstance(each, Rule) else each for each in rules]
        if all(isinstance(each, Mapping) for each in listed):
            return listed
    raise UnreadableRules('There are no rules here: write {"rules": [{...}]}.')


def unwrapped(data: Any) -> Any:
    """The configuration, also where it is an argument of a call or part of a template."""
    for name in ("CORSConfiguration", "CorsConfiguration"):
        if isinstance(data, Mapping) and isinstance(data.get(name), Mapping | list | tuple):
            return data[name]
    return data


def _with_field_names(rule: Mapping[str, Any]) -> dict[str, Any]:
    # The S3 JSON has the plural of the element names, but for those of single values.
    return {_JSON_NAMES.get(name, name): _json_value(name, rule[name]) for name in rule}


def _json_value(name: str, value: Any) -> Any:
    """A value as a rule has it; in the COS SDK's form they are those of XML, texts."""
    if isinstance(value, str):
        if name in _LISTS:
            return [value]
        if name == "MaxAgeSeconds":
            return _integer(value)
    return value


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


def _parse_element(body: bytes) -> Element:
    try:
        text = body.decode("utf-8-sig")
        declared = _ENCODING.match(text)
        # A NUL is how UTF-16 without a byte order mark looks; the parser would guess it.
        if "\0" in text or (declared and declared[1].lower() not in _ENCODINGS):
            raise DocumentError(Refusal.MALFORMED_XML, "The encoding must be UTF-8.")
        if _LONG_ATTRIBUTE.search(text):
            raise DocumentError(Refusal.MALFORMED_XML, "No attribute may be that long.")
        root: Element = fromstring(text, forbid_dtd=True)
    except UnicodeDecodeError:
        raise DocumentError(Refusal.MALFORMED_XML, "The encoding must be UTF-8.") from None
    except DefusedXmlException:
        raise DocumentError(Refusal.MALFORMED_XML, "A document type is not accepted.") from None
    except ParseError as error:
        raise DocumentError(Refusal.MALFORMED_XML, f"{error}.") from None
    return root


def _read_configuration(root: Element) -> tuple[dict[str, Any], list[Problem]]:
    rules = [child for child in root if _local_name(child) == "CORSRule"]
    vary = [child for child in root if _local_name(child) == "ResponseVary"]
    problems = list(_stray_problems(root, {"CORSRule", "ResponseVary"}))
    if len(vary) > 1:
        problems.append(Problem("response_vary", None, ProblemReason.REPEATED))
    data: dict[str, Any] = {"rules": []}
    for index, element in enumerate(rules):
        fields, found = _read_rule(element)
        data["rules"].append(fields)
        problems.extend(replace(problem, rule=index) for problem in found)
    if vary:
        problems.extend(_stray_problems(vary[0], ()))
        data["response_vary"] = _boolean(_text(vary[0]))
    return data, problems


def _read_rule(element: Element) -> tuple[dict[str, Any], list[Problem]]:
    problems = list(_stray_problems(element, _LISTS.keys() | _SINGLES.keys()))
    fields: dict[str, Any] = {}
    for child in element:
        name = _local_name(child)
        if name in _LISTS:
            fields.setdefault(_LISTS[name], []).append(_text(child))
        elif name in _SINGLES:
            if _SINGLES[name] in fields:
                problems.append(Problem(_SINGLES[name], None, ProblemReason.REPEATED))
            fields[_SINGLES[name]] = _text(child) or None
        if name in _LISTS or name in _SINGLES:
            problems.extend(_stray_problems(child, ()))
    if "max_age_seconds" in fields:
        fields["max_age_seconds"] = _integer(fields["max_age_seconds"])
    return fields, problems


def _stray_problems(element: Element, known: Sequence[str] | set[str]) -> Iterator[Problem]:
    """What does not belong into an element; ``known`` is empty for one that holds a value."""
    for child in element:
        if _local_name(child) not in known:
            yield Problem(_local_name(child)[:64], None, ProblemReason.UNKNOWN_ELEMENT)
    texts = (element.text if known else None, *(child.tail for child in element))
    if any(text and text.strip(_XML_BLANKS) for text in texts):
        yield Problem(_local_name(element), None, ProblemReason.STRAY_TEXT)


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element) -> str:
    return (element.text or "").strip(_XML_BLANKS)


def _boolean(text: str) -> bool | str | None:
    return {"true": True, "false": False, "": None}.get(text.lower(), text)


def _integer(text: str | None) -> int | str | None:
    if text is None or not _INTEGER.fullmatch(text):
        return text
    return shortened_integer(text)


def shortened_integer(digits: str) -> int:
    """Read a number of any length; only the first digits of one that is out of any range."""
    return int(digits[:_MAX_DIGITS])


def _refusal(problems: Sequence[Problem], dialect: Dialect) -> DocumentError:
    structural = any(problem.reason.is_structural for problem in problems)
    code = Refusal.MALFORMED_XML if structural else Refusal.INVALID_VALUE
    texts = [_text_of(problem, dialect) for problem in problems[:MAX_PROBLEMS_SHOWN]]
    more = len(problems) - len(texts)
    if more:
        texts.append(f"and {more} more")
    # Some of the vendors' sentences have a full stop.
    text = "; ".join([*(each.removesuffix(".") for each in texts[:-1]), texts[-1]])
    if not structural and _vendor_text(problems[0], dialect):
        # The vendor's words are a message of their own.
        return DocumentError(code, problems=problems, message=text)
    return DocumentError(code, text.removesuffix(".") + ".", problems)


def _text_of(problem: Problem, dialect: Dialect) -> str:
    return _vendor_text(problem, dialect) or str(in_element_names(problem))


def _vendor_text(problem: Problem, dialect: Dialect) -> str:
    text = dialect.problem_texts.get((problem.field, problem.reason), "")
    shown = ascii(problem.value)[1:-1] if isinstance(problem.value, str) else problem.value
    return text.format(value=str(shown)[:SHOWN_VALUE], limit=dialect.max_rules)


def in_element_names(problem: Problem) -> Problem:
    """A problem as the author of an XML document knows its field."""
    return replace(problem, field=_ELEMENTS.get(problem.field, problem.field))


def _rule_elements(rule: Rule, dialect: Dialect) -> Iterator[tuple[str, str]]:
    if rule.id is not None and dialect.shows_id:
        yield "ID", rule.id
    for element, field in _LISTS.items():
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
