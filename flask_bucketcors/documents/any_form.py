"""Reads rules in any form: XML, JSON, and Python objects.

:func:`read_rules` gives unchecked plain data, for explaining and linting; :func:`read_rule_set`
gives a valid rule set, for storing and comparing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import ELEMENTS, LIST_ELEMENTS, Dialect
from flask_bucketcors.core.errors import shortened
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.documents.elements import in_element_names, read_integer, shortened_integer
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
_LISTS: Final = {element: field for field, element in LIST_ELEMENTS.items()}
# The S3 JSON has the plural of the names of list elements.
_S3_NAMES: Final = {
    **{field: f"{element}s" for field, element in LIST_ELEMENTS.items()},
    **{field: ELEMENTS[field] for field in ("id", "max_age_seconds")},
}
_JSON_ELEMENTS: Final = {
    **_LISTS,
    **{name: field for field, name in _S3_NAMES.items()},
    # As CloudFormation calls them.
    "ExposedHeaders": "expose_headers",
    "MaxAge": "max_age_seconds",
}
# Its development kit writes them with a small first letter.
_JSON_NAMES: Final = {
    **{name[0].lower() + name[1:]: field for name, field in _JSON_ELEMENTS.items()},
    **_JSON_ELEMENTS,
}
# The names of the list of rules in JSON: of this package, `aws s3api`, the COS SDK and
# CloudFormation.
_RULES_KEYS: Final = ("rules", "CORSRules", "CORSRule", "CorsRules")
_WRAPPERS: Final = ("CORSConfiguration", "CorsConfiguration")
# The keys beside the rules; boto3 adds the last one to what it reads.
_TOP_KEYS: Final = frozenset({*_RULES_KEYS, "response_vary", "ResponseVary", "ResponseMetadata"})
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

    :param limits: the dialect whose limits of bytes and rules apply; None for no dialect.
    :raises InvalidRules: with everything that is wrong.
    """
    read = _read(rules, limits.max_body_bytes if limits else MAX_RULES_TEXT_BYTES)
    try:
        return checked_rules(read.data, read.problems, limits)
    except InvalidRules as error:
        named = map(in_element_names, error.problems) if read.in_xml else error.problems
        raise InvalidRules(named) from None


def to_s3_json(rule_set: RuleSet) -> dict[str, Any]:
    """A rule set as ``aws s3api put-bucket-cors --cors-configuration`` takes it."""
    rules = [rule.as_dict() for rule in rule_set.rules]
    return {"CORSRules": [{_S3_NAMES[name]: rule[name] for name in rule} for rule in rules]}


def _read(rules: Any, max_bytes: int) -> _Read:
    if not isinstance(rules, str | bytes):
        return _from_data(rules, [])
    body = rules.encode("utf-8", "surrogatepass") if isinstance(rules, str) else rules
    if len(body) > max_bytes:
        raise InvalidRules(detail=f"longer than {max_bytes} bytes")
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    match stripped[:1]:
        case b"<":
            return _from_xml(stripped)
        case b"{" | b"[":
            return _from_data(*load_json(body))
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


def load_json(body: bytes) -> tuple[Any, list[Problem]]:
    """Parse JSON; give its content, and a problem for each key that stands twice in an object.

    :raises InvalidRules: if it is none.
    """
    problems: list[Problem] = []
    once = partial(_without_repetition, problems)
    try:
        text = body.decode("utf-8-sig", "surrogatepass")
        return parse_json(text, object_pairs_hook=once, parse_int=shortened_integer), problems
    except UnicodeDecodeError as error:
        detail = f"not UTF-8: byte {error.start + 1} is wrong"
    except ValueError as error:
        detail = f"not accepted as JSON: {error}"
    raise InvalidRules(detail=detail)


def _without_repetition(problems: list[Problem], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        repeated = [key for key, count in counts.items() if count > 1]
        problems.extend(Problem(key, None, ProblemReason.REPEATED) for key in repeated)
    return found


def _from_data(data: Any, problems: list[Problem]) -> _Read:
    """Take rules as plain data, in the form of this package or of an SDK."""
    strangers = sorted(map(str, _strangers(data)))
    problems.extend(Problem(key, None, ProblemReason.UNKNOWN_ELEMENT) for key in strangers)
    data = _unwrapped(data)
    if not isinstance(data, Mapping):
        data = {"rules": data}
    rules = next((data[name] for name in _RULES_KEYS if name in data), None)
    if isinstance(rules, Mapping):
        # XML that was converted to JSON has no list for a single rule.
        rules = [rules]
    found: dict[str, Any] = {"rules": list(map(_with_field_names, _listed(rules)))}
    vary = data.get("response_vary", data.get("ResponseVary"))
    return _Read(found if vary is None else {**found, "response_vary": vary}, problems)


def _strangers(data: Any) -> Iterator[Any]:
    """The unknown keys of a configuration."""
    configuration = _unwrapped(data)
    if configuration is not data:
        # Keys beside a configuration may name another bucket.
        yield from (key for key in data if data[key] is not configuration)
    if isinstance(configuration, Mapping):
        yield from configuration.keys() - _TOP_KEYS
        # Only one of several lists of rules would be read.
        yield from [key for key in _RULES_KEYS if key in configuration][1:]


def _unwrapped(data: Any) -> Any:
    """The configuration; it may be an argument of a call or part of a template."""
    for name in _WRAPPERS:
        if isinstance(data, Mapping) and isinstance(data.get(name), Mapping | list | tuple):
            return data[name]
    return data


def _listed(rules: Any) -> list[Mapping[str, Any]]:
    if is_list(rules):
        listed = [each.as_dict() if isinstance(each, Rule) else each for each in rules]
        if all(isinstance(each, Mapping) for each in listed):
            return listed
    raise InvalidRules(detail='without a list of rules: write {"rules": [{...}]}')


def _check_names(rules: Iterable[Mapping[str, Any]]) -> None:
    """Refuse rules with unknown names, which would look like empty rules."""
    for number, rule in enumerate(rules, 1):
        if not {"allowed_origins", "allowed_methods"} & rule.keys():
            detail = f"in an unknown form: rule {number} has no AllowedOrigins and AllowedMethods"
            raise InvalidRules(detail=detail)


def _with_field_names(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {_JSON_NAMES.get(name, name): _json_value(name, rule[name]) for name in rule}


def _json_value(name: str, value: Any) -> Any:
    """A value of a rule; in the form of the COS SDK, values are texts, as in XML."""
    if isinstance(value, str):
        if name in _LISTS:
            return [value]
        if name == "MaxAgeSeconds":
            return read_integer(value)
    return value
