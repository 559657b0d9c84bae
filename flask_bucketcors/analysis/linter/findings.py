"""Findings: what lint says about rules, each with requests that show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask_bucketcors.analysis.algebra.request_space import Example
from flask_bucketcors.analysis.mistakes import Check, Severity


class Witness(NamedTuple):
    """An example request: a preflight, and what the rules decide about it.

    :param origin: its Origin.
    :param method: its Access-Control-Request-Method.
    :param headers: the names that it asks for, in lower case.
    :param rule: index of the rule that allows it, from 0; None if it is refused.
    """

    origin: str
    method: str
    headers: tuple[str, ...]
    rule: int | None

    def __str__(self) -> str:
        return f"{self.request.in_words()}: {self.decision}"

    @property
    def request(self) -> Example:
        """The request alone."""
        return Example(self.origin, self.method, self.headers)

    @property
    def decision(self) -> str:
        """What the rules decide, in words."""
        return "refused" if self.rule is None else f"allowed by rule {self.rule + 1}"

    def as_dict(self) -> dict[str, Any]:
        """The request as plain data; rules are counted from 1, as people do."""
        rule = None if self.rule is None else self.rule + 1
        return {**self._asdict(), "headers": list(self.headers), "rule": rule}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that lint found in rules.

    :param check: the kind of finding.
    :param rule: index of the rule that it is about, from 0; None for the rules as a whole.
    :param text: what is wrong, and why it matters.
    :param help: what to do, in the imperative.
    :param witnesses: example requests that show it; at least one.
    :param field: the name of the field, as :class:`~flask_bucketcors.Rule` spells it; None if it
        is about the rule as a whole.
    :param value: the value in the field; None if it is about the field as a whole.
    :param index: index of the value among those of the field as they were read, from 0; None if
        there is no value, or if the field is no list.
    """

    check: Check
    rule: int | None
    text: str
    help: str
    witnesses: tuple[Witness, ...]
    field: str | None = None
    value: str | int | None = None
    index: int | None = None

    @property
    def id(self) -> str:
        """The id of its check."""
        return self.check.id

    @property
    def severity(self) -> Severity:
        """The severity of its check."""
        return self.check.severity

    @property
    def place(self) -> str:
        """What it is about, in words."""
        return "the rules" if self.rule is None else f"rule {self.rule + 1}"

    @property
    def span(self) -> tuple[int, int] | None:
        """Where the part of the value that it is about begins and ends; None if it has no value."""
        return None if self.value is None else self.check.span(str(self.value))

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data; rules and values are counted from 1, as people do."""
        return {
            "id": self.id,
            "check": self.check.name.lower(),
            "severity": str(self.severity),
            "rule": None if self.rule is None else self.rule + 1,
            "field": self.field,
            "value": self.value,
            "position": None if self.index is None else self.index + 1,
            "text": self.text,
            "help": self.help,
            "examples": [each.as_dict() for each in self.witnesses],
        }

    def __str__(self) -> str:
        return f"{self.id} {self.place}: {self.text} Help: {self.help}."


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Give findings by their severity; those of one severity stay in their order."""
    severities = tuple(Severity)
    return sorted(findings, key=lambda each: severities.index(each.severity))
