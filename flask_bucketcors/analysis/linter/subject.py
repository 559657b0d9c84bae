"""What lint looks at: the rules as they were written, and what they decide."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.grammars import ORIGINS
from flask_bucketcors.analysis.algebra.partition import Atom, Partition, bits
from flask_bucketcors.analysis.algebra.request_space import APART, Requests, RuleBits
from flask_bucketcors.analysis.algebra.terms import Terms, terms_of
from flask_bucketcors.analysis.linter.findings import Finding, Witness
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.analysis.spelling.unchecked import PlainRules
from flask_bucketcors.core.compiled import CompiledRules
from flask_bucketcors.core.dialects import Dialect
from flask_bucketcors.core.fields import is_list
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.rules import Rule
from flask_bucketcors.core.wildcards import Wildcard

#: The fields of a rule that hold texts.
LISTS: Final = ("allowed_origins", "allowed_methods", "allowed_headers", "expose_headers")
# RFC 6761: no page comes from there. For rules that name no origin at all.
_NOBODY: Final = "https://nobody.invalid"


class Subject:
    """Rules, and what they decide.

    What a PUT would refuse is there to be looked at, and takes no part in decisions.

    :param plain: the rules as they were written.
    :param dialect: the form of the responses, and the limits of the API.
    :param allow_credentials: whether responses that name the origin allow credentials.
    :param public_suffix: see :data:`PublicSuffix`.
    :param work: that this is a part of.
    """

    def __init__(
        self,
        plain: PlainRules,
        dialect: Dialect,
        allow_credentials: bool,
        public_suffix: PublicSuffix,
        work: Work,
    ) -> None:
        self.plain = plain
        self.allow_credentials = allow_credentials
        self.public_suffix = public_suffix
        self.work = work
        self.dialect = dialect
        self._first: dict[tuple[int, str], dict[str, int]] = {}
        self._witnesses: dict[int, Witness] = {}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that take part in decisions."""
        return tuple(self.plain.rule_set.rules) if self.plain.rule_set else ()

    @cached_property
    def requests(self) -> Requests:
        """The requests that they tell apart."""
        return Requests(self.rules, self.work)

    @cached_property
    def terms(self) -> tuple[Terms, ...]:
        """What the response of each of them grants."""
        return tuple(terms_of(rule, self.dialect, self.allow_credentials) for rule in self.rules)

    @cached_property
    def _compiled(self) -> CompiledRules | None:
        rule_set, credentials = self.plain.rule_set, self.allow_credentials
        if rule_set is None:
            return None
        return CompiledRules(rule_set, self.dialect, allow_credentials=credentials)

    def finding(
        self,
        check: Check,
        index: int | None,
        text: str,
        *witnesses: Witness,
        help: str = "",
        field: str | None = None,
        value: str | int | None = None,
        place: int | None = None,
    ) -> Finding:
        """Make a finding about a rule.

        :param index: of the rule, as it was written; None for the rules as a whole.
        :param help: replaces that of the check.
        :param place: of the value in its list, as it was written; None for the first such value.
        """
        if place is None and index is not None and field in LISTS and isinstance(value, str):
            place = self._first_places(index, field).get(value)
        return Finding(check, index, text, help or check.help, witnesses, field, value, place)

    def _first_places(self, index: int, field: str) -> dict[str, int]:
        """Where each value of a list stands first."""
        if (index, field) not in self._first:
            places = reversed(list(self.places(index, field)))
            self._first[index, field] = {value: place for place, value in places}
        return self._first[index, field]

    def places(self, index: int, field: str) -> Iterable[tuple[int, str]]:
        """Give the texts of a list with the place of each, where a null has one, too."""
        texts = getattr(self.plain.rules[index], field)
        written = self.plain.reading.data["rules"][index].get(field)
        if not is_list(written):
            return ()
        if len(written) == len(texts):
            return enumerate(texts)
        places = (place for place, each in enumerate(written) if each is not None)
        return zip(places, texts, strict=True)

    def index(self, stored: int) -> int:
        """Give the index that a rule was written at."""
        return self.plain.stored[stored]

    @cached_property
    def _stored(self) -> dict[int, int]:
        return {written: stored for stored, written in enumerate(self.plain.stored)}

    def witness(self, origin: str, method: str, headers: Sequence[str] = ()) -> Witness:
        """Have a preflight decided."""
        rule = None
        if self._compiled is not None:
            lookups = self.requests.origins.lookups
            self.work.compare(10 + lookups // 4 + len(self.rules) * len(headers) // 8)
            rule = self._compiled.preflight(origin, method, ",".join(headers)).rule
        rule = None if rule is None else self.index(rule)
        return Witness(origin, method, tuple(headers), rule)

    def names_origin(self, index: int | None) -> bool:
        """Whether a rule gives the origin in its response, and not ``*``; no rule does not."""
        return index is not None and not self.terms[self._stored[index]].any_origin

    def witness_of(self, index: int, origin: str) -> Witness:
        """Give a preflight from an origin, one that a rule decides if there is such a one.

        :param index: of the rule, as it was written.
        """
        stored = self._stored.get(index)
        if stored is None or self._compiled is None:
            return self.witness(origin, "GET")
        methods = self.rules[stored].allowed_methods
        self.work.compare(2 + self.requests.origins.lookups // 4 + len(self.rules) // 16)
        together = sum(1 << each for each in self._compiled.allowing(origin))
        for method in methods:
            rules = self.requests.by_method[method] & together
            found = self._decided_by(stored, origin, method, rules)
            if found is not None:
                return found
        return self.witness(origin, methods[0])

    def witness_for(self, index: int, value: str) -> Witness:
        """Give a preflight from an origin that a value covers, decided by its rule if it can be."""
        atoms = Partition([[value]], ORIGINS, self.work, APART).atoms
        return self.witness_of(index, atoms[0].example if atoms else value)

    def any_witness(self, index: int) -> Witness:
        """Give a preflight that a rule decides; if there is none, one from an origin of its."""
        if index not in self._witnesses:
            self._witnesses[index] = self._any_witness(index)
        return self._witnesses[index]

    def _any_witness(self, index: int) -> Witness:
        if index >= len(self.plain.rules):
            return self.witness(_NOBODY, "GET")
        methods = self.plain.rules[index].fields["allowed_methods"]
        found = self.decided_by(index, methods)
        if found is not None:
            return found
        origins = self.plain.rules[index].fields["allowed_origins"]
        return self.witness_for(index, origins[0]) if origins else self.witness(_NOBODY, "GET")

    def decided_by(self, index: int, methods: Sequence[str]) -> Witness | None:
        """Give a preflight that a rule decides, with one of some methods; None if there is none."""
        stored = self._stored.get(index)
        if stored is None:
            return None
        atoms = self.requests.origins.atoms
        own = (atoms[bit] for bit in bits(self.requests.origins.sets[stored]))
        return self._decided_among(own, stored, methods)

    def witness_within(self, index: int, value: str) -> Witness | None:
        """Give a preflight that a rule decides, from an origin that a value of it covers.

        :param value: one with a ``*``; for others there is :meth:`witness_of`.
        """
        stored, pattern = self._stored.get(index), Wildcard.parse(value)
        if stored is None or pattern is None:
            return None
        # An origin that fits more patterns has more rules above this one, which then decides no
        # request from it either.
        atoms = self.requests.origins.least_listed(pattern)
        return self._decided_among(atoms, stored, self.rules[stored].allowed_methods)

    def _decided_among(
        self, atoms: Iterable[Atom], stored: int, methods: Sequence[str]
    ) -> Witness | None:
        for atom in atoms:
            for method in methods:
                rules = atom.sets & self.requests.by_method[method]
                found = self._decided_by(stored, atom.example, method, rules)
                if found is not None:
                    return found
        return None

    def _decided_by(self, stored: int, origin: str, method: str, rules: RuleBits) -> Witness | None:
        self.work.compare()
        if rules >> stored & 1:
            decided = self.requests.decided(rules)
            self.work.compare(1 + len(decided) // 8)
            for each, lists in decided:
                headers = self.requests.example(lists) if each == stored else None
                if headers is not None:
                    return self.witness(origin, method, headers)
        return None
