"""Rules as plain data, whatever they hold, and the part of them that could be stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask_bucketcors.core.errors import InvalidRules
from flask_bucketcors.core.fields import METHODS
from flask_bucketcors.core.looks import without_invisible
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY

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

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What of the rule could be stored, as arguments of Rule; lists may be empty."""
        if self.is_valid:
            return {name: _as_given(getattr(self, name)) for name in Rule.__slots__}
        return {
            "allowed_origins": [each for each in self.allowed_origins if _holds_origin(each)],
            "allowed_methods": [each for each in self.allowed_methods if each in METHODS],
            "allowed_headers": [each for each in self.allowed_headers if _holds_header(each)],
            "expose_headers": [each for each in self.expose_headers if _holds_exposed(each)],
            "max_age_seconds": self.max_age_seconds if self._keeps("max_age_seconds") else None,
            "id": self.id if self._keeps("id") else None,
        }

    @cached_property
    def is_valid(self) -> bool:
        """Whether a PUT would accept the rule as it is."""
        return _is_valid(
            allowed_origins=self.allowed_origins,
            allowed_methods=self.allowed_methods,
            allowed_headers=self.allowed_headers,
            expose_headers=self.expose_headers,
            max_age_seconds=self.max_age_seconds,
            id=self.id,
        )

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

    def mended(self) -> dict[str, Any]:
        """The fields with each value written right where that is no matter of opinion.

        A pattern that never worked stays away: a fix opens nothing that was not asked for.
        """
        return {
            **self.fields,
            "allowed_origins": _kept(map(_visible, self.allowed_origins), _holds_origin),
            "allowed_methods": _kept(
                (without_invisible(each).upper() for each in self.allowed_methods),
                METHODS.__contains__,
            ),
            "allowed_headers": _kept(map(_visible, self.allowed_headers), _holds_header),
            "expose_headers": _kept(map(without_invisible, self.expose_headers), _holds_exposed),
        }

    def _keeps(self, name: str) -> bool:
        return _is_valid(**{name: getattr(self, name)})


@dataclass(frozen=True)
class PlainRules:
    """The rules of a bucket as plain data.

    :param response_vary: the owner's ResponseVary; None if it is not known.
    """

    rules: tuple[PlainRule, ...] = ()
    response_vary: bool | None = None

    @classmethod
    def read(cls, rules: object) -> "PlainRules":
        """Take rules in any form that :func:`~flask_bucketcors.core.explain.explain` does.

        :raises ValueError: if they have none of the forms.
        """
        if rules is None:
            return cls()
        vary = getattr(rules, "response_vary", None)
        if isinstance(rules, RuleSet):
            return cls(tuple(map(_plain_rule, rules.rules)), vary)
        if isinstance(rules, Mapping):
            vary = rules.get("response_vary")
            rules = rules.get("rules") or ()
        if isinstance(rules, (str, bytes, Mapping)) or not isinstance(rules, Iterable):
            raise ValueError(
                "rules are neither a RuleSet nor a list of mappings: write "
                '[{"allowed_origins": [...], "allowed_methods": [...]}]'
            )
        return cls(tuple(map(_plain_rule, rules)), vary if isinstance(vary, bool) else None)

    @cached_property
    def stored(self) -> tuple[int, ...]:
        """The indexes of the rules of which something could be stored."""
        return tuple(i for i, rule in enumerate(self.rules) if rule.rule is not None)

    @cached_property
    def rule_set(self) -> RuleSet | None:
        """What could be stored; None if nothing could."""
        rules = [rule.rule for rule in self.rules if rule.rule is not None]
        return RuleSet(rules, self.response_vary) if rules else None

    @cached_property
    def is_valid(self) -> bool:
        """Whether a PUT would accept them as they are."""
        return bool(self.rules) and all(rule.is_valid for rule in self.rules)


def _plain_rule(data: object) -> PlainRule:
    if isinstance(data, PlainRule):
        return data
    if isinstance(data, Rule):
        data = {name: getattr(data, name) for name in Rule.__slots__}
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r:.80} is no rule: write a mapping with the names of its fields")
    return PlainRule(
        _texts(data.get("allowed_origins")),
        _texts(data.get("allowed_methods")),
        _texts(data.get("allowed_headers")),
        _texts(data.get("expose_headers")),
        data.get("max_age_seconds"),
        data.get("id"),
    )


def _texts(values: object) -> tuple[str, ...]:
    if values is None:
        return ()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        values = (values,)
    return tuple(
        each if isinstance(each, str) else str(each) for each in values if each is not None
    )


def _as_given(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _visible(text: str) -> str:
    plain = without_invisible(text)
    return text if ANY in plain else plain


def _kept(values: Iterable[str], test: Any) -> list[str]:
    return list(dict.fromkeys(each for each in values if test(each)))


def _is_valid(**fields: object) -> bool:
    try:
        Rule(**{"allowed_origins": (ANY,), "allowed_methods": ("GET",), **fields})  # type: ignore[arg-type]
    except InvalidRules:
        return False
    return True


def _holds_origin(text: str) -> bool:
    return _is_valid(allowed_origins=(text,))


def _holds_header(text: str) -> bool:
    return _is_valid(allowed_headers=(text,))


def _holds_exposed(text: str) -> bool:
    return _is_valid(expose_headers=(text,))
