"""Checks which URLs of an application are about buckets."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from flask import Flask

from flask_bucketcors.cli.bucket_urls import find_bucket_urls, why_the_first_segment
from flask_bucketcors.cli.doctor.notes import Note
from flask_bucketcors.core.bucket_paths import BucketPaths
from flask_bucketcors.extension import BucketCORSState
from flask_bucketcors.settings import ROUTE_VARIABLE

_note = partial(Note, "routes")

_PASS_BUCKETS: Final = "pass buckets= to BucketCORS, a function that finds the bucket of a request"
_SET_VARIABLE: Final = "write a variable of your routes in BUCKETCORS_ROUTE_VARIABLE"


def examine_routes(app: Flask, state: BucketCORSState) -> Iterator[Note]:
    """Check which URLs of an application are about buckets."""
    urls = find_bucket_urls(app, state)
    for each in urls:
        yield _note(f"URLs of buckets: {each.form}")
        if each.others:
            yield _note(f"{each.warning}: {', '.join(each.others)}")
    if not urls:
        yield _note("no URL is about a bucket", _PASS_BUCKETS)
    reason = why_the_first_segment(app, state)
    if reason:
        is_default = state.settings.route_variable == ROUTE_VARIABLE
        yield _note(reason, None if is_default else _SET_VARIABLE)
    paths = state.middleware.resolve.paths
    yield _reserved_note(paths)
    for route, reason in paths.misfits:
        yield _note(f"no URL of the route {route!r} is about a bucket: {reason}", _PASS_BUCKETS)


def _reserved_note(paths: BucketPaths) -> Note:
    shown = ", ".join(map(repr, sorted(paths.reserved.names))) or "none"
    return _note(f"names of the application's own URLs, which no bucket can have: {shown}")
