"""Reads rules in any form: XML, JSON, and Python objects.

:func:`read_rules` gives unchecked plain data, for explaining and linting; :func:`read_rule_set`
gives a valid rule set, for storing and comparing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import shortened
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.elements import in_element_names
from flask_bucketcors.documents.from_json import load_json, read_data
from flask_bucketcors.documents.from_xml import (
    ROOT,
    DocumentError,
    checked_rules,
    local_name,
    parse_element,
    read_element,
)
from flask_bucketcors.documents.from_yaml import load_yaml
from flask_bucketcors.documents.key_names import element_for, suggestion
from flask_bucketcors.documents.other_texts import OF_A_SERVER, is_of_a_server, what_it_is
from flask_bucketcors.documents.other_xml import OTHER_ROOTS, as_data
from flask_bucketcors.documents.plain_data import as_plain
from flask_bucketcors.documents.xml_mistakes import AN_HTML_PAGE

#: Longer texts are refused, in bytes, unless a dialect has a lower limit.
MAX_RULES_TEXT_BYTES: Final = 1024 * 1024
_BARE_RULE: Final = b"<CORSRule>"
_ERROR: Final = "Error"
# No JSON begins with a comment; the parser says so.
_JSON_STARTS: Final = (b"{", b"[", b"//", b"/*")
# Each suggestion is a search.
_MAX_SUGGESTIONS: Final = 20
# What may stand in front of the root element.
_PROLOG: Final = re.compile(rb"(?:\s++|<\?xml[^>]*+>|<!--(?:(?!-->).)*+-->)*+", re.S)


class _Read(NamedTuple):
    """What :class:`Reading` has, before values are checked.

    :param problems: what is wrong with the document but not visible in the data.
    :param in_xml: whether the document names fields by XML elements.
    """

    data: dict[str, Any]
    problems: list[Problem]
    notes: list[str]
    in_xml: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of a text or an object, which :func:`read_rules` gives.

    :param data: ``rules``, mappings with the names of Rule's fields, and ``response_vary`` if it
        is set. Unknown keys of a rule are kept.
    :param notes: values that were converted or ignored, in words.
    """

    data: Mapping[str, Any]
    notes: Sequence[str] = ()
    _read: _Read | None = None

    def rule_set(self, limits: Dialect | None = None) -> RuleSet | None:
        """Give the valid rules; None if there were none to read.

        :param limits: the dialect whose limits of rules and methods apply; None for no limit.
        :raises InvalidRules: with every problem.
        """
        return None if self._read is None else _checked(self._read, limits)

    def problems(self, limits: Dialect | None = None) -> tuple[Problem, ...]:
        """Give all problems of the rules. If there are none, a bucket can have the rules.

        :param limits: the dialect whose limits of rules and methods apply; None for no limit.
        """
        try:
            self.rule_set(limits)
        except InvalidRules as error:
            return error.problems
        return ()


#: Rules in any form: a rule set, a document as text, plain data, what :func:`read_rules` gave, or
#: None for a bucket without rules. Documents may be XML of COS, OSS, S3, OBS, MinIO, Azure Storage
#: and Google Cloud Storage, and JSON or YAML of this package, of the vendors' SDKs and commands,
#: of Cloudflare R2 and Backblaze B2, of Terraform, Pulumi, CloudFormation and Azure Resource
#: Manager. YAML needs the extra ``yaml``.
AnyRules = RuleSet | Reading | str | bytes | Mapping[str, Any] | Iterable[Any] | None


def read_rules(
    rules: AnyRules, resource: str | None = None, *, max_bytes: int = MAX_RULES_TEXT_BYTES
) -> Reading:
    """Read rules in any form, also rules that the API would reject.

    Functions that take :data:`AnyRules` read them by themselves. Call this one to select a bucket
    of a template, and to see the notes.

    :param rules: in any form; they may be rules that the API would reject.
    :param resource: the name of the resource in a template that has several with rules.
    :param max_bytes: longer texts are refused.
    :raises InvalidRules: if a text is too long, or has none of the forms.
    """
    if isinstance(rules, Reading):
        return rules
    if rules is None:
        return Reading({"rules": []})
    if isinstance(rules, RuleSet) and resource is None:
        # Its data needs no reading. It may have more rules, or other methods, than a reader takes.
        read = _Read(rules.as_dict(), [], [])
    else:
        read = _read(rules.as_dict() if isinstance(rules, RuleSet) else rules, max_bytes, resource)
    data = read.data
    if read.in_xml:
        data = {**data, "rules": [dict(rule) for rule in data["rules"]]}
        for problem in read.problems:
            if problem.rule is not None and problem.reason is ProblemReason.UNKNOWN_ELEMENT:
                # Kept as in JSON, so that lint and explain can name it.
                data["rules"][problem.rule].setdefault(problem.field, None)
    return Reading(data, read.notes, read)


def read_rule_set(rules: AnyRules) -> RuleSet | None:
    """Read valid rules in any form; see :func:`read_rules`.

    :raises InvalidRules: with every problem.
    """
    return rules if isinstance(rules, RuleSet) else read_rules(rules).rule_set()


def parse_rules(
    rules: str | bytes | Iterable[Any],
    limits: Dialect | None = None,
    resource: str | None = None,
) -> RuleSet:
    """Parse valid rules: a document as text, or plain data; see :func:`read_rules`.

    :param limits: the dialect whose limits of bytes, rules and methods apply; None for no dialect.
    :raises InvalidRules: with every problem.
    """
    max_bytes = limits.max_body_bytes if limits else MAX_RULES_TEXT_BYTES
    return _checked(_read(rules, max_bytes, resource), limits)


def _checked(read: _Read, limits: Dialect | None) -> RuleSet:
    try:
        return checked_rules(read.data, read.problems, limits)
    except InvalidRules as error:
        problems = error.problems
    if read.in_xml:
        raise InvalidRules(_with_suggestions(map(in_element_names, problems), element_for))
    raise InvalidRules(_with_suggestions(problems, suggestion))


def _with_suggestions(
    problems: Iterable[Problem], meant: Callable[[str], str | None]
) -> Iterator[Problem]:
    left = _MAX_SUGGESTIONS
    for problem in problems:
        if left and problem.reason is ProblemReason.UNKNOWN_ELEMENT:
            left -= 1
            problem = replace(problem, suggestion=meant(problem.field))
        yield problem


def _read(rules: Any, max_bytes: int, resource: str | None = None) -> _Read:
    if not isinstance(rules, str | bytes):
        return _Read(*read_data(as_plain(rules), resource))
    body = rules.encode("utf-8", "surrogatepass") if isinstance(rules, str) else rules
    if len(body) > max_bytes:
        raise InvalidRules(detail=f"longer than {max_bytes} bytes")
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    match stripped[:1]:
        case b"<":
            return _from_xml(stripped)
        case b"":
            raise InvalidRules(detail="empty")
    is_json = stripped.startswith(_JSON_STARTS)
    if not is_json and (said := what_it_is(stripped)):
        raise InvalidRules(detail=said)
    try:
        data, repeated = load_json(body) if is_json else load_yaml(body)
        read = read_data(data, resource)
    except InvalidRules:
        if is_of_a_server(stripped):
            raise InvalidRules(detail=OF_A_SERVER) from None
        raise
    return _Read(read.data, [*repeated, *read.problems], read.notes)


def _from_xml(body: bytes) -> _Read:
    start = _PROLOG.match(body)
    begin = start.end() if start else 0
    if body.startswith(_BARE_RULE, begin):
        # Questions often quote a rule without the root element.
        body = b"%b<%b>%b</%b>" % (body[:begin], ROOT.encode(), body[begin:], ROOT.encode())
    try:
        root = parse_element(body)
    except DocumentError as error:
        raise InvalidRules(detail=f"not accepted as XML: {error.detail}") from None
    if local_name(root) in OTHER_ROOTS:
        return _Read(*read_data(as_data(root)))
    if local_name(root).lower() == "html":
        raise InvalidRules(detail=f"not accepted as XML: {AN_HTML_PAGE}")
    if local_name(root) == _ERROR:
        code = ascii((root.findtext("{*}Code") or "without a code").strip())[1:-1]
        raise InvalidRules(detail=f"an error of the server, {shortened(code)}, and no rules")
    if local_name(root) != ROOT:
        name = shortened(ascii(local_name(root)))
        raise InvalidRules(detail=f"a document with the root element {name}: write {ROOT}")
    data, problems = read_element(root)
    return _Read(data, problems, [], in_xml=True)
