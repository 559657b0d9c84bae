"""What the API rejects and no other finding names: missing fields, unknown and repeated keys."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.analysis.spelling.unchecked import as_text
from flask_bucketcors.core.dialects import ELEMENTS
from flask_bucketcors.core.problems import Problem

# Problems of a document in XML name its elements.
_FIELDS: Final = {element: field for field, element in ELEMENTS.items()}


def refusal_findings(subject: Subject, others: Iterable[Finding]) -> Iterator[Finding]:
    """Name each problem for which the API rejects the rules.

    :param others: what other checks found.
    """
    named = {(each.rule, each.field, each.value) for each in others}
    for problem in subject.plain.problems(subject.dialect):
        if _key_of(problem) not in named:
            text = f"The API rejects the rules: {replace(problem, rule=None)}."
            index = problem.rule
            example = subject.any_witness(0 if index is None else index)
            yield subject.finding(Check.REFUSED_RULES, index, text, example)


def _key_of(problem: Problem) -> tuple[int | None, str, str | None]:
    value = None if problem.value is None else as_text(problem.value)
    return problem.rule, _FIELDS.get(problem.field, problem.field), value
