"""What every signature scheme reads: a request as it was signed, keys, and the refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

from flask_bucketcors.core.errors import CallRefused, Refusal


class SignatureError(CallRefused):
    """A signature does not hold. Code and message are the vendor's."""

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
    found = keys(access_key_id) if callable(keys) else keys.get(access_key_id)
    if isinstance(found, str):
        return AccessKey(found) if found else None
    return found


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that signatures cover.

    :param method: as sent.
    :param path: decoded bytes of SCRIPT_NAME and PATH_INFO together, as the client meant it.
    :param query: decoded names and values in the order sent; a name without ``=`` has ``""``.
    :param headers: names in lower case; values as sent, without the blanks around them.
    """

    method: str
    path: bytes
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]

    @classmethod
    def from_environ(cls, environ: WSGIEnvironment) -> "SignedRequest":
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        return cls(
            method=environ["REQUEST_METHOD"],
            path=path.encode("latin-1") or b"/",
            query=tuple(query),
            headers=_headers(environ),
        )

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter; None if it was not sent."""
        return next((value for key, value in self.query if key == name), None)


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): value.strip()
        for key, value in environ.items()
        if key.startswith("HTTP_") and isinstance(value, str)
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = environ[key].strip()
    return headers
