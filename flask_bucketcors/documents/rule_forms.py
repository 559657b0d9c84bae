"""One rule as plain data, in the form of any vendor or tool.

Facts:

- Google Cloud Storage, "Cross-origin resource sharing": ``responseHeader`` names the headers that
  requests may have and that pages may read.
- Backblaze B2, "CORS rules": ``allowedOperations`` are calls of its own API (``b2_...``) and of
  its S3 API (``s3_...``). The origin ``https`` stands for all origins with that scheme.
- Azure Storage, "Set Blob Service Properties": each list is one text, with commas.
- Yandex Object Storage, the API of its cloud (``CorsRule.Method``): a method is ``METHOD_GET``.
- Cloudflare R2, "Configure CORS": origins, methods and headers are below ``allowed``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from flask_bucketcors.core.dialects import LIST_ELEMENTS
from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.problems import Problem, ProblemReason
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.documents.elements import read_integer
from flask_bucketcors.documents.from_yaml import TaggedText
from flask_bucketcors.documents.key_names import ONE_VALUE, field_of, simple, value_of

_OPERATIONS: Final = {
    "s3_get": ("GET",),
    "s3_head": ("HEAD",),
    "s3_put": ("PUT",),
    "s3_post": ("POST",),
    "s3_delete": ("DELETE",),
    "b2_download_file_by_name": ("GET", "HEAD"),
    "b2_download_file_by_id": ("GET", "HEAD"),
    "b2_upload_file": ("POST",),
    "b2_upload_part": ("POST",),
}
_PREFIX: Final = "METHOD_"
# More than there are methods; it bounds the search for repeated ones.
_MANY: Final = 32
# What Azure's command line prints beside each rule: the service, and the number of the rule.
_NOT_ABOUT_REQUESTS: Final = frozenset({"service", "rule"})


class ReadRule(NamedTuple):
    """What a rule says.

    :param fields: by the names of :class:`~flask_bucketcors.Rule`; unknown keys as they are.
    :param problems: what is wrong and not visible in the fields.
    :param notes: what was read as something else, in words.
    """

    fields: dict[str, Any]
    problems: list[Problem]
    notes: list[str]


def read_rule(rule: Mapping[Any, Any]) -> ReadRule:
    """Read a rule under any spelling of its keys. A value of null is left out."""
    read = ReadRule({}, [], [])
    is_azure = value_of(rule, "maxageinseconds") is not None
    for key, value in _pairs(rule):
        name = simple(key)
        field = field_of(name)
        if value is None:
            continue
        if is_azure and is_list(value):
            # Templates that were exported have an empty text for none.
            value = [each for each in value if each != ""]
        if name in _NOT_ABOUT_REQUESTS:
            read.notes.append(f"{shown_value(key)[1:-1]} is left out: it has no counterpart")
        elif field is None:
            read.fields[str(key)] = value
        elif field in read.fields:
            read.problems.append(Problem(str(key), None, ProblemReason.REPEATED))
        else:
            read.fields[field] = _value(field, name, value, is_azure)
    _convert(rule, read)
    for field in LIST_ELEMENTS:
        if is_list(read.fields.get(field)):
            read.fields[field] = [_filled_in(each, read.notes) for each in read.fields[field]]
    return read


def _pairs(rule: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    for key, value in rule.items():
        if simple(key) == "allowed" and isinstance(value, Mapping):
            yield from value.items()
        else:
            yield key, value


def _value(field: str, name: str, value: Any, is_azure: bool) -> Any:
    if isinstance(value, str):
        if field in LIST_ELEMENTS:
            return _listed(name, value, is_azure)
        return read_integer(value) if field == "max_age_seconds" else value or None
    return value


def _listed(name: str, value: str, is_azure: bool) -> Any:
    if is_azure:
        return [each.strip() for each in value.split(",") if each.strip()]
    return [value] if name in ONE_VALUE else value


def _filled_in(value: Any, notes: list[str]) -> Any:
    """A value of a list; for a function of CloudFormation, the text that it has."""
    text = value
    if isinstance(value, Mapping) and len(value) == 1:
        [(name, argument)] = value.items()
        if name == "Fn::Join":
            text = _joined(argument)
        elif name == "Ref" or name.startswith("Fn::"):
            text = argument
    if not isinstance(text, str):
        return value
    if text is not value or isinstance(text, TaggedText) or "${" in text:
        notes.append(f"{shown_value(str(text))} is read as it stands: the template fills it in")
    return str(text)


def _joined(argument: Any) -> Any:
    """The text that Fn::Join makes, with ``${Name}`` for what the template fills in."""
    if not (is_list(argument) and len(argument) == 2 and is_list(argument[1])):
        return argument
    separator, parts = argument
    texts = [f"${{{each['Ref']}}}" if _is_reference(each) else each for each in parts]
    return str(separator).join(texts) if all(isinstance(each, str) for each in texts) else argument


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"Ref"}


def _convert(rule: Mapping[Any, Any], read: ReadRule) -> None:
    """Say what a vendor means in the words of a rule."""
    keys = set(map(simple, rule))
    if "allowedoperations" in keys:
        _convert_operations(read)
    else:
        _convert_methods(read)
    if {"responseheader", "responseheaders"} & keys and "allowed_headers" not in read.fields:
        _convert_response_headers(read)


def _convert_operations(read: ReadRule) -> None:
    operations: Any = read.fields.get("allowed_methods")
    origins: Any = read.fields.get("allowed_origins")
    if is_list(operations):
        read.fields["allowed_methods"] = _methods(operations)
        read.notes.append("allowedOperations are read as methods: s3_put as PUT, for example")
    if is_list(origins) and "https" in origins:
        read.fields["allowed_origins"] = ["https://*" if x == "https" else x for x in origins]
        read.notes.append("the origin https is read as https://*")


def _convert_methods(read: ReadRule) -> None:
    methods: Any = read.fields.get("allowed_methods")
    if is_list(methods) and any(isinstance(x, str) and x.startswith(_PREFIX) for x in methods):
        read.fields["allowed_methods"] = [
            x.removeprefix(_PREFIX) if isinstance(x, str) else x for x in methods
        ]
        read.notes.append("METHOD_GET is read as GET, and so are other methods")


def _methods(operations: Iterable[Any]) -> list[Any]:
    """The methods of operations, each once; other values stay as they are."""
    methods: list[Any] = []
    for each in operations:
        found = _OPERATIONS.get(each) if isinstance(each, str) else None
        if found is None:
            methods.append(each)
        else:
            methods.extend(method for method in found if method not in methods[:_MANY])
    return methods


def _convert_response_headers(read: ReadRule) -> None:
    names: Any = read.fields.get("expose_headers")
    if is_list(names):
        read.fields["allowed_headers"] = list(names)
        read.fields["expose_headers"] = [name for name in names if not _has_star(name)]
        read.notes.append("responseHeader is read as AllowedHeader and as ExposeHeader")


def _has_star(name: object) -> bool:
    return isinstance(name, str) and ANY in name
