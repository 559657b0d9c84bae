"""The ``authorize`` hook: the application decides who may read and edit rules."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException

from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.stores.checked_arguments import MAX_AUTHOR_LENGTH


@dataclass(frozen=True, slots=True)
class RulesCall:
    """A ``?cors`` call that an ``authorize`` hook allows or refuses.

    :param bucket: the bucket's name.
    :param method: GET, PUT or DELETE.
    :param requester: the access key id that signed the call; None if it is unsigned.
    :param environ: the WSGI environ, without a body to read.
    """

    bucket: str
    method: str
    requester: str | None
    environ: WSGIEnvironment


#: Returns whether to allow a call: True, False, or the name of the person who makes it, which
#: allows the call and becomes the author in the history. An empty name, or None, allows nothing.
#: The function may also call ``abort(403)``.
Authorize = Callable[[RulesCall], bool | str | None]


class Verdict(NamedTuple):
    """What a hook says of a call.

    :param author: the name for the history; None if the hook names nobody.
    """

    allowed: bool
    author: str | None = None


def ask(authorize: Authorize, call: RulesCall) -> Verdict:
    """Call the hook.

    :raises TypeError: if it returns something else than True, False, None or text.
    """
    try:
        said: object = authorize(call)
    except HTTPException as error:
        if error.code is None or error.code >= 500:
            raise
        # Flask applications refuse with abort(401) and the like.
        return Verdict(False)
    if said is None or isinstance(said, bool):
        return Verdict(said is True)
    if isinstance(said, str):
        author = author_name(said)
        return Verdict(author is not None, author)
    # Responses, coroutines, and tuples of text and status would all count as true.
    raise TypeError(
        f"the authorize hook returned {shown_value(said)}: return True, False, or the name of the "
        "person as text"
    )


def author_name(said: str) -> str | None:
    """Give the name that a hook returned as a store keeps it; None if it is empty."""
    # A store cannot keep what UTF-8 cannot encode, nor a longer name.
    name = said.strip().encode("utf-8", "backslashreplace").decode()
    return name[:MAX_AUTHOR_LENGTH] or None


def bodiless(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Give the environ without its body, so that a hook that reads it does not consume it."""
    removed = ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    kept = {key: value for key, value in environ.items() if key not in removed}
    return {**kept, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
