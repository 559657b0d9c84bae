"""Who may do what: which rules decide the requests of which origins.

Exact for all origins and lists of header names that
:mod:`~flask_bucketcors.analysis.algebra.diff` compares.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_bucketcors.analysis.algebra.bounds import Bounds, Work
from flask_bucketcors.analysis.algebra.partition import Atoms
from flask_bucketcors.analysis.algebra.regions import (
    HeaderLists,
    header_lists,
    hold_text,
    spans_as_dicts,
)
from flask_bucketcors.analysis.algebra.request_space import APART, Lists, Requests, RuleBits
from flask_bucketcors.analysis.algebra.spans import Span
from flask_bucketcors.analysis.algebra.terms import Terms, terms_of
from flask_bucketcors.core.dialects import Dialect, find_dialect
from flask_bucketcors.core.origins import FILE, covers
from flask_bucketcors.core.rules import Rule, RuleSet
from flask_bucketcors.core.wildcards import ANY, Wildcard
from flask_bucketcors.documents.any_form import AnyRules, read_rule_set

# Methods that read come first.
_METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE")

# Examples of other origins. No rule can spell out the last one, because of its comma.
_OTHER_ORIGINS: Final = (
    "https://www.example.com",
    "https://www.example.org",
    "http://www.example.com",
    "https://www.example.com:8443",
    "app://localhost",
    "www.example.com",
    FILE,
    "data:,",
)


@dataclass(frozen=True, slots=True)
class Decided:
    """Requests of a method that a rule allows.

    :param rule: index of the rule, from 0.
    :param headers: the lists of requested headers for which it is the first rule that fits.
    :param terms: what the response says.
    """

    rule: int
    headers: HeaderLists
    terms: Terms

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data; rules are counted from 1, as people do."""
        headers, terms = self.headers.as_dict(), self.terms.as_dict()
        return {"rule": self.rule + 1, "headers": headers, "terms": terms}


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """Origins whose requests the same rules decide.

    :param origins: the origins; all spans together.
    :param example: one of them.
    :param decided: for each method, the rules that decide, from the top; empty if all refuse the
        method.
    """

    origins: tuple[Span, ...]
    example: str
    decided: Mapping[str, tuple[Decided, ...]]

    @property
    def is_rest(self) -> bool:
        """Whether these are all origins that are in no other row."""
        return self.origins[0].pattern == ANY

    def holds(self, origin: str) -> bool:
        """Whether an origin is one of these.

        :param origin: the Origin header as sent.
        """
        return hold_text(self.origins, origin, covers)

    def find(self, method: str, headers: Iterable[str] = ()) -> Decided | None:
        """Give what decides a request; None if it is refused.

        :param headers: the names that a preflight asks for, in any case.
        """
        names = list(headers)
        found = self.decided.get(method, ())
        return next((each for each in found if each.headers.hold(names)), None)

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        decided = {
            method: [each.as_dict() for each in found] for method, found in self.decided.items()
        }
        return {
            "origins": spans_as_dicts(self.origins),
            "example": self.example,
            "decided": decided,
        }


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may do what. It iterates over its rows.

    :param methods: the five usual ones, and those that rules name beside them.
    :param rows: in the order of the first rule that decides; then ``null`` and ``file://``, if the
        rules treat them differently from all others; at the end all other origins. Each origin is
        in one row.
    """

    methods: tuple[str, ...]
    rows: tuple[PermissionRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[PermissionRow]:
        return iter(self.rows)

    def row_of(self, origin: str) -> PermissionRow | None:
        """Give the row of an origin; None for a text that no rule ever allows.

        Such a text is longer than any origin, or contains control characters.

        :param origin: the Origin header as sent.
        """
        return next((row for row in self.rows if row.holds(origin)), None)

    def as_dict(self) -> dict[str, Any]:
        """The permissions as plain data."""
        return {"methods": list(self.methods), "rows": [row.as_dict() for row in self.rows]}


def permissions(
    rules: AnyRules,
    dialect: Dialect | str = "cos",
    *,
    allow_credentials: bool = True,
    bounds: Bounds = Bounds.NARROW,
) -> Permissions:
    """Say who may do what: for each origin, which rules decide its requests.

    :param rules: in any form; they must be valid.
    :param dialect: the vendor whose responses are assumed, or its name.
    :param allow_credentials: whether a response that names the origin also allows credentials.
    :param bounds: limits of the work.
    :raises InvalidRules: with every problem of the rules.
    :raises ValueError: if there is no such dialect, or the rules have none of the forms.
    :raises TooIntricate: if the bounds do not suffice.
    :raises TypeError: if they are no :class:`~flask_bucketcors.Bounds`.
    """
    rule_set = read_rule_set(rules)
    return permissions_within(Work(bounds), rule_set, find_dialect(dialect), allow_credentials)


def permissions_within(
    work: Work, rule_set: RuleSet | None, dialect: Dialect, allow_credentials: bool
) -> Permissions:
    """Do what :func:`permissions` does, as a part of other work.

    :raises TooIntricate: if its bounds do not suffice.
    """
    rules = rule_set.rules if rule_set else ()
    matrix = _Matrix(rules, [terms_of(each, dialect, allow_credentials) for each in rules], work)
    return Permissions(matrix.methods, tuple(matrix.rows()))


# How requests of origins are decided: a number for each method.
_Key = tuple[int, ...]
# Where a row stands: by the first rule that decides, then by where the rules list its origin.
_Place = tuple[int, int]


class _Matrix:
    """Puts origins together that the same rules decide.

    :param rules: all of them.
    :param terms: of each rule.
    :param work: that this is a part of.
    """

    def __init__(self, rules: Sequence[Rule], terms: Sequence[Terms], work: Work) -> None:
        self._rules = rules
        self._terms = terms
        self._work = work
        self._requests = Requests(rules, work)
        self._by_method = self._requests.by_method
        named = (*_METHODS, *self._by_method)
        self.methods = tuple(dict.fromkeys(each for each in named if each in self._by_method))
        values = dict.fromkeys(text for rule in rules for text in rule.allowed_origins)
        self._places = {text: place for place, text in enumerate(values)}
        #: What is decided for a method in different ways, and the number of each way.
        self._ways: list[tuple[Decided, ...]] = []
        self._numbers: dict[tuple[tuple[int, Lists], ...], int] = {}
        self._number_of: dict[RuleBits, int] = {}
        self._headers: dict[Lists, HeaderLists] = {}

    def rows(self) -> Iterator[PermissionRow]:
        """Give the rows in their order."""
        atoms = self._atoms_by_key()
        # An origin that nothing lists fits only a bare "*".
        others = self._key(self._listing(ANY))
        apart = {text: self._key(self._listing(*listed)) for text, listed in APART.items()}
        alone = {text: key for text, key in apart.items() if key != others}
        own = self._requests.origins.all & ~atoms.pop(others, 0)
        found = (self._row(key, each, alone) for key, each in atoms.items())
        for _, row in sorted(filter(None, found), key=lambda each: each[0]):
            yield row
        for text, key in alone.items():
            yield PermissionRow((Span(text),), text, self._decided(key))
        yield self._other_origins(others, own)

    def _listing(self, *texts: str) -> RuleBits:
        """Give the rules that list one of some texts."""
        return sum(
            1 << index
            for index, rule in enumerate(self._rules)
            if not set(texts).isdisjoint(rule.allowed_origins)
        )

    def _atoms_by_key(self) -> dict[_Key, Atoms]:
        found: dict[_Key, Atoms] = {}
        for bit, atom in enumerate(self._requests.origins.atoms):
            key = self._key(atom.sets)
            found[key] = found.get(key, 0) | 1 << bit
        return found

    def _key(self, rules: RuleBits) -> _Key:
        """Tell how requests of an origin are decided that is listed by some rules."""
        self._work.compare(len(self.methods))
        return tuple(self._number(rules & self._by_method[each]) for each in self.methods)

    def _number(self, rules: RuleBits) -> int:
        if rules not in self._number_of:
            found = self._requests.decided(rules)
            self._work.compare(1 + len(found))
            read = tuple(
                # Where lists are the same, so are the sets, but not their order.
                (rule, lists._replace(one_of=tuple(sorted(lists.one_of))))
                for rule, lists in found
                if self._requests.may_be_read(lists)
            )
            if read not in self._numbers:
                self._work.keep(1 + len(read))
                self._numbers[read] = len(self._ways)
                self._ways.append(tuple(self._way(*each) for each in read))
            self._number_of[rules] = self._numbers[read]
        return self._number_of[rules]

    def _way(self, rule: int, lists: Lists) -> Decided:
        if lists not in self._headers:
            self._headers[lists] = header_lists(self._requests, lists)
        return Decided(rule, self._headers[lists], self._terms[rule])

    def _decided(self, key: _Key) -> dict[str, tuple[Decided, ...]]:
        return {
            method: self._ways[number] for method, number in zip(self.methods, key, strict=True)
        }

    def _row(
        self, key: _Key, atoms: Atoms, alone: Mapping[str, _Key]
    ) -> tuple[_Place, PermissionRow] | None:
        """Give a row, without what has a row of its own, and its place; None if nothing is left."""
        described = self._requests.origins.spans(atoms)
        spans = sorted((each for each in described if each.pattern not in alone), key=self._rank)
        if not spans:
            return None
        deciding = min(found[0].rule for number in key if (found := self._ways[number]))
        row = PermissionRow(tuple(spans), self._example(spans[0]), self._decided(key))
        return (deciding, self._rank(spans[0])), row

    def _rank(self, span: Span) -> int:
        """Order spans as the rules list them."""
        return self._places.get(span.pattern, len(self._places))

    def _example(self, span: Span) -> str:
        """Give an origin of a span."""
        wildcard = Wildcard.parse(span.pattern)
        example = wildcard and self._requests.origins.example(wildcard)
        return example or span.pattern

    def _other_origins(self, key: _Key, own: Atoms) -> PermissionRow:
        """Give the row of all origins that have no row of their own.

        :param own: those that have one.
        """
        but_not = tuple(each.pattern for each in self._requests.origins.spans(own))
        others = (Span(ANY, but_not),)
        self._work.compare(len(but_not) * len(_OTHER_ORIGINS))
        example = next(each for each in _OTHER_ORIGINS if hold_text(others, each, covers))
        return PermissionRow(others, example, self._decided(key))
