"""Origins that are written as no browser writes them, and so do nothing."""

import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from flask_bucketcors.core.algebra.grammars import ORIGINS
from flask_bucketcors.core.algebra.partition import Partition
from flask_bucketcors.core.algebra.requests import FILE
from flask_bucketcors.core.causes import Cause
from flask_bucketcors.core.fields import problem_of
from flask_bucketcors.core.idna import as_sent, written_out
from flask_bucketcors.core.linting.findings import Check, Finding
from flask_bucketcors.core.linting.subject import Subject
from flask_bucketcors.core.looks import shown, skeleton
from flask_bucketcors.core.origins import NULL, is_origin
from flask_bucketcors.core.wildcards import ANY
from flask_bucketcors.core.written import Parts, cut, several

_FIELD: Final = "allowed_origins"
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
            parts = cut(value)
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
    if any(map(_is_lookalike, host.split("."))):
        faults.append(
            _Fault(
                Check.LOOKALIKE,
                f"holds letters that look like others: {host!a}.",
                "Make sure that the name is the right one; if not, type it in by hand.",
            )
        )
    elif not parts.host.isascii():
        faults.append(
            _Fault(
                Check.NOT_PUNYCODE,
                "has an international host name written out; browsers send its xn-- form.",
                f"Write {shown(as_sent(parts.host))} for the host.",
            )
        )
    if not parts.scheme and not value.startswith(ANY):
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


def _is_lookalike(label: str) -> bool:
    """Whether a label is written with letters that are drawn like those of another script."""
    if label.isascii() or not any(map(_is_of_another_script, label)):
        return False
    return skeleton(label).isascii() or any(map(str.isascii, filter(str.isalpha, label)))


def _is_of_another_script(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_ALIKE_SCRIPTS)


def _sent(parts: Parts) -> str:
    """Give what a browser sends where a value is meant, as far as one can tell."""
    meant = parts._replace(scheme=parts.scheme or "https", host=as_sent(parts.host)).text
    fillers = ORIGINS.endings if meant.endswith(ANY) else ORIGINS.fillers
    texts = [meant.replace(ANY, filler) for filler in fillers]
    return next(filter(is_origin, texts), "https://www.example")
