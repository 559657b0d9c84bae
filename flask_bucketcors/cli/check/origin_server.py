"""A URL behind a CDN and its origin server: which of the two is at fault, and what the CDN caches.

A CDN whose cache ignores Origin gives a page what it kept for another page, or for an ``<img>``
that sends no Origin. So requests are sent in an order that fills the cache wrongly: under names of
their own, so that what visitors get is not touched.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl

from flask_bucketcors.analysis.evidence.response import Seen, is_cached, is_duplicated
from flask_bucketcors.analysis.response_mistakes import ResponseMistake as Mistake
from flask_bucketcors.cli.check.faults import Fault, fault_of
from flask_bucketcors.cli.check.http_exchange import Response, Unreachable
from flask_bucketcors.cli.check.page_check import PREFLIGHT, Step, is_same_origin
from flask_bucketcors.cli.check.recorded_exchanges import Sender
from flask_bucketcors.cli.check.saved_har import is_secret
from flask_bucketcors.core.browser import BrowserRequest, passes_cors_check, value_of
from flask_bucketcors.core.headers import ALLOW_ORIGIN

#: The page that asks beside the one that is checked (RFC 6761: no one has a name below .invalid).
OTHER_PAGE: Final = "https://bucketcors-check.invalid"

_CACHED_METHODS: Final = ("GET", "HEAD")


class Probe(NamedTuple):
    """A request that shows what the CDN has cached.

    :param origin: the Origin that was sent; ``""`` for a request without one.
    """

    where: str
    origin: str
    response: Response

    @property
    def is_cached(self) -> bool:
        """Whether the response says that it comes from a cache."""
        return is_cached(Seen(self.response.status, self.response.headers))

    @property
    def allow_origin(self) -> str | None:
        """The Access-Control-Allow-Origin of the response."""
        return value_of(ALLOW_ORIGIN, self.response.headers)


class Comparison(NamedTuple):
    """A CDN beside its origin server.

    :param server: the URL at the origin server.
    :param steps: what the origin server gives the page.
    """

    server: SplitResult
    steps: Sequence[Step]
    probes: Sequence[Probe]
    faults: Sequence[Fault]


def at_server(url: SplitResult, server: SplitResult) -> SplitResult:
    """The same object at the origin server."""
    return url._replace(scheme=server.scheme, netloc=server.netloc)


@dataclass(frozen=True)
class Comparing:
    """Compares a CDN with its origin server.

    :param other: the origin of another page.
    """

    sender: Sender
    cdn: SplitResult
    server: SplitResult
    request: BrowserRequest
    other: str

    def compare(self, cdn: Sequence[Step], server: Sequence[Step]) -> Comparison:
        """Say which of the two is at fault.

        :param cdn, server: what a page gets from each of them.
        """
        cdn_fails, server_fails = (any(each.blocks for each in steps) for steps in (cdn, server))
        if is_same_origin(cdn) or is_same_origin(server):
            return Comparison(self.server, server, [], [])
        if server[-1].is_silent:
            silent = fault_of(Mistake.ORIGIN_SERVER_SILENT)
            return Comparison(self.server, server, [], [silent])
        if server_fails:
            kind = Mistake.BOTH_REFUSE if cdn_fails else Mistake.ORIGIN_SERVER_REFUSES
            return Comparison(self.server, server, [], [fault_of(kind)])
        probes = list(self._probes()) if self.request.method in _CACHED_METHODS else []
        found = list(_blamed(cdn))
        if Mistake.CDN_DOUBLES not in found:
            found += self._cache_mistakes(probes)
        if cdn_fails and not found and not cdn[-1].is_silent:
            found = [Mistake.CDN_DIFFERS]
        return Comparison(self.server, server, probes, list(map(fault_of, found)))

    def _probes(self) -> Iterator[Probe]:
        """First without Origin and then as the page; then, of another name, as the page first."""
        page = self.request.origin
        one, two = self._fresh(), self._fresh()
        asked = [(one, ""), (one, page), (two, page), (two, self.other)]
        try:
            for url, origin in asked:
                yield self._probe("cdn", url, origin)
            yield self._probe("origin server", self.server, self.other)
        except Unreachable:
            # The steps say that and why.
            return

    def _probe(self, where: str, url: SplitResult, origin: str) -> Probe:
        sent = [pair for pair in self.request.actual_headers() if pair[0] != "Origin"]
        sent += [("Origin", origin)] if origin else []
        return Probe(where, origin, self.sender.ask(url, self.request.method, sent, is_probe=True))

    def _fresh(self) -> SplitResult:
        """The URL under a name that no cache knows yet; a signed one cannot be changed."""
        query = self.cdn.query
        if any(is_secret(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
            return self.cdn
        added = f"bucketcors-check={token_hex(8)}"
        return self.cdn._replace(query=f"{query}&{added}" if query else added)

    def _cache_mistakes(self, probes: Sequence[Probe]) -> Iterator[Mistake]:
        if len(probes) < 5:
            return
        _, behind_plain, first, behind_page, at_server = probes
        if not self._passes(first):
            yield Mistake.CDN_CACHED_PLAIN if first.is_cached else Mistake.CDN_ORIGIN_DROPPED
        elif not self._passes(behind_plain):
            yield Mistake.CDN_CACHED_PLAIN
        page = self.request.origin
        if behind_page.allow_origin == page != at_server.allow_origin:
            yield Mistake.CDN_CACHED_OTHER

    def _passes(self, probe: Probe) -> bool:
        request = self.request
        return passes_cors_check(request.origin, request.credentials, probe.response.headers)


def _blamed(cdn: Sequence[Step]) -> Iterator[Mistake]:
    """What the CDN does wrong, by the step that fails behind it and not at the origin server."""
    step = cdn[-1]
    if not step.blocks or step.response is None:
        return
    if is_duplicated(Seen(step.response.status, step.response.headers)):
        yield Mistake.CDN_DOUBLES
    elif step.name == PREFLIGHT:
        yield Mistake.CDN_OPTIONS
