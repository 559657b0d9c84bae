"""What a proposal would write, and why it may be refused, without writing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from flask_bucketcors.analysis.algebra.diff import diff
from flask_bucketcors.analysis.linter.findings import Finding, worst_first
from flask_bucketcors.analysis.mistakes import Severity
from flask_bucketcors.api.put_review import REFUSED_BY
from flask_bucketcors.api.write_preview import WritePreview, preview_write
from flask_bucketcors.console.conflicts import Conflict, Merged, merge
from flask_bucketcors.console.form_errors import (
    FormError,
    error_of_finding,
    errors_of_rules,
    errors_of_typed,
)
from flask_bucketcors.console.proposals import Proposal, ProposalKind, vary_text
from flask_bucketcors.console.shown_text import sentence
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.console.what_changes import ChangesOfOrigins, changes_by_origins
from flask_bucketcors.core.errors import (
    BucketCORSError,
    RefusedByLint,
    StoredRulesInvalid,
    TooIntricate,
    UnknownRevision,
)
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rule_edits import NoSuchRule
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.documents.any_form import read_rules
from flask_bucketcors.documents.to_xml import format_xml

# Of the dangers, so many may lend their example requests to the changes.
_MOST_TELLING: Final = 20


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A proposal that cannot be saved.

    :param errors: why; at least one.
    """

    proposal: Proposal
    errors: list[FormError]


@dataclass(frozen=True, kw_only=True)
class ProposedWrite:
    """A proposal that can be saved.

    :param merged: the proposal for the present rules.
    :param before: the present rules; None if there are none, or if they are unreadable.
    :param unreadable: why they are; ``""`` if they are not.
    :param after: the rules that would be written; None to delete those that are there.
    :param preview: what the writer says to it.
    :param notes: what the reader of a document read as something else.
    """

    visit: Visit
    merged: Merged
    before: RuleSet | None
    unreadable: str
    after: RuleSet | None
    preview: WritePreview
    notes: tuple[str, ...] = ()

    @property
    def proposal(self) -> Proposal:
        """The proposal for the present rules."""
        return self.merged.proposal

    @property
    def changes_nothing(self) -> bool:
        """Whether these are the rules that the bucket has."""
        return not self.unreadable and self.before == self.after

    @cached_property
    def changes(self) -> list[ChangesOfOrigins] | None:
        """What changes for pages; None if it cannot be said."""
        if self.unreadable:
            return None
        writer, default = self.visit.console.writer, self.visit.default_rules
        before, after = self.before or default, self.after or default
        # That strangers are allowed is best shown by one.
        telling = [each.witnesses[0].request for each in self.dangers[:_MOST_TELLING]]
        try:
            found = diff(before, after, writer.dialect, allow_credentials=writer.allow_credentials)
            return changes_by_origins(found, telling)
        except TooIntricate:
            return None

    @property
    def vary_change(self) -> str:
        """How ResponseVary changes, in words; ``""`` if it does not."""
        if self.unreadable or self.after is None:
            return ""
        before, after = vary_text(self.before), vary_text(self.after)
        return "" if before == after else f"{before} → {after}"

    @property
    def new_findings(self) -> list[Finding]:
        """What lint finds in the new rules alone, the worst first."""
        return worst_first(self.preview.new_findings or ())

    @property
    def dangers(self) -> list[Finding]:
        """The new findings that are dangers."""
        return [each for each in self.new_findings if each.severity is Severity.DANGER]


@dataclass(frozen=True, slots=True)
class _Result:
    """The rules after a proposal.

    :param index: of the rule that was typed among them, from 0.
    """

    rules: RuleSet | None
    index: int | None = None
    notes: tuple[str, ...] = ()


class _Unacceptable(BucketCORSError):
    def __init__(self, errors: list[FormError]) -> None:
        self.errors = errors
        super().__init__()


def work_out(visit: Visit, proposal: Proposal) -> ProposedWrite | Conflict | Refused:
    """Work out what a proposal would write."""
    try:
        merged = merge(proposal, visit)
        if isinstance(merged, Conflict):
            return merged
        proposal = merged.proposal
        result = _apply(visit, proposal)
        return _reviewed(visit, merged, result)
    except _Unacceptable as error:
        return Refused(proposal=proposal, errors=error.errors)
    except UnknownRevision:
        gone = f"The history has no rules of revision {proposal.revision} any more."
        return Refused(proposal=proposal, errors=[FormError(gone)])
    except (StoredRulesInvalid, NoSuchRule) as error:
        return Refused(proposal=proposal, errors=[FormError(sentence(error))])


def _reviewed(visit: Visit, merged: Merged, result: _Result) -> ProposedWrite:
    proposal, is_rollback = merged.proposal, merged.proposal.kind is ProposalKind.RESTORE
    writer = visit.console.writer
    if result.rules is not None and not is_rollback:
        _check_size(visit, result.rules)
    preview = preview_write(writer, visit.bucket, result.rules, is_rollback=is_rollback)
    if preview.refusal is not None:
        raise _Unacceptable(_errors(visit, proposal, result, preview))
    before, unreadable = None, ""
    try:
        before = visit.rule_set
    except StoredRulesInvalid as error:
        unreadable = str(error)
    return ProposedWrite(
        visit=visit,
        merged=merged,
        before=before,
        unreadable=unreadable,
        after=result.rules,
        preview=preview,
        notes=result.notes,
    )


def _apply(visit: Visit, proposal: Proposal) -> _Result:
    match proposal.kind:
        case ProposalKind.CLEAR:
            return _Result(None)
        case ProposalKind.RESTORE:
            assert proposal.revision is not None  # nosec B101 # the form has it
            return _Result(visit.console.store.get_revision(visit.bucket, proposal.revision))
        case ProposalKind.RULES:
            return _read(visit, proposal.document)
    rules = visit.rule_set
    if proposal.kind is ProposalKind.DELETE and rules and len(rules.rules) == 1:
        return _Result(None)
    if proposal.kind is ProposalKind.VARY and rules is None:
        raise _Unacceptable([FormError("The bucket has no rules any more.")])
    try:
        edits = list(proposal.edits(rules))
    except InvalidRules as error:
        raise _Unacceptable(errors_of_typed(proposal.typed, error.problems)) from None
    for each in edits:
        rules = each.apply(rules)
    return _Result(rules, _typed_index(proposal, rules))


def _typed_index(proposal: Proposal, rules: RuleSet | None) -> int | None:
    """Give the index of the rule that was typed."""
    last = len(rules.rules) - 1 if rules else 0
    if proposal.kind is ProposalKind.ADD:
        return last if proposal.to is None else min(proposal.to, last)
    if proposal.kind is ProposalKind.REPLACE:
        return proposal.index if proposal.to is None else min(proposal.to, last)
    return None


def _read(visit: Visit, document: str) -> _Result:
    dialect = visit.console.writer.dialect
    try:
        reading = read_rules(document, max_bytes=dialect.max_body_bytes)
        return _Result(reading.rule_set(dialect), notes=tuple(reading.notes))
    except InvalidRules as error:
        told = [str(each) for each in error.problems] or [str(error)]
        raise _Unacceptable([FormError(sentence(each), "document") for each in told]) from None


def _check_size(visit: Visit, rules: RuleSet) -> None:
    """Refuse rules that nobody could put again as a document."""
    dialect = visit.console.writer.dialect
    size = len(format_xml(rules, dialect))
    if size > dialect.max_body_bytes:
        text = (
            f"The rules would have {size:,} bytes as XML, and may have {dialect.max_body_bytes:,}: "
            "remove values or rules."
        )
        raise _Unacceptable([FormError(text)])


def _errors(
    visit: Visit, proposal: Proposal, result: _Result, preview: WritePreview
) -> list[FormError]:
    refusal = preview.refusal
    if isinstance(refusal, InvalidRules):
        return errors_of_rules(proposal.typed, result.index, refusal.problems)
    refused = REFUSED_BY[visit.console.writer.strict]
    found = [each for each in preview.findings or () if each.severity in refused]
    if not isinstance(refusal, RefusedByLint) or not found:
        return [FormError(sentence(refusal))]
    return [error_of_finding(proposal.typed, result.index, each) for each in worst_first(found)]
