"""Tokens in forms: a page of another site, or an uploaded one, cannot know them.

A token names the author and not a session, so it also works with Basic authentication.
"""

from collections.abc import Sequence
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

_SALT: Final = "flask_bucketcors.console"
#: The name of the field.
TOKEN_FIELD: Final = "token"
# A day's work. In seconds.
_MAX_AGE: Final = 12 * 60 * 60


def make_token(keys: Sequence[str | bytes], author: str) -> str:
    """Sign a token for an author.

    :param keys: secret keys, the newest last; it signs.
    """
    return str(_serializer(keys).dumps(author))


def is_token(keys: Sequence[str | bytes], author: str, token: str) -> bool:
    """Whether a token is the author's, signed by one of the keys and at most 12 hours old."""
    try:
        signed = _serializer(keys).loads(token, max_age=_MAX_AGE)
    except BadSignature:
        return False
    return bool(signed == author)


def _serializer(keys: Sequence[str | bytes]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        [key.encode() if isinstance(key, str) else key for key in keys], salt=_SALT
    )
