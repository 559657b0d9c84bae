"""Access keys: ids, secrets, and the tokens of temporary ones."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

# No vendor issues IDs with other characters, and a function that queries a database does not get
# what the database may not accept.
_ACCESS_KEY_ID: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The secret of an access key.

    :param secret: signs the calls.
    :param security_token: the token of a temporary key; each call must contain it.
    :raises ValueError: if one of them is empty.
    """

    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        token = self.security_token
        if not _is_text(self.secret) or not (token is None or _is_text(token)):
            raise ValueError("secret and security token must be text that is not empty")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


#: Access key ids to secrets: a mapping, or a function that returns None for an unknown id.
#: A text is a secret without a token.
Keys = Mapping[str, "str | AccessKey"] | Callable[[str], "str | AccessKey | None"]


def find_key(keys: Keys, access_key_id: str) -> AccessKey | None:
    """Look an access key id up; None if there is no such key, or its secret is empty."""
    if not _ACCESS_KEY_ID.fullmatch(access_key_id):
        return None
    found = keys(access_key_id) if callable(keys) else keys.get(access_key_id)
    if isinstance(found, str):
        return AccessKey(found) if found else None
    return found
