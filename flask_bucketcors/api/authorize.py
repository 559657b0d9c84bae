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


#: Returns whether a call may go on: True or False, or ``abort(403)``.
Authorize = Callable[[RulesCall], bool]


def is_allowed(authorize: Authorize, call: RulesCall) -> bool:
    """Ask the hook.

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
        # A response, a coroutine, a pair of text and status: all of them count as true.
        raise TypeError(
            f"the authorize hook returned {type(verdict).__name__}: return True or False"
        )
    return bool(verdict)


def bodiless(environ: WSGIEnvironment) -> WSGIEnvironment:
    """Give the environ without its body: a hook that reads ``request.form`` must not consume it."""
    removed = ("HTTP_TRANSFER_ENCODING", "wsgi.input_terminated")
    kept = {key: value for key, value in environ.items() if key not in removed}
    return {**kept, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
