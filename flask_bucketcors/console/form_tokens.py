"""Tokens in forms: a page of another site, or an uploaded one, cannot know them.

A token names the author and not a session, so it also works with Basic authentication. All
workers and hosts with the same secret key take it.
"""

import time
from collections.abc import Sequence
from typing import Final

from itsdangerous import BadSignature, URLSafeTimedSerializer

_SALT: Final = "flask_bucketcors.console"
#: The name of the field.
TOKEN_FIELD: Final = "token"
# A day's work. In seconds.
_MAX_AGE: Final = 12 * 60 * 60
# How much later the clock of the host may be that made the form. In seconds.
_MAX_SKEW: Final = 15 * 60


def make_token(keys: Sequence[str | bytes], author: str) -> str:
    """Sign a token for an author.

    :param keys: secret keys, the newest last; it signs.
    """
    return str(_serializer(keys).dumps(author))


def is_token(keys: Sequence[str | bytes], author: str, token: str) -> bool:
    """Whether a token is the author's, signed by one of the keys and at most 12 hours old."""
    try:
        # With a limit of its own, it would refuse what another host has made with a later clock.
        signed, made = _serializer(keys).loads(token, return_timestamp=True)
    except BadSignature:
        return False
    is_fresh = -_MAX_SKEW <= time.time() - made.timestamp() <= _MAX_AGE
    return bool(signed == author) and is_fresh


def _serializer(keys: Sequence[str | bytes]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        [key.encode() if isinstance(key, str) else key for key in keys], salt=_SALT
    )
