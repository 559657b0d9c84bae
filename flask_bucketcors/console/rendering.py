"""Templates, in an environment of the console's own.

The application's templates, filters, context processors and delimiters do not reach it.
"""

from functools import cache
from typing import Any

from flask import url_for
from jinja2 import Environment, PackageLoader, StrictUndefined

from flask_bucketcors.console.assets import asset_name
from flask_bucketcors.console.shown_text import ago, brief, counted, named, sentence, shown, visible
from flask_bucketcors.console.typed_rule import FIELD_LABELS
from flask_bucketcors.settings import CONSOLE


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("flask_bucketcors.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(url_for=_url_for, asset_name=asset_name, field_labels=FIELD_LABELS)
    filters = (ago, brief, counted, named, sentence, shown, visible)
    environment.filters.update({each.__name__: each for each in filters})
    return environment


def render(template: str, **values: Any) -> str:
    """Render a template.

    :param values: what it shows; a template that asks for anything else fails.
    """
    return _environment().get_template(template).render(values)


def _url_for(endpoint: str, **values: Any) -> str:
    """The URL of a page, such as ``.rules``, also outside the blueprint."""
    return url_for(f"{CONSOLE}{endpoint}", **values)
