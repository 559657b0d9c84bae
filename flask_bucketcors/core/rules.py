"""Rule and RuleSet: what the owner of a bucket allows.

Both are values, and one that exists is valid: the constructors raise an error that names every
problem. They do not depend on a dialect: the limits of a reader (the number of rules, the size of
a document, methods that the vendors do not have) apply where a document is read.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.fields import (
    EXTRA_METHODS,
    METHODS,
    CheckedRules,
    Fields,
    checked_fields,
    have_usual_origins,
    is_list,
    usual_but_origins,
    usual_fields,
)
from flask_bucketcors.core.problems import InvalidRules, Problem, ProblemReason


@dataclass(frozen=True, slots=True, init=False)
class Rule:
    """One CORS rule. Order, case and repetition of values are kept.

    :param allowed_origins: at least one text. Each may contain one ``*``, which stands for zero or
        more characters. docs/matching.md says which origins match.
    :param allowed_methods: at least one of GET, PUT, POST, DELETE, HEAD, PATCH, PROPFIND,
        PROPPATCH, MKCOL, COPY, MOVE, LOCK, UNLOCK, REPORT, SEARCH. GET does not include HEAD. A
        document may contain those from PATCH on only if the settings allow it.
    :param allowed_headers: names of request headers, each with at most one ``*``. An empty list
        allows no header that needs a preflight.
    :param expose_headers: names of response headers that a page may read, without ``*``.
    :param max_age_seconds: how many seconds a browser may keep the response to a preflight, 0 to
        2147483647; None leaves it to the browser.
    :param id: the owner's own name for the rule, at most 255 characters.
    :raises InvalidRules: with every problem of the rule.
    """

    allowed_origins: Sequence[str]
    allowed_methods: Sequence[str]
    allowed_headers: Sequence[str] = ()
    expose_headers: Sequence[str] = ()
    max_age_seconds: int | None = None
    id: str | None = None

    # Not the generated one: each field is checked first, and equal lists are stored once.
    def __init__(
        self,
        allowed_origins: Sequence[str],
        allowed_methods: Sequence[str],
        allowed_headers: Sequence[str] = (),
        expose_headers: Sequence[str] = (),
        max_age_seconds: int | None = None,
        id: str | None = None,
    ) -> None:
        origins, methods = allowed_origins, allowed_methods
        headers, exposed = allowed_headers, expose_headers
        kept = usual_fields(origins, methods, headers, exposed, max_age_seconds, id)
        if kept is None:
            kept = checked_fields(origins, methods, headers, exposed, max_age_seconds, id)
        _fill(self, kept)

    def as_dict(self) -> dict[str, Any]:
        """The rule as plain data with the parameters of the constructor, without unset ones."""
        data: dict[str, Any] = {
            "allowed_origins": list(self.allowed_origins),
            "allowed_methods": list(self.allowed_methods),
        }
        if self.allowed_headers:
            data["allowed_headers"] = list(self.allowed_headers)
        if self.expose_headers:
            data["expose_headers"] = list(self.expose_headers)
        if self.max_age_seconds is not None:
            data["max_age_seconds"] = self.max_age_seconds
        if self.id is not None:
            data["id"] = self.id
        return data


_FIELDS: Final = tuple(each.name for each in fields(Rule))
#: Gives the fields of a rule.
fields_of: Final[Callable[[Rule], Fields]] = attrgetter(*_FIELDS)
_UNSET: Final[Mapping[str, Any]] = {
    **dict.fromkeys(_FIELDS[:4], ()),
    **dict.fromkeys(_FIELDS[4:]),
}
# The methods of nearly all rules, which every reader takes.
_FIVE: Final = frozenset(METHODS)
# A rule is frozen, and its slots are the fastest way to fill it nevertheless.
_SETTERS: Final = [Rule.__dict__[name].__set__ for name in _FIELDS]
_set_origins, _set_methods, _set_headers, _set_exposed, _set_max_age, _set_id = _SETTERS


def _fill(rule: Rule, kept: Fields) -> Rule:
    _set_origins(rule, kept[0])
    _set_methods(rule, kept[1])
    _set_headers(rule, kept[2])
    _set_exposed(rule, kept[3])
    _set_max_age(rule, kept[4])
    _set_id(rule, kept[5])
    return rule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The ordered rules of a bucket; the first that matches a request applies.

    :param rules: at least one :class:`Rule`.
    :param response_vary: the owner's ``ResponseVary``: whether caches keep responses apart by
        origin. None, not set, means the same as False but is not shown.
    :raises InvalidRules: if there is no rule, or a value is not a :class:`Rule`.
    """

    rules: Sequence[Rule]
    response_vary: bool | None = None

    def __post_init__(self) -> None:
        if type(self.rules) is not list and not is_list(self.rules):
            raise InvalidRules([Problem("rules", self.rules, ProblemReason.NOT_A_LIST)])
        object.__setattr__(self, "rules", tuple(self.rules))
        if set(map(type, self.rules)) != {Rule} or self.response_vary is not None:
            self._check()

    def _check(self) -> None:
        problems = [
            Problem("rules", each, ProblemReason.NOT_A_RULE, rule=index)
            for index, each in enumerate(self.rules)
            if not isinstance(each, Rule)
        ]
        if not self.rules:
            problems.append(Problem("rules", None, ProblemReason.MISSING))
        problems.extend(_vary_problems(self.response_vary))
        if problems:
            raise InvalidRules(problems)

    @classmethod
    def parse(
        cls,
        rules: str | bytes | Iterable[Any],
        *,
        limits: Dialect | str | None = None,
        resource: str | None = None,
    ) -> "RuleSet":
        """Read rules in any form of :data:`~flask_bucketcors.AnyRules`: XML, JSON, YAML, objects.

        :func:`~flask_bucketcors.read_rules` also returns notes about values that were converted.

        :param limits: the name of a dialect, whose limits of bytes and rules apply; None for a
            text of 1 MiB with any number of rules.
        :param resource: the name of the resource in a template that has several with rules.
        :raises InvalidRules: with every problem.
        """
        # setup.cfg says why this import, and that of to_xml, may point upwards.
        from flask_bucketcors.documents.any_form import parse_rules

        return parse_rules(rules, None if limits is None else find_dialect(limits), resource)

    def to_xml(self, dialect: Dialect | str = "cos") -> str:
        """Write the rules as a vendor's XML. Encode it as UTF-8, which it declares.

        OSS has no ``ID``, and S3 and OBS no ``ResponseVary``. Otherwise :meth:`parse` reads the
        same rules again.

        :param dialect: the name of the vendor's dialect.
        """
        from flask_bucketcors.documents.to_xml import format_xml

        return format_xml(self, find_dialect(dialect)).decode()

    def to_json(self) -> str:
        """Write the rules as JSON of :meth:`as_dict`; :meth:`parse` reads the same rules again."""
        return json.dumps(self.as_dict(), indent=2)

    @classmethod
    def from_dict(
        cls, data: object, *, extra_methods: Collection[str] = EXTRA_METHODS
    ) -> "RuleSet":
        """Build a rule set from plain data in the form of :meth:`as_dict`.

        :param extra_methods: the methods beyond GET, PUT, POST, DELETE and HEAD that the rules may
            have; by default, all that a :class:`Rule` can have.
        :raises InvalidRules: with every problem of every rule.
        """
        if not isinstance(data, (dict, Mapping)) or not isinstance(data.get("rules"), list):
            raise InvalidRules([Problem("rules", data, ProblemReason.NOT_A_RULE_SET)])
        if len(data) == 1 and data["rules"] and extra_methods is EXTRA_METHODS:
            usual = _usual_rules(data["rules"])
            if usual is not None and cls is RuleSet:
                return rule_set_of(usual)
        problems = [
            Problem(str(name), None, ProblemReason.UNKNOWN_ELEMENT)
            for name in data
            if name not in ("rules", "response_vary")
        ]
        rules = []
        for index, each in enumerate(data["rules"]):
            try:
                rules.append(
                    _usual_rule(each, extra_methods) or _rule_from_dict(each, extra_methods)
                )
            except InvalidRules as error:
                problems.extend(error.in_rule(index))
        if problems:
            raise InvalidRules([*problems, *_vary_problems(data.get("response_vary"))])
        return cls(rules, data.get("response_vary"))

    def as_dict(self) -> dict[str, Any]:
        """The rule set as plain data: ``{"rules": [...]}``, with ``"response_vary"`` if set."""
        data: dict[str, Any] = {"rules": [rule.as_dict() for rule in self.rules]}
        if self.response_vary is not None:
            data["response_vary"] = self.response_vary
        return data


# As those of a rule.
_set_rules: Final = RuleSet.__dict__["rules"].__set__
_set_response_vary: Final = RuleSet.__dict__["response_vary"].__set__


def rule_set_of(checked: CheckedRules) -> RuleSet:
    """Build a rule set from the fields of its rules."""
    rule_set = object.__new__(RuleSet)
    _set_rules(rule_set, tuple([_fill(object.__new__(Rule), each) for each in checked]))
    _set_response_vary(rule_set, None)
    return rule_set


def _vary_problems(value: object) -> Iterator[Problem]:
    if value is not None and not isinstance(value, bool):
        yield Problem("response_vary", value, ProblemReason.NOT_A_BOOLEAN)


def lacking_methods(rule_set: RuleSet, extra_methods: Collection[str]) -> tuple[str, ...]:
    """Give the methods of rules that are none of the five nor of these, each once."""
    methods = dict.fromkeys(each for rule in rule_set.rules for each in rule.allowed_methods)
    return tuple(each for each in methods if each not in METHODS and each not in extra_methods)


def check_methods(rule_set: RuleSet, extra_methods: Collection[str]) -> None:
    """Refuse rules with methods that are none of the five nor of these.

    :raises InvalidRules: with each of them.
    """
    lacking = lacking_methods(rule_set, extra_methods)
    problems = [
        Problem("allowed_methods", method, ProblemReason.EXTRA_METHOD, number, index)
        for number, rule in enumerate(rule_set.rules)
        for index, method in enumerate(rule.allowed_methods)
        if method in lacking
    ]
    if problems:
        raise InvalidRules(problems)


def _usual_rules(listed: Sequence[Any]) -> CheckedRules | None:
    """Check rules quickly; None if one needs the full check."""
    try:
        all_fields = [each for data in listed if (each := usual_but_origins(**data)) is not None]
        if len(all_fields) == len(listed) and have_usual_origins(all_fields):
            return all_fields
    except TypeError:
        # As for one rule, or an origin is no text.
        pass
    return None


def _usual_rule(data: Any, extra_methods: Collection[str]) -> Rule | None:
    """Build a rule that needs no full check; None if it does."""
    try:
        kept = usual_fields(**data)
    except TypeError:
        # A field is missing or unknown, or this is no rule.
        return None
    if kept is None or (extra_methods is not EXTRA_METHODS and not _FIVE.issuperset(kept[1])):
        return None
    return _fill(object.__new__(Rule), kept)


def _rule_from_dict(data: object, extra_methods: Collection[str]) -> Rule:
    if not isinstance(data, Mapping):
        raise InvalidRules([Problem("rules", data, ProblemReason.NOT_A_RULE)])
    problems = [
        Problem(str(name), None, ProblemReason.UNKNOWN_ELEMENT)
        for name in data
        if name not in _FIELDS
    ]
    known = {name: value for name, value in data.items() if name in _FIELDS}
    try:
        kept = checked_fields(**{**_UNSET, **known}, extra_methods=extra_methods)
    except InvalidRules as error:
        raise InvalidRules([*problems, *error.problems]) from None
    if problems:
        raise InvalidRules(problems)
    return _fill(object.__new__(Rule), kept)
