"""The faults of a response: those that a browser rejects, and those of the server alone."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from flask_bucketcors.analysis.evidence.response import (
    Seen,
    is_decided,
    is_from_cdn,
    is_from_proxy,
    is_own,
    varies,
)
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.core.browser import (
    BrowserRequest,
    Failure,
    cors_failure,
    preflight_failures,
)
from flask_bucketcors.core.headers import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    VARY,
)

# What a browser rejects, in words, and the header that decides.
_TEXTS: Final = {
    Failure.NO_ALLOW_ORIGIN: (
        f"the response has no {ALLOW_ORIGIN}: no rule allows this request, or the storage did not "
        "send the response",
        ALLOW_ORIGIN,
    ),
    Failure.SEVERAL_ORIGINS: (
        f"{ALLOW_ORIGIN} has several values, and a browser accepts one: let the rules set it, and "
        "remove it from the application or proxy",
        ALLOW_ORIGIN,
    ),
    Failure.OTHER_ORIGIN: (
        "the value is not {origin}: a cache stored the response to another page, or the server "
        "sends a fixed value",
        ALLOW_ORIGIN,
    ),
    Failure.CREDENTIALS_WILDCARD: (
        "a browser rejects * with credentials: name the origin in a rule without *",
        ALLOW_ORIGIN,
    ),
    Failure.CREDENTIALS_MISSING: (
        f"with credentials the response needs {ALLOW_CREDENTIALS}: true, once",
        ALLOW_CREDENTIALS,
    ),
    Failure.STATUS: ("the status of the preflight is {value}: a browser expects 200 to 299", ""),
    Failure.METHOD_MISSING: (
        "the methods do not include {value}: add it to the rule as an AllowedMethod",
        ALLOW_METHODS,
    ),
    Failure.HEADER_MISSING: (
        "the headers do not include {value}: add it to the rule as an AllowedHeader",
        ALLOW_HEADERS,
    ),
}
_CHANGED: Final = (
    "the storage allows this request in a preflight, so a cache, a proxy or the server itself sent "
    "the response or changed its headers. Let what is in front forward Origin, and look for an "
    "error in the server's log"
)
_BAD_LIST: Final = f"{ALLOW_HEADERS} is not a list of names, so a browser allows none of them"


class ServerFault(StrEnum):
    """A fault of the server that a browser does not notice by the headers of a response."""

    REDIRECTED = "redirected"
    IN_FRONT = "in_front"
    MIXED_CONTENT = "mixed_content"
    UNREACHABLE = "unreachable"


class Fault(NamedTuple):
    """One thing that is wrong.

    :param text: what is wrong, and what to do.
    :param header: the header that decides; ``""`` if none does.
    :param blocks: whether a browser keeps the response from the page.
    """

    kind: Failure | Cause | ServerFault
    text: str
    header: str = ""
    blocks: bool = True


def preflight_faults(request: BrowserRequest, response: Response) -> Iterator[Fault]:
    """What is wrong with the response to a preflight, in a browser's order."""
    if 300 <= response.status < 400:
        yield _redirected("browsers do not follow it for a preflight. Request its Location")
        return
    for failure, value in preflight_failures(
        request.origin,
        request.method,
        request.requested_headers,
        request.credentials,
        response.headers,
        response.status,
    ):
        yield _fault(failure, request, value)
    yield from _vary_faults(request, response)


def actual_faults(request: BrowserRequest, response: Response) -> Iterator[Fault]:
    """What is wrong with the response to the actual request, in a browser's order."""
    failure = cors_failure(request.origin, request.credentials, response.headers)
    if failure:
        yield _fault(failure, request)
    if 300 <= response.status < 400 and response.status != 304:
        yield _redirected("browsers follow it. Check its Location")
    yield from _vary_faults(request, response)


def source_faults(
    request: BrowserRequest, response: Response, preflight: Response | None
) -> Iterator[Fault]:
    """Whether something other than the storage may have sent the response.

    Responses of an application that this package wraps keep the application's ids, or have none.
    The response to a preflight of the same URL has an id of the package.

    :param preflight: that response, if this one is to an actual request.
    """
    seen = Seen(response.status, response.headers)
    if has_id(response):
        return
    if preflight is not None and has_id(preflight):
        if _is_allowed_only_by(preflight, request, response):
            yield Fault(ServerFault.IN_FRONT, _CHANGED, blocks=False)
        return
    if preflight is not None and is_decided(seen):
        return
    also = "" if preflight is None else ", and neither has the response to a preflight"
    lacking = f"the response has no id of a storage, such as x-cos-request-id{also}"
    if is_from_cdn(seen) or is_from_proxy(seen):
        text = f"{lacking}: a CDN or a proxy sent it. Let it forward OPTIONS and Origin"
    else:
        text = (
            f"{lacking}: perhaps the storage did not send it, the URL belongs to no bucket, or "
            "the bucket has no rules"
        )
    yield Fault(ServerFault.IN_FRONT, text, blocks=False)


def has_id(response: Response) -> bool:
    """Whether a response has an id of a storage."""
    return is_own(Seen(response.status, response.headers))


def _is_allowed_only_by(preflight: Response, request: BrowserRequest, response: Response) -> bool:
    """Whether the response to a preflight allows what the actual response does not."""
    asked = request.origin, request.method, (), request.credentials
    return not any(preflight_failures(*asked, preflight.headers, preflight.status)) and bool(
        cors_failure(request.origin, request.credentials, response.headers)
    )


def _fault(failure: Failure, request: BrowserRequest, value: str = "") -> Fault:
    text, header = _TEXTS[failure]
    if failure is Failure.HEADER_MISSING and not value:
        text = _BAD_LIST
    return Fault(failure, text.format(origin=request.origin, value=value), header)


def _redirected(consequence: str) -> Fault:
    text = f"the response is a redirect: {consequence}"
    return Fault(ServerFault.REDIRECTED, text, "Location")


def _vary_faults(request: BrowserRequest, response: Response) -> Iterator[Fault]:
    seen = Seen(response.status, response.headers)
    if seen.value(ALLOW_ORIGIN) == request.origin and not varies(seen):
        text = (
            "the response names the origin without Vary: Origin, so a cache may use it for "
            "another page: let the server send Vary: Origin"
        )
        yield Fault(Cause.VARY_MISSING, text, VARY, blocks=False)
