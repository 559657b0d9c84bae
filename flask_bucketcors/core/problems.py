"""Problems: why a document or a rule set is refused, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from flask_bucketcors.core.errors import BucketCORSError, shortened, shown_value


class ProblemReason(StrEnum):
    """Why a value is refused. Each text says what to write instead."""

    MISSING = "is missing; write at least one"
    NOT_TEXT = "is not text; write it in quotes"
    NOT_A_LIST = "is not a list; write it in brackets, even if it has only one value"
    EMPTY = "is empty; leave it out or write a value"
    TOO_LONG = "is too long; shorten it"
    TOO_MANY_RULES = "is more rules than allowed; combine or remove some"
    NOT_A_RULE = "is not a rule"
    NOT_A_RULE_SET = "is not a rule set; write {'rules': [...]}"
    WILDCARDS = "contains more than one *; write at most one"
    WILDCARD_FORBIDDEN = "contains a *; list each header by name"
    FORBIDDEN_CHARACTER = (
        "contains a character that no origin can have; write scheme://host or scheme://host:port"
    )
    SEVERAL_ORIGINS = "is not one origin; write each origin as a value of its own"
    NOT_ASCII = (
        "contains a non-ASCII character, which may be invisible; remove it, or write an "
        "international host name in its xn-- form"
    )
    PATH = "contains a path; write scheme://host or scheme://host:port"
    PORT = "has a port that is not between 1 and 65535"
    METHOD = "is not a method that rules can allow; write GET, PUT, POST, DELETE or HEAD"
    OPTIONS_METHOD = (
        "is not a method that rules can allow; leave OPTIONS out: a preflight is decided by the "
        "rule for the method it asks about"
    )
    ANY_METHOD = "is not a method that rules can allow; list the methods"
    SEVERAL_METHODS = "is not one method; write each method as a value of its own"
    EXTRA_METHOD = (
        "is a method that the settings do not allow; add it to BUCKETCORS_EXTRA_METHODS "
        "(extra_methods=), or remove it"
    )
    METHOD_CASE = "is in the wrong case; methods are case-sensitive, write it in upper case"
    SEVERAL_HEADERS = "is not one header name; write each header as a value of its own"
    NOT_A_HEADER_NAME = "is not a header name; write letters, digits and hyphens"
    CONTROL_CHARACTER = "contains a control character, or begins or ends with a space; remove it"
    NOT_AN_INTEGER = "is not a whole number of seconds"
    OUT_OF_RANGE = "is not between 0 and 2147483647 seconds"
    NOT_A_BOOLEAN = "is neither true nor false"
    UNKNOWN_ELEMENT = "is not allowed here; remove it"
    STRAY_TEXT = "has text between its elements; remove it"
    REPEATED = "may occur only once"

    @property
    def is_structural(self) -> bool:
        """Whether the shape is wrong (MalformedXML for vendors) rather than a value."""
        return self in _STRUCTURAL


#: Of values that are no method that rules can allow, whatever their case.
NO_METHOD: Final = frozenset(
    {
        ProblemReason.METHOD,
        ProblemReason.OPTIONS_METHOD,
        ProblemReason.ANY_METHOD,
        ProblemReason.SEVERAL_METHODS,
        ProblemReason.EXTRA_METHOD,
    }
)
_STRUCTURAL = frozenset(
    {
        ProblemReason.MISSING,
        ProblemReason.NOT_TEXT,
        ProblemReason.NOT_A_LIST,
        ProblemReason.NOT_A_RULE,
        ProblemReason.NOT_A_RULE_SET,
        ProblemReason.NOT_AN_INTEGER,
        ProblemReason.NOT_A_BOOLEAN,
        ProblemReason.UNKNOWN_ELEMENT,
        ProblemReason.STRAY_TEXT,
        ProblemReason.REPEATED,
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a rule set.

    :param field: the name of the field, as :class:`~flask_bucketcors.Rule` spells it.
    :param value: what was found there; None where something is missing.
    :param reason: why it is refused.
    :param rule: index of the rule from 0; None for the rule set itself.
    :param index: index of the value among those of the field as they were read, from 0; None if
        the problem is not about one value of a list.
    :param suggestion: the name of the field that was probably meant.
    """

    field: str
    value: object
    reason: ProblemReason
    rule: int | None = None
    index: int | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        return self.in_words(self.reason)

    def in_words(self, reason: str) -> str:
        """Say what is wrong, with another text in place of the reason."""
        # Documents in JSON may call a field anything.
        field = shortened(ascii(self.field)[1:-1])
        where = field if self.rule is None else f"rule {self.rule + 1}: {field}"
        meant = f", or write {self.suggestion} if you meant that" if self.suggestion else ""
        if self.value is None:
            return f"{where} {reason}{meant}"
        return f"{where} {shown_value(self.value)} {reason}{meant}"


class InvalidRules(BucketCORSError, ValueError):
    """A rule, a rule set, or a text that should contain one, is refused.

    :param problems: all problems of the rules.
    :param detail: what is wrong with a text that contains no rules, such as ``not UTF-8``; it
        follows "the rules are".
    """

    def __init__(self, problems: Iterable[Problem] = (), *, detail: str = "") -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.detail = detail
        told = [f"the rules are {detail}"] if detail else map(str, self.problems)
        super().__init__("; ".join(told))

    def in_rule(self, index: int) -> tuple[Problem, ...]:
        """The problems, with ``index`` (from 0) as their rule."""
        return tuple(replace(problem, rule=index) for problem in self.problems)
