"""A proposed change as it travels through forms: the edit, and the rules that its author saw.

A form carries the edit and not the rules that result, so that the change of somebody else in the
meantime is not undone. The fields are:

- ``kind``: a :class:`ProposalKind`
- ``version``: the version of the rules that the author saw; empty for none
- ``seen``: their revision; empty for none
- ``rule``: the number of a rule, from 1
- ``was``: the digest of that rule, as the author saw it
- ``to``: the place of the rule from 1; if empty, a new rule comes last, and another stays
- ``origins``, ``methods``, ``headers``, ``exposed``, ``max_age``, ``id``: a rule as it was typed,
  see :class:`~flask_bucketcors.console.typed_rule.TypedRule`
- ``vary``: ``on``, ``off`` or empty; the kind ``vary`` sets it, ``add`` does in a bucket without
  rules
- ``vary_seen``: what the author saw; if ``vary`` differs from it, the form of a rule sets it, too
- ``document``: all rules, in any form that is read
- ``revision``: the number of an earlier change

Python code writes them with :func:`fields_of`, for an edit, and :func:`fields_for`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from flask_bucketcors.console.typed_rule import TypedRule
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.rule_edits import (
    AddRule,
    DeleteRule,
    MoveRule,
    ReplaceRule,
    RuleEdit,
    SetResponseVary,
)
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.stores.contract import StoredRules

_VARY: Final = {"on": True, "off": False, "": None}
_VARY_TEXTS: Final = {value: text for text, value in _VARY.items()}
_DIGEST_LENGTH: Final = 16
# No store has as many rules or revisions.
_MAX_DIGITS: Final = 15


class ProposalKind(StrEnum):
    """What is proposed."""

    ADD = "add"
    REPLACE = "replace"
    DELETE = "delete"
    MOVE = "move"
    #: Set ResponseVary, which is the vendors' name for "Return Vary: Origin".
    VARY = "vary"
    #: Replace all rules by a document.
    RULES = "rules"
    #: Delete all rules.
    CLEAR = "clear"
    #: Put the rules of an earlier revision.
    RESTORE = "restore"

    @property
    def is_about_one_rule(self) -> bool:
        """Whether it changes a rule that is there."""
        return self in (ProposalKind.REPLACE, ProposalKind.DELETE, ProposalKind.MOVE)

    @property
    def is_about_all(self) -> bool:
        """Whether it replaces whatever rules there are."""
        return self in (ProposalKind.RULES, ProposalKind.CLEAR, ProposalKind.RESTORE)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A change that somebody proposes.

    :param version: of the rules that the author saw; None for none.
    :param seen: their revision.
    :param index: of the rule, from 0.
    :param to: its new index, from 0.

    The other parameters are the fields of the same names.
    """

    kind: ProposalKind
    version: str | None = None
    seen: int | None = None
    index: int | None = None
    was: str = ""
    to: int | None = None
    typed: TypedRule = field(default_factory=TypedRule)
    vary: str = ""
    vary_seen: str = ""
    document: str = ""
    revision: int | None = None

    @classmethod
    def from_form(cls, form: MultiDict[str, str]) -> "Proposal":
        """Read a proposal.

        :raises BadRequest: if a field has a value that no page writes.
        """
        # A box that is not ticked sends nothing, so the form has a hidden "off" before it.
        vary = (form.getlist("vary") or [""])[-1]
        kind = form.get("kind", "")
        if kind not in tuple(ProposalKind) or not {vary, form.get("vary_seen", "")} <= {*_VARY}:
            raise BadRequest(f"A proposal of the kind {kind!a} cannot be read.")
        proposal = cls(
            kind=ProposalKind(kind),
            version=form.get("version") or None,
            seen=_number(form, "seen"),
            index=_index(form, "rule"),
            was=form.get("was", ""),
            to=_index(form, "to"),
            typed=TypedRule.from_form(form),
            vary=vary,
            vary_seen=form.get("vary_seen", ""),
            document=form.get("document", "").replace("\r\n", "\n"),
            revision=_number(form, "revision"),
        )
        proposal._check()
        return proposal

    def _check(self) -> None:
        needed = {
            "rule": self.kind.is_about_one_rule and self.index is None,
            "to": self.kind is ProposalKind.MOVE and self.to is None,
            "revision": self.kind is ProposalKind.RESTORE and self.revision is None,
        }
        if missing := [name for name, is_missing in needed.items() if is_missing]:
            raise BadRequest(f"The form has no {missing[0]}.")

    def as_fields(self) -> dict[str, str]:
        """Give the fields that :meth:`from_form` reads, without those that are empty."""
        fields = {
            "version": self.version or "",
            "seen": _text(self.seen),
            "rule": _text(self.index, 1),
            "was": self.was,
            "to": _text(self.to, 1),
            **self.typed.as_fields(),
            "vary": self.vary,
            "vary_seen": self.vary_seen,
            "document": self.document,
            "revision": _text(self.revision),
        }
        return {"kind": str(self.kind), **{name: text for name, text in fields.items() if text}}

    def based_on(self, stored: StoredRules | None) -> "Proposal":
        """Give the same proposal by somebody who sees these rules."""
        return replace(
            self,
            version=stored.version if stored else None,
            seen=stored.revision if stored else None,
        )

    def edits(self, rules: RuleSet | None) -> Iterator[RuleEdit]:
        """Give the edits of one rule, and of ResponseVary, in their order.

        :param rules: those that they apply to. A place below the last one is the last one.
        :raises InvalidRules: if the rule that was typed is none.
        """
        count = len(rules.rules) if rules else 0
        if self.kind is ProposalKind.ADD:
            index = None if self.to is None else min(self.to, count)
            yield AddRule(self.typed.parse(), index, _VARY[self.vary] or None)
        elif self.kind.is_about_one_rule and self.index is not None:
            to = None if self.to is None else min(self.to, count - 1)
            if self.kind is ProposalKind.REPLACE:
                yield ReplaceRule(self.index, self.typed.parse(), to)
            elif self.kind is ProposalKind.MOVE:
                yield MoveRule(self.index, self.index if to is None else to)
            else:
                yield DeleteRule(self.index)
        is_touched = self.vary_seen and self.vary != self.vary_seen
        if is_touched or self.kind is ProposalKind.VARY:
            yield SetResponseVary(_VARY[self.vary])


def digest_of(rule: Rule) -> str:
    """Give a text that stands for a rule, and for no other."""
    data = json.dumps(rule.as_dict(), sort_keys=True).encode()
    return sha256(data).hexdigest()[:_DIGEST_LENGTH]


def vary_text(rules: RuleSet | None) -> str:
    """Give ResponseVary of rules as the field ``vary``."""
    return "on" if rules and rules.response_vary else "off"


def fields_for(kind: ProposalKind | str, visit: Visit, **fields: str) -> dict[str, str]:
    """Give the fields of a proposal about the rules that the visit sees.

    :param fields: those that the kind needs, such as ``revision``, and no empty ones.
    """
    basis = Proposal(kind=ProposalKind(kind)).based_on(visit.stored)
    return {**basis.as_fields(), **fields}


def fields_of(edit: RuleEdit, visit: Visit) -> dict[str, str]:
    """Give the fields that propose an edit of the rules that the visit sees.

    :raises StoredRulesInvalid: if these are unreadable.
    """
    return proposal_of(edit, visit.rule_set).based_on(visit.stored).as_fields()


def proposal_of(edit: RuleEdit, rules: RuleSet | None) -> Proposal:
    """Give an edit of rules as a proposal.

    :raises TypeError: if it is an edit of another type than those of this package.
    """
    match edit:
        case AddRule(rule, index, vary):
            # Rules that are there keep theirs.
            text = _VARY_TEXTS[vary] if rules is None else ""
            typed = TypedRule.of(rule)
            return Proposal(kind=ProposalKind.ADD, typed=typed, to=index, vary=text)
        case ReplaceRule(index, rule, to):
            about = Proposal(kind=ProposalKind.REPLACE, typed=TypedRule.of(rule), to=to)
        case DeleteRule(index):
            about = Proposal(kind=ProposalKind.DELETE)
        case MoveRule(index, to):
            about = Proposal(kind=ProposalKind.MOVE, to=to)
        case SetResponseVary(vary):
            return Proposal(kind=ProposalKind.VARY, vary=_VARY_TEXTS[vary])
        case _:
            raise TypeError(f"{edit!r} is an edit that no form can carry")
    return replace(about, index=index, was=digest_of(rules.rules[index]) if rules else "")


def _number(form: MultiDict[str, str], name: str) -> int | None:
    text = form.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise BadRequest(f"The field {name} of the form is not a number.")
    return int(text)


def _index(form: MultiDict[str, str], name: str) -> int | None:
    number = _number(form, name)
    if number == 0:
        raise BadRequest(f"The field {name} of the form counts from 1.")
    return None if number is None else number - 1


def _text(number: int | None, more: int = 0) -> str:
    return "" if number is None else str(number + more)
