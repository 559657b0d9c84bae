"""What every signature scheme reads and gives: a request as it was signed, keys, the refusal."""

import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.errors import CallRefused, Refusal
from flask_bucketcors.core.hosts import split_host

# No vendor gives out an id with anything else in it, and a callable that asks a database is
# spared what the database could not take.
_ACCESS_KEY_ID: Final = re.compile(r"[!-~]{1,128}")


class SignatureError(CallRefused):
    """A signature does not hold.

    :param code: a :class:`Refusal`; the dialect says what it is called there.
    :param message: replaces the dialect's text, where there are several for one code.
    """

    def __init__(self, code: Refusal, message: str | None = None) -> None:
        super().__init__(code, message=message)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A secret, and for temporary keys the security token that has to come with it.

    :raises ValueError: if one of them is empty.
    """

    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        token = self.security_token
        if not _is_text(self.secret) or not (token is None or _is_text(token)):
            raise ValueError("secret and security token have to be text that is not empty")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


#: Access key id to secret: a mapping, or a callable that gives None for an unknown id.
#: A plain text is a secret without a token.
Keys = Mapping[str, "str | AccessKey"] | Callable[[str], "str | AccessKey | None"]


def find_key(keys: Keys, access_key_id: str) -> AccessKey | None:
    """Look an access key id up; None if there is no such key, or its secret is empty."""
    if not _ACCESS_KEY_ID.fullmatch(access_key_id):
        return None
    found = keys(access_key_id) if callable(keys) else keys.get(access_key_id)
    if isinstance(found, str):
        return AccessKey(found) if found else None
    return found


class Signer(NamedTuple):
    """Who signed a request.

    :param access_key_id: the key's id.
    :param dialect: whose scheme it is: ``"cos"``, ``"oss"``, ``"s3"`` or ``"obs"``.
    :param payload_sha256: what the signature says of the body, in lower-case hexadecimal, for
        whoever reads the body to compare; None if it says nothing.
    """

    access_key_id: str
    dialect: str
    payload_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that signatures cover.

    :param method: as sent.
    :param path: decoded bytes of SCRIPT_NAME and PATH_INFO together, as the client meant it.
    :param query: decoded names and values in the order sent; a name without ``=`` has ``""``.
        Bytes that are not UTF-8 are surrogates, so that no two queries fall together.
    :param headers: names in lower case; values as sent, without the blanks around them.
    :param bucket: the bucket that the request is about, whether path or host names it; ``""``
        if it is about none.
    :param key: the object that it is about; ``""`` if it is about the bucket itself.
    """

    method: str
    path: bytes
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    bucket: str
    key: str

    @classmethod
    def from_environ(cls, environ: WSGIEnvironment, bucket: str, key: str) -> "SignedRequest":
        """Read a request.

        :param bucket: as the application found it. Several schemes sign its name, and only
            whoever acts on the request knows which bucket that will be.
        :param key: likewise.
        """
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return cls(
            method=environ["REQUEST_METHOD"],
            path=path.encode("latin-1") or b"/",
            query=tuple(_query(environ.get("QUERY_STRING", ""))),
            headers=_headers(environ),
            bucket=bucket,
            key=key,
        )

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter; None if it was not sent."""
        return next((value for key, value in self.query if key == name), None)

    def header(self, name: str) -> str:
        """The value of a header; ``""`` if it was not sent."""
        return self.headers.get(name, "")

    @property
    def authorization_scheme(self) -> str:
        """The word that an Authorization begins with, in lower case (RFC 9110, 11.1)."""
        return self.header("authorization").partition(" ")[0].lower()

    def has_parameter(self, names: Collection[str]) -> bool:
        """Whether one of these parameters was sent."""
        return any(name in names for name, _ in self.query)

    def hosts(self) -> Iterator[str]:
        """The Host as sent, and without its port: some SDKs sign the name alone."""
        host = self.header("host")
        yield host
        split = split_host(host)
        if split and split[1]:
            yield split[0]


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

        Whoever demands one relies on the query: one more, not covered, could turn the call
        into another.

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

    :param dialect: whose it is: ``"cos"``, ``"oss"``, ``"s3"`` or ``"obs"``.
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


def _query(query: str) -> list[tuple[str, str]]:
    # PEP 3333 hands over bytes in the guise of latin-1.
    text = query.encode("latin-1").decode("utf-8", "surrogateescape")
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): value.strip()
        for key, value in environ.items()
        if key.startswith("HTTP_") and isinstance(value, str)
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        # Some servers give the length as a number.
        value = str(environ.get(key, "")).strip()
        if value:
            headers[key.replace("_", "-").lower()] = value
    return headers
