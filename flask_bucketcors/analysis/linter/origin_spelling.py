"""Origins that are written as no browser writes them, and so do nothing."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from flask_bucketcors.analysis.algebra.bounds import Work
from flask_bucketcors.analysis.algebra.grammars import ORIGINS
from flask_bucketcors.analysis.algebra.partition import Partition
from flask_bucketcors.analysis.linter.dangers import EXTENSIONS, SCHEMES
from flask_bucketcors.analysis.linter.findings import Finding
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Cause, Check
from flask_bucketcors.analysis.spelling.idna import as_sent, written_out
from flask_bucketcors.analysis.spelling.lookalikes import shown, skeleton
from flask_bucketcors.analysis.spelling.origin_parts import Parts, cut, several
from flask_bucketcors.analysis.spelling.sent_origins import browser_form, is_sendable
from flask_bucketcors.core.fields import problem_of
from flask_bucketcors.core.origins import FILE, NULL, is_origin
from flask_bucketcors.core.wildcards import ANY, Wildcard

_FIELD: Final = "allowed_origins"
# The checks for misspelled origins, by what is wrong.
_BY_CAUSE: Final = {check.cause: check for check in Check if check.cause}
# A host with or without what stands before it; not what is wrapped in quotes.
_BARE: Final = re.compile(r"//|[\w*]|\[[0-9A-Fa-f:.*]+\]")
# No page has such an address; one that opens a web socket has http or https.
_WITHOUT_PAGES: Final = ("ws", "wss", "ftp")
# Scripts with letters that are drawn like Latin ones.
_ALIKE_SCRIPTS: Final = ("CYRILLIC", "GREEK", "ARMENIAN")


class _Fault(NamedTuple):
    """What is wrong with a value.

    :param help: replaces that of the check.
    """

    check: Check
    text: str
    help: str = ""


def spelling_findings(subject: Subject) -> Iterator[Finding]:
    """Look for origins that do nothing as they are written."""
    for index, rule in enumerate(subject.plain.rules):
        for value in dict.fromkeys(rule.allowed_origins):
            parts = cut(next(iter(several(value)), value))
            for check, text, help in _faults(value, parts, subject.work):
                # What a browser sends from where the value is meant for.
                witness = subject.witness_of(index, _sent(parts))
                yield subject.finding(
                    check, index, text, witness, help=help, field=_FIELD, value=value
                )


def _faults(value: str, parts: Parts, work: Work) -> list[_Fault]:
    if value in (ANY, NULL, FILE):
        return []
    held = shown(value)
    if len(several(value)) > 1:
        text = f"{held} contains more than one origin."
        return [_Fault(Check.REFUSED_VALUE, text, "write them as separate values")]
    causes = [cause for cause in parts.mistakes if cause in _BY_CAUSE]
    faults = [_Fault(_BY_CAUSE[cause], cause.said_of(held)) for cause in causes]
    host = written_out(parts.host)
    if _has_lookalike(host.split(".")):
        text = Cause.ORIGIN_LOOKALIKE.said_of(held).removesuffix(".")
        faults.append(_Fault(Check.LOOKALIKE, f"{text}: {host!a}."))
    elif not parts.host.isascii():
        faults.append(_not_as_sent(held, parts.host))
    if not parts.scheme and _BARE.match(value) and not _covers_schemes(value):
        faults.append(_Fault(Check.NO_SCHEME, f"{held} has no scheme; browsers always send one."))
    return faults or list(_without_use(value, held, work))


def _without_use(value: str, held: str, work: Work) -> Iterator[_Fault]:
    reason = problem_of(_FIELD, value)
    if reason is not None:
        yield _Fault(Check.REFUSED_VALUE, f"The API rejects {held}: it {reason}.")
    elif not Partition([[value]], ORIGINS, work).atoms or not _is_sent(value):
        yield _Fault(
            Check.FITS_NOTHING, f"{held} matches no possible origin.", _sent_instead(value)
        )


def _sent_instead(value: str) -> str:
    """What to write for a value that browsers do not send; ``""`` if that is not known."""
    if cut(value).scheme in _WITHOUT_PAGES:
        return "write the scheme of the page, `https://` or `http://`"
    sent = browser_form(value)
    return f"write {shown(sent)}" if sent != value and is_sendable(sent) else ""


def _is_sent(value: str) -> bool:
    """Whether a browser may send the value; a pattern may be a part of one that it sends."""
    return ANY in value or (is_sendable(value) and cut(value).scheme not in _WITHOUT_PAGES)


def _not_as_sent(held: str, host: str) -> _Fault:
    sent = as_sent(host)
    help = f"write {shown(sent)} for the host"
    if any(ANY in label and not label.isascii() for label in host.split(".")):
        help = "name each host in its xn-- form, which a part of a name does not have"
    text = Cause.ORIGIN_IDN.said_of(held)
    if "xn--" not in sent:
        text = f"{held} contains letters in the host that browsers write differently."
    return _Fault(Check.NOT_PUNYCODE, text, help)


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
