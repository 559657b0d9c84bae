"""Values that a rule holds twice, in so many words or in effect, and values that do not belong."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import and_
from typing import Final

from flask_bucketcors.analysis.algebra.cells import Sets
from flask_bucketcors.analysis.algebra.grammars import HEADER_NAMES, ORIGINS
from flask_bucketcors.analysis.algebra.partition import Atom, Partition, bits
from flask_bucketcors.analysis.algebra.request_space import APART
from flask_bucketcors.analysis.linter.findings import Finding, Witness
from flask_bucketcors.analysis.linter.sites import is_owned, site
from flask_bucketcors.analysis.linter.subject import LISTS, Subject
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.analysis.spelling.origin_parts import cut
from flask_bucketcors.analysis.spelling.unchecked import PlainRule
from flask_bucketcors.core.hosts import PublicSuffix
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.wildcards import ANY

# Names of headers have no case (RFC 9110, 5.1).
_OF_NAMES: Final = ("allowed_headers", "expose_headers")
#: A list with more patterns than this is not compared with itself: the work grows with the
#: square of their number, and there would be too many findings to read.
MAX_COMPARED: Final = 256
# A text names no more sites than this.
_MAX_NAMED: Final = 5


def repeat_findings(subject: Subject) -> Iterator[Finding]:
    """Look for values that a rule could do without, or that another rule should hold."""
    for index, rule in enumerate(subject.plain.rules):
        for field in LISTS:
            yield from _repeated(subject, index, field)
        yield from _overlapping(subject, index, "allowed_origins", rule)
        yield from _overlapping(subject, index, "allowed_headers", rule)
        yield from _unrelated(subject, index, rule)


def _repeated(subject: Subject, index: int, field: str) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for place, value in subject.places(index, field):
        plain = value.lower() if field in _OF_NAMES else value
        seen[plain] = seen.get(plain, 0) + 1
        if seen[plain] == 2:
            text, witness = f"The rule contains '{value}' twice.", subject.any_witness(index)
            yield subject.finding(
                Check.VALUE_REPEATED, index, text, witness, field=field, value=value, place=place
            )


def _overlapping(subject: Subject, index: int, field: str, rule: PlainRule) -> Iterator[Finding]:
    """Compare the values of a list; those that are refused when they are put do not count."""
    as_written = {each.lower() if field in _OF_NAMES else each: each for each in rule.fields[field]}
    values = list(as_written)
    patterns = sum(ANY in value for value in values)
    if len(values) < 2 or not 0 < patterns <= MAX_COMPARED:
        return
    grammar, apart = (ORIGINS, APART) if field == "allowed_origins" else (HEADER_NAMES, None)
    atoms = Partition([[value] for value in values], grammar, subject.work, apart).atoms
    # Each of them is looked at for each of the values that cover it.
    subject.work.compare(3 * sum(atom.sets.bit_count() for atom in atoms))

    def finding(check: Check, value: str, text: str, example: str) -> Finding:
        written, witness = as_written[value], _witness(subject, index, field, example)
        text = f"'{written}' {text}."
        return subject.finding(check, index, text, witness, field=field, value=written)

    covered, kept = _covered(atoms, len(values))
    for place, alone, example in covered:
        others = "the other values cover" if alone is None else f"'{values[alone]}' covers"
        text = f"has no effect: {others} everything that it covers"
        yield finding(Check.VALUE_COVERED, values[place], text, example)
    for place, other, example in _meeting(atoms, kept):
        text = f"and '{values[other]}' overlap: both match '{example}'"
        yield finding(Check.PATTERNS_OVERLAP, values[place], text, example)


def _covered(atoms: Sequence[Atom], count: int) -> tuple[list[tuple[int, int | None, str]], Sets]:
    """Find sets that others cover, and that are left out one after the other.

    :returns: each of them, one that covers it alone if there is such a one, and a text of it;
        and the sets that are kept.
    """
    members: list[list[Atom]] = [[] for _ in range(count)]
    left = {atom.sets: atom.sets.bit_count() for atom in atoms}
    for atom in atoms:
        for place in bits(atom.sets):
            members[place].append(atom)
    kept: Sets = (1 << count) - 1
    found: list[tuple[int, int | None, str]] = []
    # Those that cover least go first, so that of two equal ones one is kept.
    for place in sorted(range(count), key=lambda each: len(members[each])):
        own = members[place]
        if own and all(left[atom.sets] > 1 for atom in own):
            kept &= ~(1 << place)
            for atom in own:
                left[atom.sets] -= 1
            alone = next(bits(reduce(and_, (atom.sets for atom in own), kept)), None)
            found.append((place, alone, own[0].example))
    return found, kept


def _meeting(atoms: Sequence[Atom], kept: Sets) -> Iterator[tuple[int, int, str]]:
    """Give each set that has texts in common with one before it, the first such one, and a text."""
    first: dict[int, tuple[int, str]] = {}
    for atom in atoms:
        lowest, *others = [*bits(atom.sets & kept)] or [0]
        for place in others:
            if place not in first or lowest < first[place][0]:
                first[place] = (lowest, atom.example)
    for place, (other, example) in sorted(first.items()):
        yield place, other, example


def _witness(subject: Subject, index: int, field: str, text: str) -> Witness:
    if field == "allowed_origins":
        return subject.witness_of(index, text)
    origin, method, _, _ = subject.any_witness(index)
    return subject.witness(origin, method, (text,))


def _unrelated(subject: Subject, index: int, rule: PlainRule) -> Iterator[Finding]:
    by_site: dict[str, str] = {}
    for value in rule.fields["allowed_origins"]:
        if value != NULL and (name := _site_named(cut(value).host, subject.public_suffix)):
            by_site.setdefault(name, value)
    if len(by_site) > 1 and ANY not in rule.allowed_origins:
        names = sorted(by_site)
        shown = ", ".join(names[:_MAX_NAMED]) + (" ..." if len(names) > _MAX_NAMED else "")
        yield subject.finding(
            Check.UNRELATED_ORIGINS,
            index,
            f"The rule names origins of {len(names)} sites: {shown}.",
            *(subject.witness_for(index, by_site[name]) for name in names[:2]),
            field="allowed_origins",
        )


def _site_named(host: str, public_suffix: PublicSuffix) -> str:
    """Give the site of a host; the host as it is if its ``*`` covers many, and ``""`` for none."""
    start, star, end = host.partition(ANY)
    if not star or not end:
        return site(start, public_suffix)
    whole = end.removeprefix(".") if end.startswith(".") else end.partition(".")[2]
    return site(whole, public_suffix) if is_owned(whole, public_suffix) else host
