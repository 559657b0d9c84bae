"""XML to rule sets, under a dialect's limits.

Facts (Tencent COS, 436/8279 and 436/8274, and what official SDKs were seen to send):

- Clients use different namespaces, so only local names count.
- Elements may have any order, and white space around a value does not belong to it.
- An empty ID or MaxAgeSeconds is the same as none.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from xml.etree.ElementTree import (  # nosec B405 # defusedxml parses
    Element,
    ParseError,
    TreeBuilder,
)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from flask_bucketcors.core.dialects import ELEMENTS, LIST_ELEMENTS, Dialect, ShowVary
from flask_bucketcors.core.errors import SHOWN_VALUE, CallRefused, Refusal
from flask_bucketcors.core.fields import EXTRA_METHODS
from flask_bucketcors.core.problems import NO_METHOD, InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.elements import in_element_names, read_boolean, read_integer
from flask_bucketcors.documents.xml_mistakes import AN_HTML_PAGE, is_html, what_is_wrong

#: The root element of a document.
ROOT: Final = "CORSConfiguration"
# The number of problems that an error document names; it counts the others.
MAX_PROBLEMS_SHOWN: Final = 20
# The elements of rules are nested 3 levels deep. Deep nesting could overflow the stack of the
# interpreter.
MAX_LEVELS: Final = 64
_XML_BLANKS: Final = " \t\r\n"
_ENCODING = re.compile(r"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")
_ENCODINGS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
# The parser repeats the namespace in the name of every element: with a long namespace, a document
# of 64 KiB with thousands of elements would fill the memory.
_LONG_ATTRIBUTE = re.compile(r"=\s*(?:\"[^\"]{257}|'[^']{257})")


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
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(code, detail, message=message)


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
    root = parse_element(body)
    if local_name(root) != ROOT:
        raise DocumentError(Refusal.MALFORMED_XML, f"The root element must be {ROOT}.")
    data, problems = read_element(root, dialect.elements)
    if "response_vary" in data and dialect.shows_vary is ShowVary.NEVER:
        problems.append(Problem("response_vary", None, ProblemReason.UNKNOWN_ELEMENT))
    try:
        return checked_rules(data, problems, dialect)
    except InvalidRules as error:
        raise _refusal(error.problems, dialect) from None


def checked_rules(
    data: Mapping[str, Any], problems: Sequence[Problem], limits: Dialect | None
) -> RuleSet:
    """Build the rule set of a document.

    :param problems: those of its structure.
    :param limits: the dialect whose limits of rules and methods apply; None for no limit.
    :raises InvalidRules: with these problems and those of the data.
    """
    found = list(problems)
    try:
        methods = limits.extra_methods if limits else EXTRA_METHODS
        rule_set = RuleSet.from_dict(data, extra_methods=methods)
    except InvalidRules as error:
        found.extend(error.problems)
    count = len(data["rules"])
    if limits and count > limits.max_rules:
        found.append(Problem("rules", count, ProblemReason.TOO_MANY_RULES))
    if found:
        raise InvalidRules(found)
    return rule_set


def parse_element(body: bytes) -> Element:
    """Parse XML from an untrusted source.

    :raises DocumentError: ``Refusal.MALFORMED_XML``.
    """
    try:
        text = body.removeprefix(BOM_UTF8).decode()
        declared = _ENCODING.match(text)
        # UTF-16 without a byte order mark contains NULs, and the parser would accept it.
        if "\0" in text or (declared and declared[1].lower() not in _ENCODINGS):
            raise DocumentError(Refusal.MALFORMED_XML, "The encoding must be UTF-8.")
        if _LONG_ATTRIBUTE.search(text):
            raise DocumentError(Refusal.MALFORMED_XML, "An attribute is over 256 characters.")
        parser = DefusedXMLParser(target=_ShallowTreeBuilder(), forbid_dtd=True)
        parser.feed(text)
        root: Element = parser.close()
    except UnicodeDecodeError:
        raise DocumentError(Refusal.MALFORMED_XML, "The encoding must be UTF-8.") from None
    except DefusedXmlException:
        detail = "A document type is not accepted."
        if is_html(text):
            detail = f"{AN_HTML_PAGE}."
        raise DocumentError(Refusal.MALFORMED_XML, detail) from None
    except ParseError as error:
        raise DocumentError(Refusal.MALFORMED_XML, f"{what_is_wrong(text, error)}.") from None
    return root


class _ShallowTreeBuilder(TreeBuilder):
    """Builds a tree of :data:`MAX_LEVELS` levels at most."""

    def __init__(self) -> None:
        super().__init__()
        self._level = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._level += 1
        if self._level > MAX_LEVELS:
            detail = f"Elements are nested more than {MAX_LEVELS} deep."
            raise DocumentError(Refusal.MALFORMED_XML, detail)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._level -= 1
        return super().end(tag)


def read_element(
    root: Element, elements: Mapping[str, str] = ELEMENTS
) -> tuple[dict[str, Any], list[Problem]]:
    """Give the rules in a CORSConfiguration as plain data, and the problems of its structure.

    :param elements: the names of the fields in the document.
    """
    fields_by_name = {name: field for field, name in elements.items()}
    rules_name, vary_name = elements["rules"], elements["response_vary"]
    del fields_by_name[rules_name], fields_by_name[vary_name]
    rules = [child for child in root if local_name(child) == rules_name]
    vary = [child for child in root if local_name(child) == vary_name]
    problems = list(_stray_problems(root, (rules_name, vary_name)))
    if len(vary) > 1:
        problems.append(Problem("response_vary", None, ProblemReason.REPEATED))
    data: dict[str, Any] = {"rules": []}
    for index, element in enumerate(rules):
        fields, found = _read_rule(element, fields_by_name)
        data["rules"].append(fields)
        problems.extend(replace(problem, rule=index) for problem in found)
    if vary:
        problems.extend(_stray_problems(vary[0], ()))
        data["response_vary"] = read_boolean(_text(vary[0])) if _text(vary[0]) else None
    return data, problems


def _read_rule(
    element: Element, fields_by_name: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    problems = list(_stray_problems(element, fields_by_name))
    fields: dict[str, Any] = {}
    for child in element:
        field = fields_by_name.get(local_name(child))
        if field is None:
            continue
        if field in LIST_ELEMENTS:
            fields.setdefault(field, []).append(_text(child))
        else:
            if field in fields:
                problems.append(Problem(field, None, ProblemReason.REPEATED))
            fields[field] = _text(child) or None
        if len(child):
            problems.extend(_stray_problems(child, ()))
    if "max_age_seconds" in fields:
        fields["max_age_seconds"] = read_integer(fields["max_age_seconds"])
    return fields, problems


def _stray_problems(element: Element, known: Collection[str]) -> Iterator[Problem]:
    """The problems of unknown children and stray text.

    :param known: names of children; empty for an element with a value.
    """
    for child in element:
        if local_name(child) not in known:
            yield Problem(local_name(child)[:64], None, ProblemReason.UNKNOWN_ELEMENT)
    texts = (element.text if known else None, *(child.tail for child in element))
    if any(text and text.strip(_XML_BLANKS) for text in texts):
        yield Problem(local_name(element), None, ProblemReason.STRAY_TEXT)


def local_name(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _text(element: Element) -> str:
    return (element.text or "").strip(_XML_BLANKS)


def _refusal(problems: Sequence[Problem], dialect: Dialect) -> DocumentError:
    structural = any(problem.reason.is_structural for problem in problems)
    code = Refusal.MALFORMED_XML if structural else Refusal.INVALID_VALUE
    texts = [_text_of(problem, dialect) for problem in problems[:MAX_PROBLEMS_SHOWN]]
    more = len(problems) - len(texts)
    if more:
        texts.append(f"and {more} more")
    # Some of the vendors' messages end with a full stop.
    text = "; ".join([*(each.removesuffix(".") for each in texts[:-1]), texts[-1]])
    if not structural and _vendor_text(problems[0], dialect):
        # The vendor's text is a whole message.
        return DocumentError(code, problems=problems, message=text)
    return DocumentError(code, text.removesuffix(".") + ".", problems)


def _text_of(problem: Problem, dialect: Dialect) -> str:
    reason = str(problem.reason)
    if problem.reason in NO_METHOD:
        # Clients of the API cannot change the settings, and vendors have one text for all.
        *others, last = dialect.methods
        reason = f"is not a method that rules can allow; write {', '.join(others)} or {last}"
    named = in_element_names(problem, dialect.elements)
    return _vendor_text(problem, dialect) or named.in_words(reason)


def _vendor_text(problem: Problem, dialect: Dialect) -> str:
    text = dialect.problem_texts.get((problem.field, problem.reason), "")
    shown = ascii(problem.value)[1:-1] if isinstance(problem.value, str) else problem.value
    return text.format(value=str(shown)[:SHOWN_VALUE], limit=dialect.max_rules)
