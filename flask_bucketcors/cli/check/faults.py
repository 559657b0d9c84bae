"""The faults of a response: those that a browser rejects, and those of the server alone."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from flask_bucketcors.analysis.evidence.error_codes import About, read_error_code
from flask_bucketcors.analysis.evidence.response import (
    Seen,
    is_decided,
    is_from_cdn,
    is_from_proxy,
    is_own,
    varies,
)
from flask_bucketcors.analysis.evidence.web_pages import (
    is_console_address,
    is_console_server,
    is_login_address,
    is_login_host,
    read_web_page,
)
from flask_bucketcors.analysis.explainer.header_forms import (
    credentials_mistake,
    harmless_mistakes,
    header_mistake,
    method_mistake,
    origin_mistake,
    text_of,
)
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.response_mistakes import Level
from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.cli.check.http_exchange import Response
from flask_bucketcors.core.browser import (
    BrowserRequest,
    Failure,
    cors_failure,
    preflight_failures,
    value_of,
)
from flask_bucketcors.core.headers import ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN

#: The statuses that a browser follows ("redirect status").
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# What a response to a preflight says if the server wants to know who sends it.
_UNKNOWN_SENDER: Final = 401
_REFUSALS: Final = range(400, 500)
_CHANGED: Final = (
    "the storage allows this request in a preflight, so a cache, a proxy or the server itself sent "
    "the response or changed its headers. Let what is in front forward Origin, and look for an "
    "error in the server's log"
)


class Fault(NamedTuple):
    """One thing that is wrong.

    :param text: what is wrong, and what to do.
    :param header: the header that decides; ``""`` if none does.
    """

    kind: Mistake | Cause
    text: str
    header: str = ""
    level: Level = Level.BLOCKS

    @property
    def blocks(self) -> bool:
        """Whether a browser keeps the response from the page."""
        return self.level is Level.BLOCKS


def fault_of(kind: Mistake | Cause, value: str = "", header: str = "") -> Fault:
    """The fault of a kind, in its words.

    :param header: that of a cause; other kinds have their own.
    """
    if isinstance(kind, Mistake):
        return Fault(kind, kind.text(value), kind.header or header, kind.level)
    return Fault(kind, text_of(kind, value), header)


def preflight_faults(
    request: BrowserRequest, response: Response, *, is_lost: bool
) -> Iterator[Fault]:
    """What is wrong with the response to a preflight, in a browser's order.

    :param is_lost: whether a redirect has replaced the page's origin by ``null``.
    """
    if 300 <= response.status < 400:
        yield fault_of(Mistake.REDIRECTED)
        return
    failures = preflight_failures(
        request.origin,
        request.method,
        request.requested_headers,
        request.credentials,
        response.headers,
        response.status,
    )
    found = [_failure_fault(each, value, request, response, is_lost) for each, value in failures]
    # A mistake of a whole list is the same for each name.
    yield from dict.fromkeys(found)
    yield from _other_faults(request, response, is_preflight=True)


def actual_faults(request: BrowserRequest, response: Response, *, is_lost: bool) -> Iterator[Fault]:
    """What is wrong with the response to the actual request, in a browser's order.

    :param is_lost: whether a redirect has replaced the page's origin by ``null``.
    """
    failure = cors_failure(request.origin, request.credentials, response.headers)
    if failure:
        yield _failure_fault(failure, "", request, response, is_lost)
    yield from _other_faults(request, response, is_preflight=False)


def _failure_fault(
    failure: Failure, value: str, request: BrowserRequest, response: Response, is_lost: bool
) -> Fault:
    pairs, credentials = response.headers, request.credentials
    if is_lost and failure in (Failure.NO_ALLOW_ORIGIN, Failure.OTHER_ORIGIN):
        return fault_of(Mistake.ORIGIN_LOST)
    match failure:
        case Failure.NO_ALLOW_ORIGIN if response.status in REDIRECTS and value_of(
            "Location", pairs
        ):
            return fault_of(Mistake.NO_ALLOW_ORIGIN_HERE)
        case Failure.SEVERAL_ORIGINS | Failure.OTHER_ORIGIN:
            return fault_of(origin_mistake(pairs, request.origin), header=ALLOW_ORIGIN)
        case Failure.CREDENTIALS_MISSING:
            return fault_of(credentials_mistake(pairs))
        case Failure.METHOD_MISSING:
            return fault_of(method_mistake(pairs, value, credentials), value, ALLOW_METHODS)
        case Failure.HEADER_MISSING:
            return fault_of(header_mistake(pairs, value, credentials), value, ALLOW_HEADERS)
    return fault_of(Mistake[failure.name], value)


def _other_faults(
    request: BrowserRequest, response: Response, *, is_preflight: bool
) -> Iterator[Fault]:
    """What does not stop this request, and may stop another."""
    found = harmless_mistakes(response.headers, request.credentials, is_preflight)
    for kind, value in found:
        fault = fault_of(kind, value)
        yield fault._replace(level=Level.WARNING) if fault.blocks else fault
    seen = Seen(response.status, response.headers)
    if seen.value(ALLOW_ORIGIN) == request.origin and not varies(seen):
        yield fault_of(Mistake.VARY_MISSING)


def page_faults(url: str, response: Response, location: str) -> Iterator[Fault]:
    """Whether the address is that of a web page for people, or the page has headers inside.

    :param location: where the response redirects to; ``""`` if it does not.
    """
    page = read_web_page(response.headers, response.body)
    if page and any(page.cors_names()):
        yield fault_of(Mistake.META_ELEMENT)
    by_server = is_console_server(response.headers)
    if has_id(response) and not by_server:
        return
    if by_server or is_console_address(url) or is_console_address(location):
        yield fault_of(Mistake.WEB_CONSOLE)
    elif is_login_host(url) or is_login_address(location):
        yield fault_of(Mistake.LOGIN_PAGE)


def _page_kind(response: Response) -> Mistake | None:
    """Which web page stands in place of the storage; None for an error page, and for no page."""
    page = read_web_page(response.headers, response.body)
    if page is None:
        return None
    if page.is_console:
        return Mistake.WEB_CONSOLE
    if page.is_login:
        return Mistake.LOGIN_PAGE
    return Mistake.WEB_PAGE if response.status < 300 else None


def sender_faults(response: Response) -> Iterator[Fault]:
    """Whether the server wanted to know who sends a preflight."""
    code = read_error_code(response.headers, response.body)
    is_unsigned = code is not None and code.about is About.WHO and response.status in _REFUSALS
    if is_unsigned or (code is None and response.status == _UNKNOWN_SENDER):
        yield fault_of(Mistake.AUTH_BEFORE_CORS)


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
            yield _in_front(_CHANGED)
        return
    if preflight is not None and is_decided(seen):
        return
    page = None if is_from_cdn(seen) else _page_kind(response)
    if page:
        yield fault_of(page)
        return
    also = "" if preflight is None else ", and neither has the response to a preflight"
    lacking = f"the response has no id of a storage, such as x-cos-request-id{also}"
    if is_from_cdn(seen) or is_from_proxy(seen):
        yield _in_front(f"{lacking}: a CDN or a proxy sent it. Let it forward OPTIONS and Origin")
        return
    yield _in_front(
        f"{lacking}: perhaps the storage did not send it, the URL belongs to no bucket, or the "
        "bucket has no rules"
    )


def _in_front(text: str) -> Fault:
    return Fault(Mistake.IN_FRONT, text, level=Mistake.IN_FRONT.level)


def has_id(response: Response) -> bool:
    """Whether a response has an id of a storage."""
    return is_own(Seen(response.status, response.headers))


def _is_allowed_only_by(preflight: Response, request: BrowserRequest, response: Response) -> bool:
    """Whether the response to a preflight allows what the actual response does not."""
    asked = request.origin, request.method, (), request.credentials
    return not any(preflight_failures(*asked, preflight.headers, preflight.status)) and bool(
        cors_failure(request.origin, request.credentials, response.headers)
    )
