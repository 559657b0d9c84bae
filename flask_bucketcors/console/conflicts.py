"""What becomes of a proposal if somebody else changed the rules after its author saw them.

If the rule that it is about is the same, the proposal is put on top of the present rules. If not,
the author has to choose. Nobody's change is undone unless somebody has seen that it would be.
"""

from dataclasses import dataclass, replace

from flask_bucketcors.console.proposals import Proposal, ProposalKind, digest_of
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.errors import UnknownRevision
from flask_bucketcors.core.problems import InvalidRules
from flask_bucketcors.core.rule_edits import NoSuchRule
from flask_bucketcors.core.rules import Rule, RuleSet


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A proposal about the present rules.

    :param is_on_top: whether these are others than its author saw.
    """

    proposal: Proposal
    is_on_top: bool = False


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A proposal about a rule that was changed, or is gone.

    :param proposal: as its author made it.
    :param now: index of the rule that it became; None if it is gone, as far as is known.
    :param insisting: the proposal for the present rules, if its author insists; None if there is
        nothing left to do.
    """

    proposal: Proposal
    now: int | None
    insisting: Proposal | None


def merge(proposal: Proposal, visit: Visit) -> Merged | Conflict:
    """Find out what a proposal means for the rules that the visit sees.

    :raises StoredRulesInvalid: if these are unreadable, and the proposal needs them.
    """
    stored = visit.stored
    if proposal.version == (stored.version if stored else None):
        return Merged(proposal=proposal)
    present = proposal.based_on(stored)
    if proposal.index is None or not proposal.kind.is_about_one_rule:
        return Merged(proposal=present, is_on_top=True)
    rules = visit.rule_set.rules if visit.rule_set else ()
    same = [i for i, each in enumerate(rules) if digest_of(each) == proposal.was]
    if same:
        return Merged(proposal=_at(present, _nearest(same, proposal.index)), is_on_top=True)
    now = _find_changed(proposal, visit)
    insisting = _without_rule(present) if now is None else _at(present, now, rules[now])
    return Conflict(proposal=proposal, now=now, insisting=insisting)


def is_done(proposal: Proposal, visit: Visit) -> bool:
    """Whether its author has just saved this edit: browsers may send a form twice."""
    last, stored = visit.last_change, visit.stored
    if last is None or stored is None or last.revision != stored.revision:
        return False
    if last.author != visit.author or proposal.kind.is_about_all:
        return False
    rules = _seen_rules(proposal, visit)
    try:
        for edit in proposal.edits(rules):
            rules = edit.apply(rules)
    except (InvalidRules, NoSuchRule):
        return False
    return rules == visit.rule_set


def _at(proposal: Proposal, index: int, rule: Rule | None = None) -> Proposal:
    """Give the proposal for the same rule in another place, with other content if that is given.

    To move up by one is to move up by one from there.
    """
    assert proposal.index is not None  # nosec B101 # it is about a rule
    to, was = proposal.to, proposal.was if rule is None else digest_of(rule)
    if to is not None and proposal.kind is ProposalKind.MOVE:
        to = max(0, to + index - proposal.index)
    return replace(proposal, index=index, to=to, was=was)


def _without_rule(proposal: Proposal) -> Proposal | None:
    """Give the proposal for a rule that is gone: what was typed becomes a new one."""
    if proposal.kind is not ProposalKind.REPLACE:
        return None
    to = proposal.index if proposal.to is None else proposal.to
    return replace(proposal, kind=ProposalKind.ADD, index=None, was="", to=to)


def _find_changed(proposal: Proposal, visit: Visit) -> int | None:
    """Find the rule that the proposal's became, by the rules that its author saw."""
    seen, index = _seen_rules(proposal, visit), proposal.index
    if visit.rule_set is None or seen is None or index is None:
        return None
    old = [digest_of(each) for each in seen.rules]
    if index >= len(old) or old[index] != proposal.was:
        return None
    new = [i for i, each in enumerate(visit.rule_set.rules) if digest_of(each) not in old]
    alike = [i for i in new if _are_alike(seen.rules[index], visit.rule_set.rules[i])]
    if not alike and len(seen.rules) == len(visit.rule_set.rules) and index in new:
        # A rule of its own for another site. If it replaced one that was deleted, that is as good.
        return index
    return _nearest(alike, index) if alike else None


def _seen_rules(proposal: Proposal, visit: Visit) -> RuleSet | None:
    if proposal.seen is None:
        return None
    try:
        return visit.console.store.get_revision(visit.bucket, proposal.seen)
    except UnknownRevision:
        return None


def _are_alike(old: Rule, new: Rule) -> bool:
    """Whether one is the other after an edit: it has an origin of it, or its name."""
    has_name = old.id is not None and old.id == new.id
    return has_name or not set(old.allowed_origins).isdisjoint(new.allowed_origins)


def _nearest(indexes: list[int], index: int) -> int:
    return min(indexes, key=lambda each: abs(each - index))
