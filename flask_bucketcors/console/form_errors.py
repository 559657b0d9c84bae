"""Why a proposal is refused, and the field of the form at which to say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.console.shown_text import sentence
from flask_bucketcors.console.typed_rule import RULE_FIELDS, TypedRule
from flask_bucketcors.core.problems import Problem, ProblemReason

_FORM_NAMES: Final = {name: form_name for form_name, name in RULE_FIELDS.items()}
_MISSING: Final = {
    "origins": "Write at least one origin.",
    "methods": "Choose at least one method.",
}


@dataclass(frozen=True, slots=True)
class FormError:
    """One thing that is wrong.

    :param text: begins with a verb if there is a value, and is a sentence if not.
    :param field: the name of the field in the form; None if it is about the rules as a whole.
    :param line: the line of the field, from 1.
    :param value: what is wrong there.
    """

    text: str
    field: str | None = None
    line: int | None = None
    value: str | None = None


def errors_of_typed(typed: TypedRule, problems: Iterable[Problem]) -> list[FormError]:
    """Say what is wrong with a rule as it was typed."""
    return [_of_field(typed, each) for each in problems]


def errors_of_rules(
    typed: TypedRule, index: int | None, problems: Iterable[Problem]
) -> list[FormError]:
    """Say what is wrong with the rules that would result.

    :param index: of the rule that was typed among them, from 0.
    """
    problems = tuple(problems)
    own = [each for each in problems if each.rule is not None and each.rule == index]
    others = [FormError(_of_rules(each)) for each in problems if each not in own]
    return [*errors_of_typed(typed, own), *others]


def error_of_finding(typed: TypedRule, index: int | None, finding: Finding) -> FormError:
    """Repeat a finding that refuses the rules, at the field of the rule that was typed.

    :param index: of the rule among the rules, from 0.
    """
    text = f"{finding.text} {sentence(finding.help)}"
    field = _FORM_NAMES.get(finding.field or "")
    if field is None or finding.rule != index:
        place = finding.place
        return FormError(f"{place[:1].upper()}{place[1:]}: {text}")
    return FormError(text, field, typed.line_of(field, finding.index))


def _of_field(typed: TypedRule, problem: Problem) -> FormError:
    field = _FORM_NAMES[problem.field]
    if problem.reason is ProblemReason.MISSING:
        return FormError(_MISSING[field], field)
    line = typed.line_of(field, problem.index)
    return FormError(f"{problem.reason}.", field, line, str(problem.value))


def _of_rules(problem: Problem) -> str:
    if problem.reason is ProblemReason.TOO_MANY_RULES:
        return f"{problem.value} {problem.reason}."
    return sentence(problem)
