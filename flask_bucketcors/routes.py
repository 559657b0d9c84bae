"""What the routes of an application say about the names of its buckets."""

from collections.abc import Iterable
from typing import Final

from werkzeug.routing import Map, Rule

from flask_bucketcors.buckets import FindReserved, Reserved, as_given

_VARIABLE: Final = "<"


def reserved_by_routes(url_map: Map, url_prefix: str, also: Iterable[str] = ()) -> FindReserved:
    """Give a function that finds the first segments that routes spell out.

    ``/api/items`` spells out ``api``, and below the prefix ``/files`` the route
    ``/files/upload`` spells out ``upload``. Routes for websockets, and those that only build
    URLs, serve no request.

    :param url_map: of the application; it may get routes until the function is called.
    :param url_prefix: path below which the buckets are.
    :param also: further segments that are the application's own.
    :raises ValueError: if one of those is not the segment of a path.
    """
    given = as_given(also)()

    def find() -> Reserved:
        spelt = [
            (segment, _has_own_host(url_map, route))
            for route in url_map.iter_rules()
            if not route.websocket and not route.build_only
            if (segment := _spelt_out(route.rule, url_prefix))
        ]
        anywhere = {segment for segment, has_own_host in spelt if not has_own_host}
        return Reserved(given.names.union(each for each, _ in spelt), given.on_hosts | anywhere)

    return find


def _spelt_out(route: str, url_prefix: str) -> str | None:
    """The segment that a route spells out right below the prefix."""
    above, below = url_prefix.strip("/"), route.lstrip("/")
    if above:
        if not below.startswith(f"{above}/"):
            return None
        below = below[len(above) :].lstrip("/")
    segment = below.partition("/")[0]
    return segment if segment and _VARIABLE not in segment else None


def _has_own_host(url_map: Map, route: Rule) -> bool:
    return bool(route.host if url_map.host_matching else route.subdomain)
