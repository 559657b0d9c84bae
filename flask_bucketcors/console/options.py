"""What an application passes to have a console."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from flask_bucketcors.core.errors import SettingRefused, shown_value

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.wrappers import Response


class ConsoleAction(StrEnum):
    """What somebody wants to do in the console."""

    #: See the list of buckets.
    LIST = "list"
    #: See a bucket's rules and history, and try requests.
    READ = "read"
    #: Change a bucket's rules.
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ConsoleCall:
    """A request to the console that a hook allows or refuses.

    :param action: what it wants to do.
    :param bucket: the bucket's name; None for the list of buckets.
    :param request: the request, such as for its cookies or ``request.authorization``.
    """

    action: ConsoleAction
    bucket: str | None
    request: Request


#: Returns the name of the person who calls, which becomes the author in the history; None to
#: refuse (403); or a response, such as a redirect to a login page. It may also call ``abort``.
ConsoleAuthorize = Callable[[ConsoleCall], "str | Response | None"]
#: Returns which buckets a person sees in the list, by the name that the ``authorize`` hook
#: returned; None for all buckets that have rules.
VisibleBuckets = Callable[[str], Iterable[str] | None]


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """The options of the console; pass them as ``BucketCORS(app, console=...)``.

    Both functions run in the request context of the application, after its ``before_request``
    functions.

    :param authorize: function that takes a :class:`~flask_bucketcors.ConsoleCall` and returns the
        name of the author, None to refuse, or a response such as a redirect to a login. It is
        called for every page, with its bucket and action. Without it, every page is 404.
    :param visible: function that takes the name that ``authorize`` returned, and returns the
        names of the buckets for the list, also of those without rules; None for all buckets that
        have rules. It only limits the list: ``authorize`` decides about each bucket.
    :raises SettingRefused: if an argument is not a function or None.
    """

    authorize: ConsoleAuthorize | None = None
    visible: VisibleBuckets | None = None

    def __post_init__(self) -> None:
        for name in ("authorize", "visible"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise SettingRefused(
                    f"{name} of ConsoleOptions is {shown_value(value)}: write a function, or None"
                )
