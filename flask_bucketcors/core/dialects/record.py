"""What differs between vendors, as data: a dialect is a record, never a branch in the code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.core.problems import ProblemReason

FORBIDDEN: Final = "403 Forbidden"
BAD_REQUEST: Final = "400 Bad Request"
NOT_FOUND: Final = "404 Not Found"


class AllowHeaders(StrEnum):
    """What Access-Control-Allow-Headers holds.

    ``RULE``: all names of the rule in lower case, asked for or not; the names asked for where
    the rule holds ``*``. ``REQUESTED``: the names asked for. ``LOWERED``: those in lower case.
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
    """The form of a vendor's id."""

    COS_REQUEST = "base64 of time_x_y_z in hexadecimal"
    COS_TRACE = "base64 of 128 hexadecimal digits"
    OSS_REQUEST = "24 hexadecimal digits"
    S3_REQUEST = "16 hexadecimal digits"
    S3_EXTENDED = "base64 of 56 bytes"
    OBS_REQUEST = "32 hexadecimal digits"
    OBS_EXTENDED = "base64 of 48 bytes"


class Id(NamedTuple):
    """An id that answers carry.

    :param header: its header.
    :param element: its element in error documents.
    :param errors_only: whether other answers go without.
    """

    header: str
    element: str
    form: IdForm
    errors_only: bool = False


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error as a vendor words it.

    :param status: the whole WSGI status line.
    :param elements: what its document holds; empty for the dialect's own.
    :param constants: elements that always have this text.
    """

    code: str
    status: str
    message: str
    elements: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How one vendor limits, words and lays out what goes over the wire.

    :param max_rules: rules in one document.
    :param max_body_bytes: size of a document that is put.
    :param list_separator: between the values of one Access-Control-* header.
    :param allow_headers: see :class:`AllowHeaders`.
    :param actual_in_full: whether answers to actual requests carry Allow-Methods and Max-Age.
    :param decides_by_requested: whether an actual request is judged by the
        Access-Control-Request-* headers that it carries.
    :param varies_on_match: whether, by the vendor's own way, answers say what they depend on
        just if the request is allowed; else they do if the bucket's ResponseVary says so.
    :param xml_declaration: first line of every document.
    :param xml_indent: what each level of a document is indented by; None for a single line.
    :param namespace: of the root element of GET's document; ``""`` for none.
    :param shows_id: whether GET shows the ID of a rule.
    :param shows_vary: see :class:`ShowVary`.
    :param error_elements: the elements of an error document, in order.
    :param ids: what identifies an answer.
    :param errors: how each refusal is answered.
    :param problem_texts: how a document's problem is worded, by field and reason; ``{value}``
        stands for the value. Other problems have our own words behind the code's message.
    """

    name: str
    max_rules: int
    max_body_bytes: int
    list_separator: str
    allow_headers: AllowHeaders
    actual_in_full: bool
    decides_by_requested: bool
    varies_on_match: bool
    xml_declaration: str
    xml_indent: str | None
    namespace: str
    shows_id: bool
    shows_vary: ShowVary
    error_elements: tuple[str, ...]
    ids: tuple[Id, ...]
    errors: Mapping[Refusal, ErrorAnswer]
    problem_texts: Mapping[tuple[str, ProblemReason], str] = field(default_factory=dict)


Row = tuple[Refusal, str, str] | tuple[Refusal, str, str, str]


def answers(*rows: Row) -> dict[Refusal, ErrorAnswer]:
    """Give how refusals are answered.

    :param rows: refusal, status and message, and the code if it is not the refusal's name.
    """
    return {
        refusal: ErrorAnswer(code[0] if code else refusal.value, status, message)
        for refusal, status, message, *code in rows
    }
