"""Rules in JSON, and as the Python objects that JSON stands for.

Each tool has names of its own: this package, ``aws s3api``, the COS SDK, CloudFormation and its
development kit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from flask_bucketcors.core.dialects import LIST_ELEMENTS
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import Rule
from flask_bucketcors.documents.elements import read_integer, shortened_integer
from flask_bucketcors.documents.to_json import S3_NAMES

_LISTS: Final = {element: field for field, element in LIST_ELEMENTS.items()}
_JSON_ELEMENTS: Final = {
    **_LISTS,
    **{name: field for field, name in S3_NAMES.items()},
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


def read_data(data: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Take rules from plain data, in the form of this package or of an SDK.

    :returns: the rules with the names of Rule's fields, and a problem for each unknown key
        beside them.
    :raises InvalidRules: if the data holds no list of rules.
    """
    strangers = sorted(map(str, _strangers(data)))
    problems = [Problem(key, None, ProblemReason.UNKNOWN_ELEMENT) for key in strangers]
    data = _unwrapped(data)
    if not isinstance(data, Mapping):
        data = {"rules": data}
    rules = next((data[name] for name in _RULES_KEYS if name in data), None)
    if isinstance(rules, Mapping):
        # XML that was converted to JSON has no list for a single rule.
        rules = [rules]
    found: dict[str, Any] = {"rules": list(map(_with_field_names, _listed(rules)))}
    vary = data.get("response_vary", data.get("ResponseVary"))
    return found if vary is None else {**found, "response_vary": vary}, problems


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
