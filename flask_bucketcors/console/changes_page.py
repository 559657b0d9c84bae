"""What a write would change, shown before it; and the write."""

from werkzeug.wrappers import Response

from flask_bucketcors.console.visit import Visit


def show(visit: Visit) -> Response:
    """Show what the proposal of the form would change."""
    raise NotImplementedError


def save(visit: Visit) -> Response:
    """Write what was shown."""
    raise NotImplementedError
