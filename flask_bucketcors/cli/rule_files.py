"""Rule sets from files, with everything that is wrong with them."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import click

from flask_bucketcors.cli.terminal import Refused, printable
from flask_bucketcors.core.dialects import COS, Dialect, limited
from flask_bucketcors.core.errors import BucketCORSError
from flask_bucketcors.core.json_text import TooDeep, parse_json
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents import (
    RULES_KEYS,
    DocumentError,
    UnreadableRules,
    in_element_names,
    parse_xml,
    plain_configuration,
    shortened_integer,
    unwrapped,
)

if TYPE_CHECKING:
    from flask_bucketcors.settings import Settings

STDIN: Final = "-"

#: The type of an argument that names a file to read; it is opened only when it is read.
INPUT_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)

_S3_FIELDS: Final = {
    "id": "ID",
    "allowed_headers": "AllowedHeaders",
    "allowed_methods": "AllowedMethods",
    "allowed_origins": "AllowedOrigins",
    "expose_headers": "ExposeHeaders",
    "max_age_seconds": "MaxAgeSeconds",
}
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
# What may stand beside the rules, and what the list of them is called.
_TOP_KEYS: Final = frozenset({*RULES_KEYS, "response_vary", "ResponseVary"})


class Unreadable(BucketCORSError):
    """A text holds no rules that a bucket may have.

    :param message: why, where that is not about a rule.
    :param problems: everything that is wrong with the rules.
    """

    def __init__(self, message: str = "", problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def limits_of(settings: "Settings") -> Dialect:
    """The dialect in which an application reads documents: all elements, its own limits."""
    own = limited(settings.limits)[settings.dialect]
    return replace(COS, max_rules=own.max_rules, max_body_bytes=own.max_body_bytes)


def read_file(path: str, dialect: Dialect) -> RuleSet:
    """Read the rules in a file: XML of any vendor, JSON of S3 or of this package.

    :raises Refused: if that is not what it holds, or if no bucket may have these rules.
    """
    try:
        return parse_document(read_bytes(path, dialect.max_body_bytes), dialect)
    except Unreadable as error:
        message = f"{name_of(path)} is refused: {printable(str(error))}".removesuffix(" ")
        raise Refused(message, error.problems) from None


def read_bytes(path: str, limit: int) -> bytes:
    """What a file holds, or so much of it that it can be told that it is beyond the limit."""
    with open_input(path) as file, told(path):
        return file.read(limit + 1)


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input, to read it.

    :raises click.UsageError: if that cannot be done.
    """
    if path == STDIN and sys.stdin is None:
        raise click.UsageError("standard input is closed")
    with told(path):
        opened = cast(BinaryIO, click.open_file(path, "rb"))
    with opened as file:
        yield file


@contextmanager
def told(path: str) -> Iterator[None]:
    """Say what the system has against a file.

    :raises click.UsageError: if it has something.
    """
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{name_of(path)}: {error.strerror or error}") from None


def name_of(path: str) -> str:
    """What to call a file in a message."""
    return "standard input" if path == STDIN else printable(path)


def parse_document(body: bytes, dialect: Dialect) -> RuleSet:
    """Read a document in any of the forms.

    :raises Unreadable: if it has none of them, is too long, or holds rules that are refused.
    """
    if not body:
        raise Unreadable("it is empty")
    if len(body) > dialect.max_body_bytes:
        raise Unreadable(f"it is longer than {dialect.max_body_bytes} bytes")
    try:
        beginning = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if beginning == b"<":
            return parse_xml(body, dialect)
    except DocumentError as error:
        if error.problems:
            raise Unreadable("", map(in_element_names, error.problems)) from None
        message = f"{dialect.errors[error.code].message} {error.detail}".removesuffix(" ")
        raise Unreadable(message) from None
    if beginning not in (b"{", b"["):
        raise Unreadable(_what_else(body))
    return from_configuration(load_json(body), dialect)


def _what_else(body: bytes) -> str:
    if body.startswith(_UTF_16_MARKS):
        return "it is UTF-16, as some shells write what is redirected: write it in UTF-8"
    return "it is neither XML nor JSON"


def load_json(body: bytes) -> Any:
    """Read JSON in which no key stands twice.

    :raises Unreadable: if it is none, or if one does.
    """
    read = partial(parse_json, object_pairs_hook=_without_repetition, parse_int=shortened_integer)
    try:
        return read(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8: byte {error.start + 1} is wrong") from None
    except TooDeep as error:
        raise Unreadable(f"it is not read: its {error}") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = dict.fromkeys(key for key in keys if keys.count(key) > 1)
        raise Unreadable("", [Problem(key, None, ProblemReason.REPEATED) for key in repeated])
    return found


def from_configuration(data: object, dialect: Dialect) -> RuleSet:
    """Build a rule set of JSON in any of the forms, within the limits of a dialect.

    :raises Unreadable: with every problem.
    """
    try:
        # Most are as this package writes them, and there may be many.
        rule_set = RuleSet.from_dict(data)
    except InvalidRules:
        rule_set = _from_other_form(data)
    if len(rule_set.rules) > dialect.max_rules:
        count = len(rule_set.rules)
        raise Unreadable("", [Problem("rules", count, ProblemReason.TOO_MANY_RULES)])
    return rule_set


def _from_other_form(data: object) -> RuleSet:
    wrong = sorted(_strangers(data))
    if wrong:
        raise Unreadable("", [Problem(key, None, ProblemReason.UNKNOWN_ELEMENT) for key in wrong])
    try:
        return RuleSet.from_dict(plain_configuration(data))
    except UnreadableRules as error:
        raise Unreadable(str(error)) from None
    except InvalidRules as error:
        raise Unreadable("", error.problems) from None


def _strangers(data: object) -> Iterator[str]:
    """What stands in a configuration and is none of its parts."""
    configuration = unwrapped(data)
    if configuration is not data and isinstance(data, dict):
        # What stands beside a configuration may name another bucket.
        yield from data.keys() - {"CORSConfiguration"}
    if isinstance(configuration, dict):
        yield from configuration.keys() - _TOP_KEYS
        # Of several lists of rules only one would be taken.
        yield from [key for key in RULES_KEYS if key in configuration][1:]


def to_s3_json(rule_set: RuleSet) -> dict[str, Any]:
    """A rule set as ``aws s3api put-bucket-cors --cors-configuration`` takes it."""
    return {
        "CORSRules": [
            {_S3_FIELDS[name]: value for name, value in rule.as_dict().items()}
            for rule in rule_set.rules
        ]
    }
