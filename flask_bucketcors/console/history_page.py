"""The page "History" of a bucket: who changed its rules, and what that changed for pages."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.algebra.diff import diff_within
from flask_bucketcors.console.proposals import ProposalKind, fields_for, vary_text
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.console.what_changes import ChangesOfOrigins, changes_by_origins
from flask_bucketcors.core.errors import StoreUnavailable, TooIntricate
from flask_bucketcors.core.rules import RuleSet
from flask_bucketcors.stores.history_entry import HistoryEntry

#: How many changes a page shows.
PER_PAGE: Final = 10
#: After so many comparisons, a page compares no further rules. Ten usual ones take half of them.
MAX_COMPARISONS: Final = 2 * Bounds.NARROW.comparisons
# No store has as many revisions.
_MAX_REVISION: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Card:
    """A change of the rules.

    :param earlier: the change before; None if none is kept.
    :param is_in_force: whether the bucket has these rules now.
    :param restore_fields: those of the form that restores them; None if they cannot be restored.
    :param changes: what changed for pages; None if that cannot be said.
    :param why_unknown: why it cannot be said, in a sentence; ``""`` if it can.
    """

    entry: HistoryEntry
    earlier: HistoryEntry | None
    is_in_force: bool
    restore_fields: dict[str, str] | None
    changes: tuple[ChangesOfOrigins, ...] | None
    why_unknown: str

    @property
    def is_as_before(self) -> bool:
        """Whether the rules are those before."""
        return self.earlier is not None and self.earlier.rule_set == self.entry.rule_set

    @property
    def vary_change(self) -> str:
        """How ResponseVary changed; ``""`` if it did not."""
        if self.entry.rule_set is None:
            return ""
        before = vary_text(self.earlier.rule_set if self.earlier else None)
        after = vary_text(self.entry.rule_set)
        return "" if before == after else f"{before} → {after}"


def show(visit: Visit) -> Response:
    """Show some changes, the newest first."""
    before = request.args.get("before", None, int)
    if before is not None:
        before = min(max(before, 0), _MAX_REVISION)
    try:
        # One more than is shown: the change before the last one.
        entries = visit.console.store.history(visit.bucket, before=before, limit=PER_PAGE + 1)
    except StoreUnavailable:
        return visit.page("no_history.html", status=503, tab="history")
    shown = entries[:PER_PAGE]
    compare = _Comparison(visit)
    cards = [
        _card(visit, compare, entry, entries[place] if place < len(entries) else None)
        for place, entry in enumerate(shown, 1)
    ]
    return visit.page(
        "history.html",
        tab="history",
        cards=cards,
        is_first_page=before is None,
        has_older=len(entries) > PER_PAGE,
    )


def _card(
    visit: Visit, compare: "_Comparison", entry: HistoryEntry, earlier: HistoryEntry | None
) -> Card:
    stored = visit.stored
    is_in_force = stored is not None and stored.revision == entry.revision
    can_restore = visit.may_write and not is_in_force and entry.rule_set is not None
    restore_fields = None
    if can_restore:
        restore_fields = fields_for(ProposalKind.RESTORE, visit, revision=str(entry.revision))
    changes, why_unknown = _changes(compare, entry, earlier)
    return Card(entry, earlier, is_in_force, restore_fields, changes, why_unknown)


def _changes(
    compare: "_Comparison", entry: HistoryEntry, earlier: HistoryEntry | None
) -> tuple[tuple[ChangesOfOrigins, ...] | None, str]:
    if entry.unreadable is not None:
        return None, f"These rules are unreadable: {entry.unreadable}"
    if earlier is not None and earlier.unreadable is not None:
        return None, "The changes cannot be shown: the rules before are unreadable."
    before = earlier.rule_set if earlier else None
    try:
        return compare(before, entry.rule_set), ""
    except TooIntricate:
        return None, "The changes cannot be shown: the rules overlap in too many ways."
    except _Enough:
        return None, "The changes were not worked out yet. Reload the page to see them."


class _Enough(Exception):
    """A page has done enough work."""


class _Comparison:
    """Compares the rules of one page, or looks up what was found out earlier.

    Revisions do not change, so the next visit goes on where this one stops.
    """

    def __init__(self, visit: Visit) -> None:
        self._memo = visit.console.changes
        self._default_rules = visit.default_rules
        self._dialect = visit.console.writer.dialect
        self._allow_credentials = visit.console.writer.allow_credentials
        self._comparisons = 0

    def __call__(
        self, before: RuleSet | None, after: RuleSet | None
    ) -> tuple[ChangesOfOrigins, ...]:
        """Say what changed.

        :raises TooIntricate: if the narrow bounds do not suffice.
        :raises _Enough: if the page has done enough work.
        """
        before, after = before or self._default_rules, after or self._default_rules
        find = partial(self._find, before, after)
        return self._memo.find((before, after), (self._dialect, self._allow_credentials), find)

    def _find(self, before: RuleSet | None, after: RuleSet | None) -> tuple[ChangesOfOrigins, ...]:
        if self._comparisons > MAX_COMPARISONS:
            raise _Enough
        work = Work(Bounds.NARROW)
        try:
            found = diff_within(work, before, after, self._dialect, self._allow_credentials)
            return tuple(changes_by_origins(found))
        finally:
            self._comparisons += work.comparisons
