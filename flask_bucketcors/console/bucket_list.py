"""The list of buckets."""

from collections.abc import Sequence
from typing import Final

from flask import request, url_for
from werkzeug.wrappers import Response

from flask_bucketcors.console.console_response import go_to
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.bucket_names import is_bucket_name

#: How many buckets a page lists.
PER_PAGE: Final = 50


def show(visit: Visit) -> Response:
    """List the buckets, some at a time."""
    prefix, after = request.args.get("prefix", ""), request.args.get("after", "")
    names = _names(visit, prefix, after)
    return visit.page(
        "buckets.html",
        prefix=prefix,
        after=after,
        names=names[:PER_PAGE],
        has_more=len(names) > PER_PAGE,
        wrong_name=request.args.get("wrong", ""),
    )


def open_bucket(visit: Visit) -> Response:
    """Go to the bucket whose name was typed."""
    name = request.args.get("bucket", "").strip()
    if not is_bucket_name(name):
        return go_to(url_for(".buckets", wrong=name))
    return go_to(url_for(".rules", bucketcors_console_bucket=name))


def _names(visit: Visit, prefix: str, after: str) -> Sequence[str]:
    """The names of a page, and one more if there are more."""
    visible = visit.console.options.visible
    seen = None if visible is None else visible(visit.author)
    if seen is None:
        return visit.console.store.list(prefix, after, PER_PAGE + 1)
    names = sorted({name for name in seen if name.startswith(prefix) and name > after})
    return names[: PER_PAGE + 1]
