"""A fix: an edit of the rules, and what else it does, exactly, by diff."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.diff import Change, Diff, diff_within
from flask_bucketcors.analysis.algebra.regions import Region
from flask_bucketcors.analysis.explainer.exchange import PageRequest
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.lint import lint_within
from flask_bucketcors.core.errors import TooIntricate
from flask_bucketcors.core.rule_edits import RuleEdit
from flask_bucketcors.core.rules import RuleSet

_SHOWN_CHANGES: Final = 2
# Of the values of a region so many are named.
_SHOWN_VALUES: Final = 5
_ASPECTS: Final = {
    "any_origin": "allowed origin",
    "exposed": "exposed headers",
    "max_age": "max-age",
}


@dataclass(frozen=True)
class Broken:
    """What the fixes of one request apply to.

    :param in_force: the rules.
    :param work: that finding the effects of all fixes is a part of.
    """

    in_force: RuleSet | None
    request: PageRequest
    work: Work

    @cached_property
    def dangers(self) -> frozenset[tuple[object, object]]:
        """What is dangerous already."""
        return frozenset((each.check, each.value) for each in self.dangers_of(self.in_force))

    def dangers_of(self, rules: RuleSet | None) -> tuple[Finding, ...]:
        """Find what is dangerous in rules."""
        if rules is None:
            return ()
        request = self.request
        return lint_within(
            self.work, rules, request.dialect, None, request.allow_credentials, dangers_only=True
        )

    def changes_to(self, rules: RuleSet) -> Diff:
        """Find what other rules change."""
        request = self.request
        return diff_within(
            self.work, self.in_force, rules, request.dialect, request.allow_credentials
        )


@dataclass(frozen=True)
class Fix:
    """An edit of the rules that lets the request pass and the page read the response.

    :param edit: what changes.
    :param text: the same for people.
    :param before: the rules to which the edit applies. They are those that you passed; values that
        the API would reject are corrected or left out, and rules without values are left out. None
        if no rule remains.
    """

    edit: RuleEdit
    text: str
    before: RuleSet | None
    _broken: Broken = field(repr=False, compare=False)

    @cached_property
    def rules(self) -> RuleSet:
        """All rules after the edit."""
        return self.edit.apply(self.before)

    @property
    def newly_allows(self) -> tuple[Change, ...]:
        """What it newly allows, except the request that you asked about.

        :raises TooIntricate: if the bounds of the explanation do not suffice; so do the next two.
        """
        return self._beside(self._diff.newly_allowed)

    @property
    def no_longer_allows(self) -> tuple[Change, ...]:
        """What it no longer allows."""
        return self._diff.no_longer_allowed

    @property
    def changes_terms(self) -> tuple[Change, ...]:
        """What it allows on other terms, except the request that you asked about."""
        # That its responses name more methods and headers is said by what it newly allows.
        return self._beside(each for each in self._diff.on_other_terms if each.is_felt)

    @cached_property
    def dangers(self) -> tuple[Finding, ...]:
        """What :func:`~flask_bucketcors.lint` finds dangerous in it that was not there before.

        :raises TooIntricate: if the bounds of the explanation do not suffice.
        """
        known = self._broken.dangers
        found = self._broken.dangers_of(self.rules)
        return tuple(each for each in found if (each.check, each.value) not in known)

    @cached_property
    def is_dangerous(self) -> bool:
        """Whether lint finds such dangers; false if it cannot judge the rules."""
        try:
            return bool(self.dangers)
        except TooIntricate:
            return False

    @property
    def effect(self) -> str:
        """Its other effects, in words, beginning with its dangers."""
        try:
            return " ".join((*map(_warning, self.dangers), *self._sentences()))
        except TooIntricate as error:
            return f"Its other effects cannot be listed: {error}."

    @cached_property
    def _diff(self) -> Diff:
        return self._broken.changes_to(self.rules)

    def _beside(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        return tuple(each for each in changes if not _is_within(each.region, self._broken.request))

    def _sentences(self) -> Iterator[str]:
        if self.newly_allows:
            yield f"It also allows {_in_words(self.newly_allows)}."
        else:
            yield f"It allows nothing {'else' if self._diff.newly_allowed else 'new'}."
        if self.no_longer_allows:
            yield f"It no longer allows {_in_words(self.no_longer_allows)}."
        if self.changes_terms:
            named = {name: None for each in self.changes_terms for name in each.felt_aspects}
            aspects = ", ".join(_ASPECTS.get(each, each) for each in named)
            yield f"It changes the response ({aspects}) to {_in_words(self.changes_terms)}."


def _warning(danger: Finding) -> str:
    return (
        f"It is dangerous: {danger.text} Lint calls that {danger.id}, and the API refuses these "
        "rules if BUCKETCORS_STRICT is on."
    )


def _is_within(region: Region, request: PageRequest) -> bool:
    """Whether a region is the request itself, with all of its headers or some of them."""
    asked = {name.lower() for name in request.headers}
    return (
        region.methods == (request.method,)
        and all(each.pattern == request.origin for each in region.origins)
        and all(each.pattern in asked for each in region.headers.names)
    )


def _in_words(changes: Sequence[Change]) -> str:
    shown = [each.region.in_words(_SHOWN_VALUES) for each in changes[:_SHOWN_CHANGES]]
    more = len(changes) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
