"""Who signed a request: the signatures of COS, OSS, S3 and OBS.

This package is private: it may change without notice.

Each vendor has a module with one or several :class:`Scheme` objects. None of them reads a clock or
the body: the time is an argument, and :func:`flask_bucketcors.api.bodies.check_digests` compares
the body with the digests that the signature covers.
"""

from typing import Final

from flask_bucketcors.core.errors import Refusal
from flask_bucketcors.signatures.cos import COS
from flask_bucketcors.signatures.keys import AccessKey, Keys
from flask_bucketcors.signatures.obs import OBS
from flask_bucketcors.signatures.oss import OSS_V1, OSS_V2, OSS_V4
from flask_bucketcors.signatures.s3 import S3_V2, S3_V4
from flask_bucketcors.signatures.scheme import Demands, Scheme, SignatureError, Signer
from flask_bucketcors.signatures.signed_request import SignedRequest

__all__ = [
    "SCHEMES",
    "SIGNATURE_PARAMETERS",
    "AccessKey",
    "Keys",
    "Scheme",
    "SignatureError",
    "SignedRequest",
    "Signer",
    "find_scheme",
    "has_unknown_authorization",
    "verify",
]

SCHEMES: Final = (COS, OSS_V1, OSS_V2, OSS_V4, S3_V2, S3_V4, OBS)

#: The query parameters that contain the signatures of pre-signed URLs, of all schemes.
SIGNATURE_PARAMETERS: Final = frozenset[str]().union(*(scheme.parameters for scheme in SCHEMES))


def find_scheme(request: SignedRequest) -> Scheme | None:
    """Find the scheme of the request's signature, even if the signature is malformed.

    None if neither header nor query has a signature, or the Authorization header is of another
    kind, such as ``Basic`` or ``Bearer``.
    """
    if not request.header("authorization") and not request.has_parameter(SIGNATURE_PARAMETERS):
        return None
    in_header = (scheme for scheme in SCHEMES if scheme.is_in_header(request))
    in_query = (scheme for scheme in SCHEMES if scheme.is_in_query(request))
    return next(in_header, None) or next(in_query, None)


def has_unknown_authorization(request: SignedRequest) -> bool:
    """Whether there is an Authorization header, but of no scheme in this package."""
    if not request.header("authorization"):
        return False
    return not any(scheme.is_in_header(request) for scheme in SCHEMES)


def verify(
    request: SignedRequest,
    keys: Keys,
    *,
    now: float,
    must_sign: tuple[str, ...] = (),
    must_sign_headers: tuple[str, ...] = (),
) -> Signer | None:
    """Find out who signed the request; None if it has no signature of a known scheme.

    Signatures always cover the bucket, by the path, the host or its name.

    :param keys: access key id to secret, as a mapping or a callable; see :data:`Keys`.
    :param now: seconds since 1970, UTC.
    :param must_sign: query parameters that the signature must cover, in lower case. If there are
        any, it must cover every parameter that was sent.
    :param must_sign_headers: headers that it must cover in addition to Host, in lower case.
    :raises SignatureError: if there is an invalid signature, or there are two.
    """
    scheme = find_scheme(request)
    if scheme is None:
        return None
    if _count(request) > 1:
        raise SignatureError(
            Refusal.INVALID_AUTHORIZATION,
            "Only one of the Authorization header and the query may carry a signature, and "
            "only one signature.",
        )
    return scheme.verify(request, keys, Demands(now, must_sign, must_sign_headers))


def _count(request: SignedRequest) -> int:
    return sum(scheme.is_in_header(request) + scheme.is_in_query(request) for scheme in SCHEMES)
