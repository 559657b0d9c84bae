"""Which URLs of an application are about buckets, and which of its routes serve them."""

from typing import NamedTuple
from urllib.parse import SplitResult, unquote

from flask import Flask

from flask_bucketcors.cli.application import application_state, database_name
from flask_bucketcors.cli.terminal import printable
from flask_bucketcors.core.request import Request
from flask_bucketcors.core.resolvers import ByHost, URLKind
from flask_bucketcors.extension import BucketCORSState
from flask_bucketcors.routes import find_bucket_routes, routes_on_bucket_hosts, routes_that_meet


class BucketURLs(NamedTuple):
    """URLs of one form that are about buckets.

    :param form: such as ``/files/<bucket>/<key>``.
    :param by_host: whether the host names the bucket.
    :param routes: the routes that serve them.
    :param others: routes for other URLs, which serve some of these, too.
    """

    form: str
    by_host: bool
    routes: list[str]
    others: list[str]

    @property
    def warning(self) -> str:
        """What the other routes do."""
        if self.by_host:
            return "routes that take the bucket from the path, but the host's bucket counts"
        return "other routes that serve some of them, where the rules of the bucket count, too"


def find_bucket_urls(app: Flask, state: BucketCORSState) -> list[BucketURLs]:
    """Find the forms of URLs that are about buckets, as an application has them now."""
    variable = state.settings.route_variable
    resolver = state.middleware.resolve
    by_prefix = find_bucket_routes(app, variable).by_prefix
    found = []
    for form, prefix in resolver.url_forms.items():
        if prefix is not None:
            # If no route says that the bucket is there, a setting does, or the default.
            met = routes_that_meet(app, prefix)
            routes = by_prefix.get(prefix, met)
            found.append(_bucket_urls(form, False, routes, met))
        elif isinstance(resolver, ByHost):
            by_path, routes = routes_on_bucket_hosts(app, variable)
            found.append(_bucket_urls(form, True, routes, by_path))
        else:
            found.append(BucketURLs(form, False, [], []))
    return found


def why_the_first_segment(app: Flask, state: BucketCORSState) -> str | None:
    """Say why the first segment of a path names a bucket, if neither routes nor settings do."""
    variable = state.settings.route_variable
    has_root = "" in state.middleware.resolve.paths.prefixes
    if state.settings.url_prefix or not has_root or find_bucket_routes(app, variable).by_prefix:
        return None
    return (
        f"no route has the variable {variable!r}, so the first segment of a path names a bucket; "
        "if your routes call it something else, set BUCKETCORS_ROUTE_VARIABLE"
    )


def why_not_of_bucket(bucket: str, url: SplitResult) -> str | None:
    """Say what a URL is, if the application does not take it for one of a bucket.

    None if it does, or if there is only a database, which does not know the routes.
    """
    if database_name() is not None:
        return None
    path = unquote(url.path or "/", errors="surrogateescape")
    try:
        found = application_state().middleware.resolve(Request("GET", path, url.netloc, url.query))
    except Exception:
        # A function of the application may need an environ.
        return None
    if found is None:
        return "it names no bucket"
    if found.kind is not URLKind.BUCKET:
        return f"it is {found.kind.value}"
    return None if found.bucket == bucket else f"it names the bucket {printable(found.bucket)}"


def _bucket_urls(form: str, by_host: bool, routes: list[str], met: list[str]) -> BucketURLs:
    # An application may have a route several times, with other methods.
    others = [each for each in dict.fromkeys(met) if each not in routes]
    return BucketURLs(form, by_host, list(dict.fromkeys(routes)), others)
