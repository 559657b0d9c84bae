"""Rules as plain data, whatever they hold, and the part of them that could be stored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from flask_bucketcors.analysis.spelling.lookalikes import without_invisible
from flask_bucketcors.core.dialects import LIST_ELEMENTS, Dialect
from flask_bucketcors.core.errors import shown_value
from flask_bucketcors.core.fields import EXTRA_METHODS, checked_fields, problem_of
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.documents.any_form import AnyRules, Reading, read_rules

_SINGLES: Final = ("max_age_seconds", "id")
# What stands in for a list that a rule must have and this one has not, so that its other
# fields can be compiled. No browser sends this origin (RFC 6761: .invalid).
_NO_ORIGIN = "app://none.invalid"


@dataclass(frozen=True)
class PlainRule:
    """A rule of which nothing is known but that its lists hold texts."""

    allowed_origins: tuple[str, ...] = ()
    allowed_methods: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_seconds: object = None
    id: object = None
    # Names of what else stands in it.
    unknown: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What of the rule could be stored, as arguments of Rule; lists may be empty."""
        found: dict[str, Any] = {
            field: [each for each in getattr(self, field) if problem_of(field, each) is None]
            for field in LIST_ELEMENTS
        }
        for field in _SINGLES:
            value = getattr(self, field)
            found[field] = value if value is None or problem_of(field, value) is None else None
        return found

    def problems(self, extra_methods: Collection[str] = EXTRA_METHODS) -> tuple[Problem, ...]:
        """Why the API would reject the rule as it is.

        :param extra_methods: those of :data:`EXTRA_METHODS` that it accepts.
        """
        unknown = [Problem(name, None, ProblemReason.UNKNOWN_ELEMENT) for name in self.unknown]
        written: dict[str, Any] = {name: getattr(self, name) for name in Rule.__slots__}
        try:
            checked_fields(**written, extra_methods=extra_methods)
        except InvalidRules as error:
            return (*unknown, *error.problems)
        return tuple(unknown)

    @cached_property
    def rule(self) -> Rule | None:
        """What of the rule could be stored; None if nothing would be left to match."""
        if not self.fields["allowed_origins"] or not self.fields["allowed_methods"]:
            return None
        return Rule(**self.fields)

    @cached_property
    def stand_in(self) -> Rule:
        """The rule with harmless values where it has none, to be compiled for its predicates."""
        if self.rule is not None:
            return self.rule
        fields = dict(self.fields)
        fields["allowed_origins"] = fields["allowed_origins"] or [_NO_ORIGIN]
        fields["allowed_methods"] = fields["allowed_methods"] or ["GET"]
        return Rule(**fields)

    @cached_property
    def corrected(self) -> "PlainRule":
        """The rule with each value written right where that is no matter of opinion.

        A pattern that never worked stays away: a fix opens nothing that was not asked for.
        """
        if not self.problems():
            return self
        methods = (without_invisible(each).upper() for each in self.allowed_methods)
        return PlainRule(
            _kept("allowed_origins", map(_visible, self.allowed_origins)),
            _kept("allowed_methods", methods),
            _kept("allowed_headers", map(_visible, self.allowed_headers)),
            _kept("expose_headers", map(without_invisible, self.expose_headers)),
            self.fields["max_age_seconds"],
            self.fields["id"],
        )


@dataclass(frozen=True)
class PlainRules:
    """The rules of a bucket as plain data.

    :param reading: what was read.
    :param response_vary: the owner's ResponseVary; None if it is not known.
    """

    reading: Reading
    rules: tuple[PlainRule, ...]
    response_vary: bool | None

    @classmethod
    def read(cls, rules: AnyRules) -> "PlainRules":
        """Read rules in any form.

        :raises InvalidRules: if a text is too long, or has none of the forms.
        """
        read = read_rules(rules)
        vary = read.data.get("response_vary")
        known = vary if isinstance(vary, bool) else None
        return cls(read, tuple(map(_plain_rule, read.data["rules"])), known)

    @cached_property
    def stored(self) -> tuple[int, ...]:
        """The indexes of the rules of which something could be stored."""
        return tuple(i for i, rule in enumerate(self.rules) if rule.rule is not None)

    @cached_property
    def rule_set(self) -> RuleSet | None:
        """What could be stored; None if nothing could."""
        rules = [rule.rule for rule in self.rules if rule.rule is not None]
        return RuleSet(rules, self.response_vary) if rules else None

    def problems(self, limits: Dialect | None) -> tuple[Problem, ...]:
        """Why the API would reject them, as ``put`` says it.

        :param limits: the dialect whose limits of rules and methods apply; None for no limit.
        """
        return self.reading.problems(limits)


def _plain_rule(data: Mapping[str, Any]) -> PlainRule:
    return PlainRule(
        _texts(data.get("allowed_origins")),
        _texts(data.get("allowed_methods")),
        _texts(data.get("allowed_headers")),
        _texts(data.get("expose_headers")),
        data.get("max_age_seconds"),
        data.get("id"),
        tuple(str(name) for name in data if name not in Rule.__slots__),
    )


def _texts(values: object) -> tuple[str, ...]:
    if values is None:
        return ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = (values,)
    return tuple(
        each if isinstance(each, str) else as_text(each) for each in values if each is not None
    )


def as_text(value: object) -> str:
    """Any value as text, also one that Python cannot write."""
    try:
        return str(value)
    except (RecursionError, ValueError):
        return shown_value(value)


def _visible(text: str) -> str:
    plain = without_invisible(text)
    return text if ANY in plain else plain


def _kept(field: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in values if problem_of(field, each) is None))
