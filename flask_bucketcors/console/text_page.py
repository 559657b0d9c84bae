"""The page "XML and JSON" of a bucket: all rules as text, and all rules replaced by a text."""

import json
from dataclasses import dataclass
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from flask_bucketcors.console.proposals import ProposalKind, fields_for
from flask_bucketcors.console.shown_text import is_visible
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.documents.to_forms import FORMS, write_as

# How much of what a form cannot say is listed.
_MOST_LOSSES: Final = 10


@dataclass(frozen=True, slots=True)
class Document:
    """Rules as text.

    :param losses: what the form cannot say.
    :param more_losses: how many more there are.
    """

    text: str
    losses: tuple[str, ...]
    more_losses: int


def show(visit: Visit) -> Response:
    """Show the rules in the form that was chosen."""
    dialect = visit.console.writer.dialect
    chosen = request.args.get("as", "")
    name = chosen if chosen in FORMS else dialect.name
    unreadable, document = "", None
    try:
        document = _written(visit, name)
    except StoredRulesInvalid as error:
        unreadable = str(error)
    can_clear = visit.may_write and visit.stored is not None
    return visit.page(
        "text.html",
        tab="text",
        unreadable=unreadable,
        document=document,
        form=name,
        forms={each: _label(each) for each in FORMS},
        replace_fields=fields_for(ProposalKind.RULES, visit) if visit.may_write else None,
        clear_fields=fields_for(ProposalKind.CLEAR, visit) if can_clear else None,
    )


def _written(visit: Visit, name: str) -> Document | None:
    rules = visit.in_force
    if rules is None:
        return None
    own = visit.console.writer.dialect
    written = write_as(rules, own if name == own.name else FORMS[name], visit.bucket)
    losses = written.losses
    if isinstance(written.data, str):
        text = "".join(map(_readable, written.data))
    else:
        # Escapes are ASCII, so nothing hides.
        text = json.dumps(written.data, indent=2)
    return Document(text, tuple(losses[:_MOST_LOSSES]), len(losses[_MOST_LOSSES:]))


def _label(name: str) -> str:
    form = FORMS[name]
    if isinstance(form, Dialect):
        return f"XML of {form.name.upper()}"
    return "JSON of this package" if name == "json" else f"JSON of {form.vendor}"


def _readable(character: str) -> str:
    """A character of XML, as a reference if nobody would see it."""
    is_plain = character in "\n\t" or is_visible(character)
    return character if is_plain else f"&#x{ord(character):X};"
