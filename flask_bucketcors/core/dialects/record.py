"""What differs between vendors, as data: a dialect is a record, and not a branch in the code."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.problems import ProblemReason


class AllowHeaders(StrEnum):
    """What Access-Control-Allow-Headers contains.

    ``RULE``: all names of the rule in lower case, requested or not; the requested names if the rule
    contains ``*``. ``REQUESTED``: the requested names. ``LOWERED``: these in lower case.
    """

    RULE = "rule"
    REQUESTED = "requested"
    LOWERED = "lowered"


class ShowVary(StrEnum):
    """Whether GET shows ResponseVary: if it was put, always, or never; then PUT refuses it."""

    IF_PUT = "if put"
    ALWAYS = "always"
    NEVER = "never"


class IdForm(StrEnum):
    """The form of a vendor's ID; an :class:`Id` has its length."""

    HEX = "hexadecimal digits in upper case"
    BASE64 = "base64 of bytes"
    COS_REQUEST = "base64 of time_x_y_z in hexadecimal"
    COS_TRACE = "base64 of 128 hexadecimal digits"


class Id(NamedTuple):
    """An id that responses carry.

    :param header: its header.
    :param element: its name in error documents.
    :param form: how it is written.
    :param size: digits of ``HEX``, bytes of ``BASE64``; the other forms have one size.
    :param errors_only: whether only errors carry it.
    """

    header: str
    element: str
    form: IdForm
    size: int = 0
    errors_only: bool = False


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The error response of a vendor.

    :param status: the whole WSGI status line.
    :param message: ``{value}`` in that of ``PREFLIGHT_METHOD`` stands for the requested method.
    :param document: the error document, if not the dialect's ``error_document``.
    """

    code: str
    status: str
    message: str
    document: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """The limits, the texts and the formats of one vendor.

    An error document is a text with placeholders: ``$Code``, ``$Status`` (the number),
    ``$Message``, each ``$element`` of ``ids``, and of the request ``$BucketName``, ``$Method``,
    ``$Host``, ``$Resource`` (host and path) and ``$ResourceType``.

    :param max_rules: rules in one document.
    :param max_body_bytes: size of a document that is put.
    :param list_separator: between the values of one Access-Control-* header.
    :param allow_headers: see :class:`AllowHeaders`.
    :param actual_in_full: whether responses to actual requests carry Allow-Methods and Max-Age.
    :param decides_by_requested: whether the Access-Control-Request-* headers decide about an
        actual request that carries them.
    :param varies_on_match: whether the vendor sends Vary with all allowed requests, and only with
        those; other vendors send it if the bucket has ResponseVary.
    :param content_type: of GET's document.
    :param elements: what documents call the fields of a rule and of a rule set.
    :param xml_declaration: first line of GET's document.
    :param xml_indent: the indentation of each level; None for a single line.
    :param namespace: of its root element; ``""`` for none.
    :param shows_id: whether GET shows the ID of a rule.
    :param shows_vary: see :class:`ShowVary`.
    :param error_content_type: of error documents.
    :param error_document: the error document.
    :param error_escapes: how error documents escape characters, to be replaced in this order.
    :param ids: what identifies a response.
    :param errors: the response to each refusal.
    :param problem_texts: the vendor's texts for problems of a document, by field and reason;
        ``{value}`` stands for the value, ``{limit}`` for ``max_rules``. Other problems have the
        text of :class:`~flask_bucketcors.ProblemReason`, which follows the message.
    :param extra_methods: the methods that rules in a document may have beside those of the
        vendor; see :data:`~flask_bucketcors.core.fields.EXTRA_METHODS`.
    """

    name: str
    max_rules: int
    max_body_bytes: int
    list_separator: str
    allow_headers: AllowHeaders
    actual_in_full: bool
    decides_by_requested: bool
    varies_on_match: bool
    content_type: str
    elements: Mapping[str, str]
    xml_declaration: str
    xml_indent: str | None
    namespace: str
    shows_id: bool
    shows_vary: ShowVary
    error_content_type: str
    error_document: str
    error_escapes: Mapping[str, str]
    ids: tuple[Id, ...]
    errors: Mapping[Refusal, ErrorResponse]
    problem_texts: Mapping[tuple[str, ProblemReason], str] = field(default_factory=dict)
    extra_methods: tuple[str, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that rules in a document may have."""
        return (*METHODS, *self.extra_methods)


def error_responses(
    responses: Mapping[Refusal, ErrorResponse], messages: Mapping[Refusal, str], **changes: str
) -> dict[Refusal, ErrorResponse]:
    """Give ``responses``, with other messages for some of them.

    :param changes: another ``code``, ``status`` or ``document`` for these.
    """
    changed = {
        refusal: replace(responses[refusal], message=message, **changes)
        for refusal, message in messages.items()
    }
    return {**responses, **changed}
