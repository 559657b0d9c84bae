"""What a write would change, shown before it; and the write.

The write happens only if the rules are still those whose changes were shown. If they are not, the
page shows what the same proposal changes now.
"""

from dataclasses import replace
from typing import Any, Final

from flask import request, url_for
from werkzeug.wrappers import Response

from flask_bucketcors.api.rules_writer import NoSuchBucket
from flask_bucketcors.console.conflicts import Conflict, is_done
from flask_bucketcors.console.console_response import go_to
from flask_bucketcors.console.finding_groups import SEVERITY_NAMES
from flask_bucketcors.console.form_errors import FormError
from flask_bucketcors.console.proposals import Proposal, ProposalKind
from flask_bucketcors.console.proposed_write import ProposedWrite, Refused, work_out
from flask_bucketcors.console.rule_form import form_page
from flask_bucketcors.console.shown_text import sentence
from flask_bucketcors.console.typed_rule import TypedRule
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.errors import RulesChanged, StoreUnavailable

#: The field of the button that leads back to the form.
AGAIN_FIELD: Final = "again"
# What the button says that proposes the change in spite of somebody else's.
_INSIST_LABELS: Final = {
    ProposalKind.ADD: "Add my version as a new rule",
    ProposalKind.REPLACE: "Use my version",
    ProposalKind.DELETE: "Delete it anyway",
    ProposalKind.MOVE: "Move it anyway",
}
_IN_RULE_FORM: Final = (ProposalKind.ADD, ProposalKind.REPLACE)
_TYPED: Final = (*_IN_RULE_FORM, ProposalKind.RULES)


def show(visit: Visit) -> Response:
    """Show what the proposal of the form would change."""
    proposal = Proposal.from_form(request.form)
    if AGAIN_FIELD in request.form:
        return _edit_page(visit, proposal, [])
    try:
        return _page(visit, work_out(visit, proposal))
    except StoreUnavailable:
        return _unavailable_page(visit, proposal, "changes")


def save(visit: Visit) -> Response:
    """Write what was shown."""
    proposal = Proposal.from_form(request.form)
    try:
        return _save(visit, proposal)
    except StoreUnavailable:
        return _unavailable_page(visit, proposal, "save")


def _save(visit: Visit, proposal: Proposal) -> Response:
    worked_out = work_out(visit, proposal)
    if not isinstance(worked_out, ProposedWrite) or worked_out.merged.is_on_top:
        if visit.stored and is_done(proposal, visit):
            return _to_rules(visit, visit.stored.revision)
        return _page(visit, worked_out)
    try:
        return _to_rules(visit, _write(visit, worked_out))
    except RulesChanged:
        # Somebody was faster by a moment.
        later = replace(visit)
        return _page(later, work_out(later, proposal))
    except NoSuchBucket as error:
        gone = FormError(sentence(error))
        return _page(visit, Refused(proposal=proposal, errors=[gone]))


def _to_rules(visit: Visit, saved: int | None) -> Response:
    return go_to(url_for(".rules", bucketcors_console_bucket=visit.bucket, saved=saved))


def _write(visit: Visit, proposed: ProposedWrite) -> int | None:
    """Write the rules, and give the revision; None if there was nothing to delete.

    :raises RulesChanged: if these are other rules than those of which the changes were shown.
    """
    writer, proposal = visit.console.writer, proposed.proposal
    options: dict[str, Any] = {"author": visit.author, "expected": proposal.version}
    if proposed.after is None:
        written = writer.delete(visit.bucket, **options)
    elif proposal.kind is ProposalKind.RESTORE and proposal.revision is not None:
        written = writer.rollback(visit.bucket, proposal.revision, **options)
    else:
        written = writer.put(visit.bucket, proposed.after, **options)
    return written.revision if written else None


def _page(visit: Visit, worked_out: ProposedWrite | Conflict | Refused) -> Response:
    if isinstance(worked_out, Conflict):
        return _conflict_page(visit, worked_out)
    if isinstance(worked_out, Refused):
        return _edit_page(visit, worked_out.proposal, worked_out.errors)
    proposal = worked_out.proposal
    return visit.page(
        "changes.html",
        title=_title(proposal),
        proposed=worked_out,
        severity_names=SEVERITY_NAMES,
        fields=proposal.as_fields(),
        is_editable=proposal.kind in _TYPED,
        last=visit.last_change,
    )


def _edit_page(visit: Visit, proposal: Proposal, errors: list[FormError]) -> Response:
    """Show where somebody typed the proposal, with what is wrong; or that alone."""
    if proposal.kind in _IN_RULE_FORM:
        return form_page(visit, proposal, errors)
    fields = proposal.as_fields()
    document = fields.pop("document", "")
    is_typed = proposal.kind is ProposalKind.RULES
    return visit.page(
        "document_form.html" if is_typed else "not_saved.html",
        title="Replace all rules" if is_typed else _title(proposal),
        errors=errors,
        hidden=fields,
        document=document,
    )


def _unavailable_page(visit: Visit, proposal: Proposal, step: str) -> Response:
    """Keep what was typed while the database cannot be read or written.

    :param step: the name of the page to which the form was sent.
    """
    return visit.page(
        "unavailable.html",
        status=503,
        title=_title(proposal),
        step=step,
        fields=proposal.as_fields(),
        is_editable=proposal.kind in _TYPED,
    )


def _conflict_page(visit: Visit, conflict: Conflict) -> Response:
    rules = visit.rule_set.rules if visit.rule_set else ()
    now = None if conflict.now is None else TypedRule.of(rules[conflict.now])
    return visit.page(
        "conflict.html",
        proposal=conflict.proposal,
        number=(conflict.proposal.index or 0) + 1,
        now=_lines(now) if now else None,
        now_number=None if conflict.now is None else conflict.now + 1,
        typed=_lines(conflict.proposal.typed),
        fields=conflict.insisting.as_fields() if conflict.insisting else None,
        insist_label=_INSIST_LABELS.get(conflict.insisting.kind) if conflict.insisting else None,
        last=visit.last_change,
    )


def _lines(typed: TypedRule) -> dict[str, dict[str, None]]:
    """Give the lines of each field, each line once: to look one up takes no time."""
    fields = typed.as_fields().items()
    return {name: dict.fromkeys(filter(None, text.split("\n"))) for name, text in fields}


def _title(proposal: Proposal) -> str:
    number = (proposal.index or 0) + 1
    to = (proposal.to or 0) + 1
    switch = {"on": "Turn on", "off": "Turn off", "": "Remove"}[proposal.vary]
    return {
        ProposalKind.ADD: "Add a rule",
        ProposalKind.REPLACE: f"Change rule {number}",
        ProposalKind.DELETE: f"Delete rule {number}",
        ProposalKind.MOVE: f"Move rule {number} to place {to}",
        ProposalKind.VARY: f"{switch} Return Vary: Origin",
        ProposalKind.RULES: "Replace all rules",
        ProposalKind.CLEAR: "Delete all rules",
        ProposalKind.RESTORE: f"Restore revision {proposal.revision}",
    }[proposal.kind]
