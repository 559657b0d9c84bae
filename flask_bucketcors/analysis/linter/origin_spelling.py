"""Origins that are written as no browser writes them, and so do nothing."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.algebra.grammars import ORIGINS
from flask_bucketcors.analysis.algebra.partition import Partition
from flask_bucketcors.analysis.linter.dangers import EXTENSIONS, SCHEMES
from flask_bucketcors.analysis.linter.findings import Check, Finding
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Cause
from flask_bucketcors.analysis.spelling.idna import as_sent, written_out
from flask_bucketcors.analysis.spelling.lookalikes import shown, skeleton
from flask_bucketcors.analysis.spelling.origin_parts import Parts, cut, several
from flask_bucketcors.core.fields import problem_of
from flask_bucketcors.core.origins import FILE, NULL, is_origin
from flask_bucketcors.core.wildcards import ANY, Wildcard

_FIELD: Final = "allowed_origins"
# A host with or without what stands before it; not what is wrapped in quotes.
_BARE: Final = re.compile(r"//|[\w*]|\[[0-9A-Fa-f:.*]+\]")
# Scripts with letters that are drawn like Latin ones.
_ALIKE_SCRIPTS: Final = ("CYRILLIC", "GREEK", "ARMENIAN")

_MENDED: Final = {
    Cause.ORIGIN_INVISIBLE_CHARACTER: (
        Check.INVISIBLE_CHARACTER,
        "holds a character that cannot be seen.",
        "Delete the value and type it in by hand.",
    ),
    Cause.ORIGIN_PATH: (
        Check.PATH,
        "holds more than scheme, host and port, which is all that browsers send.",
        "Cut it behind host and port.",
    ),
    Cause.ORIGIN_TRAILING_SLASH: (
        Check.TRAILING_SLASH,
        "ends in a slash; what browsers send never does.",
        "Take the slash away.",
    ),
    Cause.ORIGIN_CASE: (
        Check.UPPER_CASE,
        "has capitals; browsers send lower case, and case counts.",
        "Write it in lower case.",
    ),
    Cause.ORIGIN_DEFAULT_PORT: (
        Check.DEFAULT_PORT,
        "has the port that its scheme has anyhow; browsers leave it out.",
        "Leave the port out.",
    ),
}


class _Fault(NamedTuple):
    check: Check
    text: str
    mend: str


def writing_findings(subject: Subject) -> Iterator[Finding]:
    """Look for origins that do nothing as they are written."""
    for index, rule in subject.written():
        for value in dict.fromkeys(rule.allowed_origins):
            parts = cut(next(iter(several(value)), value))
            for check, text, mend in _faults(value, parts):
                # What a browser sends from where the value is meant for.
                witness = subject.witness_of(index, _sent(parts))
                text = f"{shown(value)} {text}"
                yield Finding(check, index, text, mend, (witness,), _FIELD, value)


def _faults(value: str, parts: Parts) -> list[_Fault]:
    if value in (ANY, NULL, FILE):
        return []
    if len(several(value)) > 1:
        mend = "Write each of them as a value of its own."
        return [_Fault(Check.REFUSED_VALUE, "holds more than one origin.", mend)]
    faults = [_Fault(*_MENDED[cause]) for cause in parts.mended if cause in _MENDED]
    host = written_out(parts.host)
    if _has_lookalike(host.split(".")):
        faults.append(
            _Fault(
                Check.LOOKALIKE,
                f"holds letters that look like others: {host!a}.",
                "Make sure that the name is the right one; if not, type it in by hand.",
            )
        )
    elif not parts.host.isascii():
        faults.append(_not_as_sent(parts.host))
    if not parts.scheme and _BARE.match(value) and not _covers_schemes(value):
        faults.append(
            _Fault(
                Check.NO_SCHEME,
                "has no scheme; browsers always send one.",
                "Write https:// in front.",
            )
        )
    return faults or list(_without_use(value))


def _without_use(value: str) -> Iterator[_Fault]:
    reason = problem_of(_FIELD, value)
    if reason is not None:
        yield _Fault(Check.REFUSED_VALUE, "is refused when it is put.", f"It {reason}.")
    elif not Partition([[value]], ORIGINS).atoms:
        yield _Fault(
            Check.FITS_NOTHING,
            "fits no origin that there can be.",
            "Write scheme://host or scheme://host:port, or delete it.",
        )


def _not_as_sent(host: str) -> _Fault:
    sent = as_sent(host)
    mend = f"Write {shown(sent)} for the host."
    if any(ANY in label and not label.isascii() for label in host.split(".")):
        mend = "Name the hosts, each in its xn-- form: a part of it says nothing about the name."
    return _Fault(
        Check.NOT_PUNYCODE,
        "has an international host name written out; browsers send its xn-- form."
        if "xn--" in sent
        else "has letters in the host that browsers write otherwise.",
        mend,
    )


def _covers_schemes(value: str) -> bool:
    wildcard = Wildcard.parse(value)
    schemes = (*SCHEMES, *EXTENSIONS)
    return wildcard is not None and any(each.startswith(wildcard.prefix) for each in schemes)


def _has_lookalike(labels: Sequence[str]) -> bool:
    """Whether a name is written with letters that are drawn like those of another script.

    A label all of them is a word of that script where another label is one beyond doubt.
    """
    foreign = [label for label in labels if any(map(_is_of_another_script, label))]
    is_beyond_doubt = any(not skeleton(label).isascii() for label in foreign)
    return any(
        any(map(str.isascii, filter(str.isalpha, label)))
        or (skeleton(label).isascii() and not is_beyond_doubt)
        for label in foreign
    )


def _is_of_another_script(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_ALIKE_SCRIPTS)


def _sent(parts: Parts) -> str:
    """Give what a browser sends where a value is meant, as far as one can tell."""
    meant = parts._replace(scheme=parts.scheme or "https", host=as_sent(parts.host)).text
    fillers = ORIGINS.endings if meant.endswith(ANY) else ORIGINS.fillers
    texts = [meant.replace(ANY, filler) for filler in fillers]
    return next(filter(is_origin, texts), "https://www.example")
