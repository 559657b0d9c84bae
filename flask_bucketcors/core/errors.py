"""The errors of this package, and problems: why a rule set is refused, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

# How much of a refused value a message repeats, in characters.
SHOWN_VALUE = 80


class BucketCORSError(Exception):
    """The base of every error that this package raises on purpose."""


class StoreUnavailable(BucketCORSError):
    """The store cannot be read or written now: locked, full, missing, or not a database."""


class StoredRulesInvalid(BucketCORSError):
    """A stored rule set no longer is one; another tool, or a newer release, wrote it."""


class TooIntricate(BucketCORSError):
    """The patterns of rules overlap in so many ways that nothing can be said of them in time."""

    def __init__(self) -> None:
        super().__init__(
            "the values with '*' are too long, or overlap in too many ways: write fewer of them, "
            "or shorter ones"
        )


class Refusal(StrEnum):
    """Why a request is answered with an error.

    By the name that COS has for it (436/7730); where COS has none, by that of S3, or one of
    our own. A dialect says what the error is called there, and how it is worded.
    """

    # That of Enum is written in Python, and takes as long as a step of answering.
    __hash__ = str.__hash__

    ACCESS_DENIED = "AccessDenied"
    BAD_DIGEST = "BadDigest"
    BODY_TOO_LARGE = "XMLSizeLimit"
    CLOCK_SKEWED = "RequestTimeTooSkewed"
    INCOMPLETE_BODY = "IncompleteBody"
    INTERNAL_ERROR = "InternalError"
    INVALID_ACCESS_KEY = "InvalidAccessKeyId"
    INVALID_AUTHORIZATION = "InvalidAuthorization"
    INVALID_BUCKET_NAME = "InvalidBucketName"
    INVALID_DIGEST = "InvalidDigest"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_VALUE = "InvalidArgument"
    MALFORMED_AUTHORIZATION = "AuthorizationHeaderMalformed"
    MALFORMED_URL_SIGNATURE = "AuthorizationQueryParametersError"
    MALFORMED_XML = "MalformedXML"
    METHOD_NOT_ALLOWED = "MethodNotAllowed"
    MISSING_BODY = "MissingRequestBodyError"
    MISSING_DIGEST = "MissingContentMD5"
    MISSING_LENGTH = "MissingContentLength"
    NO_SUCH_BUCKET = "NoSuchBucket"
    NO_SUCH_RULES = "NoSuchCORSConfiguration"
    NOT_IMPLEMENTED = "NotImplemented"
    PAYLOAD_MISMATCH = "XAmzContentSHA256Mismatch"
    PREFLIGHT_HEADERS = "InvalidRequestedHeaders"
    PREFLIGHT_METHOD = "InvalidRequestedMethod"
    PREFLIGHT_NO_ORIGIN = "MissingOrigin"
    PREFLIGHT_NO_RULES = "CORSNotEnabled"
    PREFLIGHT_REFUSED = "AccessForbidden"
    SIGNATURE_MISMATCH = "SignatureDoesNotMatch"
    UNAVAILABLE = "ServiceUnavailable"
    UNKNOWN_AUTHORIZATION = "UnknownAuthorization"


#: Why a preflight is refused. COS answers all of these alike, others tell some apart.
PREFLIGHT_REFUSALS = (
    Refusal.PREFLIGHT_REFUSED,
    Refusal.PREFLIGHT_NO_RULES,
    Refusal.PREFLIGHT_NO_ORIGIN,
    Refusal.PREFLIGHT_METHOD,
    Refusal.PREFLIGHT_HEADERS,
)


class CallRefused(BucketCORSError):
    """A request is answered with an error of its dialect.

    :param code: what for.
    :param detail: what is wrong in this very request; stands behind the dialect's own text.
    :param message: replaces the dialect's text, where vendors have several for one code.
    """

    def __init__(self, code: Refusal, detail: str = "", *, message: str | None = None) -> None:
        self.code = code
        self.detail = detail
        self.message = message
        super().__init__(" ".join(filter(None, (code, message, detail))))


class InvalidBucketName(BucketCORSError, ValueError):
    """No bucket can have this name; see :mod:`flask_bucketcors.core.bucket_names`."""

    def __init__(self, bucket: object) -> None:
        super().__init__(
            f"{bucket!r:.300} is not a bucket name: write 1 to 255 bytes of UTF-8 without '/' "
            "and control characters, and not '.' or '..'"
        )


class SetupRefused(BucketCORSError, RuntimeError):
    """An application cannot get the extension: by a setting, or because it has one already."""


class UnknownRevision(BucketCORSError, LookupError):
    """A rollback named a revision that the bucket's history does not hold."""


class ProblemReason(StrEnum):
    """Why a value is refused. The set is closed; the text says what to write instead."""

    MISSING = "is missing; write at least one"
    NOT_TEXT = "is not text; write it in quotes"
    NOT_A_LIST = "is not a list; write it in brackets, even when it is a single value"
    EMPTY = "is empty; leave it out or write a value"
    TOO_LONG = "is too long; shorten it"
    TOO_MANY_RULES = "is more rules than are allowed; put rules together or leave some out"
    NOT_A_RULE = "is not a rule"
    NOT_A_RULE_SET = "is not a rule set; write {'rules': [...]}"
    WILDCARDS = "holds more than one *; write at most one"
    WILDCARD_FORBIDDEN = "holds a *; name each header"
    FORBIDDEN_CHARACTER = (
        "holds a character that no origin has; write scheme://host or scheme://host:port"
    )
    NOT_ASCII = (
        "holds a character beyond ASCII, perhaps an invisible one; write it out without, "
        "and an international host name in its xn-- form"
    )
    PATH = "holds a path; write scheme://host or scheme://host:port"
    PORT = "has a port that is not 1 to 65535"
    METHOD = "is not a method for rules; write GET, PUT, POST, DELETE or HEAD"
    METHOD_CASE = "is in the wrong case; methods are case-sensitive, write it in upper case"
    NOT_A_HEADER_NAME = "is not a header name; write letters, digits and hyphens"
    CONTROL_CHARACTER = "holds a control character or blanks at an end"
    NOT_AN_INTEGER = "is not a whole number of seconds"
    OUT_OF_RANGE = "is not between 0 and 2147483647 seconds"
    NOT_A_BOOLEAN = "is neither true nor false"
    UNKNOWN_ELEMENT = "does not belong here; leave it out"
    STRAY_TEXT = "has text between its elements"
    REPEATED = "may stand here only once"

    @property
    def is_structural(self) -> bool:
        """Whether the shape is wrong (vendors say MalformedXML) rather than a value."""
        return self in _STRUCTURAL


_STRUCTURAL = frozenset(
    {
        ProblemReason.MISSING,
        ProblemReason.NOT_TEXT,
        ProblemReason.NOT_A_LIST,
        ProblemReason.NOT_A_RULE,
        ProblemReason.NOT_A_RULE_SET,
        ProblemReason.NOT_AN_INTEGER,
        ProblemReason.NOT_A_BOOLEAN,
        ProblemReason.UNKNOWN_ELEMENT,
        ProblemReason.STRAY_TEXT,
        ProblemReason.REPEATED,
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a rule set.

    :param field: the name of the field, as :class:`~flask_bucketcors.Rule` spells it.
    :param value: what was found there; None where something is missing.
    :param reason: why it is refused.
    :param rule: index of the rule from 0; None for the rule set itself.
    """

    field: str
    value: object
    reason: ProblemReason
    rule: int | None = None

    def __str__(self) -> str:
        # Documents in JSON may call a field anything.
        field = shortened(ascii(self.field)[1:-1])
        where = field if self.rule is None else f"rule {self.rule + 1}: {field}"
        if self.value is None:
            return f"{where} {self.reason}"
        return f"{where} {shown_value(self.value)} {self.reason}"


def shown_value(value: object) -> str:
    """What a message repeats of any value: printable ASCII of bounded length."""
    try:
        return shortened(ascii(value))
    except (RecursionError, ValueError):
        # It is nested too deeply, or holds a number of too many digits, for Python to write.
        return f"a {type(value).__name__} that is too large to show"


def shortened(text: str) -> str:
    """At most :data:`SHOWN_VALUE` characters of a text, and dots for the rest."""
    return text if len(text) <= SHOWN_VALUE else text[:SHOWN_VALUE] + "..."


class InvalidRules(BucketCORSError, ValueError):
    """A rule or rule set is refused. ``problems`` names everything that is wrong, not the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    def in_rule(self, index: int) -> tuple[Problem, ...]:
        """The problems, said to be in the rule at ``index`` (from 0)."""
        return tuple(replace(problem, rule=index) for problem in self.problems)
