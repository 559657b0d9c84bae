"""What all schemes have in common: their arguments, their result, and their error."""

import hmac
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from flask_bucketcors.core.errors import CallRefused, Refusal
from flask_bucketcors.signatures.keys import AccessKey, Keys, find_key
from flask_bucketcors.signatures.signed_request import SignedRequest


class SignatureError(CallRefused):
    """A signature is invalid.

    :param code: a :class:`Refusal`; the dialect defines the code of the response.
    :param message: replaces the dialect's message, if a vendor has several for one code.
    """

    def __init__(self, code: Refusal, message: str | None = None) -> None:
        super().__init__(code, message=message)


class Signing(NamedTuple):
    """How a scheme signs requests, with the fields of one signature.

    :param canonical_requests: gives the texts that may have been signed: different forms of the
        same request.
    :param string_to_sign: gives the string to sign of such a text; None if it is the text itself.
    :param sign: computes the signature, from the secret and the string to sign.
    """

    canonical_requests: Callable[[SignedRequest], Iterator[bytes]]
    string_to_sign: Callable[[bytes], bytes] | None
    sign: Callable[[str, bytes], str]


class SignatureMismatch(SignatureError):
    """A signature is not the one that the server computes.

    :param request: the request that was signed.
    :param signing: how.
    """

    def __init__(self, request: SignedRequest, signing: Signing) -> None:
        super().__init__(Refusal.SIGNATURE_MISMATCH)
        self._request = request
        self._signing = signing

    def explain(self) -> tuple[bytes, bytes | None]:
        """Give the string to sign, and the canonical request if that is another text.

        Tokens and other secrets are hidden. The digest of the canonical request in the string to
        sign is that of the request as it was sent.
        """
        texts, string_to_sign, _ = self._signing
        shown = next(texts(self._request.without_secrets()))
        if string_to_sign is None:
            return shown, None
        return string_to_sign(next(texts(self._request))), shown


class Signer(NamedTuple):
    """Who signed a request.

    :param access_key_id: the key's id.
    :param dialect: the name of the dialect that the scheme belongs to.
    :param payload_sha256: the digest of the body that the signature covers, in lower-case
        hexadecimal, to be compared with the body; None if it covers none.
    """

    access_key_id: str
    dialect: str
    payload_sha256: str | None = None


class Demands(NamedTuple):
    """What a signature must fulfil; see :func:`flask_bucketcors.signatures.verify`."""

    now: float
    parameters: tuple[str, ...]
    headers: tuple[str, ...]

    def check_headers(self, is_covered: Callable[[str], bool]) -> None:
        """Refuse a signature that does not cover a required header."""
        missing = sorted(name for name in self.headers if not is_covered(name))
        if missing:
            raise SignatureError(
                Refusal.ACCESS_DENIED,
                f"Strict signature missing header that must be signed: {missing[0]}",
            )

    def check_parameters(
        self, request: SignedRequest, is_covered: Callable[[str], bool], exempt: Collection[str]
    ) -> None:
        """Refuse a signature that does not cover a required parameter.

        If one parameter is required, all are: a further one that is not covered could turn the call
        into another.

        :param exempt: parameters that could not, such as those of the signature itself.
        """
        if not self.parameters:
            return
        sent = {name for name, _ in request.query}
        signed = {name for name in sent if is_covered(name)}
        missing = sent.difference(signed, exempt)
        missing |= set(self.parameters).difference(map(str.lower, signed))
        if missing:
            raise SignatureError(
                Refusal.ACCESS_DENIED,
                "Strict signature missing param that must be signed: "
                + ascii(min(missing))[1:-1][:64],
            )


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to sign a request.

    :param name: the vendor and the version, such as ``S3 V4``.
    :param dialect: the name of the dialect that it belongs to.
    :param parameters: the query parameters of the scheme in a pre-signed URL.
    :param is_in_header: returns whether the Authorization header is of this scheme, even if it is
        malformed.
    :param is_in_query: returns whether the query has a signature of this scheme, even if it is
        malformed.
    :param verify: finds out who signed a request that has one signature of the scheme.
    """

    name: str
    dialect: str
    parameters: frozenset[str]
    is_in_header: Callable[[SignedRequest], bool]
    is_in_query: Callable[[SignedRequest], bool]
    verify: Callable[[SignedRequest, Keys, Demands], Signer]


def signing_key(
    request: SignedRequest, keys: Keys, access_key_id: str, token_names: Collection[str]
) -> AccessKey:
    """Look up the key that a signature names.

    :param token_names: headers and parameters that may contain the key's security token.
    :raises SignatureError: ``Refusal.INVALID_ACCESS_KEY``, if there is no such key, or the token
        of a temporary key is missing.
    """
    key = find_key(keys, access_key_id)
    if key is None or not _token_fits(request, key, token_names):
        raise SignatureError(Refusal.INVALID_ACCESS_KEY)
    return key


def check_signature(request: SignedRequest, sent: str, secret: str, signing: Signing) -> None:
    """Refuse a signature that is not the one of any form of the request.

    :raises SignatureMismatch: if it is not.
    """
    texts, string_to_sign, sign = signing
    for text in texts(request):
        if _is_same(sign(secret, string_to_sign(text) if string_to_sign else text), sent):
            return
    raise SignatureMismatch(request, signing)


def single_values(request: SignedRequest, names: Collection[str]) -> dict[str, str] | None:
    """The values of query parameters; None if one of them was sent twice."""
    pairs = [pair for pair in request.query if pair[0] in names]
    values = dict(pairs)
    return values if len(values) == len(pairs) else None


def _token_fits(request: SignedRequest, key: AccessKey, names: Collection[str]) -> bool:
    if key.security_token is None:
        return True
    sent = (request.header(name) or request.parameter(name) or "" for name in names)
    return any(_is_same(key.security_token, token) for token in sent)


def _is_same(expected: str, sent: str) -> bool:
    # In constant time, which does not reveal where they differ.
    return hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace"))
