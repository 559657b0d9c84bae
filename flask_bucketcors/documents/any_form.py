"""Reads rules in any form: XML, JSON, and Python objects.

:func:`read_rules` gives unchecked plain data, for explaining and linting; :func:`read_rule_set`
gives a valid rule set, for storing and comparing.
"""

from collections.abc import Iterable, Mapping
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

#: Longer texts are refused, in bytes, unless a dialect has a lower limit.
MAX_RULES_TEXT_BYTES: Final = 1024 * 1024
_BARE_RULE: Final = b"<CORSRule>"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")

#: Rules in any form: a rule set, a document as text, plain data with the names of
#: :class:`~flask_bucketcors.Rule` or of a vendor's SDK, or None for a bucket without rules.
AnyRules = RuleSet | str | bytes | Mapping[str, Any] | Iterable[Any] | None


class _Read(NamedTuple):
    """The content of a text or an object.

    :param data: ``rules``, mappings with the names of Rule's fields, and ``response_vary`` if it
        is set. Unknown keys of a rule in JSON are kept.
    :param problems: what is wrong with the document but not visible in the data.
    :param in_xml: whether the document names fields by XML elements.
    """

    data: dict[str, Any]
    problems: list[Problem]
    in_xml: bool = False


def read_rules(rules: AnyRules) -> RuleSet | dict[str, Any] | None:
    """Read rules in any form without checking their values.

    Forms: XML of COS, OSS and S3 in any namespace, with or without the root element; JSON of
    ``aws s3api get-bucket-cors``, of the COS SDK and of CloudFormation, alone or as the
    ``CORSConfiguration`` of a call; JSON of :meth:`~flask_bucketcors.RuleSet.as_dict`; a JSON
    list of rules; the same as Python objects.

    :returns: a rule set or None as it is; everything else as plain data: ``rules``, mappings with
        the names of Rule's fields, and ``response_vary`` if it is set.
    :raises InvalidRules: if a text is too long, or has none of the forms.
    """
    if rules is None or isinstance(rules, RuleSet):
        return rules
    read = _read(rules, MAX_RULES_TEXT_BYTES)
    if isinstance(rules, str | bytes) and not read.in_xml:
        _check_names(read.data["rules"])
    for problem in read.problems:
        if problem.rule is not None and problem.reason is ProblemReason.UNKNOWN_ELEMENT:
            # Kept as in JSON, so that lint and explain can name it.
            read.data["rules"][problem.rule].setdefault(problem.field, None)
    return read.data


def read_rule_set(rules: AnyRules) -> RuleSet | None:
    """Read valid rules in any form; see :func:`read_rules`.

    :raises InvalidRules: with everything that is wrong.
    """
    return rules if rules is None or isinstance(rules, RuleSet) else parse_rules(rules)


def parse_rules(rules: str | bytes | Iterable[Any], limits: Dialect | None = None) -> RuleSet:
    """Parse valid rules: a document as text, or plain data; see :func:`read_rules`.

    :param limits: the dialect whose limits of bytes, rules and methods apply; None for no dialect.
    :raises InvalidRules: with everything that is wrong.
    """
    read = _read(rules, limits.max_body_bytes if limits else MAX_RULES_TEXT_BYTES)
    try:
        return checked_rules(read.data, read.problems, limits)
    except InvalidRules as error:
        named = map(in_element_names, error.problems) if read.in_xml else error.problems
        raise InvalidRules(named) from None


def _read(rules: Any, max_bytes: int) -> _Read:
    if not isinstance(rules, str | bytes):
        return _Read(*read_data(rules))
    body = rules.encode("utf-8", "surrogatepass") if isinstance(rules, str) else rules
    if len(body) > max_bytes:
        raise InvalidRules(detail=f"longer than {max_bytes} bytes")
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    match stripped[:1]:
        case b"<":
            return _from_xml(stripped)
        case b"{" | b"[":
            data, repeated = load_json(body)
            found, problems = read_data(data)
            return _Read(found, [*repeated, *problems])
        case b"":
            raise InvalidRules(detail="empty")
    if body.startswith(_UTF_16_MARKS):
        raise InvalidRules(detail="UTF-16, as some shells write it: convert it to UTF-8")
    raise InvalidRules(detail="neither XML nor JSON")


def _from_xml(body: bytes) -> _Read:
    if body.startswith(_BARE_RULE):
        # Questions often quote a rule without the root element.
        body = b"<%b>%b</%b>" % (ROOT.encode(), body, ROOT.encode())
    try:
        root = parse_element(body)
    except DocumentError as error:
        raise InvalidRules(detail=f"not accepted as XML: {error.detail}") from None
    if local_name(root) != ROOT:
        name = shortened(ascii(local_name(root)))
        raise InvalidRules(detail=f"a document with the root element {name}: write {ROOT}")
    return _Read(*read_element(root), in_xml=True)


def _check_names(rules: Iterable[Mapping[str, Any]]) -> None:
    """Refuse rules with unknown names, which would look like empty rules."""
    for number, rule in enumerate(rules, 1):
        if not {"allowed_origins", "allowed_methods"} & rule.keys():
            detail = f"in an unknown form: rule {number} has no AllowedOrigins and AllowedMethods"
            raise InvalidRules(detail=detail)
