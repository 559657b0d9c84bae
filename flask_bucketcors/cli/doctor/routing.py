"""Checks which URLs of an application are about buckets."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from flask import Flask

from flask_bucketcors.cli.bucket_urls import find_bucket_urls
from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.core.bucket_paths import BucketPaths
from flask_bucketcors.extension import BucketCORSState
from flask_bucketcors.routes import find_bucket_routes
from flask_bucketcors.settings import ROUTE_VARIABLE

_note = partial(Note, "routes")

_PASS_BUCKETS: Final = "pass buckets= to BucketCORS, a function that finds the bucket of a request"


def examine_routes(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    """Check which URLs of an application are about buckets."""
    urls = find_bucket_urls(app, state)
    for each in urls:
        yield _note(f"URLs of buckets: {each.form}")
        if each.others:
            yield _note(f"{each.warning}: {', '.join(each.others)}")
    if not urls:
        yield _note("no URL is about a bucket", _PASS_BUCKETS)
    yield from _variable_note(app, state)
    paths = state.middleware.resolve.paths
    yield _reserved_note(paths)
    for route, reason in paths.misfits:
        yield _note(f"no URL of the route {route!r} is about a bucket: {reason}", _PASS_BUCKETS)


def _variable_note(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    """Say which URLs are buckets' if no route names one, and no setting."""
    variable = state.settings.route_variable
    has_root = "" in state.middleware.resolve.paths.prefixes
    found = find_bucket_routes(app, variable)
    if state.settings.url_prefix or not has_root or found.by_prefix:
        return
    text = f"no route has the variable {variable!r}, so the first segment of a path names a bucket"
    help = "write a variable of your routes in BUCKETCORS_ROUTE_VARIABLE"
    yield _note(text, None if variable == ROUTE_VARIABLE else help)


def _reserved_note(paths: BucketPaths) -> Note:
    shown = ", ".join(map(repr, sorted(paths.reserved.names))) or "none"
    return _note(f"names of the application's own URLs, which no bucket can have: {shown}")
