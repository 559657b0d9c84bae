"""The page "Try a request" of a bucket: what the rules say to a request, and how to let it pass.

A request is tried by GET, so that a link can name it. What somebody pastes comes by POST.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from flask import request as flask_request
from werkzeug.wrappers import Response

from flask_bucketcors.analysis.explainer.explain import Explanation, explain
from flask_bucketcors.analysis.explainer.fix import Fix
from flask_bucketcors.analysis.explainer.rule_trace import Mismatch, RuleTrace
from flask_bucketcors.console.proposals import ProposalKind, fields_for, fields_of
from flask_bucketcors.console.sent_lines import SentLines, sent_lines
from flask_bucketcors.console.step_by_step import STEPS, Try, first_steps
from flask_bucketcors.console.tried_request import TriedRequest
from flask_bucketcors.console.visit import Visit
from flask_bucketcors.core.errors import StoredRulesInvalid
from flask_bucketcors.core.rules import RuleSet

# The rules that came nearest; the others are counted.
_SHOWN_RULES: Final = 5
# Pages use it, whether rules can allow it or not.
_OFTEN_TRIED: Final = "PATCH"
_NO_ERRORS: Final[Mapping[str, str]] = MappingProxyType({})


def show(visit: Visit) -> Response:
    """Show the form, and what became of the request that it describes."""
    try:
        rules = visit.in_force
    except StoredRulesInvalid as error:
        return visit.page("try.html", tab="try", unreadable=str(error))
    if flask_request.method == "POST":
        return _show_evidence(visit, rules)
    asked = TriedRequest.from_fields(flask_request.args)
    is_asked = "origin" in flask_request.args
    found = Found(visit, rules, asked) if asked.origin else None
    wrong = {"origin": "Write the page's origin."} if is_asked and found is None else _NO_ERRORS
    steps = flask_request.args.get("step", 0, int)
    return _page(visit, asked, found, steps=steps, wrong=wrong)


def _show_evidence(visit: Visit, rules: RuleSet | None) -> Response:
    text = flask_request.form.get("evidence", "")
    origin = flask_request.form.get("origin", "")
    try:
        asked = TriedRequest.from_evidence(text, origin)
    except ValueError as error:
        wrong = {"evidence": str(error)}
        asked = TriedRequest(origin=origin, method="GET")
        return _page(visit, asked, None, evidence=text, wrong=wrong)
    if not asked.origin:
        wrong = {"page": "The text does not name the page's origin: write it here."}
        return _page(visit, asked, None, evidence=text, wrong=wrong)
    return _page(visit, asked, Found(visit, rules, asked), evidence=text)


def _page(
    visit: Visit,
    asked: TriedRequest,
    found: "Found | None",
    *,
    evidence: str = "",
    steps: int = 0,
    wrong: Mapping[str, str] = _NO_ERRORS,
) -> Response:
    dialect = visit.console.writer.dialect
    methods = dict.fromkeys((*dialect.methods, _OFTEN_TRIED, asked.method))
    return visit.page(
        "try.html",
        tab="try",
        unreadable="",
        asked=asked,
        evidence=evidence,
        found=found,
        methods=list(methods),
        steps=found.first_steps(steps) if found else None,
        count_of_steps=STEPS,
        wrong=wrong,
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix that somebody may choose.

    :param fields: those of the form that proposes it.
    """

    fix: Fix
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """How near a rule came.

    :param number: of the rule, from 1.
    :param cells: what does not match, by field.
    """

    number: int
    cells: Mapping[str, Sequence[Mismatch]]


@dataclass(frozen=True)
class Found:
    """What was found out about a request.

    :param rules: those in force; None if there are none.
    """

    visit: Visit
    rules: RuleSet | None
    asked: TriedRequest

    @cached_property
    def explanation(self) -> Explanation:
        """Why it fails, or that it does not."""
        writer = self.visit.console.writer
        return explain(
            self.rules,
            dialect=writer.dialect,
            allow_credentials=writer.allow_credentials,
            vary=self.visit.console.vary,
            **self.asked.arguments,
        )

    @property
    def title(self) -> str:
        """What became of it, in a few words."""
        explanation = self.explanation
        rule = explanation.decision.rule
        if not explanation.allowed or rule is None:
            return explanation.verdict
        return f"Allowed by {'default ' if self.visit.is_by_default_rules else ''}rule {rule + 1}"

    @cached_property
    def offers(self) -> Sequence[Offer]:
        """The fixes, from the tightest to the loosest."""
        return [Offer(each, self._fields(each)) for each in self.explanation.fixes]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """How near the rules came: of a refused request the nearest ones, in order."""
        traces = self.explanation.trace
        decided = self.explanation.decision.rule
        if decided is not None:
            traces = traces[max(0, decided + 1 - _SHOWN_RULES) : decided + 1]
        nearest = sorted(traces, key=lambda each: each.distance)[:_SHOWN_RULES]
        return [Row(each.rule + 1, _cells(each)) for each in traces if each in nearest]

    @cached_property
    def sent(self) -> SentLines | None:
        """What is sent; None if the evidence does not tell the whole request."""
        if not self.asked.is_certain:
            return None
        return sent_lines(self.rules, self.asked.of_page(self.visit))

    def first_steps(self, count: int) -> Try | None:
        """Take the first steps of finding the reason step by step; None if there are none."""
        explanation, rules = self.explanation, self.rules
        if count < 1 or explanation.allowed:
            return None
        near = explanation.nearest.rule if explanation.nearest else explanation.decision.rule
        return first_steps(self.asked.of_page(self.visit), near, rules, min(count, STEPS))

    def _fields(self, fix: Fix) -> Mapping[str, str]:
        if fix.before == self.visit.rule_set:
            return fields_of(fix.edit, self.visit)
        # The bucket gets rules of its own: the default rules with this change.
        return fields_for(ProposalKind.RULES, self.visit, document=fix.rules.to_json())


def _cells(trace: RuleTrace) -> Mapping[str, Sequence[Mismatch]]:
    return {
        field: [each for each in trace.mismatches if each.field == field]
        for field in ("allowed_origins", "allowed_methods", "allowed_headers")
    }
