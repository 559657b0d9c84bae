"""The form in which a rule is added or edited."""

from collections.abc import Sequence
from typing import Final

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from flask_bucketcors.console.form_errors import FormError
from flask_bucketcors.console.proposals import Proposal, ProposalKind, proposal_of, vary_text
from flask_bucketcors.console.starting_rules import STARTING_RULES, StartingRule
from flask_bucketcors.console.typed_rule import TypedRule
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rule_edits import ReplaceRule
from flask_bucketcors.core.rules import RuleSet

# What each method is for, in the order of the boxes.
_METHOD_WORDS: Final = {
    "GET": "read",
    "HEAD": "look up",
    "PUT": "write",
    "POST": "upload by form, or multipart",
    "DELETE": "delete",
}
_EXTRA_WORDS: Final = {"PATCH": "change in part"}
_WEBDAV: Final = "WebDAV"
# What people type. All other fields of the proposal are hidden.
_SHOWN: Final = frozenset(
    {"origins", "methods", "headers", "exposed", "max_age", "id", "to", "vary"}
)


def show_add(visit: Visit) -> Response:
    """Show the form for a new rule, filled in from a template if the URL names one."""
    starting = STARTING_RULES.get(request.args.get("template", ""))
    origin = request.args.get("origin", "")
    typed = starting.typed(origin) if starting else TypedRule(origins=origin)
    proposal = Proposal(kind=ProposalKind.ADD, typed=typed).based_on(visit.stored)
    return form_page(visit, proposal, starting=starting)


def show_edit(visit: Visit, number: int) -> Response:
    """Show the form with a rule, by its number from 1."""
    rules = _readable_rules(visit)
    if rules is None or not 1 <= number <= len(rules.rules):
        raise NotFound(f"There is no rule {number}.")
    edit = ReplaceRule(number - 1, rules.rules[number - 1])
    return form_page(visit, proposal_of(edit, rules).based_on(visit.stored))


def form_page(
    visit: Visit,
    proposal: Proposal,
    errors: Sequence[FormError] = (),
    starting: StartingRule | None = None,
) -> Response:
    """Show a proposal to add or replace a rule, as it was typed, and what is wrong with it.

    :param starting: the template that it comes from.
    """
    rules = _readable_rules(visit)
    hidden = {k: v for k, v in proposal.as_fields().items() if k not in _SHOWN}
    seen = hidden.setdefault("vary_seen", vary_text(rules))
    return visit.page(
        "rule_form.html",
        title=_title(proposal),
        hidden=hidden,
        typed=proposal.typed,
        methods=_boxes(visit, proposal.typed),
        places=_places(proposal, rules),
        vary=proposal.vary or seen,
        errors=errors,
        starting=starting,
        replaces_default_rules=visit.is_by_default_rules,
    )


def _readable_rules(visit: Visit) -> RuleSet | None:
    try:
        return visit.rule_set
    except StoredRulesInvalid:
        return None


def _title(proposal: Proposal) -> str:
    if proposal.kind is ProposalKind.ADD or proposal.index is None:
        return "Add a rule"
    return f"Edit rule {proposal.index + 1}"


def _boxes(visit: Visit, typed: TypedRule) -> list[tuple[str, str, bool]]:
    """Give the methods with a word for each, and whether they are chosen.

    A method that rules cannot have is shown if it was typed, so that it can be taken away.
    """
    chosen = dict.fromkeys(typed.values("methods"))
    words = dict(_METHOD_WORDS)
    for name in visit.console.writer.dialect.extra_methods:
        words[name] = _EXTRA_WORDS.get(name, _WEBDAV)
    return [(name, words.get(name, ""), name in chosen) for name in {**words, **chosen}]


def _places(proposal: Proposal, rules: RuleSet | None) -> list[tuple[str, str, bool]]:
    """Give the values and texts of the places that the rule can have, and which one it has."""
    count = len(rules.rules) if rules else 0
    if proposal.kind is ProposalKind.ADD:
        count, own = count + 1, count
    else:
        own = proposal.index or 0
    chosen = own if proposal.to is None else min(proposal.to, count - 1)
    if count < 2:
        return []
    words = {0: ", tried first", count - 1: ", tried last"}
    return [
        # The place that it has anyway is empty, so that it follows when others add rules.
        (
            "" if index == own else str(index + 1),
            f"{index + 1}{words.get(index, '')}",
            index == chosen,
        )
        for index in range(count)
    ]
