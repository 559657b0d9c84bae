"""The bucket names that the routes of a Flask application reserve."""

from typing import Final

from flask import Flask
from werkzeug.routing import Rule

from flask_bucketcors.core.reserved import Reserved

_VARIABLE: Final = "<"


def reserved_by_routes(app: Flask, given: Reserved, url_prefix: str) -> Reserved:
    """Find the first segments, and the hosts, that routes spell out.

    ``/api/items`` spells out ``api``, and below the prefix ``/files`` the route
    ``/files/upload`` spells out ``upload``. Routes for websockets, and those that only build
    URLs, serve no request.

    :param given: what the application reserves in addition.
    :param url_prefix: path below which the buckets are.
    """
    routes = [
        (_spelt_out(route.rule, url_prefix), _own_host(app, route))
        for route in app.url_map.iter_rules()
        if not route.websocket and not route.build_only
    ]
    # A host with a variable may belong to any bucket.
    fixed = {host for _, host in routes if host and _VARIABLE not in host}
    names = {segment for segment, _ in routes if segment}
    anywhere = {segment for segment, host in routes if segment and host not in fixed}
    return Reserved(given.names | names, given.on_hosts | anywhere, given.hosts | fixed)


def _spelt_out(route: str, url_prefix: str) -> str | None:
    """The segment that a route spells out directly below the prefix."""
    above, below = url_prefix.strip("/"), route.lstrip("/")
    if above:
        if not below.startswith(f"{above}/"):
            return None
        below = below[len(above) :].lstrip("/")
    segment = below.partition("/")[0]
    return segment if segment and _VARIABLE not in segment else None


def _own_host(app: Flask, route: Rule) -> str | None:
    """The only host on which a route serves requests; None if it serves others, too."""
    if app.url_map.host_matching:
        return route.host
    server_name = app.config["SERVER_NAME"]
    # Without these, Flask treats every host as the default subdomain.
    if not (app.subdomain_matching and server_name and route.subdomain):
        return None
    return f"{route.subdomain}.{server_name}"
