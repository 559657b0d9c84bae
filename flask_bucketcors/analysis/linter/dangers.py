"""Origin patterns that allow more than the owner means.

A ``*`` may stand for anything that an origin may contain there: domains that others registered,
plain http. Fetch, "CORS protocol": a page whose origin is allowed, with credentials, reads what
its visitor may read.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from flask_bucketcors.analysis.linter.findings import Finding, Witness
from flask_bucketcors.analysis.linter.sites import is_owned, public_address
from flask_bucketcors.analysis.linter.subject import Subject
from flask_bucketcors.analysis.mistakes import Check
from flask_bucketcors.core.hosts import PublicSuffix, is_loopback
from flask_bucketcors.core.origins import NULL, covers, pattern_problem
from flask_bucketcors.core.wildcards import ANY, Wildcard

_FIELD: Final = "allowed_origins"
_SCHEME_END: Final = "://"
_HTTP: Final = "http://"
_READING: Final = ("GET", "HEAD")
#: The schemes of websites.
SCHEMES: Final = (_HTTP, "https://")
# Those of which anyone may have origins that a browser lets onto the web.
EXTENSIONS: Final = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
# In a text, stands for the origin that the finding is shown by.
_ORIGIN: Final = "{origin}"
_MAX_PORT_LENGTH: Final = 5
# No name ends in a number (URL, "host parser"): what does is an IPv4 address or nothing.
_ENDS_IN_NUMBER: Final = re.compile(r"(.*\.)?[0-9]+")


class _Danger(NamedTuple):
    """What is dangerous about a value.

    :param origin: a stranger's; the value covers it, unless that makes it too long.
    :param help: replaces that of the check.
    """

    check: Check
    origin: str
    text: str
    help: str = ""


def danger_findings(subject: Subject) -> Iterator[Finding]:
    """Look for origins that are dangerous; quick where there are none."""
    for index, rule in enumerate(subject.plain.rules):
        # Where a bare "*" stands beside them, the response has "*", which gives no credentials.
        if ANY in rule.allowed_origins:
            continue
        for value in dict.fromkeys(rule.allowed_origins):
            # No browser sends capitals.
            if pattern_problem(value) is None and value == value.lower():
                yield from _dangers(subject, index, value)


def any_origin_findings(subject: Subject) -> Iterator[Finding]:
    """Look for rules for every site, which the pages of COS, OSS and OBS do not recommend."""
    for index, rule in enumerate(subject.plain.rules):
        if ANY in rule.allowed_origins:
            writes = [each for each in rule.fields["allowed_methods"] if each not in _READING]
            check = Check.ANY_ORIGIN_WRITES if writes else Check.ANY_ORIGIN
            verb = f"send {' and '.join(writes)} requests" if writes else "read the objects"
            text = f"'*' lets pages of every site {verb}."
            witness = subject.any_witness(index)
            yield subject.finding(check, index, text, witness, field=_FIELD, value=ANY)


def _dangers(subject: Subject, index: int, value: str) -> Iterator[Finding]:
    for each in _of_value(value, subject):
        witness = _witness(subject, index, value, each.origin)
        if witness is not None:
            text = each.text.replace(_ORIGIN, witness.origin)
            yield subject.finding(
                each.check, index, text, witness, help=each.help, field=_FIELD, value=value
            )


def _witness(subject: Subject, index: int, value: str, origin: str) -> Witness | None:
    """Give a request from an origin that a value covers, and that gets the origin in return.

    Rules above may match the example first, and even give it ``*`` without credentials. What
    they leave to this rule is dangerous all the same.
    """
    witness = subject.witness_of(index, origin) if covers(value, origin) else None
    if witness is None or witness.rule != index:
        own = subject.witness_within(index, value)
        if own is not None:
            return own
    return witness if witness and subject.names_origin(witness.rule) else None


def _of_value(value: str, subject: Subject) -> Iterator[_Danger]:
    if value == NULL:
        text = "'null' is the origin of every sandboxed frame, and any page can create one."
        yield _Danger(Check.NULL_ORIGIN, NULL, text)
    wildcard = Wildcard.parse(value)
    if wildcard is not None:
        for danger in _of_pattern(value, wildcard, subject.public_suffix):
            if subject.allow_credentials or danger.check is not Check.NEARLY_ANY_ORIGIN:
                yield danger
    if subject.allow_credentials and value.startswith(_HTTP):
        yield from _of_plain_http(value)


def _of_plain_http(value: str) -> Iterator[_Danger]:
    origin = value.replace(ANY, "www")
    if not value.endswith("/") and not is_loopback(_host_of(origin.removeprefix(_HTTP))):
        text = (
            f"'{value}' uses plain http: anyone on the network can replace a page there with one "
            "that sends credentials and reads the responses."
        )
        yield _Danger(Check.HTTP_CREDENTIALS, origin, text)


def _of_pattern(value: str, wildcard: Wildcard, public_suffix: PublicSuffix) -> Iterator[_Danger]:
    prefix, suffix = wildcard
    if _SCHEME_END in prefix:
        yield from _of_authority(value, wildcard, public_suffix)
    elif _SCHEME_END in suffix:
        origin = _HTTP + suffix.partition(_SCHEME_END)[2]
        if covers(value, origin):
            yield _any_scheme(value, origin)
    else:
        schemes = [scheme for scheme in SCHEMES if scheme.startswith(prefix)]
        if schemes:
            dangers = list(_of_host(value, wildcard, schemes[0], "", public_suffix))
            yield from dangers
            is_nearly_any = any(each.check is Check.NEARLY_ANY_ORIGIN for each in dangers)
            if _HTTP in schemes and not is_nearly_any:
                yield _any_scheme(value, dangers[0].origin if dangers else f"{_HTTP}www{suffix}")
        elif not _host_of(suffix):
            for scheme in EXTENSIONS:
                if scheme.startswith(prefix):
                    name = scheme.removesuffix(_SCHEME_END)
                    yield _any_of_scheme(value, name, f"{scheme}example{suffix}")
                    return


def _of_authority(value: str, wildcard: Wildcard, public_suffix: PublicSuffix) -> Iterator[_Danger]:
    """Look at a pattern whose ``*`` stands behind the scheme."""
    name, _, start = wildcard.prefix.partition(_SCHEME_END)
    scheme = name + _SCHEME_END
    if scheme in SCHEMES:
        yield from _of_host(value, wildcard, scheme, start, public_suffix)
    elif not start and not _host_of(wildcard.suffix):
        # What hosts there are, and whose, is a matter of the scheme.
        yield _any_of_scheme(value, name, f"{scheme}example{wildcard.suffix}")


def _of_host(
    value: str, wildcard: Wildcard, scheme: str, start: str, public_suffix: PublicSuffix
) -> Iterator[_Danger]:
    """Look at a pattern whose ``*`` stands in the host of a website, or behind it.

    :param start: what stands between the scheme and the ``*``.
    """
    suffix = wildcard.suffix
    is_bracketed = start.startswith("[") or "]" in suffix
    if "]" in start or (":" in start and not is_bracketed):
        # The host is complete, and the "*" can only be a port.
        return
    if suffix.isdecimal() and len(suffix) <= _MAX_PORT_LENGTH:
        # It need not be the end of a host.
        suffix = f":{suffix}" if len(suffix) == _MAX_PORT_LENGTH else f":1{suffix}"
    if is_bracketed or _ENDS_IN_NUMBER.fullmatch(_host_of(suffix)):
        origin = public_address(wildcard, scheme)
        if origin is not None:
            yield _open_address(value, origin)
    else:
        yield from _of_name(value, scheme + start, suffix, public_suffix)


def _of_name(
    value: str, before: str, suffix: str, public_suffix: PublicSuffix
) -> Iterator[_Danger]:
    end = _host_of(suffix)
    if end.strip("."):
        whole = end.removeprefix(".") if end.startswith(".") else end.partition(".")[2]
        if not is_owned(whole, public_suffix):
            origin = f"{before}evil{suffix}"
            if end.startswith("."):
                anyone = f"anyone can register a name under '{whole}'."
                text = f"'{value}' matches '{_ORIGIN}', and {anyone}"
                yield _Danger(Check.PUBLIC_SUFFIX, origin, text)
            else:
                yield _Danger(Check.OPEN_START, origin, _matches_a_domain(value))
    elif before in SCHEMES:
        text = f"'{value}' matches nearly every website and, unlike '*', allows credentials."
        yield _Danger(Check.NEARLY_ANY_ORIGIN, f"{before}evil.example{suffix}", text)
    else:
        origin = f"{before.removesuffix('.')}.evil.example{suffix}"
        yield _Danger(Check.OPEN_END, origin, _matches_a_domain(value))


def _any_scheme(value: str, origin: str) -> _Danger:
    text = (
        f"The '*' of '{value}' covers the scheme, and so plain http: anyone on the network can "
        "replace a page there with one of their own."
    )
    return _Danger(Check.ANY_SCHEME, origin, text)


def _open_address(value: str, origin: str) -> _Danger:
    is_open_end = _host_of(value.partition(ANY)[2]) in ("", "]")
    return _Danger(
        Check.OPEN_END if is_open_end else Check.OPEN_START,
        origin,
        f"'{value}' matches '{_ORIGIN}', and anyone can have an address like that.",
        "write the whole address",
    )


def _matches_a_domain(value: str) -> str:
    return f"'{value}' matches '{_ORIGIN}', and anyone can register a domain like that."


def _any_of_scheme(value: str, name: str, origin: str) -> _Danger:
    text = f"'{value}' matches every origin with the scheme '{name}', anyone's, and, unlike '*', "
    return _Danger(Check.NEARLY_ANY_ORIGIN, origin, f"{text}allows credentials.")


def _host_of(text: str) -> str:
    """Give the host out of a host with, perhaps, a port."""
    if "]" in text:
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]
