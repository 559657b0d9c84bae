"""What the log says about signatures that are refused.

A client that signs wrongly does so again and again, and anyone can send signatures. So there is
one warning a minute for each scheme. Everything in it is escaped and of bounded length.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Final

from flask_bucketcors.core.errors import CallRefused
from flask_bucketcors.interval_log import IntervalLog
from flask_bucketcors.log_fields import fields
from flask_bucketcors.signatures.scheme import Scheme, SignatureMismatch
from flask_bucketcors.signatures.signed_request import SignedRequest

logger: Final = logging.getLogger("flask_bucketcors.signatures")

_REFUSED: Final = "signature refused (%s): %s, host %.300r, key id %.150r: %.300r"
_UNKNOWN_SCHEME: Final = "unknown scheme"

_KEY_PARAMETERS: Final = (
    "q-ak",
    "X-Amz-Credential",
    "AWSAccessKeyId",
    "OSSAccessKeyId",
    "AccessKeyId",
    "x-oss-access-key-id",
    "x-oss-credential",
)
# In the order of the schemes: V2 of all vendors, COS, V4 of S3 and OSS, OSS V2.
_KEY_IN_HEADER: Final = re.compile(
    r"(?:^(?:AWS|OSS|OBS) +|(?:^|&)q-ak=|[ ,]Credential=|[ ,]AccessKeyId:)([^:/,& ]+)", re.I
)


class FailureLog:
    """Logs refused signatures, at most one a minute for each scheme.

    :param clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logs: dict[str, IntervalLog] = {}

    def write(
        self, request: SignedRequest, scheme: Scheme | None, error: CallRefused, message: str
    ) -> None:
        """Log a refused signature; at level DEBUG, also what should have been signed.

        :param scheme: None for an Authorization header of no known scheme.
        :param message: of the response.
        """
        name = scheme.name if scheme else _UNKNOWN_SCHEME
        log = self._logs.setdefault(name, IntervalLog(logger, self._clock))
        # An unknown header may be a password or a token.
        key_id = claimed_key_id(request) if scheme else None
        host = request.header("host")
        said = fields("signature_refused", code=error.code, scheme=name, host=host, key_id=key_id)
        values = (error.code, name, host, key_id, message)
        log.write(logging.WARNING, _REFUSED, *values, extra=said)
        if isinstance(error, SignatureMismatch) and logger.isEnabledFor(logging.DEBUG):
            _log_string_to_sign(name, error)


def claimed_key_id(request: SignedRequest) -> str | None:
    """Find the access key id that a signature of any scheme names, even if it is malformed."""
    for name in _KEY_PARAMETERS:
        value = request.parameter(name)
        if value:
            return value.partition("/")[0]
    match = _KEY_IN_HEADER.search(request.header("authorization"))
    return match[1] if match else None


def _log_string_to_sign(scheme: str, error: SignatureMismatch) -> None:
    string_to_sign, canonical_request = error.explain()
    said = fields(
        "string_to_sign",
        scheme=scheme,
        string_to_sign=string_to_sign,
        canonical_request=canonical_request,
    )
    if canonical_request is None:
        logger.debug("%s string to sign: %.900r", scheme, string_to_sign, extra=said)
    else:
        text = "%s string to sign: %.300r; canonical request: %.600r"
        logger.debug(text, scheme, string_to_sign, canonical_request, extra=said)
