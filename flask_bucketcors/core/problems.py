"""Problems: why a document or a rule set is refused, as data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from flask_bucketcors.core.errors import BucketCORSError, shortened, shown_value


class ProblemReason(StrEnum):
    """Why a value is refused. The set is closed; the text says what to write instead."""

    MISSING = "is missing; write at least one"
    NOT_TEXT = "is not text; write it in quotes"
    NOT_A_LIST = "is not a list; write it in brackets, even when it is a single value"
    EMPTY = "is empty; leave it out or write a value"
    TOO_LONG = "is too long; shorten it"
    TOO_MANY_RULES = "is more rules than are allowed; put rules together or leave some out"
    NOT_A_RULE = "is not a rule"
    NOT_A_RULE_SET = "is not a rule set; write {'rules': [...]}"
    WILDCARDS = "holds more than one *; write at most one"
    WILDCARD_FORBIDDEN = "holds a *; name each header"
    FORBIDDEN_CHARACTER = (
        "holds a character that no origin has; write scheme://host or scheme://host:port"
    )
    NOT_ASCII = (
        "holds a character beyond ASCII, perhaps an invisible one; write it out without, "
        "and an international host name in its xn-- form"
    )
    PATH = "holds a path; write scheme://host or scheme://host:port"
    PORT = "has a port that is not 1 to 65535"
    METHOD = "is not a method for rules; write GET, PUT, POST, DELETE or HEAD"
    METHOD_CASE = "is in the wrong case; methods are case-sensitive, write it in upper case"
    NOT_A_HEADER_NAME = "is not a header name; write letters, digits and hyphens"
    CONTROL_CHARACTER = "holds a control character or blanks at an end"
    NOT_AN_INTEGER = "is not a whole number of seconds"
    OUT_OF_RANGE = "is not between 0 and 2147483647 seconds"
    NOT_A_BOOLEAN = "is neither true nor false"
    UNKNOWN_ELEMENT = "does not belong here; leave it out"
    STRAY_TEXT = "has text between its elements"
    REPEATED = "may stand here only once"

    @property
    def is_structural(self) -> bool:
        """Whether the shape is wrong (vendors say MalformedXML) rather than a value."""
        return self in _STRUCTURAL


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
    """

    field: str
    value: object
    reason: ProblemReason
    rule: int | None = None

    def __str__(self) -> str:
        # Documents in JSON may call a field anything.
        field = shortened(ascii(self.field)[1:-1])
        where = field if self.rule is None else f"rule {self.rule + 1}: {field}"
        if self.value is None:
            return f"{where} {self.reason}"
        return f"{where} {shown_value(self.value)} {self.reason}"


class InvalidRules(BucketCORSError, ValueError):
    """A rule, a rule set, or a text that should hold one, is refused.

    :param problems: everything that is wrong with the rules, not only the first thing.
    :param detail: what a text is that holds no rules, such as ``not UTF-8``; it stands behind
        "the rules are".
    """

    def __init__(self, problems: Iterable[Problem] = (), *, detail: str = "") -> None:
        self.problems = tuple(problems)
        self.detail = detail
        told = [f"the rules are {detail}"] if detail else map(str, self.problems)
        super().__init__("; ".join(told))

    def in_rule(self, index: int) -> tuple[Problem, ...]:
        """The problems, with ``index`` (from 0) as their rule."""
        return tuple(replace(problem, rule=index) for problem in self.problems)
