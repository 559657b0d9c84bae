"""The ``authorize`` hook: the application decides who may read and edit rules."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException


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


#: Returns whether to allow a call, as True or False. It may also call ``abort(403)``.
Authorize = Callable[[RulesCall], bool]


def is_allowed(authorize: Authorize, call: RulesCall) -> bool:
    """Call the hook.

    :raises TypeError: if it returns neither True nor False.
    """
    try:
        verdict: object = authorize(call)
    except HTTPException as error:
        if error.code is None or error.code >= 500:
            raise
        # Flask applications refuse with abort(401) and the like.
        return False
    if verdict and verdict is not True:
        # Responses, coroutines, and tuples of text and status would all count as true.
        raise TypeError(
            f"the authorize hook returned {type(verdict).__name__}: return True or False"
        )
    return bool(verdict)


def bodiless(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Give the environ without its body, so that a hook that reads it does not consume it."""
    removed = ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    kept = {key: value for key, value in environ.items() if key not in removed}
    return {**kept, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
