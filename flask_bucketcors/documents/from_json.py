"""Rules in JSON, and as the Python objects that JSON stands for, in the forms of vendors and tools.

Each tool has names of its own: this package, ``aws s3api``, the SDKs of COS, OSS and OBS,
CloudFormation and its development kit, Terraform, Pulumi, Google Cloud Storage, Cloudflare R2,
Backblaze B2 and Azure Storage.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.errors import shortened
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.json_text import parse_json
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.documents.elements import read_boolean, shortened_integer
from flask_bucketcors.documents.key_names import (
    RULES,
    is_rule,
    may_be_rule,
    simple,
    suggestion,
    value_of,
)
from flask_bucketcors.documents.rule_forms import read_rule
from flask_bucketcors.documents.templates import (
    Place,
    find_places,
    has_rules,
    places_within,
    rules_keys,
    unwrapped,
    unwrapped_once,
)

# Keys beside the rules that say nothing about them; boto3 adds the last one to what it reads.
_METADATA: Final = frozenset({"responsevary", "responsemetadata"})
# Keys whose value names the bucket: what else is beside them describes it.
_NAMES_THE_BUCKET: Final = frozenset({"bucket", "bucketname", "name"})
# Keys that say something else about it, or about the response that had the rules.
_ABOUT_THE_BUCKET: Final = frozenset(
    {
        "accountid",
        "bucketid",
        "contentmd5",
        "defaultserviceversion",
        "deleteretentionpolicy",
        "etag",
        "expectedbucketowner",
        "headers",
        "hourmetrics",
        "id",
        "jurisdiction",
        "kind",
        "location",
        "logging",
        "minutemetrics",
        "region",
        "requestid",
        "res",
        "staticwebsite",
        "statuscode",
        "type",
        "xmlns",
    }
)
# Names that a note repeats, and how many characters of each.
_SHOWN_NAMES: Final = 10
_SHOWN_NAME: Final = 40
_MAX_NOTES: Final = 20
_USUAL_FORM: Final = 'write {"rules": [{...}]}'


class ReadData(NamedTuple):
    """The rules in plain data.

    :param data: ``rules``, mappings with the names of Rule's fields, and ``response_vary`` if it
        is set. Unknown keys of a rule are kept.
    :param problems: what is wrong with the document but not visible in the data.
    :param notes: values that were converted or ignored, in words.
    """

    data: dict[str, Any]
    problems: list[Problem]
    notes: list[str]


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


def read_data(data: Any, resource: str | None = None) -> ReadData:
    """Take rules from plain data.

    :param resource: the name of the resource in a template that has several with rules.
    :raises InvalidRules: if the data holds no list of rules, or several and ``resource`` names
        none of them.
    """
    places = find_places(data) or ([] if has_rules(data) else places_within(data))
    if places or resource is not None:
        place = _only(places, resource)
        read = _read_configuration(place.configuration)
        read.notes.insert(0, f"the rules of {_named([place.name])} are read")
        return read
    read = _read_configuration(data)
    problems, notes = _beside(data)
    return ReadData(read.data, [*problems, *read.problems], [*notes, *read.notes])


def _named(keys: Iterable[Any]) -> str:
    """Some keys of a document, for a note."""
    shown = [ascii(str(key))[1:-1][:_SHOWN_NAME] for key in keys]
    more = f" and {len(shown) - _SHOWN_NAMES} more" if len(shown) > _SHOWN_NAMES else ""
    return ", ".join(shown[:_SHOWN_NAMES]) + more


def _only(places: list[Place], resource: str | None) -> Place:
    names = _named(place.name for place in places)
    if resource is None and len(places) > 1:
        raise InvalidRules(
            detail=f"those of several buckets ({names}): name one, with --resource NAME "
            "or resource="
        )
    for place in places:
        if resource in (None, place.name):
            return place
    raise InvalidRules(detail=f"not those of {shortened(ascii(resource))}: write {names or 'none'}")


def _read_configuration(data: Any) -> ReadData:
    configuration = unwrapped(data)
    keys = rules_keys(configuration) if isinstance(configuration, Mapping) else []
    if not keys and may_be_rule(configuration):
        configuration = {"rules": [configuration]}
    if not isinstance(configuration, Mapping):
        configuration = {"rules": configuration}
    keys = rules_keys(configuration)
    if not keys:
        raise InvalidRules(detail=f"without a list of rules: {_what_to_write(configuration)}")
    rules = configuration[keys[0]]
    found: dict[str, Any] = {"rules": []}
    problems: list[Problem] = []
    notes: list[str] = []
    for index, rule in enumerate(_listed([rules] if is_rule(rules) else rules)):
        fields, wrong, said = read_rule(rule)
        found["rules"].append(fields)
        problems.extend(replace(problem, rule=index) for problem in wrong)
        notes.extend(said)
    vary = value_of(configuration, "responsevary")
    if vary is not None:
        found["response_vary"] = read_boolean(vary)
    return ReadData(found, problems, _bounded(dict.fromkeys(notes)))


def _bounded(notes: Iterable[str]) -> list[str]:
    shown = list(notes)
    more = len(shown) - _MAX_NOTES
    return [*shown[:_MAX_NOTES], f"and {more} more notes"] if more > 0 else shown


def _beside(data: Any) -> tuple[list[Problem], list[str]]:
    """What is to be said of the keys beside the rules, and of those around a configuration."""
    left_out: list[Any] = []
    strangers: list[Any] = []
    while (inner := unwrapped_once(data)) is not data:
        for key in data if isinstance(data, Mapping) else ():
            if data[key] is not inner:
                # Only one of several lists of rules is read.
                (strangers if simple(key) in RULES else left_out).append(key)
        data = inner
    keys = rules_keys(data) if isinstance(data, Mapping) else []
    if keys:
        strangers += keys[1:]
        is_description = not _NAMES_THE_BUCKET.isdisjoint(map(simple, data))
        for key in data:
            name = simple(key)
            if key in keys or name in _METADATA:
                continue
            about = name in _NAMES_THE_BUCKET | _ABOUT_THE_BUCKET
            known = about or (is_description and not _is_misspelt(name))
            (left_out if known else strangers).append(key)
    problems = [Problem(key, None, ProblemReason.UNKNOWN_ELEMENT) for key in map(str, strangers)]
    return sorted(problems, key=str), [f"left out: {_named(left_out)}"] if left_out else []


def _is_misspelt(name: str) -> bool:
    return suggestion(name) in ("CORSRules", "ResponseVary")


def _listed(rules: Any) -> list[Mapping[str, Any]]:
    if is_list(rules) and all(isinstance(each, Mapping) for each in rules):
        return list(rules)
    raise InvalidRules(detail=f"without a list of rules: {_USUAL_FORM}")


def _what_to_write(configuration: Mapping[str, Any]) -> str:
    """What to write where no key holds rules: the key that was probably meant."""
    for key in islice(configuration, _SHOWN_NAMES):
        meant = suggestion(key)
        if meant and is_list(configuration[key]):
            return f"write {meant} in place of {_named([key])}"
    return _USUAL_FORM
