"""Which URLs of a Flask application are about buckets, as its routes say.

``/files/<bucket>/<path:key>`` says that the segment below ``/files`` names a bucket.
``/files/upload`` says that ``upload`` is not the name of one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.routing import Rule
from werkzeug.routing.rules import parse_converter_args

from flask_bucketcors.core.bucket_paths import BucketPaths, NamePatterns, Where
from flask_bucketcors.core.reserved import Reserved
from flask_bucketcors.settings import CONSOLE
from flask_bucketcors.wsgi.rules_calls import layers

# As Werkzeug reads routes. The arguments of a converter may contain any of these characters.
_PIECE: Final = re.compile(
    r"(?P<slash>/)|(?P<text>[^</]+)"
    r"|<(?:(?P<converter>[a-zA-Z_]\w*)(?:\((?P<arguments>.*?)\))?:)?(?P<variable>[a-zA-Z_]\w*)>",
    re.ASCII,
)
# What Werkzeug's converter for texts accepts by default.
_ANY_SEGMENT: Final = ("[^/]+", "[^/]{1,}")


class Misfit(StrEnum):
    """Why a route with the variable says nothing about URLs."""

    AFTER_VARIABLE = "its bucket follows another variable, so two buckets would have one name"
    PART_OF_SEGMENT = "its bucket is only a part of a segment"
    HOST = "its bucket is in the host, and BUCKETCORS_HOST_SUFFIXES is not set"
    SLASHES = "the converter of its bucket accepts slashes"
    CONSOLE = "the console is at its path, so move one of them"


class _Segment(NamedTuple):
    """What is between two slashes of a route.

    :param pattern: a regular expression for the texts that it accepts.
    :param start: the text that it begins with.
    :param variables: the names of its variables.
    :param has_slashes: whether it also accepts texts with slashes.
    :param is_variable: whether it is a variable and nothing else.
    """

    pattern: str = ""
    start: str = ""
    variables: tuple[str, ...] = ()
    has_slashes: bool = False
    is_variable: bool = False

    @property
    def text(self) -> str | None:
        """The text of a segment that has no variables."""
        return None if self.variables else self.start


class _Route(NamedTuple):
    """A route that serves requests.

    :param rule: the route as the application wrote it.
    :param segments: the segments of its path.
    :param defaults: the names of the variables that it sets itself.
    :param host_variables: the names of the variables in its host or subdomain.
    :param host: the only host that it serves; None if it serves several.
    :param is_console: whether it serves the console, whose variables are not the application's.
    """

    rule: str
    segments: tuple[_Segment, ...]
    defaults: Collection[str]
    host_variables: Collection[str]
    host: str | None
    is_console: bool = False

    @property
    def variables(self) -> set[str]:
        """The names of the variables whose values its URLs contain."""
        in_path = {name for each in self.segments for name in each.variables}
        return in_path.union(self.host_variables).difference(self.defaults)

    def spelt_out_below(self, prefix: str) -> str | None:
        """The text that follows a prefix, if the route spells out both."""
        above = prefix.split("/")[1:]
        texts = [each.text for each in self.segments[: len(above) + 1]]
        return texts[-1] if len(texts) > len(above) and texts[:-1] == above else None

    def meets(self, prefix: str) -> bool:
        """Whether it serves URLs in which the segment below a prefix can name a bucket."""
        above = prefix.split("/")[1:]
        for segment, text in zip(self.segments, above, strict=False):
            if segment.has_slashes:
                return text.startswith(segment.start)
            if not re.fullmatch(segment.pattern, text):
                return False
        name = self.segments[len(above) :][:1]
        # A segment that all of the path spells out is reserved.
        return bool(name) and self.spelt_out_below(prefix) is None


class BucketRoutes(NamedTuple):
    """The routes of an application that have a bucket.

    :param by_prefix: for each prefix, the routes that name a bucket below it.
    :param patterns: for each prefix, the expression for a bucket of each of these routes.
    :param misfits: routes whose bucket names no prefix, each with the reason.
    """

    by_prefix: dict[str, list[str]]
    patterns: dict[str, list[str]]
    misfits: list[tuple[str, Misfit]]

    @property
    def prefixes(self) -> dict[str, NamePatterns]:
        """The prefixes, each with the patterns of which names below it have to match one."""
        return {prefix: _compile(patterns) for prefix, patterns in self.patterns.items()}


def read_routes(app: Flask, variable: str, reserved: Reserved, where: Where) -> BucketPaths:
    """Read which paths of an application name buckets, and what else belongs to it.

    Where no route has the variable, the first segment of each path names a bucket.

    :param variable: what the routes call the bucket.
    :param reserved: what the application reserves in addition.
    :param where: what its settings say; a prefix there comes before the routes.
    """
    found = find_bucket_routes(app, variable)
    given = where.prefixes
    if given is not None:
        return BucketPaths(dict.fromkeys(given), _reserve(app, given, reserved))
    has_variable = found.by_prefix or found.misfits
    prefixes: Mapping[str, NamePatterns] = found.prefixes if has_variable else {"": None}
    misfits = [
        each for each in found.misfits if not (where.host_suffixes and each[1] is Misfit.HOST)
    ]
    reserved = _reserve(app, prefixes, reserved)
    return BucketPaths(prefixes, reserved, tuple(misfits), is_assumed=not has_variable)


def find_bucket_routes(app: Flask, variable: str) -> BucketRoutes:
    """Find the routes of an application that have a bucket."""
    found = BucketRoutes({}, {}, [])
    console = console_path(app)
    for route in _serving_routes(app):
        if variable not in route.variables or route.is_console:
            continue
        prefix = _find_prefix(route, variable)
        if not isinstance(prefix, Misfit) and is_within(prefix, console):
            prefix = Misfit.CONSOLE
        if isinstance(prefix, Misfit):
            found.misfits.append((route.rule, prefix))
            continue
        found.by_prefix.setdefault(prefix, []).append(route.rule)
        pattern = route.segments[prefix.count("/")].pattern
        found.patterns.setdefault(prefix, []).append(pattern)
    return found


def console_path(app: Flask) -> str | None:
    """Give the path of the application's console; None if it has none."""
    if CONSOLE not in app.blueprints:
        return None
    return next(app.url_map.iter_rules(f"{CONSOLE}.buckets")).rule.removesuffix("/")


def is_within(path: str, console: str | None) -> bool:
    """Whether a path is the console's, or below it. Rules of a bucket there would open it."""
    return console is not None and f"{path}/".startswith(f"{console}/")


def _find_prefix(route: _Route, variable: str) -> str | Misfit:
    if variable in route.host_variables:
        return Misfit.HOST
    number = next(n for n, each in enumerate(route.segments) if variable in each.variables)
    texts = [each.text for each in route.segments[:number]]
    segment = route.segments[number]
    if route.host_variables or None in texts:
        return Misfit.AFTER_VARIABLE
    if not segment.is_variable:
        return Misfit.PART_OF_SEGMENT
    return Misfit.SLASHES if segment.has_slashes else "".join(f"/{text}" for text in texts)


def routes_that_meet(app: Flask, prefix: str) -> list[str]:
    """Find the routes that serve URLs in which the segment below a prefix can name a bucket."""
    return [route.rule for route in _serving_routes(app) if route.meets(prefix)]


def routes_on_bucket_hosts(app: Flask, variable: str) -> tuple[list[str], list[str]]:
    """Find the routes that serve URLs of objects on the hosts of buckets.

    :return: those that take the bucket from the path all the same, and the others.
    """
    by_path: list[str] = []
    others: list[str] = []
    for route in _serving_routes(app):
        if not route.host and route.meets(""):
            is_by_path = variable in route.variables and variable not in route.host_variables
            (by_path if is_by_path else others).append(route.rule)
    return by_path, others


def _serving_routes(app: Flask) -> Iterator[_Route]:
    """The routes that serve requests, and paths of other applications, which count as routes.

    Routes for websockets, and those that only build URLs, do not count.
    """
    for rule in app.url_map.iter_rules():
        if not rule.websocket and not rule.build_only:
            segments = tuple(_read_segments(rule))
            host = (rule.host if app.url_map.host_matching else rule.subdomain) or ""
            names = [each["variable"] for each in _PIECE.finditer(host) if each["variable"]]
            own_host = None if names else _own_host(app, rule)
            is_console = rule.endpoint.startswith(f"{CONSOLE}.")
            yield _Route(rule.rule, segments, rule.defaults or (), names, own_host, is_console)
    for path in _mounts(app):
        texts = [text for text in path.split("/") if text]
        yield _Route(path, tuple(_Segment(re.escape(text), text) for text in texts), (), (), None)


def _mounts(app: Flask) -> Iterator[str]:
    """The paths below which a middleware around Flask has another application, or files."""
    for layer in layers(app.wsgi_app):
        if isinstance(layer, DispatcherMiddleware):
            yield from layer.mounts
        elif isinstance(layer, SharedDataMiddleware):
            yield from (path for path, _ in layer.exports)


def _read_segments(rule: Rule) -> Iterator[_Segment]:
    """Read the segments of a path. Several slashes count as one, if they do in the router."""
    segment = _Segment()
    for piece in _PIECE.finditer(f"{rule.rule.removeprefix('/')}/"):
        if piece["slash"] is None:
            segment = _longer(segment, rule, piece)
        elif segment != _Segment() or not rule.merge_slashes:
            yield segment
            segment = _Segment()


def _longer(segment: _Segment, rule: Rule, piece: re.Match[str]) -> _Segment:
    pattern, start, variables, has_slashes, _ = segment
    if piece["text"] is not None:
        start = start if variables else start + piece["text"]
        return _Segment(pattern + re.escape(piece["text"]), start, variables, has_slashes)
    arguments, options = parse_converter_args(piece["arguments"] or "")
    name = piece["converter"] or "default"
    converter = rule.get_converter(piece["variable"], name, arguments, options)
    return _Segment(
        f"{pattern}(?:{converter.regex})",
        start,
        (*variables, piece["variable"]),
        has_slashes or not converter.part_isolating,
        is_variable=not pattern,
    )


def _compile(patterns: Iterable[str]) -> NamePatterns:
    """Compile expressions for names; None if one accepts all.

    They stay apart, because the groups of two converters may have the same name.
    """
    distinct = frozenset(patterns)
    if any(f"(?:{each})" in distinct for each in _ANY_SEGMENT):
        return None
    return frozenset(map(re.compile, distinct))


def _reserve(app: Flask, prefixes: Iterable[str], given: Reserved) -> Reserved:
    """Find the segments below prefixes, and the hosts, that routes spell out."""
    routes = list(_serving_routes(app))
    names = {route.spelt_out_below(prefix) for prefix in prefixes for route in routes}
    hosts = {route.host for route in routes} | {app.config["SERVER_NAME"]}
    first = {route.spelt_out_below("") for route in routes if not route.host}
    return given.union(Reserved(*(frozenset(filter(None, each)) for each in (names, first, hosts))))


def _own_host(app: Flask, rule: Rule) -> str | None:
    """The only host on which a route serves requests; None if it serves several."""
    if app.url_map.host_matching:
        return rule.host
    server_name = app.config["SERVER_NAME"]
    # Without these, Flask treats every host as the default subdomain.
    if not (app.subdomain_matching and server_name and rule.subdomain):
        return None
    return f"{rule.subdomain}.{server_name}"
