"""Values that a rule holds twice, in so many words or in effect, and values that do not belong."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from flask_bucketcors.core.algebra.grammars import HEADER_NAMES, ORIGINS
from flask_bucketcors.core.algebra.partition import Partition
from flask_bucketcors.core.algebra.requests import APART
from flask_bucketcors.core.linting.findings import Check, Finding, Witness
from flask_bucketcors.core.linting.sites import site
from flask_bucketcors.core.linting.subject import Subject
from flask_bucketcors.core.origins import NULL
from flask_bucketcors.core.plain import PlainRule
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.core.written import cut

_LISTS: Final = ("allowed_origins", "allowed_methods", "allowed_headers", "expose_headers")
# Names of headers have no case (RFC 9110, 5.1).
_OF_NAMES: Final = ("allowed_headers", "expose_headers")
# A text names no more sites than this.
_MAX_NAMED: Final = 5


def repeat_findings(subject: Subject) -> Iterator[Finding]:
    """Look for values that a rule could do without, or that another rule should hold."""
    for index, rule in subject.written():
        for field in _LISTS:
            yield from _repeated(subject, index, field, getattr(rule, field))
        yield from _overlapping(subject, index, "allowed_origins", rule)
        yield from _overlapping(subject, index, "allowed_headers", rule)
        yield from _unrelated(subject, index, rule)


def _repeated(subject: Subject, index: int, field: str, values: Sequence[str]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for value in values:
        plain = value.lower() if field in _OF_NAMES else value
        seen[plain] = seen.get(plain, 0) + 1
        if seen[plain] == 2:
            yield Finding(
                Check.VALUE_REPEATED,
                index,
                f"'{value}' stands there twice.",
                "Delete one of them.",
                (subject.any_witness(index),),
                field,
                value,
            )


def _overlapping(subject: Subject, index: int, field: str, rule: PlainRule) -> Iterator[Finding]:
    """Compare the values of a list; those that are refused when they are put do not count."""
    as_written = {each.lower() if field in _OF_NAMES else each: each for each in rule.fields[field]}
    values = list(as_written)
    if len(values) < 2 or not any(ANY in value for value in values):
        return
    grammar, apart = (ORIGINS, APART) if field == "allowed_origins" else (HEADER_NAMES, None)
    partition = Partition([[value] for value in values], grammar, apart)
    kept = dict(zip(values, partition.sets, strict=True))

    def finding(check: Check, value: str, other: str, texts: int) -> Finding:
        text, mend = _OVERLAP_TEXTS[check]
        witness = _witness(subject, index, field, partition.one_of(texts))
        text = text.format(value=as_written[value], other=other)
        return Finding(check, index, text, mend, (witness,), field, as_written[value])

    # Those that cover least go first, so that of two equal ones one is kept.
    for value, texts in sorted(kept.items(), key=lambda each: each[1].bit_count()):
        others = [each for each in kept if each != value]
        if texts and not texts & ~_together(kept[each] for each in others):
            alone = [f"'{each}'" for each in others if not texts & ~kept[each]]
            del kept[value]
            yield finding(Check.VALUE_COVERED, value, (alone or ["the others together"])[0], texts)
    found = set()
    for other, value in combinations(kept, 2):
        both = kept[other] & kept[value]
        if both and value not in found:
            found.add(value)
            yield finding(Check.PATTERNS_OVERLAP, value, f"'{other}'", both)


_OVERLAP_TEXTS: Final = {
    Check.VALUE_COVERED: (
        "'{value}' adds nothing: all that it covers is covered by {other}.",
        "Delete it, or the wider one if that is more than you mean.",
    ),
    Check.PATTERNS_OVERLAP: (
        "'{value}' and {other} cover some of the same texts.",
        "Make one of them narrower, so that each can be changed alone.",
    ),
}


def _together(sets: Iterator[int]) -> int:
    union = 0
    for each in sets:
        union |= each
    return union


def _witness(subject: Subject, index: int, field: str, text: str) -> Witness:
    if field == "allowed_origins":
        return subject.witness_of(index, text)
    origin, method, _, _ = subject.any_witness(index)
    return subject.witness(origin, method, (text,))


def _unrelated(subject: Subject, index: int, rule: PlainRule) -> Iterator[Finding]:
    by_site: dict[str, str] = {}
    for value in rule.fields["allowed_origins"]:
        host = _fixed_host(cut(value).host)
        if host and value != NULL:
            by_site.setdefault(site(host, subject.public_suffix), value)
    if len(by_site) > 1 and ANY not in rule.allowed_origins:
        names = sorted(by_site)
        shown = ", ".join(names[:_MAX_NAMED]) + (" ..." if len(names) > _MAX_NAMED else "")
        witnesses = [subject.witness_for(index, by_site[name]) for name in names[:2]]
        yield Finding(
            Check.UNRELATED_ORIGINS,
            index,
            f"It names origins of {len(names)} sites: {shown}.",
            "Give each site a rule of its own, so that each can be changed alone.",
            tuple(witnesses),
            "allowed_origins",
        )


def _fixed_host(host: str) -> str:
    """Give the part of a host that no ``*`` stands for, the end if there is one."""
    start, star, end = host.partition(ANY)
    if not star:
        return host
    return (end.removeprefix(".") if end.startswith(".") else end.partition(".")[2]) or start
