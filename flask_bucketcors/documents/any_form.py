"""Rules in any form as plain data, not judged yet: XML, JSON, and what a program holds."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask_bucketcors.core.dialects import ELEMENTS, LIST_ELEMENTS
from flask_bucketcors.core.errors import SHOWN_VALUE, BucketCORSError
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.json_text import TooDeep, parse_json
from flask_bucketcors.core.problems import ProblemReason
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.documents.elements import read_integer, shortened_integer
from flask_bucketcors.documents.from_xml import (
    DocumentError,
    local_name,
    parse_element,
    read_element,
)

#: Rules in any form are refused unread beyond this.
MAX_RULES_TEXT_BYTES: Final = 1024 * 1024
_LISTS: Final = {element: field for field, element in LIST_ELEMENTS.items()}
_JSON_ELEMENTS: Final = {
    **_LISTS,
    **{f"{element}s": field for element, field in _LISTS.items()},
    **{ELEMENTS[field]: field for field in ("id", "max_age_seconds")},
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


#: Rules as people and programs have them: a rule set, a document as text, plain data in the names
#: of :class:`~flask_bucketcors.Rule` or of a vendor's SDK, or None for a bucket without rules.
AnyRules = RuleSet | str | bytes | Mapping[str, Any] | Iterable[Any] | None


class UnreadableRules(BucketCORSError, ValueError):
    """A text holds no rules that could be explained; says why and what to write."""


def read_rules(rules: AnyRules) -> RuleSet | dict[str, Any] | None:
    """Read rules in any form; what is no rule set is plain data, and need not be valid.

    :raises UnreadableRules: if a text or the data has none of the forms.
    """
    if rules is None or isinstance(rules, RuleSet):
        return rules
    if isinstance(rules, str | bytes):
        return read_configuration(rules)
    return plain_configuration(rules)


def read_rule_set(rules: AnyRules) -> RuleSet | None:
    """Read rules in any form that have to be valid.

    :raises InvalidRules: with every problem of the rules.
    :raises UnreadableRules: if a text or the data has none of the forms.
    """
    found = read_rules(rules)
    return RuleSet.from_dict(found) if isinstance(found, dict) else found


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
        root = parse_element(stripped)
    except DocumentError as error:
        raise UnreadableRules(f"The rules are neither XML nor JSON: {error.detail}") from None
    if local_name(root) != "CORSConfiguration":
        name = ascii(local_name(root))[:SHOWN_VALUE]
        raise UnreadableRules(f"The root element is {name}: it must be CORSConfiguration.")
    data, problems = read_element(root)
    for problem in problems:
        if problem.rule is not None and problem.reason is ProblemReason.UNKNOWN_ELEMENT:
            # As JSON would have it, so that whoever judges the rules can name it.
            data["rules"][problem.rule].setdefault(problem.field, None)
    return data


def _configuration_from_json(body: bytes) -> dict[str, Any]:
    try:
        data = parse_json(body, parse_int=shortened_integer)
    except TooDeep as error:
        raise UnreadableRules(f"The rules are not read: their {error}.") from None
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
            return read_integer(value)
    return value
