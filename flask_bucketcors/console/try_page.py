"""The page "Try a request" of a bucket."""

from werkzeug.wrappers import Response

from flask_bucketcors.console.visit import Visit


def show(visit: Visit) -> Response:
    """Show the page."""
    return visit.page("try.html", tab="try")
