"""Who signed this request.

One module per scheme, each with ``recognises(request)`` and ``verify(request, keys, ...)``.
None of them reads a clock or the body: the time is passed in, and whoever reads the body
compares it with the digests that the signature covers.
"""

from typing import Protocol

from flask_bucketcors.signatures import cos
from flask_bucketcors.signatures.request import (
    AccessKey,
    Keys,
    SignatureError,
    SignedRequest,
)

__all__ = ["AccessKey", "Keys", "SignatureError", "SignedRequest", "verify"]


class _Scheme(Protocol):
    def recognises(self, request: SignedRequest) -> bool: ...

    def verify(
        self,
        request: SignedRequest,
        keys: Keys,
        *,
        now: float,
        must_sign: tuple[str, ...],
        must_sign_headers: tuple[str, ...],
    ) -> str: ...


_SCHEMES: tuple[_Scheme, ...] = (cos,)


def verify(
    request: SignedRequest,
    keys: Keys,
    *,
    now: float,
    must_sign: tuple[str, ...] = (),
    must_sign_headers: tuple[str, ...] = (),
) -> str | None:
    """Give the access key id that signed the request, or None if nothing known signed it.

    :param keys: access key id to secret, as a mapping or a callable; see :data:`Keys`.
    :param now: seconds since 1970, UTC.
    :param must_sign: query parameters that the signature has to cover, in lower case. With
        any, it has to cover every parameter that was sent.
    :param must_sign_headers: headers that it has to cover beside Host, in lower case.
    :raises SignatureError: if there is a signature and it does not hold.
    """
    for scheme in _SCHEMES:
        if scheme.recognises(request):
            return scheme.verify(
                request,
                keys,
                now=now,
                must_sign=must_sign,
                must_sign_headers=must_sign_headers,
            )
    return None
