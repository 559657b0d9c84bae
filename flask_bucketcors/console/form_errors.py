"""Why a proposal is refused, and the field of the form at which to say so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_bucketcors.analysis.linter.findings import Finding
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


def errors_of_typed(typed: TypedRule, problems: Sequence[Problem]) -> list[FormError]:
    """Say what is wrong with a rule as it was typed.

    :param problems: those of its :meth:`~TypedRule.parse`.
    """
    lines = typed.lines_of(problems)
    return [_of_field(each, line) for each, line in zip(problems, lines, strict=True)]


def errors_of_rules(
    typed: TypedRule, index: int | None, problems: Iterable[Problem]
) -> list[FormError]:
    """Say what is wrong with the rules that would result.

    :param index: of the rule that was typed among them, from 0.
    """
    problems = tuple(problems)
    own = [each for each in problems if each.rule is not None and each.rule == index]
    others = [FormError(_sentence(each)) for each in problems if each not in own]
    return [*errors_of_typed(typed, own), *others]


def error_of_finding(typed: TypedRule, index: int | None, finding: Finding) -> FormError:
    """Repeat a finding that refuses the rules, at the field of the rule that was typed.

    :param index: of the rule among the rules, from 0.
    """
    text = f"{finding.text} {finding.help[:1].upper()}{finding.help[1:]}."
    field = _FORM_NAMES.get(finding.field or "")
    if field is None or finding.rule != index:
        place = finding.place
        return FormError(f"{place[:1].upper()}{place[1:]}: {text}")
    at = finding.value_index
    return FormError(text, field, None if at is None else typed.line_at(field, at))


def _of_field(problem: Problem, line: int | None) -> FormError:
    field = _FORM_NAMES.get(problem.field)
    if problem.reason is ProblemReason.MISSING:
        return FormError(_MISSING.get(field or "", _sentence(problem)), field)
    return FormError(f"{problem.reason}.", field, line, str(problem.value))


def _sentence(problem: Problem) -> str:
    if problem.field == "rules" and problem.reason is ProblemReason.TOO_MANY_RULES:
        return f"{problem.value} {problem.reason}."
    text = str(problem)
    return f"{text[:1].upper()}{text[1:]}."
