"""Decisions about requests: what rules decide, and why not."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from flask_bucketcors.core.grants import Forms, HeaderPairs


class Reason(StrEnum):
    """Why a request is not allowed.

    ``ORIGIN``, ``METHOD``, ``HEADERS``: the step at which the nearest rule failed.
    ``NO_RULES``: the bucket has no rules. ``UNREADABLE``: its rules cannot be read.
    ``RULES_CALL``: the request would read or edit the rules, which pages may not do here.
    ``DOT_SEGMENT``: the path has a segment ``..``, so it is not clear whose rules apply.

    Each has a ``title`` of at most 40 characters.
    """

    # Enum's own method is written in Python, and would slow down each refusal.
    __hash__ = str.__hash__

    # Hides a method of texts.
    title: str  # type: ignore[assignment]

    def __new__(cls, value: str, title: str) -> "Reason":
        """Make a member of its row."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.title = title
        return reason

    ORIGIN = "origin", "Origin not allowed"
    METHOD = "method", "Method not allowed"
    HEADERS = "headers", "Header not allowed"
    NO_RULES = "no_rules", "No CORS rules"
    UNREADABLE = "unreadable", "Stored rules are unreadable"
    RULES_CALL = "rules_call", "Pages may not read or edit the rules"
    DOT_SEGMENT = "dot_segment", "Path with a segment '..'"


class Decision(NamedTuple):
    """What the rules decide about one request.

    :param headers: header pairs of the response: Access-Control-* if it is allowed, and Vary.
    :param rule: index of the rule that allows the request, from 0; None if no rule does.
    :param reason: why the request is not allowed; None if it is.
    :param is_default: whether the default rules decided, because the bucket has no rules of its
        own.
    """

    headers: HeaderPairs
    rule: int | None = None
    reason: Reason | None = None
    is_default: bool = False

    @property
    def allowed(self) -> bool:
        """Whether a rule allows the request."""
        return self.reason is None


@dataclass(slots=True)
class Refused:
    """The decisions for one reason, about an actual request and about a preflight.

    It is no tuple: in CPython 3.11, access to a slot is much faster.
    """

    actual: Decision
    preflight: Decision


@cache
def refusals(forms: Forms) -> dict[Reason, Refused]:
    """Give the refusals in these forms. All buckets share them."""
    return {
        reason: Refused(
            Decision(forms.refused_vary, None, reason, forms.is_default),
            Decision(forms.refused_preflight_vary, None, reason, forms.is_default),
        )
        for reason in Reason
    }
