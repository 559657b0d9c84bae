"""The errors of this package, and why a request is refused."""

from enum import StrEnum

# How much of a refused value a message repeats, in characters.
SHOWN_VALUE = 80


class BucketCORSError(Exception):
    """The base of all errors that this package raises."""


class StoreUnavailable(BucketCORSError):
    """The store cannot be read or written now: locked, full, missing, or not a database."""


class ServerUnreachable(StoreUnavailable):
    """The server of a store is not there now, or does not respond in time; it may be later."""


class HistoryNotTaken(BucketCORSError, NotImplementedError):
    """The store cannot import changes with their times and authors."""


class StoredRulesInvalid(BucketCORSError):
    """A stored rule set is not valid; another tool, or a newer release, wrote it."""


class TooIntricate(BucketCORSError):
    """The work about some rules exceeds its bounds.

    Their values are too many or too long, or overlap in too many ways.

    :param bound: which of the :class:`~flask_bucketcors.Bounds` does not suffice.
    :param number: the value of that bound.
    """

    def __init__(self, bound: str, number: int) -> None:
        self.bound: str = bound
        self.number: int = number
        super().__init__(
            f"not decided within {number:,} {bound}: the values are too many or too long, or "
            "overlap in too many ways; write fewer of them, above all fewer with '*'"
        )


class RefusedByLint(BucketCORSError):
    """The strict setting refuses rules, because of a finding or because lint cannot judge them."""


class Refusal(StrEnum):
    """Why the response to a request is an error.

    The value is the code of COS (436/7730); if COS has none, the code of S3, or one of our own.
    A dialect defines the code, status and message of the response.
    """

    # Enum's own method is written in Python, and would slow down each response.
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


#: Why a preflight is refused. COS has one response for all of these; other vendors have several.
PREFLIGHT_REFUSALS = (
    Refusal.PREFLIGHT_REFUSED,
    Refusal.PREFLIGHT_NO_RULES,
    Refusal.PREFLIGHT_NO_ORIGIN,
    Refusal.PREFLIGHT_METHOD,
    Refusal.PREFLIGHT_HEADERS,
)


class CallRefused(BucketCORSError):
    """A call is refused: the response is an error in the form of the dialect.

    :param code: the reason.
    :param detail: what is wrong with this request; it follows the dialect's message.
    :param message: replaces the dialect's message, if a vendor has several for one code.
    """

    def __init__(self, code: Refusal, detail: str = "", *, message: str | None = None) -> None:
        self.code = code
        self.detail = detail
        self.message = message
        super().__init__(" ".join(filter(None, (code, message, detail))))


class InvalidBucketName(BucketCORSError, ValueError):
    """No bucket can have this name.

    :param bucket: what was given as a name.
    """

    _why = (
        "is not a bucket name: write 1 to 255 bytes of UTF-8 without '/' and control characters, "
        "and not '.' or '..'"
    )

    def __init__(self, bucket: object) -> None:
        super().__init__(f"{bucket!r:.300} {self._why}")


class ReservedBucketName(InvalidBucketName):
    """The application's own URLs begin with this name, so no bucket can have it."""

    _why = "cannot name a bucket: the application's own URLs begin with it; use another name"


class SetupRefused(BucketCORSError, RuntimeError):
    """An application is not set up correctly: a setting is wrong, or BucketCORS is missing or was
    added twice.
    """


class SettingRefused(SetupRefused, ValueError):
    """A setting or an argument does not have the required form."""


class RulesChanged(BucketCORSError):
    """A bucket has other rules than a write expected; nothing was written.

    :param bucket: the bucket's name.
    """

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        super().__init__(
            f"the rules of bucket {bucket!r} have changed since you read them: read them again, "
            "and repeat your change"
        )


class UnknownRevision(BucketCORSError, LookupError):
    """A revision is not in the bucket's history."""


def shown_value(value: object) -> str:
    """Format a value for a message: printable ASCII of bounded length."""
    try:
        return shortened(ascii(value))
    except (RecursionError, ValueError):
        # It is nested too deeply, or has a number with too many digits, for Python to format.
        return f"a {type(value).__name__} that is too large to show"


def shortened(text: str) -> str:
    """Cut a text after :data:`SHOWN_VALUE` characters, and add dots if something is missing."""
    return text if len(text) <= SHOWN_VALUE else text[:SHOWN_VALUE] + "..."
