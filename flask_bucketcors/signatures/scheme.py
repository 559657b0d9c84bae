"""What every scheme takes and gives: who signed, what is demanded, the refusal."""

import hmac
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from flask_bucketcors.core.errors import CallRefused, Refusal
from flask_bucketcors.signatures.keys import AccessKey, Keys, find_key
from flask_bucketcors.signatures.signed_request import SignedRequest


class SignatureError(CallRefused):
    """A signature does not hold.

    :param code: a :class:`Refusal`; the dialect has the code of its response.
    :param message: replaces the dialect's message, where a vendor has several for one code.
    """

    def __init__(self, code: Refusal, message: str | None = None) -> None:
        super().__init__(code, message=message)


class Signer(NamedTuple):
    """Who signed a request.

    :param access_key_id: the key's id.
    :param dialect: the name of the dialect that the scheme belongs to.
    :param payload_sha256: what the signature says of the body, in lower-case hexadecimal, for
        the reader of the body to compare; None if it says nothing.
    """

    access_key_id: str
    dialect: str
    payload_sha256: str | None = None


class Demands(NamedTuple):
    """What a signature is measured by; see :func:`flask_bucketcors.signatures.verify`."""

    now: float
    parameters: tuple[str, ...]
    headers: tuple[str, ...]

    def check_headers(self, is_covered: Callable[[str], bool]) -> None:
        """Refuse a signature that leaves a header out which it has to cover."""
        missing = sorted(name for name in self.headers if not is_covered(name))
        if missing:
            raise SignatureError(
                Refusal.ACCESS_DENIED,
                f"Strict signature missing header that must be signed: {missing[0]}",
            )

    def check_parameters(
        self, request: SignedRequest, is_covered: Callable[[str], bool], exempt: Collection[str]
    ) -> None:
        """Refuse a signature that leaves a parameter out which it has to cover.

        A caller that demands one relies on the query: one more, not covered, could turn the
        call into another.

        :param exempt: what cannot: the parameters of the signature itself, for example.
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

    :param dialect: the name of the dialect that it belongs to.
    :param parameters: the query parameters of a pre-signed URL that are the scheme's own.
    :param is_in_header: whether the Authorization header is of this scheme, well-formed or not.
    :param is_in_query: whether the query has a signature of this scheme, well-formed or not.
    :param verify: gives who signed a request that carries such a signature, once.
    """

    dialect: str
    parameters: frozenset[str]
    is_in_header: Callable[[SignedRequest], bool]
    is_in_query: Callable[[SignedRequest], bool]
    verify: Callable[[SignedRequest, Keys, Demands], Signer]


def signing_key(
    request: SignedRequest, keys: Keys, access_key_id: str, token_names: Collection[str]
) -> AccessKey:
    """Look up the key that a signature names.

    :param token_names: headers and parameters that may hold the key's security token.
    :raises SignatureError: ``Refusal.INVALID_ACCESS_KEY``, if there is none, or it is a
        temporary one and its token was not sent.
    """
    key = find_key(keys, access_key_id)
    if key is None or not _token_fits(request, key, token_names):
        raise SignatureError(Refusal.INVALID_ACCESS_KEY)
    return key


def check_signature(sent: str, expected: Iterable[str]) -> None:
    """Refuse a signature that is none of those expected."""
    if not any(_is_same(each, sent) for each in expected):
        raise SignatureError(Refusal.SIGNATURE_MISMATCH)


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
    # In a time that does not tell where they differ.
    return hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace"))
