"""The form in which a rule is added or edited."""

from werkzeug.wrappers import Response

from flask_bucketcors.console.visit import Visit


def show_add(visit: Visit) -> Response:
    """Show the form for a new rule."""
    raise NotImplementedError


def show_edit(visit: Visit, number: int) -> Response:
    """Show the form with a rule, by its number from 1."""
    raise NotImplementedError
