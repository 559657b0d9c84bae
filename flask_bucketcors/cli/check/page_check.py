"""One page's request to one URL: what a browser sends, hop by hop, and what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import SplitResult

from flask_bucketcors.analysis.evidence.error_codes import ErrorCode, read_error_code
from flask_bucketcors.analysis.response_mistakes import Level
from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.cli.check.faults import (
    Fault,
    actual_faults,
    fault_of,
    has_id,
    page_faults,
    preflight_faults,
    sender_faults,
    source_faults,
)
from flask_bucketcors.cli.check.http_exchange import Response, Unreachable
from flask_bucketcors.cli.check.recorded_exchanges import Sender
from flask_bucketcors.cli.check.redirects import (
    MAX_REDIRECTS,
    headers_behind,
    is_mixed,
    location_of,
    method_behind,
    next_address,
    origin_of,
)
from flask_bucketcors.core.browser import BrowserRequest, value_of
from flask_bucketcors.core.headers import ALLOW_ORIGIN
from flask_bucketcors.core.origins import NULL

PREFLIGHT: Final = "preflight"
ACTUAL: Final = "actual"

# Faults that something in front of the storage may have caused.
_PERHAPS_OF_ANOTHER: Final = (
    Mistake.NO_ALLOW_ORIGIN,
    Mistake.NO_ALLOW_ORIGIN_HERE,
    Mistake.OTHER_ORIGIN,
    Mistake.REDIRECTED,
)
# Faults that already say who sent the response.
_KNOWN_SOURCES: Final = (
    Mistake.WEB_CONSOLE,
    Mistake.LOGIN_PAGE,
    Mistake.AUTH_BEFORE_CORS,
)
# Methods that change nothing.
_HARMLESS_METHODS: Final = ("GET", "HEAD")


class Step(NamedTuple):
    """A request of the check, and its result.

    :param name: ``preflight`` or ``actual``.
    :param hop: how many redirects led here.
    :param origin: the Origin that was sent; ``""`` if a browser sends none.
    :param response: None if the request was not sent, or got no response.
    :param faults: what is wrong with the response, or why there is none.
    """

    name: str
    hop: int
    url: SplitResult
    method: str
    origin: str
    response: Response | None
    faults: Sequence[Fault] = ()

    @property
    def blocks(self) -> bool:
        """Whether a fault lets a browser keep the response from the page."""
        return any(each.blocks for each in self.faults)

    @property
    def is_silent(self) -> bool:
        """Whether the server sends no response."""
        return self.response is None and self.blocks

    @property
    def code(self) -> ErrorCode | None:
        """The code of an error, if the response has one."""
        if self.response is None or self.response.status < 300:
            return None
        code = read_error_code(self.response.headers, self.response.body)
        # What it means for a signature does not help who sends none.
        return code._replace(meaning="") if code and self.has(Mistake.AUTH_BEFORE_CORS) else code

    @property
    def location(self) -> str:
        """Where the response redirects to; ``""`` if it does not."""
        return location_of(self.url, self.response)

    def has(self, *kinds: StrEnum) -> bool:
        """Whether there is a fault of one of these kinds."""
        return any(each.kind in kinds for each in self.faults)

    def plus(self, *faults: Fault) -> "Step":
        """The same step with more faults."""
        return self._replace(faults=[*self.faults, *faults])

    def without(self, kind: StrEnum) -> "Step":
        """The same step without faults of a kind."""
        return self._replace(faults=[each for each in self.faults if each.kind != kind])


@dataclass(frozen=True)
class _Hop:
    """A request behind some redirects.

    :param request: its origin is ``null`` if a redirect has tainted it.
    :param is_cors: whether the response is checked, which it is from the first foreign URL on.
    """

    number: int
    url: SplitResult
    request: BrowserRequest
    is_cors: bool

    def follow(self, status: int, target: SplitResult, page: str) -> "_Hop":
        """The next hop, as a browser makes it.

        :param page: the origin of the page.
        """
        here = origin_of(self.url)
        stays = here == origin_of(target)
        method = method_behind(status, self.request.method)
        same_method = method == self.request.method
        request = replace(
            self.request,
            # "request's redirect-taint".
            origin=self.request.origin if stays or here == page else NULL,
            method=method,
            headers=headers_behind(
                self.request.headers, same_method=same_method, same_origin=stays
            ),
        )
        is_cors = self.is_cors or origin_of(target) != page
        return _Hop(self.number + 1, target, request, is_cors)


@dataclass(frozen=True)
class PageCheck:
    """A page's request to a URL.

    :param send_unsafe: whether to send methods that may change something.
    :param is_behind: whether a CDN requests the URL, which may be http for an https page.
    """

    sender: Sender
    url: SplitResult
    request: BrowserRequest
    send_unsafe: bool
    is_behind: bool = False

    def steps(self) -> list[Step]:
        """Send the requests that a browser would send, and judge the responses."""
        if is_mixed(self.request.origin, self.url) and not self.is_behind:
            return [self._unsent(self._first).plus(fault_of(Mistake.MIXED_CONTENT))]
        found: list[Step] = []
        hop: _Hop | None = self._first
        while hop:
            found += self._hop_steps(hop)
            hop, fault = self._next(hop, found[-1])
            if fault:
                found[-1] = found[-1].plus(fault)
        return found

    @property
    def _first(self) -> _Hop:
        return _Hop(0, self.url, self.request, origin_of(self.url) != self.request.origin)

    def _next(self, hop: _Hop, step: Step) -> tuple[_Hop | None, Fault | None]:
        """The hop behind a step, or why a browser does not go on; neither at the end."""
        if step.blocks or not step.location or step.response is None:
            same = not hop.is_cors and not step.blocks
            return None, fault_of(Mistake.SAME_ORIGIN) if same else None
        if hop.number == MAX_REDIRECTS:
            return None, fault_of(Mistake.REDIRECT_LIMIT)
        page = self.request.origin
        target = next_address(hop.url, step.location, page)
        if isinstance(target, Mistake):
            return None, fault_of(target)
        return hop.follow(step.response.status, target, page), None

    def _hop_steps(self, hop: _Hop) -> list[Step]:
        if not hop.is_cors or not hop.request.needs_preflight:
            return [self._actual(hop)]
        preflight = self._with_source(hop, self._send(hop, PREFLIGHT))
        if preflight.blocks:
            return [preflight]
        actual = self._actual(hop, preflight.response)
        # Caches do not store responses to OPTIONS, so the actual response is what has to vary.
        return [preflight.without(Mistake.VARY_MISSING) if actual.response else preflight, actual]

    def _actual(self, hop: _Hop, preflight: Response | None = None) -> Step:
        method = hop.request.method
        if method not in _HARMLESS_METHODS and not self.send_unsafe:
            return self._unsent(hop)
        step = self._with_source(hop, self._send(hop, ACTUAL), preflight)
        if method in _HARMLESS_METHODS and step.response and self._is_fixed(hop, step):
            return step.without(Mistake.VARY_MISSING)
        return step

    def _unsent(self, hop: _Hop) -> Step:
        return Step(ACTUAL, hop.number, hop.url, hop.request.method, hop.request.origin, None)

    def _is_fixed(self, hop: _Hop, step: Step) -> bool:
        """Whether the server always sends this origin, so that its response does not vary."""
        if not step.has(Mistake.VARY_MISSING):
            return False
        headers = [pair for pair in hop.request.actual_headers() if pair[0] != "Origin"]
        try:
            other = self.sender.ask(hop.url, hop.request.method, headers, is_probe=True)
        except Unreachable:
            return False
        return value_of(ALLOW_ORIGIN, other.headers) == hop.request.origin

    def _send(self, hop: _Hop, name: str) -> Step:
        request, is_preflight = hop.request, name == PREFLIGHT
        method = "OPTIONS" if is_preflight else request.method
        headers = request.preflight_headers() if is_preflight else request.actual_headers()
        if not hop.is_cors and method in _HARMLESS_METHODS:
            headers = [pair for pair in headers if pair[0] != "Origin"]
        origin = next((value for key, value in headers if key == "Origin"), "")
        step = Step(name, hop.number, hop.url, method, origin, None)
        try:
            response = self.sender.ask(hop.url, method, headers)
        except Unreachable as error:
            return step.plus(Fault(error.kind, str(error)))
        step = step._replace(response=response)
        return step.plus(*self._faults(hop, step, response)) if hop.is_cors else step

    def _faults(self, hop: _Hop, step: Step, response: Response) -> Iterator[Fault]:
        is_lost = hop.request.origin != self.request.origin
        find = preflight_faults if step.name == PREFLIGHT else actual_faults
        found = list(find(hop.request, response, is_lost=is_lost))
        if any(each.blocks for each in found):
            # They are why the headers are missing, so they come first.
            yield from page_faults(hop.url.geturl(), response, step.location)
            if step.name == PREFLIGHT:
                yield from sender_faults(response)
        yield from found

    def _with_source(self, hop: _Hop, step: Step, preflight: Response | None = None) -> Step:
        """The step, with the fault of what stands in front of the storage, if there is one.

        :param preflight: the response to a preflight, if one was sent before the step.
        """
        response = step.response
        if response is None or not step.has(*_PERHAPS_OF_ANOTHER):
            return step
        if step.code or step.has(*_KNOWN_SOURCES):
            return step
        if step.name == ACTUAL and preflight is None and not has_id(response):
            preflight = self._send(hop, PREFLIGHT).response
        found = list(source_faults(hop.request, response, preflight))
        # A page in place of the storage is why the headers are missing, so it comes first.
        first = [each for each in found if each.blocks]
        rest = [each for each in found if not each.blocks]
        return step._replace(faults=[*first, *step.faults, *rest])


def fails(steps: Sequence[Step]) -> bool:
    """Whether something is wrong that has to be corrected."""
    return any(each.level is not Level.ADVICE for step in steps for each in step.faults)


def is_same_origin(steps: Sequence[Step]) -> bool:
    """Whether no CORS was involved, so that nothing was checked."""
    return steps[-1].has(Mistake.SAME_ORIGIN)
