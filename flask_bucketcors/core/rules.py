"""Rule and RuleSet: what the owner of a bucket allows.

Both are values. One that exists is valid: the constructors name every problem at once, or
none. They know no dialect; what a vendor limits (the number of rules, the size of a document)
is applied where a document is read.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from typing import Any, Final

from flask_bucketcors.core.errors import InvalidRules, Problem, ProblemReason
from flask_bucketcors.core.headers import is_header_name
from flask_bucketcors.core.origins import pattern_problem
from flask_bucketcors.core.wildcards import ANY

METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
MAX_ID_LENGTH = 255
MAX_AGE_LIMIT = 2**31 - 1

# XML 1.0, 2.2 and 2.11: control characters, surrogates and two non-characters have no place in
# a document, and a carriage return does not come back as it was sent.
_NOT_PLAIN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def _method_problem(text: str) -> ProblemReason | None:
    if text in METHODS:
        return None
    return ProblemReason.METHOD_CASE if text.upper() in METHODS else ProblemReason.METHOD


def _allowed_header_problem(text: str) -> ProblemReason | None:
    if text.count(ANY) > 1:
        return ProblemReason.WILDCARDS
    return _header_name_problem(text)


def _exposed_header_problem(text: str) -> ProblemReason | None:
    # COS 436/8279, OSS EC 0034-00000013: no wildcard in ExposeHeader.
    return ProblemReason.WILDCARD_FORBIDDEN if ANY in text else _header_name_problem(text)


def _header_name_problem(text: str) -> ProblemReason | None:
    if not text:
        return ProblemReason.EMPTY
    if not text.isascii():
        return ProblemReason.NOT_ASCII
    return None if is_header_name(text) else ProblemReason.NOT_A_HEADER_NAME


_LISTS: Final[Mapping[str, Callable[[str], ProblemReason | None]]] = {
    "allowed_origins": pattern_problem,
    "allowed_methods": _method_problem,
    "allowed_headers": _allowed_header_problem,
    "expose_headers": _exposed_header_problem,
}
# Texts are lists of letters to Python, and sets and mappings have no order to keep.
_UNORDERED: Final = (str, bytes, Set, Mapping)
_REQUIRED: Final = ("allowed_origins", "allowed_methods")


@dataclass(frozen=True, slots=True)
class Rule:
    """One CORS rule. Order, case and repetition of values are kept.

    :param allowed_origins: at least one text with at most one ``*`` each, see
        :class:`~flask_bucketcors.core.origins.OriginPattern`.
    :param allowed_methods: at least one of GET, PUT, POST, DELETE, HEAD. HEAD is not implied.
    :param allowed_headers: names of request headers with at most one ``*`` each. None at all
        allows no header that has to be asked for.
    :param expose_headers: names of response headers that a page may read, without ``*``.
    :param max_age_seconds: how long a browser may keep the answer to a preflight, 0 to
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

    def __post_init__(self) -> None:
        problems = [*self._list_problems(), *_max_age_problems(self), *_id_problems(self)]
        if problems:
            raise InvalidRules(problems)

    def _list_problems(self) -> Iterator[Problem]:
        """Check the four lists, and keep them as tuples."""
        for name, problem_of in _LISTS.items():
            values = getattr(self, name)
            if not isinstance(values, Iterable) or isinstance(values, _UNORDERED):
                yield Problem(name, values, ProblemReason.NOT_A_LIST)
                continue
            # An iterator can be read only once, and the constructor reads it again.
            values = tuple(values)
            object.__setattr__(self, name, values)
            if not values and name in _REQUIRED:
                yield Problem(name, None, ProblemReason.MISSING)
            for value in values:
                reason = problem_of(value) if isinstance(value, str) else ProblemReason.NOT_TEXT
                if reason is not None:
                    yield Problem(name, value, reason)

    def as_dict(self) -> dict[str, Any]:
        """The rule as plain data with the keys of the constructor; what is not set is left out."""
        pairs = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in pairs
            if value is not None and value != ()
        }


def _max_age_problems(rule: Rule) -> Iterator[Problem]:
    value: object = rule.max_age_seconds
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        yield Problem("max_age_seconds", value, ProblemReason.NOT_AN_INTEGER)
    elif not 0 <= value <= MAX_AGE_LIMIT:
        yield Problem("max_age_seconds", value, ProblemReason.OUT_OF_RANGE)


def _id_problems(rule: Rule) -> Iterator[Problem]:
    value: object = rule.id
    if value is None:
        return
    if not isinstance(value, str):
        yield Problem("id", value, ProblemReason.NOT_TEXT)
    elif not value:
        yield Problem("id", value, ProblemReason.EMPTY)
    elif len(value) > MAX_ID_LENGTH:
        yield Problem("id", value, ProblemReason.TOO_LONG)
    elif value != value.strip(" ") or _NOT_PLAIN.search(value):
        yield Problem("id", value, ProblemReason.CONTROL_CHARACTER)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The ordered rules of a bucket; the first that fits a request decides.

    :param rules: at least one :class:`Rule`.
    :param response_vary: the owner's ``ResponseVary``: ask caches to keep answers apart by
        origin. None, not set, means the same as False but is not shown.
    :raises InvalidRules: if there is no rule or something else stands among them.
    """

    rules: Sequence[Rule]
    response_vary: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rules, Iterable) or isinstance(self.rules, _UNORDERED):
            raise InvalidRules([Problem("rules", self.rules, ProblemReason.NOT_A_LIST)])
        object.__setattr__(self, "rules", tuple(self.rules))
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
    def from_dict(cls, data: object) -> "RuleSet":
        """Build a rule set from plain data, the form that :meth:`as_dict` gives.

        :raises InvalidRules: with every problem of every rule.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("rules"), list):
            raise InvalidRules([Problem("rules", None, ProblemReason.MISSING)])
        problems = [
            Problem(str(name), None, ProblemReason.UNKNOWN_ELEMENT)
            for name in data.keys() - {"rules", "response_vary"}
        ]
        rules = []
        for index, each in enumerate(data["rules"]):
            try:
                rules.append(_rule_from_dict(each))
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


def _vary_problems(value: object) -> Iterator[Problem]:
    if value is not None and not isinstance(value, bool):
        yield Problem("response_vary", value, ProblemReason.NOT_A_BOOLEAN)


_FIELDS: Final = frozenset(each.name for each in fields(Rule))


def _rule_from_dict(data: object) -> Rule:
    if not isinstance(data, Mapping):
        raise InvalidRules([Problem("rules", data, ProblemReason.NOT_A_RULE)])
    problems = [
        Problem(str(name), None, ProblemReason.UNKNOWN_ELEMENT) for name in data.keys() - _FIELDS
    ]
    known = {name: value for name, value in data.items() if name in _FIELDS}
    try:
        rule = Rule(**{"allowed_origins": (), "allowed_methods": (), **known})
    except InvalidRules as error:
        raise InvalidRules([*problems, *error.problems]) from None
    if problems:
        raise InvalidRules(problems)
    return rule
